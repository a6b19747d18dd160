#include "proxy/smtp/command.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "filters/base/bytes.h"
#include "proxy/smtp/server_engine.h"

namespace postern::smtp {

namespace {

// RFC 1870, 4: up to 20 digits. More than 64 bits hold is as large as can be said.
bool is_size(std::string_view value) {
  return !value.empty() && value.size() <= 20 && std::all_of(value.begin(), value.end(), ascii_digit);
}

uint64_t to_size(std::string_view value) {
  uint64_t size = 0;
  auto parsed = std::from_chars(value.data(), value.data() + value.size(), size);
  return parsed.ec == std::errc() ? size : std::numeric_limits<uint64_t>::max();
}

// RFC 6152, 2. BINARYMIME (RFC 3030) is not offered.
bool is_body(std::string_view value) {
  return equal_nocase(value, "7BIT") || equal_nocase(value, "8BITMIME");
}

// RFC 3461, 4.3.
bool is_ret(std::string_view value) {
  return equal_nocase(value, "FULL") || equal_nocase(value, "HDRS");
}

// RFC 3461, 4: printable octets but "+" and "=", or "+" and two upper-case hexadecimal digits.
bool is_xtext(std::string_view value, bool utf8) {
  auto hex = [](char c) { return ascii_digit(c) || (c >= 'A' && c <= 'F'); };
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '+') {
      if (i + 2 >= value.size() || !hex(value[i + 1]) || !hex(value[i + 2])) return false;
      i += 2;
      continue;
    }
    bool printable = value[i] > ' ' && value[i] <= '~' && value[i] != '=';
    if (!printable && !(utf8 && static_cast<unsigned char>(value[i]) >= 0x80)) return false;
  }
  return true;
}

// RFC 3461, 4.4.
bool is_envid(std::string_view value) {
  return !value.empty() && value.size() <= 100 && is_xtext(value, false);
}

// RFC 3461, 4.2: addr-type ";" xtext, 500 octets in all. RFC 6533, 3: behind "utf-8" it may be UTF-8 as it is.
bool is_orcpt(std::string_view value) {
  size_t semicolon = value.find(';');
  if (value.size() > 500 || semicolon == 0 || semicolon == std::string_view::npos || semicolon + 1 == value.size()) {
    return false;
  }
  std::string_view type = value.substr(0, semicolon);
  bool atom = std::all_of(type.begin(), type.end(), [](char c) { return ascii_alnum(c) || c == '-'; });
  bool utf8 = equal_nocase(type, "utf-8") && is_utf8(value);
  return atom && is_xtext(value.substr(semicolon + 1), utf8);
}

// RFC 3461, 4.1: NEVER alone, or each of the others at most once.
bool is_notify(std::string_view value) {
  if (equal_nocase(value, "NEVER")) return true;
  static constexpr std::array<std::string_view, 3> kEvents = {"SUCCESS", "FAILURE", "DELAY"};
  std::array<bool, kEvents.size()> seen = {};
  for (;;) {
    size_t comma = value.find(',');
    std::string_view event = value.substr(0, comma);
    const auto* known =
        std::find_if(kEvents.begin(), kEvents.end(), [&](std::string_view e) { return equal_nocase(e, event); });
    if (known == kEvents.end()) return false;
    if (std::exchange(seen.at(static_cast<size_t>(known - kEvents.begin())), true)) return false;
    if (comma == std::string_view::npos) return true;
    value.remove_prefix(comma + 1);
  }
}

enum class Of : uint8_t { Mail, Rcpt };

struct Keyword {
  std::string_view name;
  Of of;
  bool Extensions::*extension;            // what must have been offered
  bool (*valid)(std::string_view value);  // null: the keyword stands alone
};

constexpr std::array<Keyword, 7> kKeywords = {{
    {"SIZE", Of::Mail, &Extensions::size, is_size},          // RFC 1870
    {"BODY", Of::Mail, &Extensions::eightbitmime, is_body},  // RFC 6152
    {"SMTPUTF8", Of::Mail, &Extensions::smtputf8, nullptr},  // RFC 6531
    {"RET", Of::Mail, &Extensions::dsn, is_ret},             // RFC 3461
    {"ENVID", Of::Mail, &Extensions::dsn, is_envid},         // RFC 3461
    {"NOTIFY", Of::Rcpt, &Extensions::dsn, is_notify},       // RFC 3461
    {"ORCPT", Of::Rcpt, &Extensions::dsn, is_orcpt},         // RFC 3461
}};

const Keyword* find_keyword(std::string_view name) {
  const auto* found =
      std::find_if(kKeywords.begin(), kKeywords.end(), [&](const Keyword& k) { return k.name == name; });
  return found == kKeywords.end() ? nullptr : found;
}

Reply unknown_parameter() {
  return {555, "5.5.4", "MAIL or RCPT parameter not recognised"};
}
Reply bad_parameter(std::string_view keyword) {
  return {501, "5.5.4", "bad value of parameter " + std::string(keyword)};
}

// RFC 5321, 4.1.2 esmtp-param.
tl::expected<Parameter, Reply> parse_parameter(std::string_view word, Of of) {
  size_t equals = word.find('=');
  std::string_view name = word.substr(0, equals);
  bool syntax = !name.empty() && name.front() != '-' &&
                std::all_of(name.begin(), name.end(), [](char c) { return ascii_alnum(c) || c == '-'; });
  if (!syntax) return tl::unexpected(Reply(501, "5.5.4", "bad parameter syntax"));
  Parameter parameter;
  parameter.keyword = to_upper(name);
  parameter.has_value = equals != std::string_view::npos;
  if (parameter.has_value) parameter.value = std::string(word.substr(equals + 1));
  const Keyword* known = find_keyword(parameter.keyword);
  if (known == nullptr || known->of != of) return tl::unexpected(unknown_parameter());
  bool good = known->valid == nullptr ? !parameter.has_value : parameter.has_value && known->valid(parameter.value);
  if (!good) return tl::unexpected(bad_parameter(known->name));
  return parameter;
}

