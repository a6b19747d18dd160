#include "filters/spf/record.h"

#include <algorithm>
#include <string>
#include <utility>

#include <arpa/inet.h>

#include "filters/base/bytes.h"

namespace postern::spf {
namespace {

constexpr std::string_view kVersion = "v=spf1";

constexpr std::array<std::pair<std::string_view, Mechanism>, 8> kMechanisms = {{
    {"all", Mechanism::All},
    {"include", Mechanism::Include},
    {"a", Mechanism::A},
    {"mx", Mechanism::Mx},
    {"ptr", Mechanism::Ptr},
    {"ip4", Mechanism::Ip4},
    {"ip6", Mechanism::Ip6},
    {"exists", Mechanism::Exists},
}};

auto wrong(std::string_view what, std::string_view term) {
  return fail(Code::BadInput, std::string(what) + ": " + escape_for_log(term, 60));
}

/// Length of the name that begins a term. RFC 7208, 12: name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ).
size_t name_length(std::string_view term) {
  if (term.empty() || !ascii_alpha(term[0])) return 0;
  auto in_name = [](char c) { return ascii_alnum(c) || c == '-' || c == '_' || c == '.'; };
  return static_cast<size_t>(std::find_if_not(term.begin(), term.end(), in_name) - term.begin());
}

// RFC 7208, 7.1: toplabel = ( *alphanum ALPHA *alphanum ) / ( 1*alphanum "-" *( alphanum / "-" ) alphanum ).
bool is_toplabel(std::string_view label) {
  if (label.empty() || label.front() == '-' || label.back() == '-') return false;
  if (!std::all_of(label.begin(), label.end(), [](char c) { return ascii_alnum(c) || c == '-'; })) return false;
  return !std::all_of(label.begin(), label.end(), ascii_digit);
}

/// Where the last macro-expand of a well-formed macro-string ends; 0 when it has none.
size_t end_of_last_macro(std::string_view text) {
  size_t end = 0;
  for (size_t i = text.find('%'); i < text.size(); i = text.find('%', end)) {
    end = text[i + 1] == '{' ? text.find('}', i) + 1 : i + 2;
  }
  return end;
}

// RFC 7208, 7.1: domain-spec = macro-string domain-end; domain-end = ( "." toplabel [ "." ] ) / macro-expand.
std::optional<DomainSpec> parse_domain_spec(std::string_view text) {
  auto use = scan_macros(text, MacroPlace::Domain);
  if (!use || text.empty()) return std::nullopt;
  size_t literal = use->any ? end_of_last_macro(text) : 0;
  if (literal < text.size()) {
    std::string_view tail = text.substr(literal);
    if (tail.back() == '.') tail.remove_suffix(1);
    size_t dot = tail.rfind('.');
    if (dot == std::string_view::npos || !is_toplabel(tail.substr(dot + 1))) return std::nullopt;
  }
  return DomainSpec{text, *use};
}

// RFC 7208, 5.6: a prefix length has no leading zero.
std::optional<int> parse_prefix(std::string_view digits, int max) {
  if (digits.empty() || digits.size() > 3 || (digits.size() > 1 && digits[0] == '0')) return std::nullopt;
  int value = 0;
  for (char c : digits) {
    if (!ascii_digit(c)) return std::nullopt;
    value = value * 10 + (c - '0');
  }
  if (value > max) return std::nullopt;
  return value;
}

/// Cuts "/digits" off the end of `text`. Absent when it does not end like that; the digits are not judged yet.
std::optional<std::string_view> cut_prefix(std::string_view& text) {
  size_t digits = text.size();
  while (digits > 0 && ascii_digit(text[digits - 1])) --digits;
  if (digits == text.size() || digits == 0 || text[digits - 1] != '/') return std::nullopt;
  std::string_view out = text.substr(digits);
  text = text.substr(0, digits - 1);
  return out;
}

/// RFC 7208, 5.3: dual-cidr-length = [ ip4-cidr-length ] [ "/" ip6-cidr-length ], cut off the end of `text`.
bool cut_dual_prefix(std::string_view& text, Directive& directive) {
  auto digits = cut_prefix(text);
  if (!digits) return true;
  if (!text.empty() && text.back() == '/') {
    auto six = parse_prefix(*digits, 128);
    if (!six) return false;
    directive.prefix6 = *six;
    text.remove_suffix(1);
    digits = cut_prefix(text);
    if (!digits) return true;
  }
  auto four = parse_prefix(*digits, 32);
  if (!four) return false;
  directive.prefix4 = *four;
  return true;
}

// RFC 7208, 5.6. The octets are kept as written: "::ffff:192.0.2.1" is an IPv6 network here.
bool parse_network(std::string_view text, Directive& directive) {
  bool four = directive.mechanism == Mechanism::Ip4;
  size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    auto prefix = parse_prefix(text.substr(slash + 1), four ? 32 : 128);
    if (!prefix) return false;
    (four ? directive.prefix4 : directive.prefix6) = *prefix;
    text = text.substr(0, slash);
  }
  if (four) {
    auto address = IpAddress::parse(text);
    if (!address || text.find(':') != std::string_view::npos) return false;
    std::string_view octets = address->octets();
    std::copy(octets.begin(), octets.end(), directive.network.begin());
    return true;
  }
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (text.size() >= buffer.size() || text.find('\0') != std::string_view::npos) return false;
  std::copy(text.begin(), text.end(), buffer.begin());
  return inet_pton(AF_INET6, buffer.data(), directive.network.data()) == 1;
}

/// The part of a directive behind its name.
bool parse_arguments(std::string_view rest, Directive& directive) {
  bool colon = !rest.empty() && rest[0] == ':';
  switch (directive.mechanism) {
    case Mechanism::All: return rest.empty();
    case Mechanism::Ip4:
    case Mechanism::Ip6: return colon && parse_network(rest.substr(1), directive);
    case Mechanism::Include:
    case Mechanism::Exists:
      if (!colon) return false;
      break;
    case Mechanism::A:
    case Mechanism::Mx:
      if (!cut_dual_prefix(rest, directive)) return false;
      break;
    case Mechanism::Ptr: break;
  }
  if (rest.empty()) return true;
  if (!colon) return false;
  directive.target = parse_domain_spec(rest.substr(1));
  return directive.target.has_value();
}

std::optional<Result> qualifier(char c) {
  switch (c) {
    case '+': return Result::Pass;
    case '-': return Result::Fail;
    case '?': return Result::Neutral;
    case '~': return Result::SoftFail;
    default: return std::nullopt;
  }
}

/// RFC 7208, 6: modifier = redirect / explanation / unknown-modifier; the two known ones at most once.
postern::Result<void> parse_modifier(std::string_view term, size_t name, Record& record) {
  std::string_view value = term.substr(name + 1);
  bool redirect = equal_nocase(term.substr(0, name), "redirect");
  if (!redirect && !equal_nocase(term.substr(0, name), "exp")) {
    if (!scan_macros(value, MacroPlace::Modifier)) return wrong("bad modifier", term);
    return {};
  }
  auto& target = redirect ? record.redirect : record.explanation;
  if (target) return wrong("modifier given twice", term);
  target = parse_domain_spec(value);
  if (!target) return wrong("bad domain in modifier", term);
  return {};
}

// RFC 7208, 4.6.1: directive = [ qualifier ] mechanism.
postern::Result<void> parse_term(std::string_view term, Record& record) {
  size_t name = name_length(term);
  if (name > 0 && name < term.size() && term[name] == '=') return parse_modifier(term, name, record);
  Directive directive;
  std::string_view rest = term;
  if (auto sign = qualifier(rest[0])) {
    directive.qualifier = *sign;
    rest.remove_prefix(1);
    name = name_length(rest);
  }
  const auto* known = std::find_if(kMechanisms.begin(), kMechanisms.end(),
                                   [&](const auto& entry) { return equal_nocase(rest.substr(0, name), entry.first); });
  if (known == kMechanisms.end()) return wrong("unknown mechanism", term);
  directive.mechanism = known->second;
  if (!parse_arguments(rest.substr(name), directive)) return wrong("bad mechanism", term);
  record.directives.push_back(directive);
  return {};
}

}  // namespace

