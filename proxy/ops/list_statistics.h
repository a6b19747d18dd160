// What each DNS list is worth: how it answers, how often, how fast, and whether a verdict ever hung on it alone.
//
// Theory of operation. Workers count into atomics that are found by the list's name without a lock; whoever asks for a
// report reads them as they are at that moment. Numbers belong to a name and outlive a reload, also one in which the
// list was missing.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "filters/base/clock.h"
#include "filters/lists/list.h"
#include "filters/lists/zone.h"
#include "proxy/ops/label_map.h"
#include "proxy/ops/list_metrics.h"

namespace postern::ops {

/// Any thread.
class ListStatistics {
 public:
  ListStatistics() = default;
  ListStatistics(const ListStatistics&) = delete;
  ListStatistics& operator=(const ListStatistics&) = delete;
  ~ListStatistics() = default;

  /// The lists to report of. At start and after a reload.
  void in_force(lists::ListsPtr lists);

  /// A question; `result` is a place in kListResults. `time`: until the answer, 0 if it was known already: then it says
  /// nothing of the list's speed, and counts as a question only.
  void asked(const std::string& list, size_t result, Duration time);
  /// A list answered with an error, the how-manieth since start.
  uint64_t failed(const std::string& list);
  /// A message, or a client or recipient refused before one, was judged.
  void judged() { judged_.fetch_add(1, std::memory_order_relaxed); }
  /// What the lists said of it, by place in `lists`. Needed only where one of them listed something.
  void said(const lists::Lists& lists, const std::vector<lists::Outcome>& outcomes);
  /// Its verdict would have been another one without this list.
  void decisive(const std::string& list);

  struct Overlap {
    std::string list;
    double share = 0;  // of the messages that this list listed and the other one answered about: listed there too
  };
  struct Report {
    lists::List list;
    std::array<uint64_t, kListResults.size()> queries{};
    uint64_t asked = 0;           // questions that went out: all but "suspended" and "limit"
    uint64_t errors = 0;          // of these: refused, wrong, no answer
    double listed_share = 0;      // of these: listed
    uint64_t timed = 0;           // answers that were not known already; mean and p95 are of these
    Duration mean{};              // time to the answer
    Duration p95{};               // estimated from a histogram, within 30 %; at most the longest seen
    uint64_t listed = 0;          // messages with something listed
    std::vector<Overlap> others;  // the largest share first; without those that share nothing
    uint64_t decisive = 0;        // messages whose verdict hung on it
    double decisive_share = 0;    // of all messages judged since the list was first seen
  };
  /// Of every enabled list in force, in the order of the rules.
  [[nodiscard]] std::vector<Report> report() const;

 private:
  static constexpr size_t kCapacity = 256;  // of the map of names; three quarters, and "other", may be taken
  static constexpr size_t kMost = kCapacity * 3 / 4 + 1;
  static constexpr size_t kTimes = 50;
  using Count = std::atomic<uint64_t>;
  struct Counters {
    size_t place = 0;  // in the arrays of pairs
    uint64_t judged_before = 0;
    std::array<Count, kListResults.size()> queries{};
    std::array<Count, kTimes> times{};  // answers, by the place of their time in bounds()
    Count microseconds{0};              // their sum
    std::atomic<int64_t> longest{0};    // of them, microseconds
    Count failures{0};
    Count listed{0};
    Count decisive{0};
    // Of the messages that this list listed: those that the other one answered about, and those it listed too.
    std::array<Count, kMost> answered{};
    std::array<Count, kMost> both{};
  };
  [[nodiscard]] static const std::array<int64_t, kTimes>& bounds();
  [[nodiscard]] static Duration percentile(const Counters& counters, double share);
  Counters& of(const std::string& list) const;
  [[nodiscard]] std::vector<Overlap> overlaps(const Counters& counters, const lists::Lists& lists) const;
  [[nodiscard]] Report report(const lists::List& list, const lists::Lists& all) const;

  mutable LabelMap<std::unique_ptr<Counters>> counters_{kCapacity};
  mutable std::atomic<size_t> places_{0};
  Count judged_{0};
  mutable std::mutex mutex_;
  lists::ListsPtr lists_;  // guarded by mutex_
};

class HttpServer;
/// GET /api/lists: {"lists": [{...}, ...]}, see list_statistics.cc. `statistics` and `zones` outlive the server.
void add_list_route(HttpServer& server, const ListStatistics& statistics, lists::Zones& zones);

}  // namespace postern::ops
