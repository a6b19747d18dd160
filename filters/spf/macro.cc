#include "filters/spf/macro.h"

#include <algorithm>
#include <vector>

#include "filters/base/bytes.h"

namespace postern::spf {
namespace {

constexpr size_t kMaxName = 253;      // RFC 1035, 2.3.4, as text
constexpr size_t kKeptTail = 4096;    // of a domain name under expansion: only its last 253 octets can ever matter
constexpr size_t kTrimTailAt = 8192;  // trimmed seldom, so that expansion stays linear
constexpr std::string_view kDelimiters = ".-+,/_=";

/// One "%{...}".
struct Macro {
  char letter = 0;  // lower case
  bool escape = false;
  bool reverse = false;
  size_t parts = 0;  // right-hand parts to keep; 0 = all
  std::string_view delimiters;
  size_t length = 0;  // octets of the macro in the text
};

// RFC 7208, 7.1: macro-expand = "%{" macro-letter transformers *delimiter "}"; transformers = *DIGIT [ "r" ].
std::optional<Macro> parse_macro(std::string_view text) {
  size_t at = 2;
  auto peek = [&] { return at < text.size() ? text[at] : '\0'; };
  Macro macro;
  macro.letter = ascii_lower(peek());
  macro.escape = peek() != macro.letter;
  if (std::string_view("slodiphcrtv").find(macro.letter) == std::string_view::npos) return std::nullopt;
  ++at;
  bool digits = false;
  for (; ascii_digit(peek()); ++at) {
    digits = true;
    macro.parts = std::min<size_t>(macro.parts * 10 + static_cast<size_t>(peek() - '0'), 100000);
  }
  // RFC 7208, 7.3: "If a DIGIT is specified, the value MUST be nonzero."
  if (digits && macro.parts == 0) return std::nullopt;
  if (ascii_lower(peek()) == 'r') {
    macro.reverse = true;
    ++at;
  }
  size_t begin = at;
  while (at < text.size() && kDelimiters.find(text[at]) != std::string_view::npos) ++at;
  macro.delimiters = text.substr(begin, at - begin);
  if (peek() != '}') return std::nullopt;
  macro.length = at + 1;
  return macro;
}

/// Length of the macro or escape at the start of `text` (which is a '%'), 0 where it is wrong; adds to `use`.
size_t scan_one(std::string_view text, MacroPlace place, MacroUse& use) {
  use.any = true;
  char kind = text.size() > 1 ? text[1] : '\0';
  if (kind == '%' || kind == '_' || kind == '-') return 2;
  if (kind != '{') return 0;
  auto macro = parse_macro(text);
  if (!macro) return 0;
  // RFC 7208, 7.2: c, r and t are allowed only in the text that "exp" names.
  bool exp_only = macro->letter == 'c' || macro->letter == 'r' || macro->letter == 't';
  if (exp_only && place == MacroPlace::Domain) return 0;
  use.validated_name = use.validated_name || macro->letter == 'p';
  use.local_part = use.local_part || macro->letter == 'l' || macro->letter == 's';
  return macro->length;
}

// RFC 7208, 7.3: i is the dotted quad, or the nibbles of an IPv6 address separated by dots. Upper case is what the test
// suite of the RFC shows; DNS does not mind.
std::string dotted(const IpAddress& address) {
  if (address.is_v4()) return address.to_string();
  static constexpr char hex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : address.octets()) {
    auto octet = static_cast<unsigned char>(c);
    out += {hex[octet >> 4], '.', hex[octet & 15], '.'};
  }
  out.pop_back();
  return out;
}

std::string value_of(char letter, const MacroValues& values) {
  switch (letter) {
    case 's': return std::string(values.local) + '@' + std::string(values.sender_domain);
    case 'l': return std::string(values.local);
    case 'o': return std::string(values.sender_domain);
    case 'd': return std::string(values.domain);
    case 'i': return dotted(values.client);
    case 'p': return std::string(values.validated_name);
    case 'h': return std::string(values.helo);
    case 'c': return values.client.to_string();
    case 'r': return values.receiver.empty() ? "unknown" : std::string(values.receiver);
    case 't': return std::to_string(values.wall_seconds);
    default: return values.client.is_v4() ? "in-addr" : "ip6";  // v
  }
}

// RFC 7208, 7.3: split at the delimiters (by default "."), reverse, keep right-hand parts, join with ".".
std::string transform(const std::string& value, const Macro& macro) {
  if (!macro.reverse && macro.parts == 0 && macro.delimiters.empty()) return value;
  std::string_view delimiters = macro.delimiters.empty() ? "." : macro.delimiters;
  std::vector<std::string_view> parts;
  std::string_view rest = value;
  while (true) {
    size_t end = rest.find_first_of(delimiters);
    parts.push_back(rest.substr(0, end));
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  if (macro.reverse) std::reverse(parts.begin(), parts.end());
  size_t first = macro.parts != 0 && macro.parts < parts.size() ? parts.size() - macro.parts : 0;
  std::string out;
  out.reserve(value.size());
  for (size_t i = first; i < parts.size(); ++i) {
    if (i > first) out += '.';
    out += parts[i];
  }
  return out;
}

// RFC 7208, 7.3: upper-case letters are URL-escaped; all but the "unreserved" set of RFC 3986, 2.3.
std::string url_escape(std::string_view text) {
  static constexpr char hex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    auto octet = static_cast<unsigned char>(c);
    if (ascii_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      out += {'%', hex[octet >> 4], hex[octet & 15]};
    }
  }
  return out;
}

/// Appends what the '%' at the start of `text` stands for; returns how much of the text that was.
size_t expand_one(std::string_view text, const MacroValues& values, std::string& out) {
  switch (text[1]) {
    case '%': out += '%'; return 2;
    case '_': out += ' '; return 2;
    case '-': out += "%20"; return 2;
    default: break;
  }
  auto macro = parse_macro(text);
  if (!macro) return text.size();
  std::string value = transform(value_of(macro->letter, values), *macro);
  out += macro->escape ? url_escape(value) : value;
  return macro->length;
}

}  // namespace

