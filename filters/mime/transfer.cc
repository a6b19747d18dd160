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

constexpr std::array<uint8_t, 256> kBase64 = base64_values();

/// Whole groups of four characters up to the first that does not belong, which in mail is the end of the line; none
/// once `out` has `limit` octets. Returns the characters read.
size_t decode_groups(std::string_view text, size_t limit, std::string& out) {
  std::array<char, 192> octets{};
  size_t size = 0;
  size_t at = 0;
  auto value = [&](size_t i) { return uint32_t{kBase64[static_cast<unsigned char>(text[at + i])]}; };
  for (; text.size() - at >= 4 && size < octets.size() && out.size() + size < limit; at += 4) {
    uint32_t a = value(0);
    uint32_t b = value(1);
    uint32_t c = value(2);
    uint32_t d = value(3);
    if ((a | b | c | d) == kNone) break;
    uint32_t bits = a << 18U | b << 12U | c << 6U | d;
    octets[size] = static_cast<char>(bits >> 16U);
    octets[size + 1] = static_cast<char>(bits >> 8U);
    octets[size + 2] = static_cast<char>(bits);
    size += 3;
  }
  out.append(octets.data(), size);
  return at;
}

bool is_line_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

/// RFC 2045, 6.7, one line without its end and without the blanks there (rule 3). False: an octet that does not belong.
bool decode_line(std::string_view line, std::string& out) {
  bool good = true;
  // Rules 1 and 2: "=" begins an octet, and only printable ASCII stands for itself.
  auto literal = [](char c) { return (c >= ' ' && c <= '~') || c == '\t'; };
  while (true) {
    std::string_view plain = line.substr(0, line.find('='));
    good = good && std::all_of(plain.begin(), plain.end(), literal);
    out.append(plain);
    line.remove_prefix(plain.size());
    if (line.empty()) return good;
    int high = line.size() > 2 ? hex_digit(line[1]) : -1;
    int low = high >= 0 ? hex_digit(line[2]) : -1;
    if (low < 0) good = false;
    out += low < 0 ? '=' : static_cast<char>(high * 16 + low);
    line.remove_prefix(low < 0 ? 1 : 3);
  }
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
  for (size_t i = 0; i < text.size(); ++i) {
    if (held == 0 && !padded) i += decode_groups(text.substr(i), limit, out);
    if (i == text.size() || out.size() >= limit) break;
    char c = text[i];
    uint8_t value = kBase64[static_cast<unsigned char>(c)];
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
