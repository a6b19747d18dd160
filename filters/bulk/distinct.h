// Distinct: how many different ones there were within the window, from a sample of bounded size.
//
// Adaptive sampling (Flajolet 1990): of all hashes those below a bound are kept, with the slice in which each was last
// seen, so that they are forgotten one by one. Up to kMost all are kept and the number is exact. When there are more
// the bound falls by a fourth root of 2, its level, and about a sixth of them go: 210 to 255 stay. HyperLogLog needs as
// much for the same error once it must forget, and is never exact.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "filters/bulk/window.h"

namespace postern::bulk {

/// A hash's upper 28 bits and the slot of its slice: `hash & ~15 | slot_of(slice)`.
using Sample = uint32_t;
/// In no slice yet; 0: nobody.
[[nodiscard]] Sample sample_of(uint32_t hash);

/// Where samples are kept: one row in two pieces. A view.
template <typename T>
class BasicRoom {
 public:
  explicit BasicRoom(std::span<T> first, std::span<T> second = {}) : pieces_{first, second} {}

  [[nodiscard]] size_t size() const { return pieces_[0].size() + pieces_[1].size(); }
  [[nodiscard]] T& operator[](size_t at) const {
    size_t first = pieces_[0].size();
    return at < first ? pieces_[0][at] : pieces_[1][at - first];
  }

 private:
  std::array<std::span<T>, 2> pieces_;
};
using Room = BasicRoom<Sample>;
using RoomView = BasicRoom<const Sample>;

/// Works on samples that are kept elsewhere; a plain value.
struct Distinct {
  static constexpr uint32_t kFew = 8;     // samples that a cluster keeps for each number from the beginning
  static constexpr uint32_t kMore = 127;  // with a block of memory more
  static constexpr uint32_t kMost = 255;  // with two: a standard error of 6 to 7 % beyond
  static constexpr uint8_t kMaxLevel = 80;

  uint8_t level = 0;  // of all hashes of this level the samples are complete
  uint8_t open = 0;   // of this level those since the slice `since` are: when few are left, more are let in again
  uint8_t since = 0;  // slot_of
  uint8_t size = 0;   // at most kMost

  /// False when there is no room: nothing was done. Nobody is passed over.
  [[nodiscard]] bool add(Room room, Sample sample);
  /// Makes room: raises the level until there is some.
  void thin(Room room);
  /// Raises it to `to` at least, so that another set's samples of that level can be taken.
  void raise(Room room, uint8_t to);
  /// Drops what was last seen in `slices`; `newest` has just begun.
  void forget(Room room, SliceSet slices, int64_t newest);
  /// All were seen `slices` earlier than was said; see Window::rebase.
  void shift(Room room, int64_t slices);

  [[nodiscard]] uint64_t estimate(RoomView room, SliceSet live) const;
};

/// A level's bound: how many of the 2^28 hashes it keeps.
[[nodiscard]] constexpr uint32_t bound_of(uint8_t level) {
  constexpr std::array<uint32_t, 4> kRoots = {1U << 28U, 225'726'413, 189'812'531, 159'612'677};  // 2^28 / 2^(n/4)
  return kRoots[level % 4] >> (level / 4U);
}
/// Whether a set of `level` keeps the sample.
[[nodiscard]] constexpr bool of_level(Sample sample, uint8_t level) {
  return sample >> 4U < bound_of(level);
}

}  // namespace postern::bulk
