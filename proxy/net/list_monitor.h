// ListMonitor: probes every DNS list now and then (RFC 5782, 5), and tells the workers when one goes down or comes
// back.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>

#include "filters/lists/probe.h"
#include "filters/lists/zone.h"
#include "proxy/session/observer.h"
#include "proxy/session/ports.h"

namespace postern::net {

/// One thread: that of the timers, the control thread. All references outlive it. What it finds goes to the zones; an
/// admin reads of it in notes, which name lists, never zones (a zone may hold the key of a subscription).
class ListMonitor {
 public:
  /// A list that is down is probed after kFirstRetry, then twice as long, at most `interval` (see watch).
  static constexpr Duration kFirstRetry = std::chrono::seconds(5);

  /// `dns`: a client that keeps no answers (a probe must hear what the list says now).
  ListMonitor(session::Timers& timers, dns::Client& dns, const Clock& clock, lists::Zones& zones,
              session::Observer& observer);
  ListMonitor(const ListMonitor&) = delete;
  ListMonitor& operator=(const ListMonitor&) = delete;
  ~ListMonitor();  // cancels what is under way

  /// From now on the zones of these lists, all probed at once; at start and after a reload. `interval`: between two
  /// probes of a list that is well, spread a little so that they do not come all at once.
  void watch(const lists::ListsPtr& lists, Duration interval, Duration timeout);
  /// Somebody has a doubt: probe it now; a probe that is under way is done again when it ends, as it may have asked
  /// before there was anything to find. On the monitor's thread (see Zones::wants_probe, which may be any). Nothing
  /// happens for a zone that is not watched.
  void probe_now(lists::Zone& zone);

 private:
  class Watched;
  [[nodiscard]] uint64_t salt() { return random_(); }
  /// A little less than the interval, each time another little.
  [[nodiscard]] Duration pause();

  session::Timers& timers_;
  dns::Client& dns_;
  const Clock& clock_;
  lists::Zones& zones_;
  session::Observer& observer_;
  Duration interval_{};
  Duration timeout_{};
  std::mt19937_64 random_;  // no secret: it spreads the probes and makes names that no cache has
  std::map<const lists::Zone*, std::unique_ptr<Watched>> watched_;
};

}  // namespace postern::net
