#include "filters/auth_results/grammar.h"

#include <algorithm>

#include "filters/base/bytes.h"

namespace postern::auth_results {
namespace {

bool beyond_ascii(char c) {
  return static_cast<unsigned char>(c) >= 0x80;
}

/// RFC 5322, 3.2.3 as extended by RFC 6532, 3.2.
bool is_atext(char c) {
  static constexpr std::string_view others = "!#$%&'*+-/=?^_`{|}~";
  return ascii_alnum(c) || beyond_ascii(c) || others.find(c) != std::string_view::npos;
}

/// The words between the dots; there is at least one, and none is empty or refused.
template <class Test>
bool are_dotted(std::string_view text, const Test& is_word) {
  while (true) {
    size_t dot = text.find('.');
    std::string_view word = text.substr(0, dot);
    if (word.empty() || !is_word(word)) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

/// RFC 5322, 3.2.4, from quote to quote.
bool is_quoted_string(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return false;
  text = text.substr(1, text.size() - 2);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') return false;
    if (text[i] == '\\' && ++i == text.size()) return false;
  }
  return true;
}

}  // namespace

bool is_token_octet(char c) {
  static constexpr std::string_view specials = "()<>@,;:\\\"/[]?=";
  return c > ' ' && !beyond_ascii(c) && c != 0x7F && specials.find(c) == std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_octet);
}

bool breaks_line(std::string_view sequence) {
  return (sequence.size() == 2 && sequence[0] == '\xC2' && static_cast<unsigned char>(sequence[1]) < 0xA0) ||
         sequence == "\xE2\x80\xA8" || sequence == "\xE2\x80\xA9";
}

bool is_domain_name(std::string_view text) {
  auto let_dig = [](char c) { return ascii_alnum(c) || beyond_ascii(c); };
  return text.find('.') != std::string_view::npos && are_dotted(text, [&](std::string_view label) {
           return let_dig(label.front()) && let_dig(label.back()) &&
                  std::all_of(label.begin(), label.end(), [&](char c) { return let_dig(c) || c == '-'; });
         });
}

bool is_address(std::string_view text) {
  // The last one: only a quoted local part may hold others.
  size_t at = text.rfind('@');
  if (at == std::string_view::npos || !is_domain_name(text.substr(at + 1))) return false;
  std::string_view local = text.substr(0, at);
  return local.empty() || is_quoted_string(local) ||
         are_dotted(local, [](std::string_view word) { return std::all_of(word.begin(), word.end(), is_atext); });
}

}  // namespace postern::auth_results
