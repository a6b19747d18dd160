// Texts made of numbered words, and their sketches: as far apart as a test wants them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "filters/bulk/sighting.h"

namespace postern::bulk::test {

using Words = std::vector<uint32_t>;

inline uint64_t mix(uint64_t value) {
  value += 0x9e3779b97f4a7c15ULL;
  value = (value ^ value >> 30U) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ value >> 27U) * 0x94d049bb133111ebULL;
  return value ^ value >> 31U;
}

/// MinHash by its definition: for each slot the element whose hash of that slot is least.
inline Sketch::Slots minima(const std::vector<uint64_t>& elements) {
  Sketch::Slots slots{};
  for (size_t slot = 0; slot < Sketch::kSlots; ++slot) {
    uint64_t least = std::numeric_limits<uint64_t>::max();
    for (uint64_t element : elements) least = std::min(least, mix(element ^ mix(slot)));
    slots[slot] = static_cast<uint16_t>(least);
  }
  return slots;
}

inline Sketch sketch_of(const Words& words) {
  std::vector<uint64_t> singles(words.begin(), words.end());
  std::vector<uint64_t> pairs;
  pairs.reserve(words.size());
  for (size_t at = 1; at < words.size(); ++at) pairs.push_back(uint64_t{words[at - 1]} << 32U | words[at]);
  return {minima(singles), minima(pairs)};
}

/// Repeatable; each text is of words that no other has but by chance.
class Texts {
 public:
  explicit Texts(uint64_t seed) : random_(seed) {}

  Words text(size_t size) {
    Words words(size);
    for (uint32_t& word : words) word = static_cast<uint32_t>(random_() >> 34U);
    return words;
  }
  /// Each word replaced with that probability.
  Words copy(const Words& original, double replaced) {
    Words words = original;
    for (uint32_t& word : words) {
      if (share() < replaced) word = static_cast<uint32_t>(random_() >> 34U);
    }
    return words;
  }
  double share() { return static_cast<double>(random_() >> 11U) / static_cast<double>(uint64_t{1} << 53U); }
  uint64_t number() { return random_(); }

 private:
  std::mt19937_64 random_;
};

constexpr int64_t kNoon = 1'760'011'200'000;  // milliseconds since 1970
constexpr int64_t kHour = 3'600'000;

/// A message of that text; who sent it to whom is the test's.
inline Sighting message(std::string id, const Words& words, int64_t wall_ms = kNoon) {
  Sighting sighting;
  sighting.id = std::move(id);
  sighting.print.evidence = Evidence::Enough;
  sighting.print.text = sketch_of(words);
  sighting.print.words = static_cast<uint32_t>(words.size());
  sighting.from = "sender@example.org";
  sighting.subject = "a subject";
  sighting.network = 1;
  sighting.sender = 2;
  sighting.domain = 3;
  sighting.recipients = {4};
  sighting.wall_ms = wall_ms;
  return sighting;
}

}  // namespace postern::bulk::test
