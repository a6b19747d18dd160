// Distinct: how many different ones there were within the window, from a sample of bounded size.
//
// Adaptive sampling (Flajolet 1990): of all hashes those whose low `level` bits are zero are kept, with the slice in
// which each was last seen, so that they are forgotten one by one. Up to kMost all are kept and the number is exact.
// When there are more the level rises and about half of them go. HyperLogLog needs as much for the same error once it
// must forget, and is never exact.
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

/// Works on samples that are kept elsewhere; a plain value.
struct Distinct {
  static constexpr uint32_t kFew = 8;     // samples that a cluster keeps for each number from the beginning
  static constexpr uint32_t kMost = 128;  // with more memory; 64 to 128 of them: an error of 9 to 12 %
  static constexpr uint8_t kMaxLevel = 20;

  uint8_t level = 0;  // of all hashes of this level the samples are complete
  uint8_t open = 0;   // of this level those since the slice `since` are: when few are left, more are let in again
  uint8_t since = 0;  // slot_of
  uint8_t size = 0;   // at most kMost

  /// False when there is no room: nothing was done. Nobody is passed over.
  [[nodiscard]] bool add(std::span<Sample> room, Sample sample);
  /// Makes room: raises the level until there is some.
  void thin(std::span<Sample> room);
  /// Raises it to `to` at least, so that another set's samples of that level can be taken.
  void raise(std::span<Sample> room, uint8_t to);
  /// Drops what was last seen in `slices`; `newest` has just begun.
  void forget(std::span<Sample> room, SliceSet slices, int64_t newest);
  /// All were seen `slices` earlier than was said; see Window::rebase.
  void shift(std::span<Sample> room, int64_t slices);

  [[nodiscard]] uint64_t estimate(std::span<const Sample> room, SliceSet live) const;
};
/// Whether a set of `level` keeps the sample.
[[nodiscard]] constexpr bool of_level(Sample sample, uint8_t level) {
  return (sample >> 4U & ((1U << level) - 1)) == 0;
}

}  // namespace postern::bulk
