#include "filters/mime/entities.h"

#include <algorithm>
#include <array>

#include "filters/base/bytes.h"
#include "filters/mime/entity_names.h"

namespace postern::mime {
namespace {

constexpr size_t kLongestName = 16;
constexpr size_t kLongestBare = 6;
constexpr char32_t kReplacement = 0xfffd;

// HTML, 13.2.5.80: numbers of the C1 controls mean the characters of windows-1252.
constexpr std::array<char32_t, 32> kWindows1252 = {0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021,
                                                   0x2c6,  0x2030, 0x160,  0x2039, 0x152,  0x8d,   0x17d,  0x8f,
                                                   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                                   0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178};

void append(char32_t code, std::string& out) {
  auto octet = [&out](char32_t value) { out += static_cast<char>(static_cast<unsigned char>(value)); };
  if (code < 0x80) {
    octet(code);
  } else if (code < 0x800) {
    octet(0xc0 | code >> 6);
    octet(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    octet(0xe0 | code >> 12);
    octet(0x80 | (code >> 6 & 0x3f));
    octet(0x80 | (code & 0x3f));
  } else {
    octet(0xf0 | code >> 18);
    octet(0x80 | (code >> 12 & 0x3f));
    octet(0x80 | (code >> 6 & 0x3f));
    octet(0x80 | (code & 0x3f));
  }
}

const Entity* find(std::string_view name) {
  const auto* row =
      std::lower_bound(std::begin(kEntities), std::end(kEntities), name,
                       [](const Entity& entity, std::string_view wanted) { return entity.name < wanted; });
  return row != std::end(kEntities) && row->name == name ? row : nullptr;
}

int digit_of(char c, bool hex) {
  if (ascii_digit(c)) return c - '0';
  char lower = ascii_lower(c);
  return hex && lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// HTML, 13.2.5.75 to 13.2.5.80.
size_t decode_number(std::string_view text, size_t at, std::string& out) {
  size_t end = at + 2;
  bool hex = end < text.size() && ascii_lower(text[end]) == 'x';
  if (hex) ++end;
  size_t digits = end;
  char32_t code = 0;
  for (; end < text.size() && digit_of(text[end], hex) >= 0; ++end) {
    if (code > 0x10ffff) continue;
    code = code * (hex ? 16 : 10) + static_cast<char32_t>(digit_of(text[end], hex));
  }
  if (end == digits) return 0;
  if (end < text.size() && text[end] == ';') ++end;
  if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) code = kReplacement;
  if (code >= 0x80 && code < 0xa0) code = kWindows1252[code - 0x80];
  append(code, out);
  return end - at;
}

// HTML, 13.2.5.73: the longest name that matches; some do without their semicolon, but not in an attribute where more
// of a query string seems to follow ("?a=1&copy=2").
size_t decode_name(std::string_view text, size_t at, bool attribute, std::string& out) {
  size_t end = at + 1;
  while (end < text.size() && end - at <= kLongestName && ascii_alnum(text[end])) ++end;
  std::string_view name = text.substr(at + 1, end - at - 1);
  if (end < text.size() && text[end] == ';') {
    if (const Entity* entity = find(name)) {
      append(entity->code, out);
      return end + 1 - at;
    }
  }
  for (size_t length = std::min(name.size(), kLongestBare); length >= 2; --length) {
    const Entity* entity = find(name.substr(0, length));
    if (entity == nullptr || !entity->bare) continue;
    char next = at + 1 + length < text.size() ? text[at + 1 + length] : '\0';
    if (attribute && (next == '=' || ascii_alnum(next))) return 0;
    append(entity->code, out);
    return length + 1;
  }
  return 0;
}

}  // namespace

size_t decode_reference(std::string_view text, size_t at, bool attribute, std::string& out) {
  if (at + 1 >= text.size()) return 0;
  return text[at + 1] == '#' ? decode_number(text, at, out) : decode_name(text, at, attribute, out);
}

std::string decode_references(std::string_view text, bool attribute) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    size_t plain = std::min(text.find('&', at), text.size());
    out.append(text.substr(at, plain - at));
    at = plain;
    if (at == text.size()) break;
    size_t length = decode_reference(text, at, attribute, out);
    if (length == 0) out += '&';
    at += std::max<size_t>(length, 1);
  }
  return out;
}

}  // namespace postern::mime
