#include "proxy/session/queue_name.h"

#include <algorithm>
#include <array>

#include "filters/base/bytes.h"

namespace postern::session {
namespace {

constexpr size_t kMaxName = 40;

bool name_character(char c) {
  return ascii_alnum(c) || c == '-' || c == '.' || c == '_' || c == '/' || c == '+' || c == '=' || c == '@' || c == ':';
}

std::string_view name_at(std::string_view text) {
  auto end = std::find_if_not(text.begin(), text.end(), name_character);
  text = text.substr(0, static_cast<size_t>(end - text.begin()));
  while (text.ends_with('.') || text.ends_with(':')) text.remove_suffix(1);
  return text;
}

/// Cut where it is too long, and that is seen: what is found by its beginning can still be found.
std::string shown(std::string_view name) {
  return name.size() <= kMaxName ? printable_ascii(name, kMaxName)
                                 : printable_ascii(name.substr(0, kMaxName - 3)) + "...";
}

/// The reply's text without "250 2.0.0 " or what stands there of it.
std::string_view text_of(std::string_view reply) {
  auto is_code = [](char c) { return ascii_digit(c) || c == '.' || c == ' ' || c == '-'; };
  auto begin = std::find_if_not(reply.begin(), reply.end(), is_code);
  return reply.substr(static_cast<size_t>(begin - reply.begin()));
}

}  // namespace

std::string queue_name(std::string_view reply) {
  // Postfix and our own Maildir; Exim; Microsoft's servers.
  constexpr std::array<std::string_view, 5> kBefore = {"queued as ", "stored as ",
                                                       " id=", "InternalId=", "Message-Id: "};
  for (std::string_view before : kBefore) {
    size_t at = reply.find(before);
    if (at == std::string_view::npos) continue;
    std::string_view name = name_at(reply.substr(at + before.size()));
    if (!name.empty()) return shown(name);
  }
  // sendmail: "250 2.0.0 4AM9x Message accepted for delivery".
  size_t accepted = reply.find(" Message accepted");
  if (accepted != std::string_view::npos) {
    std::string_view before = reply.substr(0, accepted);
    std::string_view name = before.substr(before.rfind(' ') + 1);
    if (!name.empty() && name_at(name) == name) return shown(name);
  }
  return shown(text_of(reply));
}

}  // namespace postern::session
