#include "filters/bulk/window.h"

#include <algorithm>

namespace postern::bulk {
namespace {

/// The slices after `newest` up to `slice`, which take the places of forgotten ones.
SliceSet between(int64_t newest, int64_t slice) {
  if (slice <= newest) return 0;
  if (slice - newest >= kSlices) return kAllSlices;
  SliceSet set = 0;
  for (int64_t at = newest + 1; at <= slice; ++at) set = static_cast<SliceSet>(set | 1U << slot_of(at));
  return set;
}

}  // namespace

Timeline::Timeline(Duration window)
    : slice_ms_(std::max<int64_t>(
          1, std::chrono::duration_cast<std::chrono::milliseconds>(window).count() / (kSlices - 1))) {}

Moment Timeline::at(int64_t wall_ms) const {
  // Far more than anybody's clock says, and slices can still be added to it.
  constexpr int64_t kEnd = int64_t{1} << 53U;
  int64_t ms = std::clamp<int64_t>(wall_ms, 0, kEnd);
  int64_t slice = ms / slice_ms_;
  int64_t oldest = now() - static_cast<int64_t>(kSlices - 1);
  if (slice >= oldest) return {slice, ms};
  return {oldest, oldest * slice_ms_};
}

Moment Timeline::settle(int64_t wall_ms) {
  Moment moment = at(wall_ms);
  int64_t said = std::clamp<int64_t>(wall_ms, 0, int64_t{1} << 53U) / slice_ms_;
  int64_t now = now_.load(std::memory_order_relaxed);
  bool near = now < 0 || (said > now - static_cast<int64_t>(kSlices) && said <= now + kNear);
  if (near) {
    while (said > now && !now_.compare_exchange_weak(now, said, std::memory_order_relaxed)) continue;
    if (against_.load(std::memory_order_relaxed) != 0) against_.store(0, std::memory_order_relaxed);
  } else if (against_.fetch_add(1, std::memory_order_relaxed) + 1 >= kAgreed) {
    now_.store(said, std::memory_order_relaxed);
    against_.store(0, std::memory_order_relaxed);
  }
  return moment;
}

SliceSet Window::advance(int64_t slice) {
  SliceSet forgotten = between(newest, slice);
  if (forgotten == 0) return 0;
  for (unsigned slot = 0; slot < kSlices; ++slot) {
    if ((forgotten >> slot & 1U) == 0) continue;
    all[slot] = 0;
    authenticated[slot] = 0;
  }
  newest = slice;
  return forgotten;
}

void Window::add(int64_t slice, bool is_authenticated) {
  bool within = slice <= newest && newest - slice < kSlices;
  unsigned slot = slot_of(within ? slice : newest);
  ++all[slot];
  if (is_authenticated) ++authenticated[slot];
}

void Window::withdraw(int64_t slice) {
  bool within = slice <= newest && newest - slice < kSlices;
  unsigned slot = slot_of(within ? slice : newest);
  for (unsigned age = 0; all[slot] == 0 && age < kSlices; ++age) slot = slot_of(newest - static_cast<int64_t>(age));
  if (all[slot] == 0) return;
  // Nobody says whether it was an authenticated one: the share stays.
  uint64_t before = all[slot]--;
  authenticated[slot] = static_cast<uint32_t>((uint64_t{authenticated[slot]} * all[slot] + before / 2) / before);
}

void Window::rebase(int64_t slice) {
  Window moved;
  moved.newest = slice;
  for (int64_t age = 0; age < static_cast<int64_t>(kSlices); ++age) {
    moved.all[slot_of(slice - age)] = all[slot_of(newest - age)];
    moved.authenticated[slot_of(slice - age)] = authenticated[slot_of(newest - age)];
  }
  *this = moved;
}

void Window::merge(const Window& other) {
  for (unsigned slot = 0; slot < kSlices; ++slot) {
    all[slot] += other.all[slot];
    authenticated[slot] += other.authenticated[slot];
  }
}

SliceSet Window::live(int64_t slice) const {
  return static_cast<SliceSet>(kAllSlices & ~between(newest, slice));
}

uint64_t Window::count(SliceSet slices) const {
  uint64_t sum = 0;
  for (unsigned slot = 0; slot < kSlices; ++slot) sum += (slices >> slot & 1U) != 0 ? all[slot] : 0;
  return sum;
}

uint64_t Window::count_authenticated(SliceSet slices) const {
  uint64_t sum = 0;
  for (unsigned slot = 0; slot < kSlices; ++slot) sum += (slices >> slot & 1U) != 0 ? authenticated[slot] : 0;
  return sum;
}

}  // namespace postern::bulk
