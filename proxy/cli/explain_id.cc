#include "proxy/cli/explain_id.h"

#include "filters/base/bytes.h"
#include "proxy/session/message_id.h"

namespace postern::cli {
namespace {

/// Empty: it is none. Who reads an id out may take 1 for I or L, and 0 for O; the alphabet has neither.
std::string as_id(std::string_view word) {
  // 48 bits of time in ten digits of five bits: the first one has three.
  if (word.size() != session::kMessageIdLength || word[0] > '7') return "";
  std::string id = to_upper(word);
  for (char& c : id) {
    if (c == 'I' || c == 'L') c = '1';
    if (c == 'O') c = '0';
    if (session::kMessageIdDigits.find(c) == std::string_view::npos) return "";
  }
  return id;
}

/// Whether what stands before it ends in "id" and a sign or blank: "[id ", "X-Postern-Id: ", "id=", "\"id\":\"".
bool is_named_id(std::string_view before) {
  size_t end = before.find_last_not_of(" \t:=\"'");
  if (end == std::string_view::npos || end < 1 || end + 1 == before.size()) return false;
  return equal_nocase(before.substr(end - 1, 2), "id") && (end == 1 || !ascii_alnum(before[end - 2]));
}

}  // namespace

std::string id_in(std::string_view typed) {
  std::string first;
  for (size_t at = 0; at < typed.size();) {
    if (!ascii_alnum(typed[at])) {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < typed.size() && ascii_alnum(typed[end])) ++end;
    std::string id = as_id(typed.substr(at, end - at));
    if (!id.empty() && is_named_id(typed.substr(0, at))) return id;
    if (first.empty()) first = std::move(id);
    at = end;
  }
  return first;
}

}  // namespace postern::cli
