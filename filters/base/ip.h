// Addresses and networks, IPv4 and IPv6.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern {

/// An IPv4 or IPv6 address in network byte order. A value; default is 0.0.0.0. IPv4-mapped IPv6 (::ffff:a.b.c.d) is
/// turned into IPv4 by every constructor, so that no check ever sees both forms.
class IpAddress {
 public:
  IpAddress() = default;
  static IpAddress v4(std::array<uint8_t, 4> octets);
  static IpAddress v6(const std::array<uint8_t, 16>& octets);
  /// "192.0.2.1" or "2001:db8::1"; strict (four decimal octets without leading zeros), no zone id, no brackets.
  static std::optional<IpAddress> parse(std::string_view text);

  [[nodiscard]] bool is_v4() const { return v4_; }
  /// 4 or 16 octets, network order.
  [[nodiscard]] std::string_view octets() const;
  [[nodiscard]] int bits() const { return v4_ ? 32 : 128; }
  [[nodiscard]] bool is_loopback() const;
  /// RFC 5952 text.
  [[nodiscard]] std::string to_string() const;
  /// The name of its PTR record, without final dot: "1.2.0.192.in-addr.arpa", nibbles under ip6.arpa.
  [[nodiscard]] std::string reverse_name() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;
  // NOLINTNEXTLINE(hicpp-use-nullptr,modernize-use-nullptr): clang-tidy 14 misreads a defaulted <=>
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  bool v4_ = true;
  std::array<uint8_t, 16> octets_{};
};

/// A network "192.0.2.0/24", or one address. Host bits may be set in the text; they are ignored.
class IpNetwork {
 public:
  IpNetwork() = default;
  IpNetwork(IpAddress address, int prefix) : address_(address), prefix_(prefix) {}
  static std::optional<IpNetwork> parse(std::string_view text);

  /// False for the other family.
  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] const IpAddress& address() const { return address_; }
  [[nodiscard]] int prefix() const { return prefix_; }

 private:
  IpAddress address_;
  int prefix_ = 32;
};

}  // namespace postern
