#include "proxy/session/backend_registry.h"

namespace postern::session {
namespace {

/// A Maildir stores any octets of any length; it promises no delivery notices, so no DSN (RFC 3461, 5.2).
constexpr smtp::Extensions kMaildirExtensions = {.pipelining = true,
                                                 .size = true,
                                                 .eightbitmime = true,
                                                 .smtputf8 = true,
                                                 .starttls = false,
                                                 .enhancedstatuscodes = true,
                                                 .dsn = false,
                                                 .max_size = 0};

}  // namespace

bool BackendRegistry::report_up(const std::string& backend, const smtp::Capabilities& capabilities) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto [entry, added] = states_.try_emplace(backend);
  bool changed = added || !entry->second.up;
  entry->second = State{true, "", capabilities.extensions};
  return changed;
}

bool BackendRegistry::report_down(const std::string& backend, const std::string& why) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto [entry, added] = states_.try_emplace(backend);
  bool changed = added || entry->second.up;
  // What it offered is kept: it will most likely offer the same when it is back, and clients are greeted meanwhile.
  entry->second.up = false;
  entry->second.why = why;
  return changed;
}

std::vector<BackendAddress> BackendRegistry::order(const std::vector<BackendAddress>& addresses) const {
  std::vector<BackendAddress> ordered;
  std::vector<BackendAddress> down;
  std::lock_guard<std::mutex> lock(mutex_);
  for (const BackendAddress& address : addresses) {
    auto known = states_.find(address.text);
    bool is_down = known != states_.end() && !known->second.up;
    (is_down ? down : ordered).push_back(address);
  }
  ordered.insert(ordered.end(), down.begin(), down.end());
  return ordered;
}

std::optional<smtp::Extensions> BackendRegistry::offered(const std::vector<BackendAddress>& addresses) const {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const BackendAddress& address : addresses) {
    if (address.kind == BackendAddress::Kind::Maildir) return kMaildirExtensions;
    auto known = states_.find(address.text);
    if (known != states_.end() && known->second.extensions) return known->second.extensions;
  }
  return std::nullopt;
}

bool BackendRegistry::any_up(const std::vector<BackendAddress>& addresses) const {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const BackendAddress& address : addresses) {
    if (address.kind == BackendAddress::Kind::Maildir) return true;
    auto known = states_.find(address.text);
    if (known != states_.end() && known->second.up) return true;
  }
  return false;
}

bool BackendRegistry::first_complaint(const std::string& backend) {
  std::lock_guard<std::mutex> lock(mutex_);
  return complained_.insert(backend).second;
}

}  // namespace postern::session
