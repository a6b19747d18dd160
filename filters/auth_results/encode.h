// Writing Authentication-Results (RFC 8601): what we found, in a form that other programs can trust whatever the input
// held.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace postern::auth_results {

/// One "method=result" with its properties, in order.
struct AuthResult {
  struct Property {
    std::string type;   // "smtp.mailfrom": ptype "." property
    std::string value;  // any octets; quoted and cleaned as needed; empty: left out
  };
  std::string method;  // "spf"
  std::string result;  // "pass"
  std::string reason;  // any octets; empty: left out
  std::vector<Property> properties;
};

/// Whether the message itself is internationalised (SMTPUTF8): only then may a header hold UTF-8 (RFC 6532, 3.2).
enum class Charset { Ascii, Utf8 };

/// The longest value, in octets before quoting. One that was cut ends in "...", so that what is left of
/// a@example.com.example.net never reads as a@example.com.
inline constexpr size_t kMaxValue = 255;

/// The whole field with final CRLF, one method a line, folded further only where a line would be over 998 octets.
/// Without results: "; none" (RFC 8601, 2.2). Methods, results and property types are ours and stand as given. Every
/// value is a token, an address or a quoted string of at most kMaxValue octets, cut at a character's end; each
/// character or octet that the charset does not allow becomes '?'. No input can add a result, a property, a comment, an
/// encoded word or a line, or end the field.
[[nodiscard]] std::string encode_auth_results(std::string_view authserv_id, const std::vector<AuthResult>& results,
                                              Charset charset = Charset::Ascii);

}  // namespace postern::auth_results
