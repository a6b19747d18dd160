#include "filters/bulk/distinct.h"

#include <algorithm>
#include <cmath>

namespace postern::bulk {
namespace {

constexpr Sample kSlotBits = kSlices - 1;

/// Hashes come from elsewhere and may be equal in any of their bits: each bit of the result depends on all of them.
uint32_t mixed(uint32_t hash) {
  hash ^= hash >> 16U;
  hash *= 0x85ebca6bU;
  hash ^= hash >> 13U;
  hash *= 0xc2b2ae35U;
  return hash ^ hash >> 16U;
}

}  // namespace

Sample sample_of(uint32_t hash) {
  if (hash == 0) return 0;
  Sample sample = mixed(hash) & ~kSlotBits;
  return sample != 0 ? sample : ~kSlotBits;
}

bool Distinct::add(std::span<Sample> room, Sample sample) {
  if ((sample & ~kSlotBits) == 0) return true;
  if (!of_level(sample, open)) return true;
  for (Sample& each : room.first(size)) {
    if (((each ^ sample) & ~kSlotBits) != 0) continue;
    each = sample;
    return true;
  }
  if (size == room.size()) return false;
  room[size++] = sample;
  return true;
}

void Distinct::raise(std::span<Sample> room, uint8_t to) {
  open = std::max(open, to);
  level = std::max(level, open);
  auto out = [this](Sample each) { return !of_level(each, open); };
  size = static_cast<uint8_t>(std::remove_if(room.begin(), room.begin() + size, out) - room.begin());
}

void Distinct::thin(std::span<Sample> room) {
  while (size == room.size() && open < kMaxLevel) raise(room, static_cast<uint8_t>(open + 1));
}

void Distinct::forget(std::span<Sample> room, SliceSet slices, int64_t newest) {
  auto gone = [slices](Sample each) { return (slices >> (each & kSlotBits) & 1U) != 0; };
  size = static_cast<uint8_t>(std::remove_if(room.begin(), room.begin() + size, gone) - room.begin());
  if ((slices >> since & 1U) != 0) level = open;
  if (slices == kAllSlices) level = open = 0;
  // Eight times as many still leave room, should it stay as it is.
  if (level > 0 && open == level && size <= kMost / 12) {
    open = static_cast<uint8_t>(level > 3 ? level - 3 : 0);
    since = static_cast<uint8_t>(slot_of(newest));
  }
}

void Distinct::shift(std::span<Sample> room, int64_t slices) {
  for (Sample& each : room.first(size)) {
    each = (each & ~kSlotBits) | slot_of(static_cast<int64_t>(each & kSlotBits) - slices);
  }
  since = static_cast<uint8_t>(slot_of(static_cast<int64_t>(since) - slices));
}

uint64_t Distinct::estimate(std::span<const Sample> room, SliceSet live) const {
  uint64_t there = 0;
  uint64_t complete = 0;
  for (Sample each : room.first(size)) {
    if ((live >> (each & kSlotBits) & 1U) == 0) continue;
    ++there;
    complete += of_level(each, level) ? 1 : 0;
  }
  if (level == 0) return there;
  // Samples are hashes of 28 - level bits: of many different ones some fall together (linear counting).
  double range = std::ldexp(1.0, 28 - level);
  double share = std::min(static_cast<double>(complete) / range, 1.0 - 1.0 / range);
  auto all = static_cast<uint64_t>(std::llround(-std::ldexp(range * std::log1p(-share), level)));
  return std::max(all, there);
}

}  // namespace postern::bulk
