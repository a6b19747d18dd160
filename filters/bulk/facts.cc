#include "filters/bulk/facts.h"

namespace postern::bulk {
namespace {

// Crockford's base 32: no letter that is read as another.
constexpr std::string_view kLetters = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr size_t kLength = 13;  // of 64 bits, 5 a letter

}  // namespace

std::string_view to_string(Evidence evidence) {
  switch (evidence) {
    case Evidence::Enough: return "enough";
    case Evidence::None: return "none";
    case Evidence::Little: return "little";
    case Evidence::Bounce: return "bounce";
    case Evidence::AutoReply: return "auto-reply";
    case Evidence::Calendar: return "calendar";
  }
  return "none";
}

std::string_view to_string(Aspect aspect) {
  switch (aspect) {
    case Aspect::Text: return "text";
    case Aspect::File: return "file";
    case Aspect::Picture: return "picture";
    case Aspect::Urls: return "urls";
  }
  return "text";
}

std::string cluster_name(uint64_t cluster) {
  std::string name(kLength, '0');
  for (size_t at = kLength; at-- > 0; cluster >>= 5U) name[at] = kLetters[cluster & 31U];
  return name;
}

bool parse_cluster_name(std::string_view name, uint64_t& cluster) {
  if (name.size() != kLength) return false;
  uint64_t value = 0;
  for (size_t at = 0; at < kLength; ++at) {
    char letter = name[at] >= 'A' && name[at] <= 'Z' ? static_cast<char>(name[at] - 'A' + 'a') : name[at];
    size_t digit = kLetters.find(letter);
    // 13 letters hold 65 bits: the first is one of 0 to 15.
    if (digit == std::string_view::npos || (at == 0 && digit > 15)) return false;
    value = value << 5U | digit;
  }
  cluster = value;
  return true;
}

}  // namespace postern::bulk
