#include "filters/mime/punycode.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "filters/base/bytes.h"

namespace postern::mime {
namespace {

// RFC 3492, 5.
constexpr uint32_t kBase = 36;
constexpr uint32_t kMin = 1;
constexpr uint32_t kMax = 26;
constexpr uint32_t kSkew = 38;
constexpr uint32_t kDamp = 700;
constexpr uint32_t kFirstBias = 72;
constexpr uint32_t kFirstCode = 128;
constexpr size_t kMaxLabel = 63;

uint32_t code_point(std::string_view sequence) {
  auto octet = [sequence](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(sequence[i])); };
  if (sequence.size() == 1) return octet(0);
  uint32_t code = octet(0) & (0x7fU >> sequence.size());
  for (size_t i = 1; i < sequence.size(); ++i) code = code << 6U | (octet(i) & 0x3fU);
  return code;
}

std::optional<std::vector<uint32_t>> code_points(std::string_view label) {
  std::vector<uint32_t> points;
  for (size_t at = 0; at < label.size();) {
    size_t length = utf8_sequence(label, at);
    if (length == 0 || points.size() >= kMaxLabel) return std::nullopt;
    uint32_t code = code_point(label.substr(at, length));
    at += length;
    if (code == 0xfe0e || code == 0xfe0f) continue;
    bool blank = (code >= 0x80 && code <= 0xa0) || (code >= 0x2000 && code <= 0x200f) || code == 0x3000 ||
                 code == 0xfffd || (code >= 0x2028 && code <= 0x202f) || (code >= 0x205f && code <= 0x206f);
    bool ascii_good = ascii_alnum(static_cast<char>(code)) || code == '-' || code == '_';
    if (blank || (code < 0x80 && !ascii_good)) return std::nullopt;
    points.push_back(code < 0x80 ? static_cast<uint32_t>(ascii_lower(static_cast<char>(code))) : code);
  }
  return points;
}

char digit(uint32_t value) {
  return static_cast<char>(value < 26 ? 'a' + value : '0' + (value - 26));
}

// RFC 3492, 6.1.
uint32_t adapt(uint32_t delta, uint32_t points, bool first) {
  delta = first ? delta / kDamp : delta / 2;
  delta += delta / points;
  uint32_t k = 0;
  for (; delta > (kBase - kMin) * kMax / 2; k += kBase) delta /= kBase - kMin;
  return k + (kBase - kMin + 1) * delta / (delta + kSkew);
}

void put_delta(uint32_t delta, uint32_t bias, std::string& out) {
  for (uint32_t k = kBase;; k += kBase) {
    uint32_t threshold = k <= bias ? kMin : std::min(k - bias, kMax);
    if (delta < threshold) break;
    out += digit(threshold + (delta - threshold) % (kBase - threshold));
    delta = (delta - threshold) / (kBase - threshold);
  }
  out += digit(delta);
}

}  // namespace

// RFC 3492, 6.3. With 63 code points of 21 bits `delta` stays below 2^27.
std::optional<std::string> to_a_label(std::string_view label) {
  auto points = code_points(label);
  if (!points || points->empty()) return std::nullopt;
  std::string out = "xn--";
  for (uint32_t code : *points) {
    if (code < kFirstCode) out += static_cast<char>(code);
  }
  auto basic = static_cast<uint32_t>(out.size() - 4);
  if (basic > 0) out += '-';
  uint32_t handled = basic;
  uint32_t next = kFirstCode;
  uint32_t delta = 0;
  uint32_t bias = kFirstBias;
  while (handled < points->size()) {
    uint32_t smallest = 0x110000;
    for (uint32_t code : *points) {
      if (code >= next) smallest = std::min(smallest, code);
    }
    delta += (smallest - next) * (handled + 1);
    next = smallest;
    for (uint32_t code : *points) {
      if (code < next) ++delta;
      if (code != next) continue;
      put_delta(delta, bias, out);
      bias = adapt(delta, handled + 1, handled == basic);
      delta = 0;
      ++handled;
    }
    ++delta;
    ++next;
  }
  if (out.size() > kMaxLabel) return std::nullopt;
  return out;
}

}  // namespace postern::mime
