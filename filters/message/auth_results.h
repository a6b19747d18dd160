// Authentication-Results (RFC 8601): what we found, in a form that other programs can trust whatever the input held.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postern::message {

/// One "method=result" with its properties, in order.
struct AuthResult {
  struct Property {
    std::string type;   // "smtp.mailfrom": ptype "." property
    std::string value;  // any octets; quoted and cleaned as needed
  };
  std::string method;  // "spf"
  std::string result;  // "pass"
  std::string reason;  // any octets; empty: left out
  std::vector<Property> properties;
};

/// The whole field with final CRLF, one method a line. Without results: "; none" (RFC 8601, 2.2). Every value is a
/// token or a quoted string of printable ASCII, cut at 255 octets: no input can add a result or end the field.
[[nodiscard]] std::string encode_auth_results(std::string_view authserv_id, const std::vector<AuthResult>& results);

}  // namespace postern::message
