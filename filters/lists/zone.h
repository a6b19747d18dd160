// The health of lists: which ones may be believed now. Process-wide, any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/clock.h"
#include "filters/lists/list.h"

namespace postern::lists {

/// One zone and its test points. Lists that ask the same zone in the same way share one. Thread-safe; no lock where a
/// message asks.
class Zone {
 public:
  enum class State {
    Unknown,  // not probed yet: messages wait for the probe
    Up,
    Down,  // suspended: not asked, scores nothing
  };
  /// How the zone is asked: what its test points look like.
  enum class Style { Address, Domain, Hash };

  [[nodiscard]] State state() const { return state_.load(std::memory_order_acquire); }
  [[nodiscard]] const List& list() const { return list_; }  // the first that declared it: zone and test points
  [[nodiscard]] Style style() const { return style_of(list_.of); }
  [[nodiscard]] static Style style_of(Subject of);
  /// Why it is in its state, and since when (wall clock, milliseconds).
  struct Status {
    State state = State::Unknown;
    std::string reason;  // Down: "127.0.0.2 is not listed (RFC 5782, 5): ..."
    int64_t since_ms = 0;
    int64_t probed_ms = 0;  // the last probe; 0: none yet
  };
  [[nodiscard]] Status status() const;
  /// How often it went down so far: what was heard before a fall is not believed after it.
  [[nodiscard]] uint64_t falls() const { return falls_.load(std::memory_order_acquire); }

  /// A look-up of a message ended. `asked`: when it began. May suspend the zone: a time-out while nothing was answered
  /// since `asked`; Refused or Wrong, or kFailures failures in a row, or kSuspicious listed subjects in a row, each
  /// another, ask for a probe now (at most one each kKick).
  void report(const Reading& reading, std::string_view subject, std::string_view reason, TimePoint asked,
              TimePoint now);
  static constexpr int kFailures = 3;
  static constexpr int kSuspicious = 3;
  static constexpr Duration kKick = std::chrono::seconds(10);

  /// Whether a listing that this process heard at `heard`, with this TTL, is from before the zone came back from a
  /// failed probe: from a cache of ours that was not emptied yet, or from a resolver's, which counts the TTL down from
  /// the one that the list gives.
  [[nodiscard]] bool is_old(uint32_t ttl, TimePoint heard);

  /// A probe ended; `fault` empty: good. A zone whose probes are good while the questions of messages time out stays
  /// Down for a while that grows each time, so that messages do not wait for it again and again.
  void probed(const std::string& fault);

 private:
  friend class Zones;
  /// The first hold-off (see trip), and the longest.
  static constexpr Duration kHold = std::chrono::seconds(10);
  static constexpr Duration kMaxHold = std::chrono::minutes(10);
  /// A zone that came back, answered messages and did well for this long has its time-outs forgiven.
  static constexpr Duration kCalm = std::chrono::minutes(10);

  Zone(class Zones& owner, List list, State first);
  void answered(TimePoint now);
  void listed(std::string_view subject, TimePoint now);
  void failed(std::string_view reason, TimePoint asked, TimePoint now);
  /// Down, because messages would wait; false when it is Down already or has answered since `asked`.
  bool trip(std::string_view reason, TimePoint asked, TimePoint now);
  /// Asks for a probe, unless that was done less than kKick ago.
  bool kick(TimePoint now);
  void forget_run();
  void fell();

  class Zones& owner_;
  List list_;
  std::atomic<State> state_;
  std::atomic<uint64_t> falls_{0};

  // Where messages report; ticks of the monotonic clock.
  static constexpr int64_t kNever = INT64_MIN;
  std::atomic<int64_t> last_success_{kNever};
  std::atomic<int64_t> last_kick_{kNever};
  std::atomic<int64_t> returned_{kNever};  // when it last came back from a failed probe
  std::atomic<uint32_t> longest_ttl_{0};   // of listings, seconds
  std::atomic<int> failures_{0};
  std::array<std::atomic<uint64_t>, kSuspicious> run_{};  // hashes of the subjects listed in a row; 0: free

  // Where states change.
  mutable std::mutex mutex_;
  Status status_;
  bool distrusted_ = false;  // it went down by a probe, not by a time-out
  int trips_ = 0;            // how often messages were made to wait, one time soon after the other
  TimePoint held_until_{};   // a good probe before that is not believed
  TimePoint back_since_{};   // when it last came up
};
using ZonePtr = std::shared_ptr<Zone>;

/// All zones of the process; outlives those who use it.
class Zones {
 public:
  /// `first`: of a zone that is new: Unknown where somebody probes (the gateway), Up where nobody does (scan, tests).
  Zones(const Clock& clock, Zone::State first) : clock_(clock), first_(first) {}

  /// The zone that `list` asks; the same for lists with the same zone, style and test points, over reloads too.
  [[nodiscard]] ZonePtr of(const List& list);
  /// For each list its zone; null for one that is not enabled. A set of lists keeps its zones.
  [[nodiscard]] std::vector<ZonePtr> of(const Lists& lists);

  /// How often any of them went down, or came back from a failed probe, so far: at each, caches are to forget. Going
  /// down is not enough: a question that one worker had sent to another before is asked by that one after it.
  [[nodiscard]] uint64_t turns() const { return turns_.load(std::memory_order_acquire); }

  /// Called on the thread where it happens, outside of locks; set before any other use. `changed`: a state changed.
  /// `wants_probe`: somebody should probe it now.
  std::function<void(Zone&)> changed;
  std::function<void(Zone&)> wants_probe;

 private:
  friend class Zone;
  const Clock& clock_;
  Zone::State first_;
  std::atomic<uint64_t> turns_{0};
  std::mutex mutex_;
  std::map<std::string, ZonePtr> zones_;
};

}  // namespace postern::lists
