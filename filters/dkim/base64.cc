#include "filters/dkim/base64.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace postern::dkim {
namespace {

constexpr uint8_t kNone = 0xFF;
constexpr uint8_t kBlank = 0xFE;
constexpr uint8_t kPad = 0xFD;

constexpr std::array<uint8_t, 256> make_table() {
  std::array<uint8_t, 256> table{};
  for (auto& entry : table) entry = kNone;
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < alphabet.size(); ++i) table[static_cast<unsigned char>(alphabet[i])] = static_cast<uint8_t>(i);
  for (char c : {' ', '\t', '\r', '\n'}) table[static_cast<unsigned char>(c)] = kBlank;
  table[static_cast<unsigned char>('=')] = kPad;
  return table;
}

}  // namespace

std::optional<std::string> decode_base64(std::string_view text) {
  static constexpr auto kTable = make_table();
  std::string out;
  out.reserve(text.size() / 4 * 3 + 3);
  unsigned bits = 0;
  size_t digits = 0;
  size_t pads = 0;
  for (char c : text) {
    uint8_t value = kTable[static_cast<unsigned char>(c)];
    if (value == kBlank) continue;
    if (value == kPad) {
      ++pads;
      continue;
    }
    if (value == kNone || pads > 0) return std::nullopt;
    bits = (bits << 6U | value) & 0xFFFFFFU;
    // The first digit of four completes no octet, each of the others one.
    size_t place = digits++ % 4;
    if (place > 0) out += static_cast<char>(bits >> (6 - 2 * place) & 0xFFU);
  }
  // A lone digit is no octet; padding, where there is any, fills up to four.
  if (digits % 4 == 1 || (pads > 0 && (digits + pads) % 4 != 0) || pads > 2) return std::nullopt;
  return out;
}

}  // namespace postern::dkim
