// RedisStore: where Redis is and how it lets us in, from `[bulk] store`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "filters/base/result.h"

namespace postern::net {

/// A value. `user` and `password` must not get into logs; shown() may.
struct RedisStore {
  std::string host;  // name or address, without brackets
  uint16_t port = 0;
  std::string user;      // empty: Redis' default user
  std::string password;  // empty: no AUTH
  unsigned database = 0;

  /// "host:port/database".
  [[nodiscard]] std::string shown() const;
};

/// "redis://[[USER]:PASSWORD@]HOST:PORT[/DATABASE]"; USER and PASSWORD may have octets as %HH (RFC 3986, 2.1), HOST may
/// be an IPv6 address in brackets. The error says what is wrong without repeating any of it.
[[nodiscard]] Result<RedisStore> parse_redis_store(std::string_view text);

}  // namespace postern::net
