// RFC 5321, 4.1.2 and 4.1.3: paths.
#include <algorithm>

#include "filters/base/bytes.h"
#include "filters/base/ip.h"
#include "proxy/smtp/command.h"

namespace postern::smtp {

namespace {

bool non_ascii(char c) {
  return static_cast<unsigned char>(c) >= 0x80;
}

// RFC 5321, 4.1.2 atext (RFC 5322, 3.2.3); RFC 6531, 3.3 adds everything beyond ASCII, which the caller checked.
bool is_atext(char c) {
  return ascii_alnum(c) || non_ascii(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

// RFC 5321, 4.1.2 Dot-string.
bool is_dot_string(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.' || text.find("..") != std::string_view::npos)
    return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '.' || is_atext(c); });
}

// RFC 5321, 4.1.2 Quoted-string: printable octets and spaces, quotes and backslashes behind a backslash.
bool is_quoted_string(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return false;
  std::string_view inside = text.substr(1, text.size() - 2);
  for (size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] == '"') return false;
    if (inside[i] == '\\' && ++i == inside.size()) return false;
    if (!non_ascii(inside[i]) && (inside[i] < ' ' || inside[i] > '~')) return false;
  }
  return true;
}

// RFC 5321, 4.1.2 sub-domain, with underscores.
bool is_label(std::string_view label) {
  if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(),
                     [](char c) { return ascii_alnum(c) || c == '-' || c == '_' || non_ascii(c); });
}

// RFC 5321, 4.1.3: of the address literals those that a mail system can do something with.
bool is_address_literal(std::string_view text) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return false;
  std::string_view inside = text.substr(1, text.size() - 2);
  bool v6 = starts_nocase(inside, "IPv6:");
  if (v6) inside.remove_prefix(5);
  return IpAddress::parse(inside).has_value() && v6 == (inside.find(':') != std::string_view::npos);
}

bool is_domain(std::string_view text) {
  if (text.empty() || text.size() > kMaxDomain) return false;
  if (text.front() == '[') return is_address_literal(text);
  for (;;) {
    size_t dot = text.find('.');
    if (!is_label(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

// RFC 5321, 4.1.2 A-d-l: "@a,@b:", to be accepted, stripped and ignored (4.1.1.3). False: it is there but wrong.
bool strip_source_route(std::string_view& text) {
  if (!text.starts_with('@')) return true;
  size_t colon = text.find(':');
  // A literal of IPv6 has colons of its own.
  if (text.starts_with("@[")) colon = text.find("]:") == std::string_view::npos ? colon : text.find("]:") + 1;
  if (colon == std::string_view::npos) return false;
  std::string_view hops = text.substr(0, colon);
  text.remove_prefix(colon + 1);
  for (;;) {
    size_t comma = hops.find(',');
    std::string_view hop = hops.substr(0, comma);
    if (!hop.starts_with('@') || !is_domain(hop.substr(1))) return false;
    if (comma == std::string_view::npos) return true;
    hops.remove_prefix(comma + 1);
  }
}

}  // namespace

Result<Path> parse_path(std::string_view text, bool utf8_allowed) {
  if (text.size() > kMaxPath) return fail(Code::BadInput, "address too long");
  if (text.size() < 2 || text.front() != '<' || text.back() != '>') {
    return fail(Code::BadInput, "address must stand between < and >");
  }
  Path path;
  std::string_view address = text.substr(1, text.size() - 2);
  if (address.empty()) return path;
  path.utf8 = !is_ascii(address);
  if (path.utf8 && (!utf8_allowed || !is_utf8(address))) return fail(Code::BadInput, "address is not ASCII");
  if (!strip_source_route(address)) return fail(Code::BadInput, "bad source route");
  // A quoted local part may hold an "@"; a domain cannot.
  size_t at = address.rfind('@');
  std::string_view local = address.substr(0, at);
  if (local.size() > kMaxLocalPart) return fail(Code::BadInput, "local part too long");
  if (!is_dot_string(local) && !is_quoted_string(local)) return fail(Code::BadInput, "bad local part");
  if (at == std::string_view::npos) {
    // RFC 5321, 4.1.1.3 and 4.5.1: the only mailbox that needs no domain.
    if (!equal_nocase(local, "postmaster")) return fail(Code::BadInput, "address has no domain");
  } else {
    path.domain = std::string(address.substr(at + 1));
    if (!is_domain(path.domain)) return fail(Code::BadInput, "bad domain");
  }
  path.address = std::string(address);
  path.local = std::string(local);
  return path;
}

}  // namespace postern::smtp
