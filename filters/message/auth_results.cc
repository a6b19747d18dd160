#include "filters/message/auth_results.h"

#include <algorithm>

#include "filters/base/bytes.h"

namespace postern::message {
namespace {

/// RFC 2045, 5.1 token characters, plus "@": a local-part "@" domain-name needs no quotes (RFC 8601, 2.2 pvalue).
bool is_plain(char c) {
  static constexpr std::string_view specials = "()<>,;:\\\"/[]?=";
  return c > ' ' && c < '\x7f' && specials.find(c) == std::string_view::npos;
}

std::string encode_value(std::string_view value) {
  std::string text = printable_ascii(value, 255);
  bool plain = !text.empty() && text.front() != '@' && text.back() != '@' &&
               std::all_of(text.begin(), text.end(), is_plain) && std::count(text.begin(), text.end(), '@') <= 1;
  if (plain) return text;
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

std::string encode_auth_results(std::string_view authserv_id, const std::vector<AuthResult>& results) {
  std::string field = "Authentication-Results: ";
  field += encode_value(authserv_id);
  if (results.empty()) return field + "; none\r\n";
  for (const auto& result : results) {
    field += ";\r\n\t" + result.method + '=' + result.result;
    if (!result.reason.empty()) {
      // Always quoted: a reason is prose (RFC 8601, 2.2 reasonspec).
      std::string reason = encode_value(result.reason);
      field += " reason=" + (reason.front() == '"' ? reason : '"' + reason + '"');
    }
    for (const auto& property : result.properties) field += ' ' + property.type + '=' + encode_value(property.value);
  }
  return field + "\r\n";
}

}  // namespace postern::message
