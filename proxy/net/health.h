// HealthMonitor: asks every backend now and then whether it answers and what it offers.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "proxy/session/backend_registry.h"
#include "proxy/session/observer.h"
#include "proxy/session/policy.h"
#include "proxy/session/ports.h"

namespace postern::net {

/// One thread: that of the timers and the connector. All references outlive it. A probe is connection, greeting, EHLO
/// (STARTTLS as configured) and QUIT; its result goes to the registry and to the observer. A Maildir is always up.
class HealthMonitor {
 public:
  /// Between two probes of a backend that is up, and at most of one that is down (2, 4, 8 ... seconds).
  static constexpr Duration kInterval = std::chrono::seconds(30);
  static constexpr Duration kFirstRetry = std::chrono::seconds(2);

  HealthMonitor(session::Timers& timers, session::Connector& connector, session::BackendRegistry& registry,
                session::Observer& observer);
  HealthMonitor(const HealthMonitor&) = delete;
  HealthMonitor& operator=(const HealthMonitor&) = delete;
  ~HealthMonitor();

  /// From now on these backends, all probed at once; also after a reload. `hostname`: for EHLO.
  void watch(const std::string& hostname, const session::BackendPolicy& policy);

 private:
  class Probe;
  void add(const session::BackendAddress& address);

  session::Timers& timers_;
  session::Connector& connector_;
  session::BackendRegistry& registry_;
  session::Observer& observer_;
  std::string hostname_;
  session::BackendPolicy policy_;
  std::map<std::string, std::unique_ptr<Probe>> probes_;  // by address as configured
};

}  // namespace postern::net
