// Index: clusters of messages that are alike, over a sliding window, in bounded memory.
//
// Theory of operation. A message is looked up by its fingerprint's bands (LSH): each band leads to the clusters that
// last had it, in a table of fixed size whose oldest entries are overwritten. The few clusters that share most bands
// are compared with it (likeness.h); the nearest one that is a copy takes it, else it begins a cluster. A cluster's
// centre is what most of its members have in each slot, so that it draws nearer to what they were all made from. Two
// clusters that one message is a copy of are joined. Beside text, files, pictures and links have clusters of their own;
// what is said of a message is said by the largest.
//
// Clusters live in shards, each with a lock; the table of bands has none. When a shard is full, what is forgotten is
// old and small. Nothing grows with the number of messages seen.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/clock.h"
#include "filters/base/result.h"
#include "filters/bulk/facts.h"
#include "filters/bulk/sighting.h"

namespace postern::bulk {

/// A cluster as an admin sees it.
struct Report {
  uint64_t cluster = 0;
  Outcome outcome;             // as of its last message; outcome.cluster is its name
  int64_t last_seen = 0;       // seconds since 1970
  std::string subject;         // of one of its messages; untrusted UTF-8
  std::string from;            // of one of its messages; untrusted
  uint64_t let_through = 0;    // messages let through since it began
  std::vector<Passed> passed;  // the first of these, at most Index::kMaxPassed
};

/// Any thread, but for what says otherwise.
class Index {
 public:
  static constexpr size_t kMaxPassed = 10;
  static constexpr size_t kMaxAllowed = 10'000;
  static constexpr uint64_t kAll = 2;  // messages: a cluster has no fewer

  struct Options {
    uint64_t memory = 256U << 20U;  // octets, all told; at least 1 MiB
    Duration window = std::chrono::hours(24);
    uint64_t limit = 100;  // messages; see Seen::crossed and list()
    unsigned shards = 16;  // a power of two
  };
  explicit Index(const Options& options);
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;
  ~Index();

  /// Counts the message and says what is known of its like. Tens of microseconds.
  [[nodiscard]] Seen see(const Sighting& sighting);
  /// What became of a message later, or elsewhere. Clusters that are forgotten meanwhile are passed over.
  void take(const Let& let);
  void take(const Withdrawn& withdrawn);
  /// False: there is no such cluster, or too many are allowed. An allowed cluster is not forgotten.
  bool take(const Allowed& allowed);
  /// Another gateway counted a message in its cluster `number` that is in `own` here: one campaign, which began there
  /// and here before they knew of each other. Both end with the smaller number, whoever hears first, and either number
  /// leads to it. When both are here they are joined, if they are alike.
  void adopt(uint64_t number, uint64_t own);
  /// The clusters that the message belongs to, without counting it; as Seen::ticket, but for those that it would begin.
  [[nodiscard]] Ticket where(const Sighting& sighting) const;

  /// Clusters whose count is at least `at_least`, the largest first, at most `most`. Where all are asked for, which is
  /// from kAll messages on, those that are allowed are among them although no message is left in the window: they are
  /// remembered. Takes each shard's lock for a while: not for the mail path.
  [[nodiscard]] std::vector<Report> list(int64_t wall_ms, uint64_t at_least, size_t most) const;
  [[nodiscard]] std::optional<Report> find(uint64_t cluster, int64_t wall_ms) const;

  /// Forgets what has left the window at `wall_ms`, also when no message comes, and counts anew what is over the limit,
  /// also after set_limit(). To be called every few seconds: does nothing unless a fifteenth of the window has passed
  /// or the limit has changed; then it looks at every cluster, some 20 ms, a few under a lock at a time.
  void forget(int64_t wall_ms);

  struct Stats {
    uint64_t clusters = 0;    // with two members or more
    uint64_t single = 0;      // messages without their like so far
    uint64_t bytes = 0;       // taken from the system, of Options::memory; given back when nothing is left
    uint64_t over_limit = 0;  // clusters whose count has reached the limit and that had a message within the window
  };
  /// Cheap: counters.
  [[nodiscard]] Stats stats() const;
  [[nodiscard]] uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }
  void set_limit(uint64_t limit) { limit_.store(limit, std::memory_order_relaxed); }

  /// Everything, in pieces of at most a few hundred KiB, shard after shard (each under its own lock while it is
  /// copied); stops with what `write` fails with. `position`: a text of the caller's that load() gives back.
  [[nodiscard]] Result<void> save(std::string_view position,
                                  const std::function<Result<void>(std::string_view)>& write) const;
  /// What load() did: `kept` of `all` clusters and single messages, for those that have left the window are not
  /// counted; fewer when `memory` has no room for them.
  struct Loaded {
    uint64_t kept = 0;
    uint64_t all = 0;
  };
  /// Into an empty index that nobody else uses yet; clusters that have left the window at `wall_ms` are left out, and
  /// what does not fit into `memory` any more. Fails with what is wrong and leaves the index empty: `octets` may be
  /// torn or anybody's. Returns the position. `loaded` may be null.
  [[nodiscard]] Result<std::string> load(std::string_view octets, int64_t wall_ms, Loaded* loaded = nullptr);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
  std::atomic<uint64_t> limit_;
};

/// An event of this or another gateway; of a sighting it is counted, and the names of its clusters are taken over.
void apply(Index& index, const Event& event);

}  // namespace postern::bulk
