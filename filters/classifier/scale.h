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
/// Those of one view stand together.
enum class Kind : uint32_t { Word, Subject, Sender, Link, File, Shape, Field, Form };
inline constexpr unsigned kKindShift = 28;
inline constexpr size_t kKinds = size_t{1} << (32 - kKindShift);

[[nodiscard]] constexpr size_t kind_of(Feature feature) {
  return feature >> kKindShift;
}

/// Whether it is a run of octets of the header, not a thing by itself.
[[nodiscard]] constexpr bool is_run(Feature feature) {
  return kind_of(feature) == static_cast<size_t>(Kind::Field);
}

/// Sides from which a message is looked at: each learns to tell it on its own, and what they say is added up. What is
/// plain in one view would leave the others nothing to learn if they learned together.
inline constexpr size_t kViews = 4;  // words; who, where and what; runs in the header; its form
inline constexpr std::array<uint8_t, kKinds> kViewOf = {0, 1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3};

/// The table of weights has a region for each view, so that no two share a weight.
inline constexpr size_t kRegions = kViews;

/// Where the weight of a feature stands in a table of `size` weights: a power of two, at least kRegions.
[[nodiscard]] constexpr size_t place_of(Feature feature, size_t size) {
  size_t region = size / kRegions;
  return kViewOf[kind_of(feature)] * region + (feature & (region - 1));
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
