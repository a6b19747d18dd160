// Members: what becomes of a cluster when a message joins it. All functions want the shard's mutex held.
#pragma once

#include <cstdint>
#include <vector>

#include "filters/bulk/cluster.h"
#include "filters/bulk/index.h"
#include "filters/bulk/postings.h"
#include "filters/bulk/shard.h"

namespace postern::bulk {

/// A message by one of the things that it can be alike in. `sighting` outlives it.
struct Unit {
  const Sighting& sighting;
  Aspect aspect = Aspect::Text;
  uint64_t key = 0;  // but for Text
  Moment when;

  [[nodiscard]] const Sketch& text() const { return *sighting.print.text; }
  [[nodiscard]] Bands bands() const;
  [[nodiscard]] Bands look_ups() const;
};

/// Bands to be entered once the lock is let go.
struct Fresh {
  static constexpr size_t kMost = 32;
  std::array<uint64_t, kMost> bands{};
  size_t size = 0;
};

/// Makes a cluster of the first message out of a fresh place. False: there is no memory for it; drop the place.
[[nodiscard]] bool begin(Shard& shard, Shard::Place place, const Unit& unit);
/// Counts one more. `similarity`: to the centre as it was.
void join(Shard& shard, Shard::Place place, const Unit& unit, double similarity, Fresh& fresh);
/// All that `gone` has becomes `kept`'s, of the same aspect; `gone` is left to be dropped. Both shards are locked.
void absorb(Shard& shard, Shard::Place kept, Shard& other, Shard::Place gone);
/// Whether two clusters that one message is a copy of are the same campaign: not when it quotes both. Both shards are
/// locked.
[[nodiscard]] bool same_campaign(const Shard& shard, const Head& head, const Shard& other_shard, const Head& other);
/// A cluster whose time lies further ahead than a window of `slice` comes back to it: that time was wrong.
void rebase(Shard& shard, Shard::Place place, const Moment& moment, int64_t now);
/// The next few bands of a cluster, in turn, so that none is pushed out of the table while the cluster lives.
void refresh(Shard& shard, Shard::Place place, size_t most, Fresh& fresh);

void let_through(Shard& shard, Shard::Place place, const Passed& passed);
/// False: it was the last one.
[[nodiscard]] bool withdraw(Shard& shard, Shard::Place place, const Moment& moment);

[[nodiscard]] Bands bands_of(const Shard& shard, const Head& head);
/// Of a message that is counted in no cluster.
[[nodiscard]] Outcome alone(const Sighting& sighting, const Moment& moment);
[[nodiscard]] Outcome outcome_of(const Shard& shard, const Head& head, const Moment& moment);
[[nodiscard]] std::vector<Passed> passed_of(const Shard& shard, const Head& head);
[[nodiscard]] Report report_of(const Shard& shard, const Head& head, const Moment& moment);

[[nodiscard]] ClusterImage image_of(const Shard& shard, const Head& head, int64_t slice_ms);
/// Whether the fields agree with each other.
[[nodiscard]] bool sound(const ClusterImage& image);
/// Into a fresh place. False: there is no memory for it; drop the place.
[[nodiscard]] bool restore(Shard& shard, Shard::Place place, const ClusterImage& image, int64_t slice_ms);

}  // namespace postern::bulk
