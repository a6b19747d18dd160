// Reading Authentication-Results (RFC 8601, 2.2) that others wrote: the payload of an ARC set.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "filters/auth_results/encode.h"
#include "filters/base/result.h"

namespace postern::auth_results {

struct Parsed {
  std::string authserv_id;
  int version = 1;
  /// Method, result and property types in lower case, values unquoted; empty for "none". An address keeps the quotes of
  /// its local part. Results of a method version other than 1 are not among them (RFC 8601, 2.6).
  std::vector<AuthResult> results;
};

/// Deployed: beyond the RFC three things that large senders write and that every reader understands in the same way:
/// a property without ptype ("action=none", kept under that name), '/', '=', ':' and '@' in a property's value without
/// quotes, and a semicolon at the end.
enum class Grammar { Rfc8601, Deployed };

inline constexpr size_t kMaxField = 65'536;
inline constexpr size_t kMaxResults = 100;
inline constexpr size_t kMaxProperties = 100;
inline constexpr size_t kMaxCommentDepth = 16;

/// `value`: behind the field's colon, folded as received, without the final CRLF. The whole grammar of RFC 8601, 2.2
/// (comments and folding wherever CFWS may stand, nested; quoted strings; method versions; reason=), and nothing beyond
/// it: what does not parse as a whole is Code::BadInput with place and cause (printable), never half a result. Refused
/// too is what the grammar allows but two readers could read differently: a property twice in one result, no white
/// space between properties, a comment inside an address, a method "none", a version that is not plainly "1", lines of
/// nothing but white space, octets that are no UTF-8 or that end a line for some. Bounded: kMaxField octets,
/// kMaxResults, kMaxProperties each, comments kMaxCommentDepth deep.
[[nodiscard]] Result<Parsed> parse_auth_results(std::string_view value, Grammar grammar = Grammar::Rfc8601);

}  // namespace postern::auth_results
