#include "filters/base/ip.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>

namespace postern {
namespace {

std::optional<int> decimal(std::string_view text, int max) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  int value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > max) return std::nullopt;
  return value;
}

std::optional<IpAddress> parse_v4(std::string_view text) {
  std::array<uint8_t, 4> octets{};
  for (size_t i = 0; i < 4; ++i) {
    size_t end = i < 3 ? text.find('.') : text.size();
    if (end == std::string_view::npos) return std::nullopt;
    auto value = decimal(text.substr(0, end), 255);
    if (!value) return std::nullopt;
    octets[i] = static_cast<uint8_t>(*value);
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return IpAddress::v4(octets);
}

}  // namespace

IpAddress IpAddress::v4(std::array<uint8_t, 4> octets) {
  IpAddress address;
  std::copy(octets.begin(), octets.end(), address.octets_.begin());
  return address;
}

IpAddress IpAddress::v6(const std::array<uint8_t, 16>& octets) {
  static constexpr std::array<uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(mapped.begin(), mapped.end(), octets.begin())) {
    return v4({octets[12], octets[13], octets[14], octets[15]});
  }
  IpAddress address;
  address.v4_ = false;
  address.octets_ = octets;
  return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.find(':') == std::string_view::npos) return parse_v4(text);
  // inet_pton wants a terminated string: copied into a buffer that holds the longest valid text, so NULs and excess
  // fail.
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (text.size() >= buffer.size() || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::copy(text.begin(), text.end(), buffer.begin());
  std::array<uint8_t, 16> octets{};
  if (inet_pton(AF_INET6, buffer.data(), octets.data()) != 1) return std::nullopt;
  return v6(octets);
}

std::string_view IpAddress::octets() const {
  return {reinterpret_cast<const char*>(octets_.data()), v4_ ? size_t{4} : size_t{16}};
}

bool IpAddress::is_loopback() const {
  if (v4_) return octets_[0] == 127;
  static constexpr std::array<uint8_t, 16> loopback = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return octets_ == loopback;
}

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  inet_ntop(v4_ ? AF_INET : AF_INET6, octets_.data(), buffer.data(), buffer.size());
  return buffer.data();
}

std::string IpAddress::reverse_name() const {
  std::string name;
  if (v4_) {
    for (size_t i = 4; i-- > 0;) name += std::to_string(octets_[i]) + '.';
    return name + "in-addr.arpa";
  }
  static constexpr char hex[] = "0123456789abcdef";
  for (size_t i = 16; i-- > 0;) {
    name += {hex[octets_[i] & 15], '.', hex[octets_[i] >> 4], '.'};
  }
  return name + "ip6.arpa";
}

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) {
  size_t slash = text.find('/');
  auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return IpNetwork(*address, address->bits());
  auto prefix = decimal(text.substr(slash + 1), 128);
  if (!prefix) return std::nullopt;
  // "::ffff:0:0/96" was written as IPv6 but is IPv4 to us: its prefix counts from bit 96.
  bool mapped = address->is_v4() && text.find(':') != std::string_view::npos;
  int bits = mapped ? *prefix - 96 : *prefix;
  if (bits < 0 || bits > address->bits()) return std::nullopt;
  return IpNetwork(*address, bits);
}

bool IpNetwork::contains(const IpAddress& address) const {
  if (address.is_v4() != address_.is_v4()) return false;
  auto whole = static_cast<size_t>(prefix_ / 8);
  int rest = prefix_ % 8;
  std::string_view a = address.octets();
  std::string_view b = address_.octets();
  if (a.substr(0, whole) != b.substr(0, whole)) return false;
  if (rest == 0) return true;
  auto difference = static_cast<unsigned>(static_cast<uint8_t>(a[whole]) ^ static_cast<uint8_t>(b[whole]));
  return (difference >> (8 - rest)) == 0;
}

std::string IpNetwork::to_string() const {
  return address_.to_string() + "/" + std::to_string(prefix_);
}

}  // namespace postern
