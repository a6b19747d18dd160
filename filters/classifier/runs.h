// Runs of octets (n-grams): how much likelier each is in spam than in ham, after what stands before it.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/classifier/features.h"

namespace postern::classifier {

/// Where a run stands: the same octets are another run in each. What it counts is what measured best
/// (filters/classifier/README.md), beside the sums of the views (scale.h), which are logarithms of odds.
enum class Where : uint8_t { Text, Subject, Links, Header };
inline constexpr std::array<float, 4> kCountsOfRuns = {21, 6, 6, 13};

inline constexpr size_t kShortestRun = 4;  // octets that say something
inline constexpr size_t kLongestRun = 6;
/// The most that one octet of a text says, as a difference of natural logarithms of likelihoods.
inline constexpr float kMostRun = 2;

/// The texts of a message.
[[nodiscard]] constexpr std::string_view text_of(const Reading& reading, Where where) {
  std::string_view text = reading.text;
  switch (where) {
    case Where::Text: return text;
    case Where::Subject: return text.substr(0, text.find('\n'));
    case Where::Links: return reading.links;
    case Where::Header: return reading.header;
  }
  return {};
}

/// Sums up what is said of each of the texts: `judge(where, text)` is -1 to 1.
template <class Judge>
[[nodiscard]] float sum_of_texts(const Reading& reading, const Judge& judge) {
  float sum = 0;
  for (Where where : {Where::Text, Where::Subject, Where::Links, Where::Header}) {
    sum += kCountsOfRuns[static_cast<size_t>(where)] * judge(where, text_of(reading, where));
  }
  return sum;
}

/// A run as a number: its octets, their count, and where it stands.
using RunKey = uint64_t;

/// `last`: the octets up to its end, the latest in the lowest eight bits.
[[nodiscard]] constexpr RunKey run_key(Where where, uint64_t last, size_t octets) {
  return (uint64_t{static_cast<uint8_t>(where)} << 56U) | (uint64_t{octets} << 48U) |
         (last & ((uint64_t{1} << (8 * octets)) - 1));
}

/// What training leaves of the runs: a hash of each and what it says. Copied freely; any thread may look at one that
/// nobody changes.
class RunTable {
 public:
  static constexpr unsigned kLeastBits = 10;
  static constexpr unsigned kMostBits = 22;  // of slots of four octets: 16 MiB

  RunTable() = default;
  /// Room for so many runs, or for as many as kMostBits allows.
  explicit RunTable(size_t runs);
  /// As slots() gave them; a power of two of them or none.
  explicit RunTable(std::vector<uint32_t> slots) : slots_(std::move(slots)) {}

  /// `says`: what it adds for spam, -kMostRun to kMostRun. Left out where there is no more room.
  void put(RunKey run, float says);

  /// -1 (like ham) to 1 (like spam), 0 for nothing known: the mean over all octets of what the longest known run says
  /// that ends there; what stands there again is passed over. Of a text of few octets less. A look-up or three for each
  /// octet; never trusts the slots.
  [[nodiscard]] float judge(Where where, std::string_view text) const;

  [[nodiscard]] const std::vector<uint32_t>& slots() const { return slots_; }
  [[nodiscard]] static constexpr size_t most() { return (size_t{1} << kMostBits) / 2; }

 private:
  std::vector<uint32_t> slots_;
};

/// Knows what stands in a text again and again: who writes one letter two thousand times says it once.
class Repeats {
 public:
  /// Whether the octets that end here were there before; `last` as for run_key. Of different ones that share a place
  /// the later counts as a repeat: one in fifty of a long text.
  bool again(uint64_t last) {
    constexpr uint64_t kPrime = 0x9e3779b97f4a7c15U;
    uint64_t place = ((last & kOctets) * kPrime) >> (64 - kBits);
    bool was = seen_[place];
    seen_[place] = true;
    return was;
  }

 private:
  static constexpr unsigned kBits = 16;
  static constexpr uint64_t kOctets = (uint64_t{1} << (8 * kLongestRun)) - 1;
  std::bitset<size_t{1} << kBits> seen_;
};

/// Of a sum over `octets` octets the mean, nearer to 0 where they are few.
[[nodiscard]] constexpr float mean_of_runs(float sum, size_t octets) {
  constexpr size_t kFew = 50;
  return sum / (kMostRun * static_cast<float>(octets + kFew));
}

}  // namespace postern::classifier
