// The words that RFC 8601, 2.2 is made of: one definition for the writer and the reader.
#pragma once

#include <string_view>

namespace postern::auth_results {

/// RFC 2045, 5.1: an octet that may stand in a value without quotes.
[[nodiscard]] bool is_token_octet(char c);
[[nodiscard]] bool is_token(std::string_view text);

/// The well-formed UTF-8 sequence `sequence` (one character beyond ASCII) ends a line for some readers: the C1
/// controls, U+2028, U+2029. No such character is written or read.
[[nodiscard]] bool breaks_line(std::string_view sequence);

/// The right side of RFC 8601, 2.2 pvalue that a token is not: [local-part] "@" domain-name, without quotes around it.
/// The local part is a dot-atom or a quoted string (RFC 5322, 3.4.1), the domain has at least two labels (RFC 6376,
/// 3.5). Octets beyond ASCII count as letters (RFC 6532); `text` is well-formed UTF-8 without control octets.
[[nodiscard]] bool is_address(std::string_view text);

/// RFC 6376, 3.5 domain-name, U-labels as RFC 8601, 1.5.2 allows them.
[[nodiscard]] bool is_domain_name(std::string_view text);

}  // namespace postern::auth_results
