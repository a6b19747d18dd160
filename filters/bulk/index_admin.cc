// What is asked and ordered about clusters beside the mail path.
#include <algorithm>
#include <tuple>

#include "filters/bulk/index_impl.h"

namespace postern::bulk {

void Index::take(const Let& let) {
  impl_->take(let);
}
void Index::take(const Withdrawn& withdrawn) {
  impl_->take(withdrawn);
}
bool Index::take(const Allowed& allowed) {
  return impl_->take(allowed);
}
std::vector<Report> Index::list(int64_t wall_ms, uint64_t at_least, size_t most) const {
  return impl_->list(wall_ms, at_least, most);
}
std::optional<Report> Index::find(uint64_t cluster, int64_t wall_ms) const {
  return impl_->find(cluster, wall_ms);
}
void Index::forget(int64_t wall_ms) {
  impl_->forget(wall_ms);
}
Index::Stats Index::stats() const {
  return impl_->stats();
}

void apply(Index& index, const Event& event) {
  if (const auto* sighting = std::get_if<Sighting>(&event)) {
    Ticket own = sighting->told ? index.where(*sighting) : index.see(*sighting).ticket;
    // Of the same parts of the message in the same order, unless one of them found no room here or there.
    if (own.size() != sighting->counted_in.size()) return;
    for (size_t at = 0; at < own.size(); ++at) index.adopt(sighting->counted_in[at], own[at]);
  } else if (const auto* let = std::get_if<Let>(&event)) {
    index.take(*let);
  } else if (const auto* withdrawn = std::get_if<Withdrawn>(&event)) {
    index.take(*withdrawn);
  } else if (const auto* allowed = std::get_if<Allowed>(&event)) {
    static_cast<void>(index.take(*allowed));
  }
}

void Index::Impl::take(const Let& let) {
  static_cast<void>(with(let.cluster, [&](Shard& in, Shard::Place place) {
    in.pin(place, 0);
    let_through(in, place, let.passed);
    in.unpin();
    return true;
  }));
}

void Index::Impl::take(const Withdrawn& withdrawn) {
  Moment when = time_.at(withdrawn.wall_ms);
  static_cast<void>(with(withdrawn.cluster, [&](Shard& in, Shard::Place place) {
    if (!withdraw(in, place, when)) {
      in.drop(place);
      return true;
    }
    Head& head = in.head(place);
    if (head.over && in.count(head, time_.now()) < limit_.load(std::memory_order_relaxed)) in.count_over(head, false);
    return true;
  }));
}

bool Index::Impl::take(const Allowed& allowed) {
  uint64_t all = 0;
  for (const auto& each : shards_) all += each->allowed();
  return with(allowed.cluster, [&](Shard& in, Shard::Place place) {
    Head& head = in.head(place);
    if (allowed.allowed && !head.allowed && all >= kMaxAllowed) return false;
    return in.allow(head, allowed.allowed);
  });
}

std::vector<Report> Index::Impl::list(int64_t wall_ms, uint64_t at_least, size_t most) const {
  Moment when = time_.at(wall_ms);
  struct Found {
    uint64_t count;
    int64_t last_ms;
    uint64_t number;
  };
  std::vector<Found> all;
  for (const auto& in : shards_) {
    std::lock_guard lock(in->mutex);
    for (Shard::Place place = 1; place <= in->used_places(); ++place) {
      const Head& head = in->head(place);
      if (head.number == 0 || !(head.counted || head.allowed) || Shard::expired(head, when.slice)) continue;
      uint64_t count = in->count(head, when.slice);
      bool wanted = count >= at_least && count > 0;
      if (wanted || (head.allowed && at_least <= kAll)) all.push_back({count, head.last_ms, head.number});
    }
  }
  std::sort(all.begin(), all.end(), [](const Found& a, const Found& b) {
    return std::tie(a.count, a.last_ms, a.number) > std::tie(b.count, b.last_ms, b.number);
  });
  std::vector<Report> reports;
  reports.reserve(std::min(most, all.size()));
  for (const Found& each : all) {
    if (reports.size() == most) break;
    // One that was joined to another meanwhile is that one, which is there already or was.
    auto report = find(each.number, wall_ms);
    if (report && report->cluster == each.number) reports.push_back(*std::move(report));
  }
  return reports;
}

std::optional<Report> Index::Impl::find(uint64_t cluster, int64_t wall_ms) const {
  Moment when = time_.at(wall_ms);
  std::optional<Report> report;
  static_cast<void>(with(cluster, [&](const Shard& in, Shard::Place place) {
    const Head& head = in.head(place);
    if (!Shard::expired(head, when.slice)) report = report_of(in, head, when);
    return true;
  }));
  return report;
}

void Index::Impl::forget(int64_t wall_ms) {
  // Under the lock of a shard at once, so that a message waits for some 50 us.
  constexpr Shard::Place kPart = 128;
  std::lock_guard forgetting(forgetting_);
  static_cast<void>(time_.settle(wall_ms));
  Forgot done{time_.now(), limit_.load(std::memory_order_relaxed)};
  // While stamps contradict each other nothing is taken away.
  if (!time_.agreed() || done == forgot_) return;
  bool empty = true;
  for (const auto& in : shards_) {
    Shard::Place place = 1;
    do {
      std::lock_guard lock(in->mutex);
      place = in->forget(place, kPart, done.limit);
    } while (place != 0);
    empty = empty && in->empty();
  }
  if (empty) postings_.release();
  forgot_ = done;
}

Index::Stats Index::Impl::stats() const {
  Stats stats;
  for (const auto& in : shards_) {
    stats.clusters += in->clusters();
    stats.single += in->single();
    stats.bytes += in->bytes_used();
    stats.over_limit += in->over_limit();
  }
  stats.bytes += postings_.bytes_used();
  return stats;
}

size_t Index::Impl::copy(size_t shard, size_t from, size_t most, std::vector<ClusterImage>& clusters) const {
  const Shard& in = *shards_[shard];
  std::lock_guard lock(in.mutex);
  size_t place = std::max<size_t>(from, 1);
  for (size_t copied = 0; place <= in.used_places(); ++place) {
    const Head& head = in.head(static_cast<Shard::Place>(place));
    if (head.number == 0) continue;
    if (copied++ == most) return place;
    clusters.push_back(image_of(in, head, time_.slice_ms()));
  }
  return 0;
}

Index::Impl::Put Index::Impl::put(const ClusterImage& cluster, int64_t wall_ms) {
  if (!sound(cluster)) return Put::Wrong;
  Moment now = time_.settle(wall_ms);
  Shard& in = *shards_[shard_of(cluster.number)];
  std::lock_guard lock(in.mutex);
  if (in.find(cluster.number) != 0) return Put::Wrong;
  // A clock that was set back does not forget: what was saved is not from the future.
  if (!cluster.allowed && now.ms - (cluster.slice + 1) * cluster.slice_ms >= time_.slice_ms() * (kSlices - 1)) {
    return Put::Expired;
  }
  Shard::Place place = in.make(cluster.number);
  if (place == 0) return Put::Live;
  in.pin(place, 0);
  bool kept = restore(in, place, cluster, time_.slice_ms());
  Head& head = in.head(place);
  // Nobody allows more than there is room for, but this index may be smaller than the one that was saved.
  if (kept && cluster.allowed) static_cast<void>(in.allow(head, true));
  in.unpin();
  if (!kept) {
    in.drop(place);
    return Put::Live;
  }
  in.count_over(head, in.count(head, now.slice) >= limit_.load(std::memory_order_relaxed));
  Bands bands = bands_of(in, head);
  for (size_t at = 0; at < bands.size; ++at) {
    postings_.enter(bands.at[at], ref_of(shard_of(cluster.number), place));
  }
  return Put::Live;
}

void Index::Impl::clear() {
  for (const auto& in : shards_) in->clear();
  postings_.clear();
}

}  // namespace postern::bulk
