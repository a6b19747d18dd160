#include "filters/mime/url_parse.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "filters/base/bytes.h"
#include "filters/mime/text.h"
#include "filters/mime/tld.h"
#include "filters/mime/url_host.h"
#include "filters/mime/urls.h"

namespace postern::mime {
namespace {

constexpr Scheme kSchemes[] = {{"http", 80, true, true, true},         {"https", 443, true, true, true},
                               {"ftp", 21, true, true, true},          {"ftps", 990, true, false, true},
                               {"sftp", 22, true, false, true},        {"ws", 80, true, true, false},
                               {"wss", 443, true, true, false},        {"file", 0, true, false, false},
                               {"smb", 445, true, false, false},       {"ldap", 389, true, false, false},
                               {"telnet", 23, true, false, false},     {"ssh", 22, true, false, false},
                               {"rdp", 3389, true, false, false},      {"gopher", 70, true, false, true},
                               {"irc", 6667, true, false, false},      {"ircs", 6697, true, false, false},
                               {"mailto", 0, false, false, true},      {"tel", 0, false, false, false},
                               {"sms", 0, false, false, false},        {"cid", 0, false, false, false},
                               {"mid", 0, false, false, false},        {"data", 0, false, false, false},
                               {"javascript", 0, false, false, false}, {"vbscript", 0, false, false, false},
                               {"blob", 0, false, false, false},       {"about", 0, false, false, false},
                               {"news", 0, false, false, false},       {"magnet", 0, false, false, false},
                               {"bitcoin", 0, false, false, false},    {"ethereum", 0, false, false, false},
                               {"geo", 0, false, false, false},        {"xmpp", 0, false, false, false},
                               {"sip", 0, false, false, false},        {"sips", 0, false, false, false},
                               {"skype", 0, false, false, false},      {"callto", 0, false, false, false},
                               {"whatsapp", 0, false, false, false},   {"tg", 0, false, false, false},
                               {"intent", 0, false, false, false},     {"ms-word", 0, false, false, false},
                               {"ms-excel", 0, false, false, false},   {"search-ms", 0, false, false, false},
                               {"ms-search", 0, false, false, false},  {"view-source", 0, false, false, false}};
constexpr size_t kLongestScheme = 11;
constexpr std::string_view kEndOfAuthority = "/\\?#";

/// As browsers take a URL out of an attribute (URL standard, 4.4): no blanks and control characters around, none of the
/// latter inside.
std::string clean_url(std::string_view text) {
  auto blank = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  std::string out;
  for (char c : text) {
    if (out.size() > kMaxUrl) break;
    if (c == ' ' || !blank(c)) out += c;
  }
  out.resize(cut_utf8(out, kMaxUrl).size());
  return out;
}

bool is_slash(char c) {
  return c == '/' || c == '\\';
}

/// Digits behind the colon; empty is the scheme's own.
bool read_port(std::string_view text, const Scheme& scheme, uint16_t& port) {
  port = 0;
  if (text.empty()) return true;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  if (port == scheme.port) port = 0;
  return true;
}

/// `rest` begins with the user or the host.
bool read_authority(std::string_view rest, const Scheme& scheme, Url& url) {
  size_t end = std::min(rest.find_first_of(scheme.web ? kEndOfAuthority : "/?#"), rest.size());
  std::string_view authority = rest.substr(0, end);
  url.path = rest.substr(end);
  // URL standard, 4.4, authority state: the last "@" counts, whatever stands in front of it.
  if (size_t at = authority.rfind('@'); at != std::string_view::npos) {
    url.user = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  size_t bracket = authority.rfind(']');
  size_t colon = authority.rfind(':');
  if (bracket != std::string_view::npos && colon != std::string_view::npos && colon < bracket) {
    colon = std::string_view::npos;
  }
  if (colon != std::string_view::npos && !read_port(authority.substr(colon + 1), scheme, url.port)) return false;
  auto host = read_host(authority.substr(0, colon));
  if (!host) return scheme.name == "file" && authority.empty();
  url.host = std::move(*host);
  return true;
}

bool read_scheme(std::string_view text, const Scheme& scheme, Url& url) {
  url.scheme = scheme.name;
  std::string_view rest = text.substr(scheme.name.size() + 1);
  if (!scheme.authority) {
    url.path = rest;
    return !rest.empty();
  }
  if (scheme.web) {
    while (!rest.empty() && is_slash(rest.front())) rest.remove_prefix(1);
  } else if (rest.starts_with("//")) {
    rest.remove_prefix(2);
  } else {
    return false;
  }
  return read_authority(rest, scheme, url);
}

/// "www.example.com/x", "example.com:8080", "//example.com/x".
bool read_bare(std::string_view text, Url& url) {
  const Scheme& http = kSchemes[0];
  url.scheme = http.name;
  bool slashes = text.size() > 2 && is_slash(text[0]) && is_slash(text[1]);
  if (slashes) return read_authority(text.substr(2), http, url);
  size_t end = std::min(text.find_first_of("/\\?#:"), text.size());
  std::string_view host = text.substr(0, end);
  if (host.ends_with('.')) host.remove_suffix(1);
  // A host name in another script may be "www." and a name under a top-level domain that is not in our list.
  bool www = starts_nocase(host, "www.") && host.find('.', 4) != std::string_view::npos;
  if (!www && !is_bare_host(host, end < text.size() && text[end] != ':')) return false;
  return read_authority(text, http, url);
}

}  // namespace

const Scheme* find_scheme(std::string_view name) {
  if (name.size() > kLongestScheme) return nullptr;
  const auto* found = std::find_if(std::begin(kSchemes), std::end(kSchemes),
                                   [name](const Scheme& one) { return equal_nocase(one.name, name); });
  return found == std::end(kSchemes) ? nullptr : found;
}

bool parse_url(std::string_view text, Url& url) {
  Url out;
  out.text = clean_url(text);
  std::string_view whole = out.text;
  size_t colon = whole.substr(0, kLongestScheme + 1).find(':');
  const Scheme* scheme = colon == std::string_view::npos ? nullptr : find_scheme(whole.substr(0, colon));
  if (scheme != nullptr ? !read_scheme(whole, *scheme, out) : !read_bare(whole, out)) return false;
  url = std::move(out);
  return true;
}

}  // namespace postern::mime
