#include "filters/classifier/run_counts.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "filters/classifier/words.h"

namespace postern::classifier {
namespace {

constexpr uint32_t kUnits = 256;  // of a count: what a text of weight 1 adds
constexpr size_t kFirstSize = size_t{1} << 12U;
// 256 MiB at most. Beyond, what counts least goes until half is left: what one sender wrote who wrote very much, then
// what was seen once.
constexpr size_t kMostRuns = 4'000'000;
// Of each run that was seen so much is taken away and given to those that were not.
constexpr float kDiscount = 0.85F;
// Before the shortest context: any octet.
constexpr float kAny = 1.0F / 256;

/// Whether a run counts that ham and spam have so often: a long one that one message alone has tells nothing of
/// another.
bool counts(size_t octets, uint64_t both) {
  return both > (octets > kShortestRun ? kUnits : 0);
}

/// Of a run what counts.
uint32_t counted(size_t octets, uint32_t times, uint64_t both) {
  return counts(octets, both) ? times : 0;
}

size_t octets_of(RunKey key) {
  return (key >> 48U) & 0xFFU;
}
Where where_of(RunKey key) {
  return static_cast<Where>(key >> 56U);
}
RunKey context_of(RunKey key) {
  return run_key(where_of(key), (key & ((uint64_t{1} << 48U) - 1)) >> 8U, octets_of(key) - 1);
}

void raise(uint32_t& count, uint32_t by) {
  count = by > std::numeric_limits<uint32_t>::max() - count ? std::numeric_limits<uint32_t>::max() : count + by;
}

}  // namespace

size_t RunCounts::slot_of(RunKey key) const {
  size_t slot = mix(key) & (counts_.size() - 1);
  while (counts_[slot].key != 0 && counts_[slot].key != key) slot = (slot + 1) & (counts_.size() - 1);
  return slot;
}

const RunCounts::Count* RunCounts::find(RunKey key) const {
  if (counts_.empty()) return nullptr;
  const Count& count = counts_[slot_of(key)];
  return count.key == 0 ? nullptr : &count;
}

/// May move all others.
RunCounts::Count& RunCounts::at(RunKey key) {
  constexpr size_t kTenths = 6;  // that may be in use
  if ((used_ + 1) * 10 > counts_.size() * kTenths) grow();
  Count& count = counts_[slot_of(key)];
  if (count.key == 0) {
    count.key = key;
    ++used_;
  }
  return count;
}

void RunCounts::grow() {
  std::vector<Count> old(std::max(counts_.size() * 2, kFirstSize));
  old.swap(counts_);
  for (const Count& count : old) {
    if (count.key != 0) counts_[slot_of(count.key)] = count;
  }
}

void RunCounts::drop_rare() {
  auto doublings = [](const Count& count) {
    return static_cast<size_t>(std::bit_width(uint64_t{count.times[0]} + count.times[1]));
  };
  std::array<size_t, 64> like{};
  for (const Count& count : counts_) {
    if (count.key != 0) ++like[doublings(count)];
  }
  size_t rare = 0;
  for (size_t left = used_; left > kMostRuns / 2; ++rare) left -= like[rare];
  std::vector<Count> kept;
  kept.reserve(kMostRuns / 2);
  for (const Count& count : counts_) {
    if (count.key != 0 && doublings(count) >= rare) kept.push_back(count);
  }
  std::fill(counts_.begin(), counts_.end(), Count());
  for (const Count& count : kept) counts_[slot_of(count.key)] = count;
  used_ = kept.size();
}

void RunCounts::add(Where where, std::string_view text, bool spam, float weight) {
  if (used_ > kMostRuns) drop_rare();
  auto units = static_cast<uint32_t>(std::lround(std::clamp(weight, 0.0F, 1.0F) * kUnits));
  if (units == 0) return;
  Repeats repeats;
  uint64_t last = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    last = (last << 8U) | static_cast<unsigned char>(text[i]);
    if (repeats.again(last)) continue;
    for (size_t octets = kShortestRun; octets <= std::min(kLongestRun, i + 1); ++octets) {
      raise(at(run_key(where, last, octets)).times[static_cast<size_t>(spam)], units);
    }
  }
}