tl::expected<std::vector<Parameter>, Reply> parse_parameters(std::string_view text, Of of) {
  std::vector<Parameter> parameters;
  while (!(text = trim(text)).empty()) {
    auto parameter = parse_parameter(text.substr(0, text.find(' ')), of);
    if (!parameter) return tl::unexpected(parameter.error());
    text.remove_prefix(std::min(text.find(' '), text.size()));
    bool twice = std::any_of(parameters.begin(), parameters.end(),
                             [&](const Parameter& p) { return p.keyword == parameter->keyword; });
    if (twice) return tl::unexpected(Reply(501, "5.5.4", "parameter given twice"));
    parameters.push_back(std::move(*parameter));
  }
  return parameters;
}

/// Cuts the path off the front: up to the ">" that is in no quoted string.
std::string_view take_path(std::string_view& text) {
  bool quoted = false;
  size_t end = 0;
  for (; end < text.size(); ++end) {
    if (text[end] == '\\' && quoted) {
      ++end;
    } else if (text[end] == '"') {
      quoted = !quoted;
    } else if (!quoted && (text[end] == '>' || text[end] == ' ')) {
      break;
    }
  }
  end = std::min(end + (end < text.size() && text[end] == '>' ? 1 : 0), text.size());
  std::string_view path = text.substr(0, end);
  text.remove_prefix(end);
  return path;
}

/// The address and what follows it, still unparsed. `prefix`: "FROM:" or "TO:".
struct Split {
  std::string_view path;
  std::string_view parameters;
};
tl::expected<Split, Reply> split_arguments(std::string_view arguments, std::string_view prefix, const char* usage) {
  if (!starts_nocase(arguments, prefix)) return tl::unexpected(Reply(501, "5.5.4", usage));
  // RFC 5321, 3.3 forbids spaces here; much that is harmless sends them.
  std::string_view rest = trim(arguments.substr(prefix.size()));
  if (rest.empty()) return tl::unexpected(Reply(501, "5.5.4", usage));
  Split split;
  split.path = take_path(rest);
  split.parameters = rest;
  return split;
}

Reply path_error(std::string_view path, bool utf8_allowed, const char* enhanced, const std::string& why) {
  // RFC 6531, 3.5.
  if (!utf8_allowed && !is_ascii(path)) return {553, "5.6.7", "address is not ASCII and SMTPUTF8 was not asked for"};
  return {501, enhanced, why};
}

bool well_separated(const Split& split) {
  return split.parameters.empty() || split.parameters.front() == ' ';
}

}  // namespace

bool parameter_offered(const Parameter& parameter, const Extensions& offered) {
  const Keyword* known = find_keyword(parameter.keyword);
  return known != nullptr && offered.*known->extension;
}

tl::expected<MailCommand, Reply> parse_mail(std::string_view arguments, bool utf8_offered) {
  auto split = split_arguments(arguments, "FROM:", "syntax: MAIL FROM:<address> [parameters]");
  if (!split) return tl::unexpected(split.error());
  MailCommand command;
  auto parameters = well_separated(*split) ? parse_parameters(split->parameters, Of::Mail)
                                           : tl::unexpected(Reply(501, "5.1.7", "bad sender address"));
  if (!parameters) return tl::unexpected(parameters.error());
  command.parameters = std::move(*parameters);
  for (const Parameter& parameter : command.parameters) {
    if (parameter.keyword == "SIZE") command.size = to_size(parameter.value);
    if (parameter.keyword == "BODY") command.body_8bit = equal_nocase(parameter.value, "8BITMIME");
    if (parameter.keyword == "SMTPUTF8") command.smtputf8 = true;
  }
  if (command.smtputf8 && !utf8_offered) return tl::unexpected(unknown_parameter());
  auto path = parse_path(split->path, command.smtputf8);
  if (path && path->domain.empty() && !path->local.empty()) path = fail(Code::BadInput, "address has no domain");
  if (!path) return tl::unexpected(path_error(split->path, command.smtputf8, "5.1.7", path.error().message));
  command.from = std::move(*path);
  return command;
}

tl::expected<RcptCommand, Reply> parse_rcpt(std::string_view arguments, bool utf8_allowed, bool dsn_offered) {
  auto split = split_arguments(arguments, "TO:", "syntax: RCPT TO:<address> [parameters]");
  if (!split) return tl::unexpected(split.error());
  RcptCommand command;
  auto path = parse_path(split->path, utf8_allowed);
  if (path && path->local.empty()) path = fail(Code::BadInput, "recipient address is empty");
  if (path && !well_separated(*split)) path = fail(Code::BadInput, "bad recipient address");
  if (!path) return tl::unexpected(path_error(split->path, utf8_allowed, "5.1.3", path.error().message));
  command.to = std::move(*path);
  auto parameters = parse_parameters(split->parameters, Of::Rcpt);
  if (!parameters) return tl::unexpected(parameters.error());
  if (!parameters->empty() && !dsn_offered) return tl::unexpected(unknown_parameter());
  // RFC 6533, 3: raw UTF-8 in ORCPT needs SMTPUTF8 as an address does.
  bool ascii =
      std::all_of(parameters->begin(), parameters->end(), [](const Parameter& p) { return is_ascii(p.value); });
  if (!ascii && !utf8_allowed) return tl::unexpected(bad_parameter("ORCPT"));
  command.parameters = std::move(*parameters);
  return command;
}

}  // namespace postern::smtp
