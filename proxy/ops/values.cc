#include "proxy/ops/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <memory>
#include <utility>

#include <fmt/core.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "filters/base/bytes.h"
#include "filters/base/domain.h"

namespace postern::ops {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};
constexpr std::array<Unit, 5> kTimeUnits{
    {{"ms", 1'000}, {"s", 1'000'000}, {"m", 60'000'000}, {"h", 3'600'000'000}, {"d", 86'400'000'000}}};
constexpr std::array<Unit, 11> kSizeUnits{{{"", 1},
                                           {"B", 1},
                                           {"kB", 1000},
                                           {"KB", 1000},
                                           {"KiB", 1ULL << 10U},
                                           {"MB", 1'000'000},
                                           {"MiB", 1ULL << 20U},
                                           {"GB", 1'000'000'000},
                                           {"GiB", 1ULL << 30U},
                                           {"TB", 1'000'000'000'000},
                                           {"TiB", 1ULL << 40U}}};

/// A whole number and one of `units`, multiplied; at most 2^63 - 1.
template <class Units>
std::optional<uint64_t> number_with_unit(std::string_view text, const Units& units) {
  uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  std::string_view unit = trim(text.substr(static_cast<size_t>(end - text.data())));
  auto found = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == unit; });
  if (found == units.end()) return std::nullopt;
  if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) / found->factor) return std::nullopt;
  return number * found->factor;
}

template <class Units>
std::string show_with_unit(uint64_t amount, const Units& units, std::string_view smallest) {
  std::string_view name = smallest;
  uint64_t factor = 1;
  for (const Unit& unit : units) {
    if (amount != 0 && unit.factor > factor && amount % unit.factor == 0) {
      factor = unit.factor;
      name = unit.name;
    }
  }
  return fmt::format("{}{}", amount / factor, name);
}

// RFC 5321, 2.3.5 and RFC 1035, 2.3.4: labels of letters, digits and hyphens, 63 octets each, 253 in all.
bool is_host_name(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  while (true) {
    size_t dot = name.find('.');
    std::string_view label = name.substr(0, dot);
    bool good = !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
                std::all_of(label.begin(), label.end(), [](char c) { return ascii_alnum(c) || c == '-'; });
    if (!good) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

std::optional<uint16_t> parse_port(std::string_view text) {
  uint16_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  auto microseconds = number_with_unit(text, kTimeUnits);
  if (!microseconds) return std::nullopt;
  return Duration(static_cast<int64_t>(*microseconds));
}

std::string show_duration(Duration duration) {
  if (duration == Duration::zero()) return "0s";
  return show_with_unit(static_cast<uint64_t>(duration.count()), kTimeUnits, "us");
}

std::optional<uint64_t> parse_size(std::string_view text) {
  return number_with_unit(text, kSizeUnits);
}

std::string show_size(uint64_t octets) {
  return show_with_unit(octets, kSizeUnits, "B");
}

Result<std::string> to_a_labels(std::string_view domain) {
  auto name = to_ascii_domain(domain);
  if (!name || !is_host_name(*name)) return fail(Code::BadInput, "not a domain name");
  return *name;
}

Result<std::string> normalise_recipient(std::string_view text) {
  size_t at = text.rfind('@');
  if (at == std::string_view::npos) return fail(Code::BadInput, "neither user@domain nor @domain");
  return to_a_labels(text.substr(at + 1)).map([&](const std::string& domain) {
    return to_lower(text.substr(0, at)) + "@" + domain;
  });
}

Result<HostPort> parse_host_port(std::string_view text) {
  size_t colon = text.rfind(':');
  auto port = colon == std::string_view::npos ? std::nullopt : parse_port(text.substr(colon + 1));
  if (!port) return fail(Code::BadInput, "a port from 0 to 65535 is missing: HOST:PORT or [IPv6]:PORT");
  std::string_view host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    auto ip = host.find(':') == std::string_view::npos ? std::nullopt : IpAddress::parse(host);
    if (!ip) return fail(Code::BadInput, "not an IPv6 address between the brackets");
    return HostPort{std::string(host), *port, ip};
  }
  if (host.find(':') != std::string_view::npos) {
    return fail(Code::BadInput, "an IPv6 address stands in brackets: [IPv6]:PORT");
  }
  if (auto ip = IpAddress::parse(host)) return HostPort{std::string(host), *port, ip};
  auto name = to_a_labels(host);
  // RFC 1123, 2.1: a name whose last label is all digits is a mistyped address.
  if (!name || ascii_digit(name->back())) return fail(Code::BadInput, "neither an address nor a host name");
  return HostPort{*name, *port, std::nullopt};
}

Result<std::string> parse_unix_path(std::string_view text) {
  std::string_view path = text.substr(std::min(text.size(), std::string_view("unix:").size()));
  if (path.size() < 2 || path.front() != '/' || path.back() == '/' || path.find('\0') != std::string_view::npos) {
    return fail(Code::BadInput, "unix: wants an absolute path");
  }
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return fail(Code::Limit, fmt::format("a socket's path has at most {} octets", sizeof(sockaddr_un::sun_path) - 1));
  }
  return std::string(path);
}

Result<session::BackendAddress> parse_backend(std::string_view text, const std::string& directory) {
  session::BackendAddress out;
  out.text = std::string(text);
  if (text.starts_with("lmtp:")) return fail(Code::BadInput, "LMTP backends are not supported yet");
  if (text.starts_with("maildir:")) {
    if (text.size() <= 8) return fail(Code::BadInput, "maildir: wants a directory");
    out.kind = session::BackendAddress::Kind::Maildir;
    out.path = resolve_path(directory, text.substr(8));
    return out;
  }
  auto endpoint = parse_host_port(text);
  if (!endpoint) return tl::unexpected(endpoint.error());
  if (endpoint->port == 0) return fail(Code::BadInput, "port 0 cannot be connected to");
  out.host = endpoint->host;
  out.port = endpoint->port;
  return out;
}

std::optional<std::string> listen_address_fault(std::string_view text) {
  if (text.starts_with("systemd:")) {
    std::string_view name = text.substr(8);
    // sd_listen_fds_with_names(3): FileDescriptorName= has no colon and at most 255 characters.
    bool good = !name.empty() && name.size() <= 255 &&
                std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f && c != ':'; });
    return good ? std::nullopt : std::optional<std::string>("systemd: wants the name of a socket");
  }
  if (text.starts_with("unix:")) {
    auto path = parse_unix_path(text);
    return path ? std::nullopt : std::optional(path.error().message);
  }
  auto endpoint = parse_host_port(text);
  if (!endpoint) return endpoint.error().message;
  if (!endpoint->ip) return "a listener has an address, not a name";
  return std::nullopt;
}

std::string resolve_path(const std::string& directory, std::string_view path) {
  if (path.starts_with('/') || directory.empty()) return std::string(path);
  return directory + (directory.back() == '/' ? "" : "/") + std::string(path);
}

std::string machine_name() {
  std::array<char, 256> buffer{};
  if (gethostname(buffer.data(), buffer.size() - 1) != 0) return "localhost";
  std::string name(buffer.data());
  if (name.find('.') == std::string::npos) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_CANONNAME;
    addrinfo* found = nullptr;
    if (getaddrinfo(name.c_str(), nullptr, &hints, &found) == 0) {
      std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, freeaddrinfo);
      if (owned && owned->ai_canonname != nullptr) name = owned->ai_canonname;
    }
  }
  return to_a_labels(name).value_or("localhost");
}

}  // namespace postern::ops
