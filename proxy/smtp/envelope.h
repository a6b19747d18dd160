// What MAIL and RCPT say: paths and parameters (RFC 5321, 4.1.2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/result.h"

namespace postern::smtp {

/// One ESMTP parameter: keyword in upper case, value as sent (may be empty without '=').
struct Parameter {
  std::string keyword;
  std::string value;
  bool has_value = false;
};

/// A parsed path. `address` is what stood between < and >, without a source route (RFC 5321, 4.1.1.3: accepted and
/// ignored), empty for "<>". `local` may be a quoted string, kept as sent; `domain` is as sent, empty for
/// "<postmaster>".
struct Path {
  std::string address;
  std::string local;
  std::string domain;
  bool utf8 = false;  // holds non-ASCII octets (needs SMTPUTF8)
};

struct MailCommand {
  Path from;
  std::vector<Parameter> parameters;  // in order as sent, duplicates refused
  uint64_t size = 0;                  // SIZE=, 0 when absent
  bool body_8bit = false;             // BODY=8BITMIME
  bool smtputf8 = false;
};

struct RcptCommand {
  Path to;
  std::vector<Parameter> parameters;
};

}  // namespace postern::smtp
