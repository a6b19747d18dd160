#include "filters/classifier/runs.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "filters/classifier/words.h"

namespace postern::classifier {
namespace {

// A slot: 24 bits of the hash, and what the run says, -127 to 127. 0 is an empty one.
constexpr unsigned kSaysBits = 8;
constexpr uint32_t kSaysMask = (1U << kSaysBits) - 1;
constexpr float kScale = 127 / kMostRun;
// Runs stand in the first free slot from their own on. Nobody looks further than this, whatever a file says.
constexpr size_t kMostSteps = 64;

struct Place {
  size_t slot;
  uint32_t mark;  // of a slot that has the run
};

Place place_of_run(RunKey run, size_t slots) {
  uint64_t hash = mix(run);
  auto mark = static_cast<uint32_t>(hash >> 40U) << kSaysBits;
  return {hash & (slots - 1), mark == 0 ? 1U << kSaysBits : mark};
}

int8_t says_of(uint32_t slot) {
  return static_cast<int8_t>(slot & kSaysMask);
}

const uint32_t* find(const std::vector<uint32_t>& slots, const Place& place) {
  for (size_t step = 0; step < kMostSteps; ++step) {
    const uint32_t& slot = slots[(place.slot + step) & (slots.size() - 1)];
    if (slot == 0) return nullptr;
    if ((slot & ~kSaysMask) == place.mark) return &slot;
  }
  return nullptr;
}

/// Where the runs that end at an octet would stand, the shortest first.
struct Asked {
  std::array<Place, kLongestRun - kShortestRun + 1> places{};
  size_t lengths = 0;  // of them
};

/// `octets`: how many stand up to there.
void ask(const std::vector<uint32_t>& slots, Where where, uint64_t last, size_t octets, Asked& asked) {
  for (size_t length = kShortestRun; length <= std::min(kLongestRun, octets); ++length) {
    Place& place = asked.places[asked.lengths++];
    place = place_of_run(run_key(where, last, length), slots.size());
    __builtin_prefetch(&slots[place.slot]);
  }
}

/// What the longest of them says that is known.
int8_t longest_of(const std::vector<uint32_t>& slots, const Asked& asked) {
  for (size_t length = asked.lengths; length-- > 0;) {
    const uint32_t* slot = find(slots, asked.places[length]);
    if (slot != nullptr) return says_of(*slot);
  }
  return 0;
}

}  // namespace

RunTable::RunTable(size_t runs) {
  size_t slots = std::bit_ceil(std::max(runs * 2, size_t{1} << kLeastBits));
  slots_.resize(std::min(slots, size_t{1} << kMostBits));
}

void RunTable::put(RunKey run, float says) {
  if (slots_.empty()) return;
  auto scaled = static_cast<int>(std::lround(std::clamp(says, -kMostRun, kMostRun) * kScale));
  Place place = place_of_run(run, slots_.size());
  for (size_t step = 0; step < kMostSteps; ++step) {
    uint32_t& slot = slots_[(place.slot + step) & (slots_.size() - 1)];
    if (slot != 0 && (slot & ~kSaysMask) != place.mark) continue;
    slot = place.mark | (static_cast<uint32_t>(scaled) & kSaysMask);
    return;
  }
}

float RunTable::judge(Where where, std::string_view text) const {
  if (slots_.empty()) return 0;
  // Slots are asked for some octets ahead: the table is larger than the nearer caches.
  constexpr size_t kAhead = 16;
  std::array<Asked, kAhead> ring{};
  Repeats repeats;
  int64_t sum = 0;
  size_t counted = 0;
  uint64_t last = 0;
  for (size_t i = 0; i < text.size() + kAhead; ++i) {
    Asked& asked = ring[i % kAhead];
    if (i >= kAhead) sum += longest_of(slots_, asked);
    asked.lengths = 0;
    if (i >= text.size()) continue;
    last = (last << 8U) | static_cast<unsigned char>(text[i]);
    if (repeats.again(last)) continue;
    ++counted;
    ask(slots_, where, last, i + 1, asked);
  }
  return mean_of_runs(static_cast<float>(sum) / kScale, counted);
}

}  // namespace postern::classifier