/// What a part takes from a context is what its runs count there in all less what they count without the part.
void RunCounts::finish(const RunCounts* all) {
  std::vector<std::pair<RunKey, Pair>> runs;
  runs.reserve(used_);
  for (const Count& count : counts_) {
    if (count.key != 0) runs.emplace_back(count.key, count.times);
  }
  for (const auto& [key, times] : runs) {
    Pair before = times;
    if (all != nullptr) {
      const Count* whole = all->find(key);
      if (whole == nullptr) continue;  // it was dropped
      before = whole->times;
    }
    size_t octets = octets_of(key);
    Pair left{};
    for (size_t kind = 0; kind < left.size(); ++kind) {
      left[kind] = all == nullptr ? 0 : before[kind] - std::min(times[kind], before[kind]);
    }
    Count& context = at(context_of(key));
    for (size_t kind = 0; kind < before.size(); ++kind) {
      uint32_t had = counted(octets, before[kind], uint64_t{before[0]} + before[1]);
      uint32_t has = counted(octets, left[kind], uint64_t{left[0]} + left[1]);
      raise(context.behind[kind], had - has);
      raise(context.firsts[kind], std::min(had, kUnits) - std::min(has, kUnits));
    }
  }
}

/// False: it is not known, or by too few messages.
bool RunCounts::look(Where where, uint64_t last, size_t octets, const RunCounts* without, Count& out) const {
  const Count* run = find(run_key(where, last, octets));
  const Count* context = find(run_key(where, last >> 8U, octets - 1));
  if (run == nullptr || context == nullptr) return false;
  static const Count kNothing;
  const Count* less_run = without == nullptr ? nullptr : without->find(run->key);
  const Count* less_context = without == nullptr ? nullptr : without->find(context->key);
  if (less_run == nullptr) less_run = &kNothing;
  if (less_context == nullptr) less_context = &kNothing;
  for (size_t kind = 0; kind < out.times.size(); ++kind) {
    out.times[kind] = run->times[kind] - std::min(run->times[kind], less_run->times[kind]);
    out.behind[kind] = context->behind[kind] - less_context->behind[kind];
    out.firsts[kind] = context->firsts[kind] - less_context->firsts[kind];
  }
  return counts(octets, uint64_t{out.times[0]} + out.times[1]);
}

/// 0 where nothing is known of the run.
float RunCounts::says(Where where, uint64_t last, size_t octets, const RunCounts* without) const {
  std::array<float, 2> likely = {kAny, kAny};
  size_t known = 0;
  Count count;
  for (size_t length = kShortestRun; length <= octets && look(where, last, length, without, count); ++length) {
    known = length;
    for (size_t kind = 0; kind < likely.size(); ++kind) {
      uint32_t times = count.times[kind];
      if (count.behind[kind] == 0) continue;
      float own = static_cast<float>(times) - kDiscount * static_cast<float>(std::min(times, kUnits));
      float rest = kDiscount * static_cast<float>(count.firsts[kind]) * likely[kind];
      likely[kind] = (own + rest) / static_cast<float>(count.behind[kind]);
    }
  }
  return known == 0 ? 0 : std::clamp(std::log(likely[1] / likely[0]), -kMostRun, kMostRun);
}

float RunCounts::judge(Where where, std::string_view text, const RunCounts& part) const {
  float sum = 0;
  size_t counted_octets = 0;
  uint64_t last = 0;
  Repeats repeats;
  for (size_t i = 0; i < text.size(); ++i) {
    last = (last << 8U) | static_cast<unsigned char>(text[i]);
    if (repeats.again(last)) continue;
    ++counted_octets;
    sum += says(where, last, std::min(kLongestRun, i + 1), &part);
  }
  return mean_of_runs(sum, counted_octets);
}

RunTable RunCounts::table() const {
  // How many runs count at least so much; of the rest there are too many.
  uint32_t least = 1;
  size_t size = 0;
  for (;; least = least * 2) {
    size = 0;
    for (const Count& count : counts_) {
      uint64_t both = uint64_t{count.times[0]} + count.times[1];
      size += static_cast<size_t>(both >= least && counts(octets_of(count.key), both));
    }
    if (size <= RunTable::most()) break;
  }
  RunTable out(size);
  for (const Count& count : counts_) {
    uint64_t both = uint64_t{count.times[0]} + count.times[1];
    if (both < least || !counts(octets_of(count.key), both)) continue;
    out.put(count.key, says(where_of(count.key), count.key, octets_of(count.key), nullptr));
  }
  return out;
}

}  // namespace postern::classifier
