// What is behind Index: shards of clusters, the table that leads to them, and the time they go by.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "filters/bulk/cluster.h"
#include "filters/bulk/index.h"
#include "filters/bulk/members.h"
#include "filters/bulk/postings.h"
#include "filters/bulk/shard.h"
#include "filters/bulk/window.h"

namespace postern::bulk {

/// Somebody joins or forgets what was found, again and again: not more often than this.
constexpr int kTries = 4;

/// Any thread, but for what says otherwise. For save and load: shard_count(), copy(), put(), clear().
class Index::Impl {
 public:
  /// `limit` outlives it.
  Impl(const Options& options, const std::atomic<uint64_t>& limit);

  [[nodiscard]] Seen see(const Sighting& sighting);
  void take(const Let& let);
  void take(const Withdrawn& withdrawn);
  [[nodiscard]] bool take(const Allowed& allowed);
  void adopt(uint64_t number, uint64_t own);
  [[nodiscard]] Ticket where(const Sighting& sighting) const;
  [[nodiscard]] std::vector<Report> list(int64_t wall_ms, uint64_t at_least, size_t most) const;
  [[nodiscard]] std::optional<Report> find(uint64_t cluster, int64_t wall_ms) const;
  void forget(int64_t wall_ms);
  [[nodiscard]] Stats stats() const;

  [[nodiscard]] size_t shard_count() const { return shards_.size(); }
  /// Copies clusters of `shard` from place `from` on, at most `most` of them, under its lock. Returns the place to go
  /// on from; 0: that was all.
  [[nodiscard]] size_t copy(size_t shard, size_t from, size_t most, std::vector<ClusterImage>& clusters) const;
  /// Wrong: it is no cluster (its fields contradict each other), or its number is there. Expired: it left the window at
  /// `wall_ms`, and was left out. Live: it was taken in, or there was no room, or it will have to go for another.
  enum class Put { Wrong, Expired, Live };
  /// Takes a cluster in, into an index that nobody else uses.
  [[nodiscard]] Put put(const ClusterImage& cluster, int64_t wall_ms);
  /// Forgets everything; nobody else uses the index.
  void clear();

 private:
  /// A cluster that a message is a copy of. `number`: whether it is still the same one is seen by it.
  struct Match {
    Ref ref = 0;
    uint64_t number = 0;
    unsigned score = 0;  // the nearer the more
    double similarity = 0;
  };
  /// The two nearest.
  struct Alike {
    Match best;
    Match second;
  };
  struct Placed {
    uint64_t number = 0;  // 0: there was no room for it
    Outcome outcome;
    bool crossed = false;
  };
  /// What is to be done to the table once the locks are let go: it needs none, and is slow.
  struct Entries {
    Ref ref = 0;
    Fresh fresh;
    Ref swept = 0;  // an allowed cluster that sweep() came by
    Fresh swept_fresh;
    Ref gone = 0;  // its bands lead to `ref` now
    Bands gone_bands;
  };
  /// One shard or two, locked in the order of their addresses.
  class Locked {
   public:
    Locked(Shard& one, Shard& two);

   private:
    std::unique_lock<std::mutex> first_;
    std::unique_lock<std::mutex> second_;
  };

  // index.cc
  [[nodiscard]] Alike search(const Unit& unit, Ref but) const;
  [[nodiscard]] Match compare(const Unit& unit, Ref ref) const;
  [[nodiscard]] Placed place(const Unit& unit);
  [[nodiscard]] std::optional<Placed> join_alike(const Unit& unit, const Alike& alike);
  [[nodiscard]] Placed begin_cluster(const Unit& unit, uint64_t begun_before);
  /// Looks for one that was begun at the same time as `own`.
  [[nodiscard]] Placed join_twin(const Unit& unit, Ref own, Placed result);
  [[nodiscard]] Ref merge(Ref one, Ref two, Entries& entries);
  [[nodiscard]] Placed placed(Ref ref, const Unit& unit, Entries& entries);
  void enter(const Entries& entries);

  // index_names.cc
  /// The cluster that this number leads to; 0: none.
  [[nodiscard]] uint64_t current(uint64_t number) const;
  /// False: one of them has gone meanwhile.
  [[nodiscard]] bool unite(uint64_t one, uint64_t two, uint64_t number);
  [[nodiscard]] bool rename(uint64_t from, uint64_t to);
  void remember(uint64_t number, uint64_t cluster);

  /// With the place of a cluster of that number, or of the one that it was joined to, under its lock. False: there is
  /// none.
  template <typename F>
  bool with(uint64_t number, const F& use) const {
    // Joined to one that was joined to another, and so on.
    for (int hops = 0; hops < 8 && number != 0; ++hops) {
      Shard& in = *shards_[shard_of(number)];
      std::lock_guard lock(in.mutex);
      if (Shard::Place place = in.find(number); place != 0) return use(in, place);
      number = in.forwarded(number);
    }
    return false;
  }

  [[nodiscard]] size_t shard_of(uint64_t number) const { return number & (shards_.size() - 1); }
  [[nodiscard]] Shard& shard(Ref ref) const { return *shards_[ref & (shards_.size() - 1)]; }
  [[nodiscard]] Shard::Place place_of(Ref ref) const { return static_cast<Shard::Place>(ref / shards_.size()); }
  [[nodiscard]] Ref ref_of(size_t shard, Shard::Place place) const {
    return static_cast<Ref>(place * shards_.size() + shard);
  }

  /// With which time and limit all clusters were looked at last.
  struct Forgot {
    int64_t slice = -1;
    uint64_t limit = 0;
    bool operator==(const Forgot&) const = default;
  };

  const std::atomic<uint64_t>& limit_;
  Timeline time_;
  std::vector<std::unique_ptr<Shard>> shards_;  // a power of two
  Postings postings_;
  std::mutex forgetting_;
  Forgot forgot_;                   // guarded by forgetting_
  std::atomic<uint64_t> begun_{0};  // clusters; two messages that begin one at the same time see each other by it
};

}  // namespace postern::bulk
