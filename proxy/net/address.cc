#include "proxy/net/address.h"

#include <charconv>
#include <cstring>
#include <system_error>

#include <netinet/in.h>
#include <sys/un.h>

namespace postern::net {
namespace {

using Getter = int (*)(int, sockaddr*, socklen_t*);

std::optional<Endpoint> endpoint_of(int fd, Getter getter) {
  SocketAddress address;
  address.length = sizeof address.storage;
  if (getter(fd, address.get(), &address.length) != 0) return std::nullopt;
  return to_endpoint(address);
}

int peer_name(int fd, sockaddr* address, socklen_t* length) {
  return ::getpeername(fd, address, length);
}
int local_name(int fd, sockaddr* address, socklen_t* length) {
  return ::getsockname(fd, address, length);
}

}  // namespace

SocketAddress to_socket_address(const IpAddress& ip, uint16_t port) {
  SocketAddress result;
  if (ip.is_v4()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    std::memcpy(&in.sin_addr, ip.octets().data(), 4);
    std::memcpy(&result.storage, &in, sizeof in);
    result.length = sizeof in;
  } else {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(port);
    std::memcpy(&in.sin6_addr, ip.octets().data(), 16);
    std::memcpy(&result.storage, &in, sizeof in);
    result.length = sizeof in;
  }
  return result;
}

std::optional<Endpoint> to_endpoint(const SocketAddress& address) {
  if (address.storage.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address.storage, sizeof in);
    std::array<uint8_t, 4> octets{};
    std::memcpy(octets.data(), &in.sin_addr, octets.size());
    return Endpoint{IpAddress::v4(octets), ntohs(in.sin_port)};
  }
  if (address.storage.ss_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &address.storage, sizeof in);
    std::array<uint8_t, 16> octets{};
    std::memcpy(octets.data(), &in.sin6_addr, octets.size());
    return Endpoint{IpAddress::v6(octets), ntohs(in.sin6_port)};
  }
  return std::nullopt;
}

std::optional<Endpoint> peer_of(int fd) {
  return endpoint_of(fd, peer_name);
}
std::optional<Endpoint> local_of(int fd) {
  return endpoint_of(fd, local_name);
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
  ListenAddress result;
  auto bad = [&](const char* why) { return fail(Code::BadInput, "'" + std::string(text) + "': " + why); };
  for (auto [prefix, kind] : {std::pair<std::string_view, ListenAddress::Kind>{"unix:", ListenAddress::Kind::Unix},
                              {"systemd:", ListenAddress::Kind::Systemd}}) {
    if (text.substr(0, prefix.size()) != prefix) continue;
    result.kind = kind;
    result.name = text.substr(prefix.size());
    if (result.name.empty()) return bad("a name is missing");
    if (kind == ListenAddress::Kind::Unix && result.name.size() >= sizeof(sockaddr_un::sun_path)) {
      return bad("the path is too long for a UNIX socket");
    }
    return result;
  }
  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad("expected ADDRESS:PORT, [ADDRESS]:PORT, unix:PATH or systemd:NAME");
  std::string_view host = text.substr(0, colon);
  std::string_view port = text.substr(colon + 1);
  bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  auto ip = IpAddress::parse(host);
  if (!ip || ip->is_v4() == bracketed) return bad("not an IP address (IPv6 addresses stand in brackets)");
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), result.endpoint.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size()) return bad("not a port number");
  result.endpoint.ip = *ip;
  return result;
}

std::string system_error(const std::string& what, int error) {
  return what + ": " + std::generic_category().message(error);
}

}  // namespace postern::net
