// How much each feature of a message counts: less where there are many of its kind.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "filters/classifier/features.h"

namespace postern::classifier {

/// The highest bits of a feature: so that "free" in Subject and in the text are two, and that they can be told apart.
enum class Kind : uint32_t { Word, Pair, Subject, Sender, Link, File, Shape };
inline constexpr unsigned kKindShift = 28;
inline constexpr size_t kKinds = size_t{1} << (32 - kKindShift);

[[nodiscard]] constexpr size_t kind_of(Feature feature) {
  return feature >> kKindShift;
}

/// For each kind 1 / sqrt(how many there are): a long text does not outweigh who sent it, and words of ham that were
/// put behind a spam take from its words only, not from its links.
class Scales {
 public:
  explicit Scales(const std::vector<Feature>& features) {
    std::array<uint32_t, kKinds> count{};
    for (Feature feature : features) ++count[kind_of(feature)];
    for (size_t kind = 0; kind < kKinds; ++kind) {
      of_[kind] = 1 / std::sqrt(static_cast<float>(std::max(count[kind], 1U)));
    }
  }
  [[nodiscard]] float of(Feature feature) const { return of_[kind_of(feature)]; }

 private:
  std::array<float, kKinds> of_{};
};

}  // namespace postern::classifier
