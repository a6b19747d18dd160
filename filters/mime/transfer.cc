#include <algorithm>
#include <array>
#include <cstdint>

#include "filters/base/bytes.h"
#include "filters/mime/mime.h"
#include "filters/mime/text.h"

namespace postern::mime {
namespace {

constexpr uint8_t kNone = 0xFF;

// RFC 2045, 6.8, table 1.
constexpr std::array<uint8_t, 256> base64_values() {
  std::array<uint8_t, 256> out{};
  for (auto& value : out) value = kNone;
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  uint8_t value = 0;
  for (char c : alphabet) out[static_cast<unsigned char>(c)] = value++;
  return out;
}

bool is_line_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

/// RFC 2045, 6.7, one line without its end and without the blanks there (rule 3). False: an octet that does not belong.
bool decode_line(std::string_view line, std::string& out) {
  bool good = true;
  for (size_t i = 0; i < line.size(); ++i) {
    int high = line[i] == '=' && i + 2 < line.size() ? hex_digit(line[i + 1]) : -1;
    int low = high >= 0 ? hex_digit(line[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
      continue;
    }
    // Rules 1 and 2: "=" begins an octet, and only printable ASCII stands for itself.
    auto byte = static_cast<unsigned char>(line[i]);
    if (byte == '=' || (byte < ' ' && byte != '\t') || byte > '~') good = false;
    out += line[i];
  }
  return good;
}

}  // namespace

int hex_digit(char c) {
  if (ascii_digit(c)) return c - '0';
  char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// RFC 2045, 6.8. What is outside of the alphabet is passed over. Padding ends a group and not the text: readers differ
/// there, and what comes behind must not hide.
bool decode_base64(std::string_view text, size_t limit, std::string& out) {
  static constexpr std::array<uint8_t, 256> values = base64_values();
  bool good = true;
  bool padded = false;
  uint32_t bits = 0;
  unsigned held = 0;  // of six bits each
  auto flush = [&] {
    if (held == 1) good = false;
    if (held >= 2) out += static_cast<char>(bits >> (held == 2 ? 4U : 10U));
    if (held == 3) out += static_cast<char>(bits >> 2U);
    bits = held = 0;
  };
  for (char c : text) {
    if (out.size() >= limit) break;
    uint8_t value = values[static_cast<unsigned char>(c)];
    if (value == kNone) {
      if (c == '=') {
        flush();
        padded = true;
      } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
        good = false;
      }
      continue;
    }
    if (padded) good = padded = false;
    bits = (bits << 6U) | value;
    if (++held < 4) continue;
    out += {static_cast<char>(bits >> 16U), static_cast<char>(bits >> 8U), static_cast<char>(bits)};
    bits = held = 0;
  }
  flush();
  if (out.size() > limit) out.resize(limit);
  return good;
}

bool decode_quoted_printable(std::string_view text, size_t limit, std::string& out) {
  bool good = true;
  for (size_t at = 0; at < text.size() && out.size() < limit;) {
    size_t newline = std::min(text.find('\n', at), text.size());
    size_t end = newline;
    while (end > at && is_line_blank(text[end - 1])) --end;
    // Rule 5: "=" at the end of a line, blanks behind it or not, joins it with the next.
    bool joined = end > at && text[end - 1] == '=';
    good = decode_line(text.substr(at, std::min(end - at - (joined ? 1 : 0), 3 * limit)), out) && good;
    bool crlf = newline > at && newline < text.size() && text[newline - 1] == '\r';
    if (!joined && newline < text.size()) out += crlf ? "\r\n" : "\n";
    at = newline + 1;
  }
  if (out.size() > limit) out.resize(limit);
  return good;
}

std::string decode(const Part& part, size_t limit, Defects& defects) {
  std::string out;
  switch (part.encoding) {
    case Encoding::Base64:
      out.reserve(std::min(limit, part.content.size() / 4 * 3) + 3);
      if (!decode_base64(part.content, limit, out)) defects.bad_encoding = true;
      return out;
    case Encoding::QuotedPrintable:
      out.reserve(std::min(limit, part.content.size()));
      if (!decode_quoted_printable(part.content, limit, out)) defects.bad_encoding = true;
      return out;
    case Encoding::Unknown: defects.unknown_encoding = true; [[fallthrough]];
    case Encoding::Identity: break;
  }
  out = part.content.substr(0, limit);
  return out;
}

}  // namespace postern::mime
