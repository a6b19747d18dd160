// One address for all spellings of one mailbox, as lists of addresses want it (msbl.org/ebl-design.html).
#include <algorithm>

#include "filters/base/bytes.h"
#include "filters/lists/host_name.h"
#include "filters/lists/names.h"

namespace postern::lists {
namespace {

/// RFC 5321, 4.5.3.1.1 has 64 octets; return addresses that carry another address are longer in practice.
constexpr size_t kMaxLocal = 255;

/// RFC 5322, 3.2.3 atext, and RFC 6532, 3.2: what stands in a local-part without quotes; the dot too.
bool in_dot_atom(char c) {
  static constexpr std::string_view specials = "()<>[]:;@\\,\"";
  return c > ' ' && c != '\x7f' ? specials.find(c) == std::string_view::npos : static_cast<unsigned char>(c) >= 0x80;
}

bool is_dot_atom(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), in_dot_atom);
}

/// RFC 5321, 4.1.2: a quoted string and what it stands for are one mailbox. nullopt where the quotes are broken or hold
/// what no address may.
std::optional<std::string> unquote(std::string_view quoted) {
  if (quoted.size() < 3 || quoted.back() != '"') return std::nullopt;
  quoted = quoted.substr(1, quoted.size() - 2);
  std::string out;
  out.reserve(quoted.size());
  for (size_t i = 0; i < quoted.size(); ++i) {
    if (quoted[i] == '"') return std::nullopt;
    if (quoted[i] == '\\' && ++i == quoted.size()) return std::nullopt;
    auto octet = static_cast<unsigned char>(quoted[i]);
    if (octet < ' ' || octet == 0x7f) return std::nullopt;
    out += quoted[i];
  }
  return out;
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

bool is_google(std::string_view domain) {
  return domain == "gmail.com" || domain == "googlemail.com";
}

/// The local-part that lists know: lower case, without what the mailbox's owner may add to it.
std::string normal_local(std::string_view written, bool google) {
  std::string local = to_lower(written);
  if (size_t tag = local.find('+', 1); tag != std::string::npos) local.resize(tag);
  if (google) local.erase(std::remove(local.begin(), local.end(), '.'), local.end());
  return local;
}

}  // namespace

std::optional<std::string> normal_address(std::string_view address) {
  size_t at = address.rfind('@');
  if (at == std::string_view::npos || at == 0 || at > kMaxLocal) return std::nullopt;
  std::string_view written = address.substr(0, at);
  std::optional<std::string> unquoted;
  if (written.front() == '"') {
    unquoted = unquote(written);
    if (!unquoted) return std::nullopt;
    written = *unquoted;
  } else if (!is_dot_atom(written)) {
    return std::nullopt;
  }
  if (!is_utf8(written)) return std::nullopt;
  auto domain = to_host_name(address.substr(at + 1));
  if (!domain) return std::nullopt;

  bool google = is_google(*domain);
  std::string normal = normal_local(written, google);
  if (normal.empty()) return std::nullopt;
  if (!is_dot_atom(normal)) normal = quote(normal);
  normal += '@';
  normal += google ? "gmail.com" : *domain;
  return normal;
}

}  // namespace postern::lists
