// Samples: the sets of different ones of a cluster, where they lie in its shard. The shard's mutex is held.
#pragma once

#include <cstddef>
#include <cstdint>

#include "filters/bulk/shard.h"

namespace postern::bulk {

[[nodiscard]] Room samples_of(Shard& shard, Numbers& numbers, size_t who);
[[nodiscard]] RoomView samples_of(const Shard& shard, const Numbers& numbers, size_t who);
void add_sample(Shard& shard, Numbers& numbers, Who who, Sample sample, int64_t slice);
/// Takes over another set, whose slices are the same.
void merge_samples(Shard& shard, Numbers& numbers, size_t who, const Distinct& other, RoomView samples);
/// Brings all that is counted to a slice.
void advance(Shard& shard, Numbers& numbers, int64_t slice);

}  // namespace postern::bulk
