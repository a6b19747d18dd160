// Shard: a part of the clusters, with its memory and its lock; finds them by number, makes and forgets them.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <new>
#include <optional>

#include "filters/bulk/cluster.h"
#include "filters/bulk/slab.h"

namespace postern::bulk {

/// Everything but the counters needs `mutex`. Pointers and references to heads and bodies stay good until the cluster
/// is forgotten, which make() and body() may do to any that is not pinned.
class Shard {
 public:
  using Place = uint32_t;  // of a head, from 1 on; 0: none

  /// `time`: outlives it; says which clusters have expired when one has to go.
  Shard(size_t heads, size_t bodies, const Timeline& time);

  mutable std::mutex mutex;

  [[nodiscard]] size_t size() const { return heads_.size() - 1; }
  /// No place behind this one was ever used.
  [[nodiscard]] Place used_places() const { return fresh_head_ - 1; }
  [[nodiscard]] Head& head(Place place) { return heads_[place]; }
  [[nodiscard]] const Head& head(Place place) const { return heads_[place]; }
  /// The head's first line, before the lock is taken.
  void prefetch(Place place) const { __builtin_prefetch(&heads_[place]); }

  template <Body T>
  [[nodiscard]] T& body(BodyRef ref) {
    return *std::launder(reinterpret_cast<T*>(bodies_[ref].octets.data()));
  }
  template <Body T>
  [[nodiscard]] const T& body(BodyRef ref) const {
    return *std::launder(reinterpret_cast<const T*>(bodies_[ref].octets.data()));
  }

  [[nodiscard]] Place find(uint64_t number) const;
  /// Where a cluster went that has been joined to another; 0: nobody knows.
  [[nodiscard]] uint64_t forwarded(uint64_t number) const;
  void forward(uint64_t from, uint64_t to);

  /// A new cluster, with a number that is not there yet and nothing else. May forget another; 0: all are allowed.
  [[nodiscard]] Place make(uint64_t number);
  /// A new body, of nobody yet. May forget clusters; 0: nothing is left.
  template <Body T>
  [[nodiscard]] BodyRef make_body() {
    BodyRef ref = new_body();
    if (ref != 0) new (bodies_[ref].octets.data()) T();
    return ref;
  }
  void drop_body(BodyRef& ref);
  void drop(Place place);
  /// Neither is forgotten while the pins live.
  void pin(Place one, Place two) { pinned_ = {one, two}; }
  void unpin() { pinned_ = {}; }

  /// To be said of a cluster that got its second member, or crossed the limit, or came back.
  void count_as_cluster(Head& head);
  void count_over(Head& head, bool over);
  /// False: no more can be.
  [[nodiscard]] bool allow(Head& head, bool allowed);

  /// Looks at the next few and forgets what has expired. Returns one that is allowed, for its bands to be entered
  /// again; 0: there was none.
  Place sweep(uint64_t limit);
  /// Whether no message of it is within the window at `slice`.
  [[nodiscard]] static bool expired(const Head& head, int64_t slice) {
    return !head.allowed && slice - head.slice >= static_cast<int64_t>(kSlices);
  }
  /// The same for all, in parts: looks at the next `most` places from `from` on, forgets what has expired and counts
  /// anew what is over the limit. Returns the place to go on from; 0: that was all. An empty shard gives its memory
  /// back.
  Place forget(Place from, Place most, uint64_t limit);
  [[nodiscard]] uint64_t count(const Head& head, int64_t slice) const;
  void clear();

  // Any thread.
  [[nodiscard]] uint64_t clusters() const { return clusters_.load(std::memory_order_relaxed); }
  [[nodiscard]] uint64_t single() const { return used_heads() - clusters(); }
  [[nodiscard]] uint64_t over_limit() const { return over_.load(std::memory_order_relaxed); }
  [[nodiscard]] uint64_t allowed() const { return allowed_.load(std::memory_order_relaxed); }
  /// Memory that was touched, and so is the process's: heads and bodies up to the last that was ever used.
  [[nodiscard]] uint64_t bytes_used() const { return touched_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool empty() const { return used_heads() == 0; }
  /// Of one head, its part of the other tables included.
  static constexpr uint64_t kHeadBytes = sizeof(Head) + 4 * sizeof(Place) + sizeof(uint64_t);

 private:
  struct alignas(8) Octets {
    std::array<std::byte, kBodySize> octets;
  };
  struct Forward {
    uint64_t from;
    uint64_t to;
  };
  [[nodiscard]] uint64_t used_heads() const { return used_heads_.load(std::memory_order_relaxed); }
  [[nodiscard]] BodyRef new_body();
  /// `with_body`: one that has a body.
  [[nodiscard]] bool evict(bool with_body);
  [[nodiscard]] uint64_t worth(const Head& head, int64_t now, bool singles_first) const;
  [[nodiscard]] size_t slot(uint64_t number) const { return (number >> 8U) & (numbers_.size() - 1); }
  void enter(Place place);
  void leave(Place place);
  void release();

  const Timeline& time_;
  Slab<Head> heads_;
  Slab<Octets> bodies_;
  Slab<Place> numbers_;  // open addressing; a power of two, at least twice the heads
  Slab<Forward> forwards_;
  std::array<Place, 2> pinned_{};
  Place free_head_ = 0;    // a list through Head::key
  BodyRef free_body_ = 0;  // a list through the body's first octets
  Place fresh_head_ = 1;   // never used from here on
  BodyRef fresh_body_ = 1;
  Place hand_ = 1;   // of evict()
  Place broom_ = 1;  // of sweep()
  std::atomic<uint64_t> used_heads_{0};
  std::atomic<uint64_t> touched_{0};   // octets
  std::atomic<uint64_t> clusters_{0};  // heads with two members or more
  std::atomic<uint64_t> over_{0};
  std::atomic<uint64_t> allowed_{0};
};

}  // namespace postern::bulk
