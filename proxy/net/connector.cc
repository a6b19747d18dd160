#include "proxy/net/connector.h"

namespace postern::net {
namespace {

std::vector<SocketAddress> with_port(const std::vector<IpAddress>& addresses, uint16_t port) {
  std::vector<SocketAddress> result;
  result.reserve(addresses.size());
  for (const auto& ip : addresses) result.push_back(to_socket_address(ip, port));
  return result;
}

}  // namespace

std::unique_ptr<session::Link> LinkConnector::connect(const session::BackendAddress& address,
                                                      session::LinkEvents& events) {
  auto link = links_.outgoing(events);
  if (address.kind != session::BackendAddress::Kind::Smtp) {
    link->fail_later(address.text + ": nothing to connect to");
  } else if (auto ip = IpAddress::parse(address.host)) {
    link->connect({to_socket_address(*ip, address.port)}, "");
  } else if (auto known = hosts_.fresh(address.host, clock_.now())) {
    link->connect(with_port(*known, address.port), address.host);
  } else {
    resolve(*link, address);
  }
  return link;
}

void LinkConnector::resolve(BufferLink& link, const session::BackendAddress& address) {
  auto work = [&hosts = hosts_, &clock = clock_, host = address.host]() -> Result<std::string> {
    auto addresses = HostTable::resolve(host);
    if (!addresses) return tl::unexpected(std::move(addresses.error()));
    hosts.store(host, std::move(*addresses), clock.now());
    return std::string();
  };
  link.hold(offload_.run(std::move(work), [&link, &hosts = hosts_, address](Result<std::string> result) {
    auto addresses = hosts.any(address.host);
    if (addresses.empty()) {
      link.fail_later(result ? "no address" : result.error().message);
    } else {
      link.connect(with_port(addresses, address.port), address.host);
    }
  }));
}

}  // namespace postern::net
