// Whatever a picture says of itself, decoding it ends, stays within its bounds and gives one answer; a picture with a
// hash is one that shows something.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "filters/base/result.h"
#include "filters/bulk/picture.h"

using namespace postern;

namespace {

void check(std::string_view octets) {
  std::optional<bulk::PictureSize> says = bulk::picture_size(octets);
  std::optional<uint64_t> hash = bulk::picture_hash(octets);
  if (!hash) return;
  POSTERN_CHECK(says && bulk::shows_something(*says) && says->pixels() <= bulk::kMaxPixels);
  POSTERN_CHECK(octets.size() <= bulk::kMaxEncoded);
  POSTERN_CHECK(bulk::picture_hash(octets) == hash);
}

/// ISO/IEC 15948, 5.5.
uint32_t png_sum(std::string_view octets) {
  uint32_t sum = UINT32_MAX;
  for (char c : octets) {
    sum ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) sum = sum >> 1U ^ ((sum & 1U) != 0 ? 0xEDB88320U : 0U);
  }
  return ~sum;
}

/// With the sums that the chunks of a PNG ought to have: else nothing that was changed would ever be looked at.
std::string mended(std::string octets) {
  auto octet = [&](size_t at) { return uint32_t{static_cast<uint8_t>(octets[at])}; };
  size_t at = 8;
  while (at + 12 <= octets.size()) {
    size_t length = octet(at) << 24U | octet(at + 1) << 16U | octet(at + 2) << 8U | octet(at + 3);
    if (length > octets.size() - at - 12) break;
    uint32_t sum = png_sum(std::string_view(octets).substr(at + 4, length + 4));
    for (unsigned i = 0; i < 4; ++i) octets[at + 8 + length + i] = static_cast<char>(sum >> (24 - 8 * i) & 0xFFU);
    at += length + 12;
  }
  return octets;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view octets(reinterpret_cast<const char*>(data), size);
  check(octets);
  if (octets.starts_with("\x89PNG")) check(mended(std::string(octets)));
  return 0;
}
