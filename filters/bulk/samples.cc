#include "filters/bulk/samples.h"

#include <algorithm>

namespace postern::bulk {
namespace {

/// Room for one more: more memory while there is some, else a coarser sample. False: not even that.
bool make_room(Shard& shard, Numbers& numbers, size_t who) {
  BodyRef& more = numbers.more[who];
  if (more == 0) {
    more = shard.make_body<MoreSamples>();
    if (more != 0) {
      std::copy(numbers.few[who].begin(), numbers.few[who].end(), shard.body<MoreSamples>(more).samples.begin());
      return true;
    }
  } else if (BodyRef& most = shard.body<MoreSamples>(more).most; most == 0) {
    most = shard.make_body<MostSamples>();
    if (most != 0) return true;
  }
  Room room = samples_of(shard, numbers, who);
  numbers.distinct[who].thin(room);
  return numbers.distinct[who].size < room.size();
}

}  // namespace

Room samples_of(Shard& shard, Numbers& numbers, size_t who) {
  if (numbers.more[who] == 0) return Room(numbers.few[who]);
  auto& more = shard.body<MoreSamples>(numbers.more[who]);
  return more.most == 0 ? Room(more.samples) : Room(more.samples, shard.body<MostSamples>(more.most).samples);
}

RoomView samples_of(const Shard& shard, const Numbers& numbers, size_t who) {
  if (numbers.more[who] == 0) return RoomView(numbers.few[who]);
  const auto& more = shard.body<MoreSamples>(numbers.more[who]);
  return more.most == 0 ? RoomView(more.samples) : RoomView(more.samples, shard.body<MostSamples>(more.most).samples);
}

void add_sample(Shard& shard, Numbers& numbers, Who who, Sample sample, int64_t slice) {
  auto place = static_cast<size_t>(who);
  if (sample == 0) return;
  while (!numbers.distinct[place].add(samples_of(shard, numbers, place), sample | slot_of(slice))) {
    if (!make_room(shard, numbers, place)) return;
  }
}

void merge_samples(Shard& shard, Numbers& numbers, size_t who, const Distinct& other, RoomView samples) {
  Distinct& set = numbers.distinct[who];
  set.raise(samples_of(shard, numbers, who), std::max(set.level, other.level));
  for (size_t at = 0; at < other.size; ++at) {
    while (!set.add(samples_of(shard, numbers, who), samples[at])) {
      if (!make_room(shard, numbers, who)) return;
    }
  }
}

void advance(Shard& shard, Numbers& numbers, int64_t slice) {
  SliceSet forgotten = numbers.window.advance(slice);
  if (forgotten == 0) return;
  for (size_t who = 0; who < kWhos; ++who) {
    numbers.distinct[who].forget(samples_of(shard, numbers, who), forgotten, slice);
  }
}

}  // namespace postern::bulk
