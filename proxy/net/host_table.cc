#include "proxy/net/host_table.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include <netdb.h>

namespace postern::net {

std::optional<std::vector<IpAddress>> HostTable::fresh(const std::string& host, TimePoint now) const {
  std::lock_guard lock(mutex_);
  auto found = entries_.find(host);
  if (found == entries_.end() || now - found->second.since > kFresh) return std::nullopt;
  return found->second.addresses;
}

std::vector<IpAddress> HostTable::any(const std::string& host) const {
  std::lock_guard lock(mutex_);
  auto found = entries_.find(host);
  return found == entries_.end() ? std::vector<IpAddress>{} : found->second.addresses;
}

void HostTable::store(const std::string& host, std::vector<IpAddress> addresses, TimePoint now) {
  std::lock_guard lock(mutex_);
  entries_[host] = {std::move(addresses), now};
}

Result<std::vector<IpAddress>> HostTable::resolve(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list); error != 0) {
    return fail(Code::Unavailable, "resolve " + host + ": " + ::gai_strerror(error));
  }
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
  constexpr size_t kMaxAddresses = 16;
  std::vector<IpAddress> addresses;
  for (const addrinfo* item = list; item != nullptr && addresses.size() < kMaxAddresses; item = item->ai_next) {
    SocketAddress address;
    if (item->ai_addrlen > sizeof address.storage) continue;
    std::memcpy(&address.storage, item->ai_addr, item->ai_addrlen);
    auto endpoint = to_endpoint(address);
    if (!endpoint || std::find(addresses.begin(), addresses.end(), endpoint->ip) != addresses.end()) continue;
    addresses.push_back(endpoint->ip);
  }
  if (addresses.empty()) return fail(Code::Unavailable, "resolve " + host + ": no address");
  return addresses;
}

}  // namespace postern::net
