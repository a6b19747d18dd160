// Octets and characters as words.cc reads them: what each does, and the word that is made of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "filters/base/bytes.h"
#include "filters/bulk/skeleton.h"

namespace postern::bulk {

constexpr size_t kMaxLetters = 40;  // of a word; what is longer was never meant to be read
constexpr size_t kAsciiWeight = 3;

enum class Octet : uint8_t {
  Letter,
  Digit,
  Quiet,  // passed over inside of words: "don't", "v*agra"
  Joint,  // ends a word, but not an address: "john-doe@example.com"
  Dot,    // as a joint; or there is a host name around it
  At,
  Colon,
  Stand,  // for a letter, between letters: "ca$h"
  Break,
  High,  // of a character that is not ASCII
};
struct Entry {
  Octet octet = Octet::Break;
  char letter = 0;
};

constexpr Octet octet_of(unsigned char c) {
  if (c >= 0x80) return Octet::High;
  switch (c) {
    case '\'':
    case '`':
    case '*': return Octet::Quiet;
    case '-':
    case '_':
    case '+':
    case '%': return Octet::Joint;
    case '.': return Octet::Dot;
    case '@': return Octet::At;
    case ':': return Octet::Colon;
    case '$':
    case '!':
    case '|': return Octet::Stand;
    default: break;
  }
  // NUL and its like are not shown.
  if (c == 0x7f || (c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\v')) return Octet::Quiet;
  if (ascii_digit(static_cast<char>(c))) return Octet::Digit;
  return ascii_alpha(static_cast<char>(c)) ? Octet::Letter : Octet::Break;
}

constexpr std::array<Entry, 256> entries() {
  std::array<Entry, 256> out{};
  for (size_t i = 0; i < 256; ++i) {
    auto c = static_cast<unsigned char>(i);
    out[i].octet = octet_of(c);
    char lower = ascii_lower(static_cast<char>(c));
    if (out[i].octet == Octet::Letter) out[i].letter = lower == 'i' ? 'l' : lower;
    if (out[i].octet == Octet::Digit) out[i].letter = static_cast<char>(c);
  }
  out['$'].letter = 's';
  out['!'].letter = 'l';
  out['|'].letter = 'l';
  out['@'].letter = 'a';
  return out;
}
constexpr std::array<Entry, 256> kEntries = entries();

inline Entry entry(char c) {
  return kEntries[static_cast<unsigned char>(c)];
}

/// The letter that a digit is written for, 0: none.
constexpr char letter_of_digit(char digit) {
  constexpr std::string_view letters("ol\0eas\0t\0\0", 10);
  return letters[static_cast<size_t>(digit - '0')];
}

inline bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/// Letters and digits of host names; anything that is not ASCII may be one.
inline bool is_host_octet(char c) {
  Octet octet = entry(c).octet;
  return octet == Octet::Letter || octet == Octet::Digit || octet == Octet::High || c == '-';
}

/// Of the character at `at`, which is well-formed and `length` octets long.
inline char32_t code_point(std::string_view text, size_t at, size_t length) {
  auto octet = [&](size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[at + i])); };
  if (length == 1) return octet(0);
  char32_t value = octet(0) & (0x7fU >> length);
  for (size_t i = 1; i < length; ++i) value = value << 6U | (octet(i) & 0x3fU);
  return value;
}

/// RFC 3629, 3. Returns its octets.
inline size_t put_utf8(char32_t c, char* out) {
  auto tail = [c](unsigned shift) { return static_cast<char>(0x80U | (c >> shift & 0x3fU)); };
  if (c < 0x80) {
    out[0] = static_cast<char>(c);
    return 1;
  }
  if (c < 0x800) {
    out[0] = static_cast<char>(0xc0U | c >> 6U);
    out[1] = tail(0);
    return 2;
  }
  if (c < 0x10000) {
    out[0] = static_cast<char>(0xe0U | c >> 12U);
    out[1] = tail(6);
    out[2] = tail(0);
    return 3;
  }
  out[0] = static_cast<char>(0xf0U | c >> 18U);
  out[1] = tail(12);
  out[2] = tail(6);
  out[3] = tail(0);
  return 4;
}

/// U+FB00 to U+FB06, letter by letter.
inline std::string_view ligature(char32_t c) {
  constexpr std::array<std::string_view, 7> spelled = {"ff", "fl", "fl", "ffl", "ffl", "st", "st"};
  return c >= 0xfb00 && c <= 0xfb06 ? spelled[c - 0xfb00] : std::string_view();
}

/// The word that is being read: its letters as skeletons, digits as themselves. What does not fit is only counted.
struct Token {
  std::array<char, (kMaxLetters + 1) * 4> octets;
  size_t size = 0;
  size_t letters = 0;
  size_t digits = 0;
  size_t weight = 0;

  [[nodiscard]] bool empty() const { return letters + digits == 0; }
  [[nodiscard]] std::string_view view() const { return {octets.data(), size}; }
  void clear() { size = letters = digits = weight = 0; }
  /// Two letters that look like one become that: "rn", "vv".
  void push(char letter) {
    char last = size > 0 ? octets[size - 1] : '\0';
    if (letter == 'n' && last == 'r') {
      octets[size - 1] = 'm';
    } else if (letter == 'v' && last == 'v') {
      octets[size - 1] = 'w';
    } else if (size < octets.size()) {
      octets[size++] = letter;
    }
  }
  void put(char letter) {
    push(letter);
    ++letters;
    weight += kAsciiWeight;
  }
  void put(const Character& character) {
    if (character.letter < 0x80) return put(static_cast<char>(character.letter));
    if (size + 4 <= octets.size()) size += put_utf8(character.letter, octets.data() + size);
    ++letters;
    weight += character.weight;
  }
  void put_digit(char digit) {
    if (size < octets.size()) octets[size++] = digit;
    ++digits;
  }
};

}  // namespace postern::bulk
