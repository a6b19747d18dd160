// Host names of backends and what they resolved to.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "filters/base/clock.h"
#include "proxy/net/address.h"

namespace postern::net {

/// Process-wide and thread-safe. Bounded by the configuration: only names of backends come in.
class HostTable {
 public:
  /// A name is asked again after this time.
  static constexpr Duration kFresh = std::chrono::seconds(30);

  /// Addresses without port. nullopt: unknown, or older than kFresh.
  [[nodiscard]] std::optional<std::vector<IpAddress>> fresh(const std::string& host, TimePoint now) const;
  /// However old: better than nothing when the name does not resolve now.
  [[nodiscard]] std::vector<IpAddress> any(const std::string& host) const;
  void store(const std::string& host, std::vector<IpAddress> addresses, TimePoint now);

  /// The system's resolver (hosts file included). Blocks: not on a loop. At most 16 addresses.
  static Result<std::vector<IpAddress>> resolve(const std::string& host);

 private:
  struct Entry {
    std::vector<IpAddress> addresses;
    TimePoint since;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

}  // namespace postern::net
