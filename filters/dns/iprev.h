// iprev (RFC 8601, 2.7.3): the client's name in the DNS, believed only when it leads back to the client's address.
#pragma once

#include <string>
#include <string_view>

#include "filters/base/ip.h"
#include "filters/base/task.h"
#include "filters/dns/dns.h"

namespace postern::dns {

struct ReverseName {
  enum class Result { Pass, Fail, TempError, PermError } result = Result::PermError;
  std::string name;  // Pass only: lower case, the first name that is confirmed
};

/// RFC 8601, 2.7.3: "pass", "fail", "temperror", "permerror".
[[nodiscard]] std::string_view to_string(ReverseName::Result result);

/// At most kMaxNames PTR names are tried, all at once.
[[nodiscard]] Task<ReverseName> confirm_reverse_name(Client& dns, IpAddress client, Duration timeout);
inline constexpr size_t kMaxReverseNames = 5;

}  // namespace postern::dns
