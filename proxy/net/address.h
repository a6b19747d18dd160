// Socket addresses <-> IpAddress, and the texts of the configuration.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/socket.h>

#include "filters/base/ip.h"
#include "filters/base/result.h"

namespace postern::net {

/// An address that connect() and bind() take. A value.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

struct Endpoint {
  IpAddress ip;
  uint16_t port = 0;
};

[[nodiscard]] SocketAddress to_socket_address(const IpAddress& ip, uint16_t port);
/// IPv4-mapped addresses come out as IPv4. nullopt for anything but AF_INET and AF_INET6.
[[nodiscard]] std::optional<Endpoint> to_endpoint(const SocketAddress& address);
/// Who is at the other, and at our, end of a connected socket; nullopt for a UNIX socket or when it is gone already.
[[nodiscard]] std::optional<Endpoint> peer_of(int fd);
[[nodiscard]] std::optional<Endpoint> local_of(int fd);

/// "0.0.0.0:25", "[::]:25", "unix:/path", "systemd:NAME", as in [[listen]] address.
struct ListenAddress {
  enum class Kind { Tcp, Unix, Systemd } kind = Kind::Tcp;
  Endpoint endpoint;  // Tcp
  std::string name;   // Unix: the path; Systemd: the name
};
[[nodiscard]] Result<ListenAddress> parse_listen_address(std::string_view text);

/// "connect: Connection refused", for people.
[[nodiscard]] std::string system_error(const std::string& what, int error);

}  // namespace postern::net
