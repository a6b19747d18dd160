// Words: a text as a row of hashes, as they are learned.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern::classifier {

/// Spreads whatever tells two numbers apart over all bits; the same on every machine.
[[nodiscard]] constexpr uint64_t mix(uint64_t hash) {
  hash ^= hash >> 32U;
  hash *= 0xd6e8feb86659fd93U;
  hash ^= hash >> 32U;
  hash *= 0xd6e8feb86659fd93U;
  return hash ^ (hash >> 32U);
}

/// FNV-1a, 64 bits.
inline constexpr uint64_t kHashBasis = 0xcbf29ce484222325U;
inline constexpr uint64_t kHashPrime = 0x100000001b3U;
[[nodiscard]] constexpr uint64_t hash_of(std::string_view text) {
  uint64_t hash = kHashBasis;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * kHashPrime;
  return hash;
}

/// The words of a text, in order, as many as there is room for.
struct Words {
  static constexpr size_t kRoom = 400;

  std::array<uint64_t, kRoom> hash{};
  size_t size = 0;      // of `hash`
  size_t capitals = 0;  // words of three letters and more, all of them capitals
  size_t shouts = 0;    // exclamation marks
  size_t money = 0;     // signs of currencies
  bool mixed = false;   // a word of Latin letters and those of another script that look like them
  bool unseen = false;  // characters without width between letters
};

/// Reads until there is no more text or no more room. `text` is UTF-8, or anything. ASCII letters count in either case
/// alike; digits are all the same one; in scripts without blanks each character is a word; URLs are left out (they are
/// features of their own).
void read_words(std::string_view text, Words& words);

}  // namespace postern::classifier
