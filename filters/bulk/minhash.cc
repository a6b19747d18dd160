#include "filters/bulk/minhash.h"

#include <array>
#include <bitset>
#include <limits>
#include <memory>

namespace postern::bulk {
namespace {

constexpr unsigned kSlotBits = 7;
static_assert(Sketch::kSlots == 1U << kSlotBits);

/// A 64-bit finaliser: every bit of the result depends on every one of `value`.
constexpr uint64_t mix(uint64_t value) {
  value ^= value >> 32U;
  value *= 0xd6e8feb86659fd93U;
  value ^= value >> 32U;
  value *= 0xd6e8feb86659fd93U;
  return value ^ value >> 32U;
}

/// In this order: "free money" is not "money free".
constexpr uint64_t pair_of(Word first, Word second) {
  return mix((first << 23U | first >> 41U) + second * 0x9e3779b97f4a7c15U);
}

/// The least hash of each bin: the highest bits say which bin, all bits are compared.
class Minima {
 public:
  Minima() { least_.fill(kEmpty); }
  void add(uint64_t hash) {
    uint64_t& least = least_[hash >> (64U - kSlotBits)];
    least = hash < least ? hash : least;
  }
  [[nodiscard]] Sketch::Slots slots() const;

 private:
  static constexpr uint64_t kEmpty = std::numeric_limits<uint64_t>::max();
  std::array<uint64_t, Sketch::kSlots> least_;
};

/// An empty bin takes the value of another one, found by a hash of its own number, so that both of two equal sets
/// choose the same and two different ones agree as often as full bins do (Shrivastava 2017, algorithm 1).
Sketch::Slots Minima::slots() const {
  Sketch::Slots out{};
  bool any = false;
  for (uint64_t least : least_) any = any || least != kEmpty;
  if (!any) return out;
  for (size_t slot = 0; slot < Sketch::kSlots; ++slot) {
    size_t from = slot;
    for (uint64_t attempt = 1; least_[from] == kEmpty; ++attempt) {
      from = mix((attempt << 16U | slot) * 0x9e3779b97f4a7c15U) >> (64U - kSlotBits);
    }
    // The low bits of the least are as good as random; the high ones are near 0 where there are many.
    out[slot] = static_cast<uint16_t>(least_[from]);
  }
  return out;
}

}  // namespace

Sketched sketch(const std::vector<Word>& words) {
  constexpr size_t kBits = 1U << 16U;
  auto seen = std::make_unique<std::bitset<kBits>>();
  Minima single;
  Minima pairs;
  Sketched out;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) pairs.add(pair_of(words[i - 1], words[i]));
    if (is_kind(words[i])) continue;
    single.add(words[i]);
    auto bit = seen->operator[](words[i] >> 24U & (kBits - 1));
    if (!bit) ++out.words;
    bit = true;
  }
  out.sketch.words = single.slots();
  out.sketch.pairs = pairs.slots();
  return out;
}

}  // namespace postern::bulk
