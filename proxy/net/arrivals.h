// From an accepted socket to a client that a session can greet: limits, PROXY header, implicit TLS.
#pragma once

#include <functional>
#include <list>
#include <memory>

#include "proxy/net/connection_counter.h"
#include "proxy/net/link.h"
#include "proxy/net/rate_limit.h"
#include "proxy/session/observer.h"
#include "proxy/session/policy.h"
#include "proxy/session/session.h"

namespace postern::net {

/// A client that is ready to be greeted.
struct Arrived {
  std::unique_ptr<session::Link> link;
  session::Peer peer;
  bool secured = false;
  ConnectionCounter::Ticket ticket;  // kept as long as the connection
};

/// One for each worker; its thread only. All references outlive it.
class Arrivals {
 public:
  /// For the PROXY header and the handshake of implicit TLS, each.
  static constexpr Duration kDeadline = std::chrono::seconds(10);
  using Ready = std::function<void(Arrived, const session::ListenerPolicy&)>;

  struct Limits {
    size_t connections = 20'000;
    size_t connections_per_ip = 100;
  };

  Arrivals(Loop& loop, LinkPool& links, session::Timers& timers, const Clock& clock, session::Observer& observer,
           ConnectionCounter& counter, Ready ready);
  Arrivals(const Arrivals&) = delete;
  Arrivals& operator=(const Arrivals&) = delete;
  ~Arrivals();

  void set_limits(const Limits& limits) { limits_ = limits; }
  /// A fresh connection. `listener` outlives it. A client over a limit is told 421 and closed.
  void take(Fd fd, const session::ListenerPolicy& listener);
  /// Closes all that are not ready yet.
  void clear();
  [[nodiscard]] size_t waiting() const { return waiting_.size(); }

 private:
  class Arrival;
  void identified(Fd fd, const session::Peer& peer, const session::ListenerPolicy& listener,
                  ConnectionCounter::Ticket ticket);
  Arrival& wait(const session::ListenerPolicy& listener, const session::Peer& peer, ConnectionCounter::Ticket ticket);
  void refuse(const Fd& fd, const session::ListenerPolicy& listener);
  void complain(const session::Peer& peer, const std::string& why);
  void remove(Arrival& arrival);

  Loop& loop_;
  LinkPool& links_;
  session::Timers& timers_;
  const Clock& clock_;
  session::Observer& observer_;
  ConnectionCounter& counter_;
  Ready ready_;
  Limits limits_;
  NoteLimiter limiter_;
  std::list<std::unique_ptr<Arrival>> waiting_;
};

}  // namespace postern::net
