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

/// How many are left when those go of which `out` says so; they keep their order.
template <typename F>
uint8_t without(Room room, uint8_t size, const F& out) {
  uint8_t kept = 0;
  for (size_t at = 0; at < size; ++at) {
    Sample each = room[at];
    if (!out(each)) room[kept++] = each;
  }
  return kept;
}

}  // namespace

Sample sample_of(uint32_t hash) {
  if (hash == 0) return 0;
  Sample sample = mixed(hash) & ~kSlotBits;
  return sample != 0 ? sample : ~kSlotBits;
}

bool Distinct::add(Room room, Sample sample) {
  if ((sample & ~kSlotBits) == 0) return true;
  if (!of_level(sample, open)) return true;
  for (size_t at = 0; at < size; ++at) {
    if (((room[at] ^ sample) & ~kSlotBits) != 0) continue;
    room[at] = sample;
    return true;
  }
  if (size == room.size()) return false;
  room[size++] = sample;
  return true;
}

void Distinct::raise(Room room, uint8_t to) {
  open = std::max(open, to);
  level = std::max(level, open);
  size = without(room, size, [this](Sample each) { return !of_level(each, open); });
}

void Distinct::thin(Room room) {
  while (size == room.size() && open < kMaxLevel) raise(room, static_cast<uint8_t>(open + 1));
}

void Distinct::forget(Room room, SliceSet slices, int64_t newest) {
  size = without(room, size, [slices](Sample each) { return (slices >> (each & kSlotBits) & 1U) != 0; });
  if ((slices >> since & 1U) != 0) level = open;
  if (slices == kAllSlices) level = open = 0;
  // Eight times as many still leave room, should it stay as it is.
  constexpr uint8_t kEightTimes = 12;
  if (level > 0 && open == level && size <= kMost / 12) {
    open = static_cast<uint8_t>(level > kEightTimes ? level - kEightTimes : 0);
    since = static_cast<uint8_t>(slot_of(newest));
  }
}

void Distinct::shift(Room room, int64_t slices) {
  for (size_t at = 0; at < size; ++at) {
    Sample each = room[at];
    room[at] = (each & ~kSlotBits) | slot_of(static_cast<int64_t>(each & kSlotBits) - slices);
  }
  since = static_cast<uint8_t>(slot_of(static_cast<int64_t>(since) - slices));
}

uint64_t Distinct::estimate(RoomView room, SliceSet live) const {
  uint64_t there = 0;
  uint64_t complete = 0;
  for (size_t at = 0; at < size; ++at) {
    Sample each = room[at];
    if ((live >> (each & kSlotBits) & 1U) == 0) continue;
    ++there;
    complete += of_level(each, level) ? 1 : 0;
  }
  if (level == 0) return there;
  // There are only so many hashes below the bound: of many different ones some fall together (linear counting).
  double range = bound_of(level);
  double share = std::min(static_cast<double>(complete) / range, 1.0 - 1.0 / range);
  auto all = static_cast<uint64_t>(std::llround(-std::ldexp(std::log1p(-share), 28)));
  return std::max(all, there);
}

}  // namespace postern::bulk
