// PROXY protocol, versions 1 and 2 (HAProxy's specification): who really connected, told by a load balancer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "filters/base/ip.h"

namespace postern::smtp {

struct ProxyAddresses {
  bool local = false;  // LOCAL / UNKNOWN: a health check; use the real peer
  IpAddress source;
  IpAddress destination;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
};

/// Incremental and bounded: v1 at most 107 octets, v2 at most 16 + 65535 as stated, of which 4096 are accepted.
class ProxyHeaderReader {
 public:
  enum class State { NeedMore, Ready, Broken };
  /// Takes from the front of `input` exactly the header's octets.
  State read(std::string_view& input);
  [[nodiscard]] const ProxyAddresses& addresses() const { return addresses_; }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  State v1();
  State v2();
  std::string buffer_;
  ProxyAddresses addresses_;
  std::string error_;
};

/// "PROXY TCP4 192.0.2.1 198.51.100.1 4242 25\r\n". Mixed families are written as IPv6.
[[nodiscard]] std::string encode_proxy_v1(const ProxyAddresses& addresses);

}  // namespace postern::smtp
