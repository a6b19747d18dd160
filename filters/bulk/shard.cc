#include "filters/bulk/shard.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace postern::bulk {
namespace {

constexpr Shard::Place kSample = 32;
constexpr Shard::Place kSwept = 4;

void increase(std::atomic<uint64_t>& counter) {
  counter.fetch_add(1, std::memory_order_relaxed);
}
void decrease(std::atomic<uint64_t>& counter) {
  counter.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace

// Place 0 is nobody's, in each table.
Shard::Shard(size_t heads, size_t bodies, const Timeline& time)
    : time_(time),
      heads_(heads + 1),
      bodies_(bodies + 1),
      numbers_(std::bit_ceil(2 * (heads + 1))),
      forwards_(std::max<size_t>(8, heads / 16)) {}

Shard::Place Shard::find(uint64_t number) const {
  for (size_t at = slot(number); numbers_[at] != 0; at = (at + 1) & (numbers_.size() - 1)) {
    if (heads_[numbers_[at]].number == number) return numbers_[at];
  }
  return 0;
}

void Shard::enter(Place place) {
  size_t at = slot(heads_[place].number);
  while (numbers_[at] != 0) at = (at + 1) & (numbers_.size() - 1);
  numbers_[at] = place;
}

void Shard::leave(Place place) {
  size_t mask = numbers_.size() - 1;
  size_t hole = slot(heads_[place].number);
  while (numbers_[hole] != place) hole = (hole + 1) & mask;
  // Those behind move up, unless that is before the place where they are looked for first.
  for (size_t at = (hole + 1) & mask; numbers_[at] != 0; at = (at + 1) & mask) {
    size_t home = slot(heads_[numbers_[at]].number);
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    numbers_[hole] = numbers_[at];
    hole = at;
  }
  numbers_[hole] = 0;
}

uint64_t Shard::forwarded(uint64_t number) const {
  const Forward& forward = forwards_[number % forwards_.size()];
  return forward.from == number ? forward.to : 0;
}

void Shard::forward(uint64_t from, uint64_t to) {
  forwards_[from % forwards_.size()] = {from, to};
}

Shard::Place Shard::make(uint64_t number) {
  while (free_head_ == 0 && fresh_head_ == heads_.size()) {
    if (!evict(false)) return 0;
  }
  Place place = free_head_;
  if (place != 0) {
    free_head_ = static_cast<Place>(heads_[place].key);
  } else {
    // The other tables are hashed into: a few entries touch all of their pages.
    uint64_t tables = fresh_head_ == 1 ? numbers_.bytes() + forwards_.bytes() : 0;
    touched_.fetch_add(sizeof(Head) + tables, std::memory_order_relaxed);
    place = fresh_head_++;
  }
  heads_[place] = Head();
  heads_[place].number = number;
  enter(place);
  increase(used_heads_);
  return place;
}

BodyRef Shard::new_body() {
  while (free_body_ == 0 && fresh_body_ == bodies_.size()) {
    if (!evict(true)) return 0;
  }
  if (free_body_ == 0) {
    touched_.fetch_add(kBodySize, std::memory_order_relaxed);
    return fresh_body_++;
  }
  BodyRef ref = free_body_;
  free_body_ = body<BodyRef>(ref);
  return ref;
}

void Shard::drop_body(BodyRef& ref) {
  if (ref == 0) return;
  new (bodies_[ref].octets.data()) BodyRef(free_body_);
  free_body_ = ref;
  ref = 0;
}

void Shard::drop(Place place) {
  Head& head = heads_[place];
  if (head.numbers != 0) {
    for (BodyRef& more : body<Numbers>(head.numbers).more) {
      if (more != 0) drop_body(body<MoreSamples>(more).most);
      drop_body(more);
    }
  }
  for (BodyRef& more : head.more_passed) drop_body(more);
  for (BodyRef* each : {&head.centre, &head.rivals, &head.votes, &head.numbers}) drop_body(*each);
  count_over(head, false);
  if (head.allowed) decrease(allowed_);
  if (head.counted) decrease(clusters_);
  leave(place);
  head = Head();
  head.key = free_head_;
  free_head_ = place;
  decrease(used_heads_);
}

void Shard::count_as_cluster(Head& head) {
  if (head.counted) return;
  head.counted = true;
  increase(clusters_);
}

void Shard::count_over(Head& head, bool over) {
  if (over == head.over) return;
  over ? increase(over_) : decrease(over_);
  head.over = over;
}

bool Shard::allow(Head& head, bool allowed) {
  if (allowed == head.allowed) return true;
  // The others need room too.
  if (allowed && this->allowed() >= size() / 2) return false;
  allowed ? increase(allowed_) : decrease(allowed_);
  head.allowed = allowed;
  return true;
}

uint64_t Shard::count(const Head& head, int64_t slice) const {
  if (head.numbers != 0) {
    const Window& window = body<Numbers>(head.numbers).window;
    return window.count(window.live(slice));
  }
  return slice - head.slice < static_cast<int64_t>(kSlices) ? 1 : 0;
}

// What goes first is worth least: singles, the oldest first, then clusters, the smallest first. When hardly any singles
// are left it is the clusters' turn, or no new campaign would be found.
uint64_t Shard::worth(const Head& head, int64_t now, bool singles_first) const {
  if (!head.counted) {
    int64_t left = head.last_ms - (now - static_cast<int64_t>(kSlices)) * time_.slice_ms();
    // Of a time that nobody believes in: the first to go.
    if (head.slice - now >= static_cast<int64_t>(kSlices)) left = 0;
    return static_cast<uint64_t>(std::max<int64_t>(left, 0)) | uint64_t{!singles_first} << 62U;
  }
  return std::min<uint64_t>(head.members, 1U << 30U) << 8U | uint64_t{singles_first} << 62U;
}

bool Shard::evict(bool with_body) {
  int64_t now = time_.now();
  bool singles_first = single() > used_heads() / 4;
  Place worst = 0;
  uint64_t least = std::numeric_limits<uint64_t>::max();
  Place looked = 0;
  // Places of which nothing may be forgotten are few, but may lie side by side.
  for (; looked < kSample || (worst == 0 && looked <= size()); ++looked) {
    hand_ = hand_ >= size() ? 1 : hand_ + 1;
    const Head& head = heads_[hand_];
    if (head.number == 0 || head.allowed || hand_ == pinned_[0] || hand_ == pinned_[1]) continue;
    if (with_body && head.centre == 0 && head.numbers == 0 && head.more_passed[0] == 0) continue;
    uint64_t worth_of = expired(head, now) ? 0 : 1 + worth(head, now, singles_first);
    if (worth_of >= least) continue;
    least = worth_of;
    worst = hand_;
    if (least == 0) break;
  }
  if (worst == 0) return false;
  drop(worst);
  return true;
}

Shard::Place Shard::sweep(uint64_t limit) {
  if (!time_.agreed()) return 0;
  int64_t now = time_.now();
  Place allowed = 0;
  for (Place looked = 0; looked < kSwept; ++looked) {
    broom_ = broom_ + 1 >= fresh_head_ ? 1 : broom_ + 1;
    Head& head = heads_[broom_];
    if (head.number == 0) continue;
    if (expired(head, now)) {
      drop(broom_);
    } else if (head.over && count(head, now) < limit) {
      count_over(head, false);
    }
    if (head.allowed) allowed = broom_;
  }
  return allowed;
}

Shard::Place Shard::forget(Place from, Place most, uint64_t limit) {
  int64_t now = time_.now();
  Place place = std::max<Place>(from, 1);
  for (Place looked = 0; looked < most && place < fresh_head_; ++looked, ++place) {
    Head& head = heads_[place];
    if (head.number == 0) continue;
    if (expired(head, now)) {
      drop(place);
    } else {
      count_over(head, count(head, now) >= limit);
    }
  }
  if (place < fresh_head_) return place;
  if (empty()) release();
  return 0;
}

// Nobody is left: what was free is as good as never used. Forwards stay, they may lead to other shards.
void Shard::release() {
  free_head_ = 0;
  free_body_ = 0;
  fresh_head_ = fresh_body_ = hand_ = broom_ = 1;
  heads_.release();
  bodies_.release();
  numbers_.release();
  touched_.store(0, std::memory_order_relaxed);
}

void Shard::clear() {
  for (Place place = 1; place < fresh_head_; ++place) {
    if (heads_[place].number != 0) drop(place);
  }
  for (size_t at = 0; at < forwards_.size(); ++at) forwards_[at] = {};
  release();
}

}  // namespace postern::bulk
