#include <algorithm>
#include <cstdint>
#include <cstring>

#include "filters/base/bytes.h"
#include "filters/mime/text.h"

namespace postern::mime {
namespace {

constexpr uint64_t kHighBits = 0x8080808080808080U;

uint64_t load(const char* from) {
  uint64_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

bool continues(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

}  // namespace

size_t ascii_length(std::string_view text) {
  constexpr size_t kWord = sizeof(uint64_t);
  size_t at = 0;
  for (; text.size() - at >= 4 * kWord; at += 4 * kWord) {
    const char* from = text.data() + at;
    if (((load(from) | load(from + kWord) | load(from + 2 * kWord) | load(from + 3 * kWord)) & kHighBits) != 0) break;
  }
  while (text.size() - at >= kWord && (load(text.data() + at) & kHighBits) == 0) at += kWord;
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

size_t utf8_length(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) {
      at += ascii_length(text.substr(at));
    } else if (lead >= 0xC2 && lead < 0xE0 && at + 1 < text.size() && continues(text[at + 1])) {
      // All alphabets but those of Asia.
      at += 2;
    } else if (size_t length = utf8_sequence(text, at)) {
      at += length;
    } else {
      break;
    }
  }
  return at;
}

}  // namespace postern::mime
