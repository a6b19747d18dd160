#include "proxy/ops/json_text.h"

#include <algorithm>
#include <array>
#include <cmath>

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

constexpr size_t kBlock = 16;

/// Without a branch, so that compilers look at all of them at once.
bool is_plain_block(const char* octets) {
  uint8_t odd = 0;
  for (size_t i = 0; i < kBlock; ++i) {
    auto octet = static_cast<uint8_t>(octets[i]);
    bool control_or_high = static_cast<uint8_t>(octet - 0x20) > 0x7e - 0x20;
    odd = static_cast<uint8_t>(odd | control_or_high | (octet == '"') | (octet == '\\'));
  }
  return odd == 0;
}

/// Whether it is JSON as it stands, as most texts are.
bool is_plain(std::string_view text) {
  if (text.size() < kBlock) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return kKinds[static_cast<unsigned char>(c)] == Kind::Plain; });
  }
  for (size_t at = 0; at + kBlock <= text.size(); at += kBlock) {
    if (!is_plain_block(text.data() + at)) return false;
  }
  return is_plain_block(text.data() + text.size() - kBlock);
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
  if (is_plain(text)) return word(text);
  char* to = comma(room(kMostOfOne * text.size() + 3));
  *to++ = '"';
  size_t from = 0;
  size_t at = 0;
  while (at < text.size()) {
    auto octet = static_cast<unsigned char>(text[at]);
    if (kKinds[octet] == Kind::Plain) {
      ++at;
      continue;
    }
    to = copy(to, text.substr(from, at - from));
    if (kKinds[octet] == Kind::Escaped) {
      to = escape(to, octet);
      ++at;
    } else if (size_t length = utf8_sequence(text, at); length == 0 || is_armour(text, at)) {
      to = armour(to, text[at++]);
    } else {
      to = copy(to, text.substr(at, length));
      at += length;
    }
    from = at;
  }
  to = copy(to, text.substr(from));
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
