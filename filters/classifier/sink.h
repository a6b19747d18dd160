// Where the features of a message are collected.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "filters/classifier/features.h"
#include "filters/classifier/scale.h"
#include "filters/classifier/words.h"

namespace postern::classifier {

/// Of two hashes one, that tells their order too.
[[nodiscard]] constexpr uint64_t pair_of(uint64_t first, uint64_t second) {
  return first * kHashPrime + second;
}

/// Fills `out`, which outlives it and is cleared first. One thread.
class Sink {
 public:
  explicit Sink(std::vector<Feature>& out) : out_(out) { out_.clear(); }

  void add(Kind kind, uint64_t hash) {
    uint64_t mixed = mix(hash + (static_cast<uint64_t>(kind) + 1) * 0x9e3779b97f4a7c15U);
    out_.push_back(static_cast<Feature>(kind) << kKindShift | static_cast<Feature>(mixed >> (64 - kKindShift)));
  }
  /// Of a name and a text, "mailer" and "mutt".
  void add(Kind kind, std::string_view name, std::string_view text = {}) {
    add(kind, pair_of(hash_of(name), hash_of(text)));
  }
  /// Of a name and a small number, each its own.
  void number(Kind kind, std::string_view name, size_t number) {
    add(kind, pair_of(hash_of(name), static_cast<uint64_t>(number)));
  }
  /// How many, roughly: each doubling is another one.
  void count(std::string_view name, size_t number);
  void words(Kind kind, const Words& words);
  /// Each run of four octets of a text.
  void grams(Kind kind, std::string_view text);
  /// Sorted, each once, no more than kMaxFeatures.
  void finish();

 private:
  std::vector<Feature>& out_;
};

}  // namespace postern::classifier