std::string_view to_string(Mechanism mechanism) {
  for (const auto& [name, value] : kMechanisms) {
    if (value == mechanism) return name;
  }
  return "?";
}

// RFC 7208, 4.5: the version section is followed by a space or the end; "v=spf10" is something else.
bool is_record(std::string_view text) {
  return starts_nocase(text, kVersion) && (text.size() == kVersion.size() || text[kVersion.size()] == ' ');
}

// RFC 7208, 4.6.1: record = version terms *SP; terms = *( 1*SP ( directive / modifier ) ).
postern::Result<Record> parse_record(std::string_view text) {
  if (text.size() > kMaxRecord) return fail(Code::Limit, "record over " + std::to_string(kMaxRecord) + " octets");
  Record record;
  std::string_view rest = text.substr(kVersion.size());
  for (size_t terms = 0;; ++terms) {
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    if (rest.empty()) return record;
    if (terms == kMaxTerms) return fail(Code::Limit, "record of more than " + std::to_string(kMaxTerms) + " terms");
    size_t end = std::min(rest.find(' '), rest.size());
    if (auto done = parse_term(rest.substr(0, end), record); !done) return tl::unexpected<Error>(done.error());
    rest.remove_prefix(end);
  }
}

bool matches(const Directive& directive, const IpAddress& client) {
  bool four = directive.mechanism == Mechanism::Ip4;
  if (client.is_v4() != four) return false;
  std::string_view octets = client.octets();
  int left = four ? directive.prefix4 : directive.prefix6;
  for (size_t i = 0; left > 0; ++i, left -= 8) {
    auto difference = static_cast<unsigned>(static_cast<uint8_t>(octets[i]) ^ directive.network[i]);
    if (difference >> (left < 8 ? 8 - left : 0) != 0) return false;
  }
  return true;
}

}  // namespace postern::spf
