// Bytes from outside: compared, cut and shown without ever trusting them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace postern {

/// ASCII only: bytes above 0x7f are left alone, whatever the locale.
[[nodiscard]] constexpr char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
[[nodiscard]] constexpr char ascii_upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}
[[nodiscard]] constexpr bool ascii_digit(char c) {
  return c >= '0' && c <= '9';
}
[[nodiscard]] constexpr bool ascii_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
[[nodiscard]] constexpr bool ascii_alnum(char c) {
  return ascii_alpha(c) || ascii_digit(c);
}
[[nodiscard]] std::string to_lower(std::string_view text);
[[nodiscard]] std::string to_upper(std::string_view text);
[[nodiscard]] bool equal_nocase(std::string_view a, std::string_view b);
[[nodiscard]] bool starts_nocase(std::string_view text, std::string_view prefix);
/// Without leading and trailing SP and HTAB.
[[nodiscard]] std::string_view trim(std::string_view text);
[[nodiscard]] bool is_ascii(std::string_view text);

/// For logs and replies: control bytes, quotes, backslashes and bytes that are not well-formed UTF-8 become \xHH; cut
/// to `limit` bytes of output with "..." at the end. The result is one line of valid UTF-8.
[[nodiscard]] std::string escape_for_log(std::string_view text, size_t limit = 256);

/// Printable ASCII only (RFC 5321, 4.2 textstring): everything else becomes '?'; cut to `limit` bytes.
[[nodiscard]] std::string printable_ascii(std::string_view text, size_t limit = 400);

/// Length of the well-formed UTF-8 sequence at `at` (RFC 3629), 0 where there is none.
[[nodiscard]] size_t utf8_sequence(std::string_view text, size_t at);
[[nodiscard]] bool is_utf8(std::string_view text);

/// The known word nearest to `word` (edit distance at most a third of its length), or "" when none is near. For
/// "did you mean": start-up and checks only, cost grows with the product of the lengths.
template <class Words>
[[nodiscard]] std::string nearest(std::string_view word, const Words& known);
[[nodiscard]] size_t edit_distance(std::string_view a, std::string_view b);

template <class Words>
std::string nearest(std::string_view word, const Words& known) {
  std::string best;
  size_t best_distance = word.size() / 3 + 2;
  for (const auto& candidate : known) {
    size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = std::string(candidate);
    }
  }
  return best;
}

}  // namespace postern
