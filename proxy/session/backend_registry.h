// What is known of each backend: whether it answers and what its EHLO offers.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "proxy/session/ports.h"
#include "proxy/smtp/client_engine.h"

namespace postern::session {

/// Process-wide and thread-safe; every call is short. Fed by the health probe and by real sessions.
class BackendRegistry {
 public:
  /// True when this changed the state.
  bool report_up(const std::string& backend, const smtp::Capabilities& capabilities);
  bool report_down(const std::string& backend, const std::string& why);
  /// True once for each backend: what is said once need not fill the log.
  bool first_complaint(const std::string& backend);
  /// Addresses to try: those not known to be down first, in the given order, then the others.
  [[nodiscard]] std::vector<BackendAddress> order(const std::vector<BackendAddress>& addresses) const;
  /// Last known capabilities of the first of `addresses` that has any; nullopt when none was ever reached.
  [[nodiscard]] std::optional<smtp::Extensions> offered(const std::vector<BackendAddress>& addresses) const;
  /// For /readyz: at least one address is up (a Maildir is always).
  [[nodiscard]] bool any_up(const std::vector<BackendAddress>& addresses) const;

 private:
  struct State {
    bool up = false;
    std::string why;
    std::optional<smtp::Extensions> extensions;
  };
  mutable std::mutex mutex_;
  std::map<std::string, State> states_;
  std::set<std::string> complained_;
};

}  // namespace postern::session
