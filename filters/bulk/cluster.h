// Cluster: how one is kept, in pieces of fixed sizes, and as a value (ClusterImage) to be saved.
//
// Every cluster has a Head; one of texts also the centre's Sketch. From the second member on there are Rivals and Votes
// (of texts), by which the centre moves, and Numbers; Numbers at once when one message has many recipients. What some
// need more of (samples, messages let through) comes in blocks. Heads and bodies come from two tables of their shard.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "filters/bulk/distinct.h"
#include "filters/bulk/facts.h"
#include "filters/bulk/fingerprint.h"
#include "filters/bulk/likeness.h"
#include "filters/bulk/sighting.h"
#include "filters/bulk/window.h"

namespace postern::bulk {

/// Texts of fewer words are alike only when they also lead to a common site, or neither leads anywhere.
constexpr uint32_t kFewWords = 20;

/// Of what different ones are counted.
enum class Who : uint8_t { Networks, Senders, Domains, Recipients };
constexpr size_t kWhos = 4;

/// Text of bounded length within a block.
template <size_t N>
struct Text {
  static_assert(N < 256);
  uint8_t size = 0;
  std::array<char, N> octets{};

  void set(std::string_view text) {
    size = static_cast<uint8_t>(text.size() < N ? text.size() : N);
    for (size_t at = 0; at < size; ++at) octets[at] = text[at];
  }
  [[nodiscard]] std::string_view view() const { return {octets.data(), size}; }
};

constexpr size_t kMaxId = 40;
constexpr size_t kMaxQueue = 40;
constexpr size_t kMaxFrom = 64;
constexpr size_t kMaxSubject = 96;

struct PassedRow {
  int64_t wall_ms = 0;
  uint32_t recipients = 0;
  Text<kMaxId> id;
  Text<kMaxQueue> queue;
  Text<kMaxFrom> from;

  void set(const Passed& passed);
  [[nodiscard]] Passed passed() const;
};

/// A body's place in its shard; 0: none.
using BodyRef = uint32_t;
constexpr size_t kBodySize = 512;

struct Head {
  static constexpr size_t kFewRecipients = 4;
  static constexpr size_t kPassedBlocks = 3;

  uint64_t number = 0;  // 0: free
  uint64_t key = 0;     // of files, pictures, links
  int64_t first_ms = 0;
  int64_t last_ms = 0;
  int64_t slice = 0;     // of the last message
  uint64_t members = 0;  // since it began
  BodyRef centre = 0;    // Sketch
  BodyRef rivals = 0;    // Rivals
  BodyRef votes = 0;     // Votes; there are rivals exactly when there are votes
  BodyRef numbers = 0;   // Numbers
  std::array<BodyRef, kPassedBlocks> more_passed{};
  uint32_t words = 0;
  float similarity = 0;  // of the last message
  // What Numbers begin with; of use while there are none. In no slice.
  std::array<Sample, 3> who{};                      // by Who
  std::array<Sample, kFewRecipients> recipients{};  // each once
  std::array<uint32_t, Fingerprint::kMaxSites> sites{};
  uint8_t site_count = 0;
  uint8_t recipient_count = 0;
  uint8_t passed_count = 0;  // at most Index::kMaxPassed
  uint8_t band = 0;          // which one is posted again next
  Aspect aspect = Aspect::Text;
  uint8_t evidence = 0;  // of the last message
  bool authenticated = false;
  bool allowed = false;
  bool counted = false;  // as a cluster: it had two members
  bool over = false;     // counted as over the limit
  bool told = false;     // a crossing was told; not again before it is half the limit
  PassedRow first_passed;
};

/// The second most frequent value of each slot; of words, then of pairs.
struct Rivals {
  std::array<Sketch::Slots, 2> slots{};
};
/// How much more often than not the centre's and the rival's value was met, as counters that give way (Misra and
/// Gries, 1982).
struct Votes {
  using Counts = std::array<uint8_t, Sketch::kSlots>;
  std::array<Counts, 2> centre{};
  std::array<Counts, 2> rival{};
};
struct Numbers {
  Window window;
  uint64_t let_through = 0;
  std::array<Distinct, kWhos> distinct{};
  std::array<BodyRef, kWhos> more{};  // MoreSamples in place of `few`
  std::array<std::array<Sample, Distinct::kFew>, kWhos> few{};
  Text<kMaxSubject> subject;
  Text<kMaxFrom> from;
};
struct MoreSamples {
  std::array<Sample, Distinct::kMore> samples{};
  BodyRef most = 0;  // MostSamples, which go on from here
};
struct MostSamples {
  std::array<Sample, Distinct::kMost - Distinct::kMore> samples{};
};
struct MorePassed {
  std::array<PassedRow, 3> rows{};
};

template <typename T>
concept Body = std::is_trivially_copyable_v<T> && sizeof(T) <= kBodySize && alignof(T) <= 8;
static_assert(std::is_trivially_copyable_v<Head> && Body<Sketch> && Body<Rivals> && Body<Votes> && Body<Numbers> &&
              Body<MoreSamples> && Body<MostSamples> && Body<MorePassed>);

/// A cluster whole, as a value.
struct ClusterImage {
  struct Seen {
    uint32_t hash = 0;  // the low 4 bits are 0
    uint8_t age = 0;    // slices before `slice`, below kSlices
    bool operator==(const Seen&) const = default;
  };
  struct Set {
    uint8_t level = 0;          // at most Distinct::kMaxLevel
    std::vector<Seen> samples;  // at most Distinct::kMost, each of that level
    bool operator==(const Set&) const = default;
  };

  uint64_t number = 0;  // not 0
  Aspect aspect = Aspect::Text;
  Evidence evidence = Evidence::None;
  bool allowed = false;
  bool told = false;
  int64_t first_ms = 0;
  int64_t last_ms = 0;
  int64_t slice = 0;  // the newest: slices since 1970 of `slice_ms` each
  int64_t slice_ms = 0;
  uint64_t members = 0;
  uint64_t let_through = 0;
  uint64_t key = 0;
  uint32_t words = 0;
  float similarity = 0;
  std::vector<uint32_t> sites;
  std::optional<Sketch> centre;  // exactly of Aspect::Text
  std::optional<Rivals> rivals;  // both or none
  std::optional<Votes> votes;
  std::array<uint32_t, kSlices> all{};            // by age
  std::array<uint32_t, kSlices> authenticated{};  // by age
  std::array<Set, kWhos> who{};
  std::string subject;
  std::string from;
  std::vector<Passed> passed;  // at most Index::kMaxPassed
};

}  // namespace postern::bulk
