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
  auto find = [this](const Place& place) -> const uint32_t* {
    for (size_t step = 0; step < kMostSteps; ++step) {
      const uint32_t& slot = slots_[(place.slot + step) & (slots_.size() - 1)];
      if (slot == 0) return nullptr;
      if ((slot & ~kSaysMask) == place.mark) return &slot;
    }
    return nullptr;
  };
  // Slots are asked for some octets ahead: the table is larger than the nearer caches.
  constexpr size_t kAhead = 16;
  constexpr size_t kLengths = kLongestRun - kShortestRun + 1;
  std::array<std::array<Place, kLengths>, kAhead> asked{};
  std::array<bool, kAhead> passed{};
  Repeats repeats;
  int64_t sum = 0;
  size_t counted = 0;
  uint64_t last = 0;
  for (size_t i = 0; i < text.size() + kAhead; ++i) {
    std::array<Place, kLengths>& places = asked[i % kAhead];
    for (size_t length = kLengths; i >= kAhead && length-- > 0;) {
      if (passed[i % kAhead]) break;
      if (i - kAhead + 1 < kShortestRun + length) continue;
      const uint32_t* slot = find(places[length]);
      if (slot == nullptr) continue;
      sum += says_of(*slot);
      break;
    }
    if (i >= text.size()) continue;
    last = (last << 8U) | static_cast<unsigned char>(text[i]);
    passed[i % kAhead] = repeats.again(last);
    if (passed[i % kAhead]) continue;
    ++counted;
    for (size_t length = 0; length < kLengths; ++length) {
      places[length] = place_of_run(run_key(where, last, kShortestRun + length), slots_.size());
      __builtin_prefetch(&slots_[places[length].slot]);
    }
  }
  return mean_of_runs(static_cast<float>(sum) / kScale, counted);
}

}  // namespace postern::classifier
