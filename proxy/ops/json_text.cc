#include "proxy/ops/json_text.h"

#include <array>
#include <cmath>
#include <cstring>

#include "filters/base/bytes.h"

namespace postern::ops {
namespace {

enum class Kind : uint8_t { Plain, Escaped, High };

// RFC 8259, 7: quotation mark, reverse solidus and control characters must be escaped. DEL is, for terminals.
constexpr std::array<Kind, 256> kKinds = [] {
  std::array<Kind, 256> kinds{};
  for (size_t i = 0; i < kinds.size(); ++i) {
    kinds[i] = i >= 0x80 ? Kind::High : (i < 0x20 || i == 0x7f || i == '"' || i == '\\') ? Kind::Escaped : Kind::Plain;
  }
  return kinds;
}();

/// How many octets from `at` on are plain; not more than are seen eight at a time to be so, but for the last few.
size_t plain_from(std::string_view text, size_t at) {
  constexpr uint64_t kOnes = 0x0101010101010101U;
  constexpr uint64_t kHigh = 0x8080808080808080U;
  // Nonzero where an octet of `word` is 0 (and perhaps in octets above one that is).
  auto zeros = [](uint64_t word) { return (word - kOnes) & ~word; };
  size_t begin = at;
  for (; text.size() - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof word);
    uint64_t below_space = (word - kOnes * 0x20) & ~word;
    uint64_t odd = below_space | zeros(word ^ kOnes * '"') | zeros(word ^ kOnes * '\\') | zeros(word ^ kOnes * 0x7f);
    if (((odd | word) & kHigh) != 0) break;
  }
  while (at < text.size() && kKinds[static_cast<unsigned char>(text[at])] == Kind::Plain) ++at;
  return at - begin;
}

constexpr char kHex[] = "0123456789abcdef";

/// Of U+10FF80 to U+10FFFF: F4 8F BE or BF, and one more.
bool is_armour(std::string_view text, size_t at) {
  return text.size() - at >= 4 && text[at] == '\xf4' && text[at + 1] == '\x8f' &&
         (text[at + 2] == '\xbe' || text[at + 2] == '\xbf');
}

// An octet becomes six at most.
constexpr size_t kMostOfOne = 6;

char* armour(char* to, char octet) {
  auto value = static_cast<unsigned char>(octet);
  *to++ = '\xf4';
  *to++ = '\x8f';
  *to++ = value < 0xc0 ? '\xbe' : '\xbf';
  *to++ = static_cast<char>(0x80U | (value & 0x3fU));
  return to;
}

char* escape(char* to, unsigned char octet) {
  *to++ = '\\';
  if (octet == '"' || octet == '\\') {
    *to++ = static_cast<char>(octet);
    return to;
  }
  for (char c : {'u', '0', '0', kHex[octet >> 4U], kHex[octet & 15U]}) *to++ = c;
  return to;
}

}  // namespace

// RFC 8259, 6: no Infinity, no NaN.
void JsonText::value(double number) {
  constexpr size_t kDigits = 40;
  char* to = comma(room(kDigits + 1));
  auto [stop, error] = std::to_chars(to, to + kDigits, std::isfinite(number) ? number : 0);
  end(error == std::errc() ? stop : to);
}

void JsonText::text(std::string_view text, size_t limit) {
  text = text.substr(0, limit);
  char* to = comma(room(kMostOfOne * text.size() + 3));
  *to++ = '"';
  for (size_t at = 0; at < text.size();) {
    size_t plain = plain_from(text, at);
    to = copy(to, text.substr(at, plain));
    at += plain;
    if (at == text.size()) break;
    auto octet = static_cast<unsigned char>(text[at]);
    if (kKinds[octet] == Kind::Escaped) {
      to = escape(to, octet);
      ++at;
    } else if (size_t length = utf8_sequence(text, at); length == 0 || is_armour(text, at)) {
      to = armour(to, text[at++]);
    } else {
      to = copy(to, text.substr(at, length));
      at += length;
    }
  }
  *to++ = '"';
  end(to);
}

std::string octets_of(std::string_view text) {
  size_t at = text.find('\xf4');
  if (at == std::string_view::npos) return std::string(text);
  std::string out;
  out.reserve(text.size());
  size_t from = 0;
  for (; at < text.size(); ++at) {
    if (!is_armour(text, at)) continue;
    out.append(text, from, at - from);
    auto low = static_cast<unsigned char>(static_cast<unsigned char>(text[at + 3]) & 0x3fU);
    out += static_cast<char>((text[at + 2] == '\xbe' ? 0x80U : 0xc0U) | low);
    at += 3;
    from = at + 1;
  }
  out.append(text.substr(from));
  return out;
}

}  // namespace postern::ops
