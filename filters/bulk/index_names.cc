// How clusters that began apart on two gateways come to one number.
#include <algorithm>

#include "filters/bulk/index_impl.h"

namespace postern::bulk {

void Index::adopt(uint64_t number, uint64_t own) {
  impl_->adopt(number, own);
}
Ticket Index::where(const Sighting& sighting) const {
  return impl_->where(sighting);
}

uint64_t Index::Impl::current(uint64_t number) const {
  uint64_t found = 0;
  static_cast<void>(with(number, [&](const Shard& in, Shard::Place place) {
    found = in.head(place).number;
    return true;
  }));
  return found;
}

void Index::Impl::adopt(uint64_t number, uint64_t own) {
  if (number == 0 || number == own) return;
  for (int tries = 0; tries < kTries; ++tries) {
    uint64_t mine = current(own);
    if (mine == 0) return;
    uint64_t theirs = current(number);
    if (theirs == mine) return;
    if (theirs != 0) {
      if (unite(mine, theirs, number)) return;
    } else if (number > mine) {
      remember(number, mine);
      return;
    } else if (rename(mine, number)) {
      return;
    }
  }
}

void Index::Impl::remember(uint64_t number, uint64_t cluster) {
  Shard& in = *shards_[shard_of(number)];
  std::lock_guard lock(in.mutex);
  // Where it is a cluster itself it leads to no other.
  if (in.find(number) == 0) in.forward(number, cluster);
}

bool Index::Impl::unite(uint64_t one, uint64_t two, uint64_t number) {
  Entries entries;
  Shard& in = *shards_[shard_of(one)];
  Shard& other = *shards_[shard_of(two)];
  {
    Locked locked(in, other);
    Shard::Place place = in.find(one);
    Shard::Place other_place = other.find(two);
    if (place == 0 || other_place == 0) return false;
    if (same_campaign(in, in.head(place), other, other.head(other_place))) {
      entries.ref = merge(ref_of(shard_of(one), place), ref_of(shard_of(two), other_place), entries);
      shard(entries.ref).unpin();
    }
  }
  if (entries.ref != 0) {
    enter(entries);
  } else if (number != two) {
    // It was another name of `two`, but what it is given for now is nothing like that.
    remember(number, one);
  }
  return true;
}

bool Index::Impl::rename(uint64_t from, uint64_t to) {
  Entries entries;
  Shard& in = *shards_[shard_of(from)];
  Shard& next = *shards_[shard_of(to)];
  {
    Locked locked(in, next);
    Shard::Place old = in.find(from);
    if (old == 0 || next.find(to) != 0) return false;
    in.pin(old, 0);
    Shard::Place place = next.make(to);
    if (place != 0) {
      next.pin(place, &next == &in ? old : 0);
      ClusterImage image = image_of(in, in.head(old), time_.slice_ms());
      bool moved =
          restore(next, place, image, time_.slice_ms()) && (!image.allowed || next.allow(next.head(place), true));
      if (moved) {
        next.count_over(next.head(place), in.head(old).over);
        entries.ref = ref_of(shard_of(to), place);
        entries.gone = ref_of(shard_of(from), old);
        entries.gone_bands = bands_of(in, in.head(old));
        in.forward(from, to);
        in.drop(old);
      } else {
        next.drop(place);
      }
      next.unpin();
    }
    in.unpin();
    // No room for it there: it keeps its number and has two names.
    if (entries.ref == 0) next.forward(to, from);
  }
  if (entries.ref != 0) enter(entries);
  return true;
}

}  // namespace postern::bulk
