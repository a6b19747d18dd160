// The small notations of postern.toml: durations, sizes, endpoints, domains. Pure: text in, value or reason out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "filters/base/clock.h"
#include "filters/base/ip.h"
#include "filters/base/result.h"
#include "proxy/session/ports.h"

namespace postern::ops {

/// "100ms", "5s", "10m", "24h", "7d", "0s": a whole number and a unit.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);
/// The shortest way to write a duration: "90s", "10m".
[[nodiscard]] std::string show_duration(Duration duration);

/// Octets: "50MiB", "256KiB", "1GiB", "10MB", "512B", "1000".
[[nodiscard]] std::optional<uint64_t> parse_size(std::string_view text);
[[nodiscard]] std::string show_size(uint64_t octets);

/// A domain as mail uses it, in lower-case A-labels, without a final dot.
[[nodiscard]] Result<std::string> to_a_labels(std::string_view domain);
/// "user@example.net" or "@example.net", lower case, the domain in A-labels.
[[nodiscard]] Result<std::string> normalise_recipient(std::string_view text);

/// HOST:PORT or [IPv6]:PORT.
struct HostPort {
  std::string host;  // without brackets
  uint16_t port = 0;
  std::optional<IpAddress> ip;  // when host is an address
};
[[nodiscard]] Result<HostPort> parse_host_port(std::string_view text);

/// The path of "unix:/path": absolute, and short enough for a socket's name.
[[nodiscard]] Result<std::string> parse_unix_path(std::string_view text);

/// An entry of [backend] address. `directory`: what a relative "maildir:DIR" is relative to.
[[nodiscard]] Result<session::BackendAddress> parse_backend(std::string_view text, const std::string& directory);

/// The address of a listener: IP:PORT, "unix:/path" or "systemd:NAME"; nullopt when good, else the reason.
[[nodiscard]] std::optional<std::string> listen_address_fault(std::string_view text);

/// `path` itself when absolute, else below `directory`.
[[nodiscard]] std::string resolve_path(const std::string& directory, std::string_view path);

/// The machine's fully qualified name, as far as it knows it; "localhost" when it knows nothing. May ask the resolver.
[[nodiscard]] std::string machine_name();

}  // namespace postern::ops