std::optional<MacroUse> scan_macros(std::string_view text, MacroPlace place) {
  MacroUse use;
  for (size_t i = 0; i < text.size();) {
    char c = text[i];
    if (c == '%') {
      size_t length = scan_one(text.substr(i), place, use);
      if (length == 0) return std::nullopt;
      i += length;
      continue;
    }
    // RFC 7208, 7.1: macro-literal = %x21-24 / %x26-7E; explain-string adds SP.
    bool literal = (c > ' ' && c <= '~') || (c == ' ' && place == MacroPlace::Explanation);
    if (!literal) return std::nullopt;
    ++i;
  }
  return use;
}

std::string expand_macros(std::string_view text, const MacroValues& values, MacroPlace place) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    size_t literal = std::min(text.find('%', i), text.size()) - i;
    out.append(text.substr(i, literal));
    i += literal;
    if (i + 1 < text.size()) i += expand_one(text.substr(i), values, out);
    if (place == MacroPlace::Explanation) {
      if (out.size() > kMaxExplanation) break;
    } else if (out.size() > kTrimTailAt) {
      out.erase(0, out.size() - kKeptTail);
    }
  }
  if (place == MacroPlace::Explanation) {
    out.resize(std::min(out.size(), kMaxExplanation));
  } else {
    fit_name(out);
  }
  return out;
}

void fit_name(std::string& name) {
  if (!name.empty() && name.back() == '.') name.pop_back();
  size_t cut = 0;
  while (name.size() - cut > kMaxName) {
    size_t dot = name.find('.', cut);
    if (dot == std::string::npos) break;
    cut = dot + 1;
  }
  name.erase(0, cut);
}

}  // namespace postern::spf
