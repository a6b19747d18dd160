#include "proxy/smtp/xclient.h"

#include <array>
#include <utility>

#include "filters/base/bytes.h"

namespace postern::smtp {
namespace {

constexpr std::string_view kUnavailable = "[UNAVAILABLE]";

bool is_label(std::string_view label) {
  if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
  for (char c : label) {
    if (!ascii_alnum(c) && c != '-' && c != '_') return false;
  }
  return true;
}

/// A PTR record may hold any octets, and a server answers 501 to what is no host name; the message would then never get
/// through. Such a name is as good as none.
bool is_host_name(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  bool letter = false;
  for (char c : name) letter = letter || (!ascii_digit(c) && c != '.');
  while (letter) {
    size_t dot = name.find('.');
    if (!is_label(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
  return false;
}

std::string name_value(const std::string& name) {
  return is_host_name(name) ? name : std::string(kUnavailable);
}

/// A name that does not fit is not cut: a part of it would be another name.
std::string helo_value(const std::string& helo) {
  constexpr size_t kLongestHelo = 255;  // what Postfix takes
  std::string value = encode_xtext(helo);
  bool fits = helo.size() <= kLongestHelo && value.size() + 20 < kMaxXclientLine;
  return fits ? value : std::string(kUnavailable);
}

}  // namespace

std::string encode_xtext(std::string_view text) {
  static constexpr char hex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && byte < 0x7F && c != '+' && c != '=') {
      out += c;
    } else {
      out += {'+', hex[byte >> 4U], hex[byte & 15U]};
    }
  }
  return out;
}

std::deque<std::string> xclient_commands(const OriginalClient& client, const std::set<std::string>& offered) {
  if (offered.count("ADDR") == 0) return {};
  const std::array<std::pair<std::string, std::string>, 5> attributes = {{
      {"HELO", client.helo.empty() ? "" : helo_value(client.helo)},
      {"PROTO", client.esmtp ? "ESMTP" : "SMTP"},
      {"PORT", client.port == 0 ? std::string(kUnavailable) : std::to_string(client.port)},
      {"NAME", name_value(client.name)},
      {"ADDR", (client.ip.is_v4() ? "" : "IPV6:") + client.ip.to_string()},
  }};
  std::deque<std::string> commands;
  std::string line;
  for (const auto& [name, value] : attributes) {
    if (value.empty() || offered.count(name) == 0) continue;
    std::string word = " ";
    word.append(name).append("=").append(value);
    if (!line.empty() && line.size() + word.size() + 2 > kMaxXclientLine) {
      commands.push_back(std::exchange(line, "") + "\r\n");
    }
    if (line.empty()) line = "XCLIENT";
    line += word;
  }
  commands.push_back(line + "\r\n");
  return commands;
}

}  // namespace postern::smtp
