// Between the decoders of formats and the hash. Of this folder only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "filters/bulk/picture.h"

namespace postern::bulk {

/// A picture of any size, reduced to cells as its rows come by. A pixel on the edge of cells counts in each of them by
/// the part that lies there, so that the size makes no difference.
class GreyCells {
 public:
  static constexpr uint32_t kColumns = 9;
  static constexpr uint32_t kRows = 8;

  /// At most kMaxSide wide and high; before the first row.
  void begin(const PictureSize& size);
  /// `count` grey pixels of row `y`: the first at column `first`, each next `step` columns further. The caller sees to
  /// it that all are inside, and brings each pixel once, in any order.
  void add(uint32_t y, uint32_t first, uint32_t step, const uint8_t* grey, size_t count);
  /// After the last row; nullopt: the picture is too even.
  [[nodiscard]] std::optional<uint64_t> hash() const;

 private:
  /// Where a pixel lies: the cell of its left edge, how much of it lies there, the rest being in the next cell.
  struct Share {
    uint32_t cell = 0;
    uint32_t here = 0;
    uint32_t next = 0;
  };
  static Share share_of(uint32_t at, uint32_t cells, uint32_t size);

  PictureSize size_;
  std::vector<Share> columns_;
  std::array<std::array<uint64_t, kColumns>, kRows> cells_{};  // sum of grey * share in width * share in height
};

/// All rows into `cells`. False: no such picture, broken, or beyond the limits of picture.h.
[[nodiscard]] bool decode_jpeg(std::string_view octets, GreyCells& cells);
[[nodiscard]] bool decode_png(std::string_view octets, GreyCells& cells);

}  // namespace postern::bulk
