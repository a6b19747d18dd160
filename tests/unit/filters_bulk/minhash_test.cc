#include "filters/bulk/minhash.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace postern::bulk {
namespace {

std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> out;
  read_words(text, out);
  return out;
}

double equal_share(const Sketch::Slots& a, const Sketch::Slots& b) {
  size_t equal = 0;
  for (size_t i = 0; i < a.size(); ++i) equal += static_cast<size_t>(a[i] == b[i]);
  return static_cast<double>(equal) / static_cast<double>(a.size());
}

/// `size` words, of which the last `others` are not those of another salt.
std::vector<Word> some_words(std::mt19937_64& random, size_t size) {
  std::vector<Word> out(size);
  for (Word& word : out) word = random() | kFirstWord;
  return out;
}

/// The share of equal slots is, on average, that of common words, for many words and for few.
TEST(MinHash, EstimatesTheShareInCommon) {
  std::mt19937_64 random(1);
  for (size_t size : {10U, 50U, 200U, 3000U}) {
    for (double common : {0.0, 0.2, 0.5, 0.9}) {
      double sum = 0;
      constexpr int kRuns = 200;
      auto shared = static_cast<size_t>(common * static_cast<double>(size));
      for (int run = 0; run < kRuns; ++run) {
        std::vector<Word> a = some_words(random, size);
        std::vector<Word> b = some_words(random, size);
        std::copy_n(a.begin(), shared, b.begin());
        sum += equal_share(sketch(a).sketch.words, sketch(b).sketch.words);
      }
      double jaccard = static_cast<double>(shared) / static_cast<double>(2 * size - shared);
      EXPECT_NEAR(sum / kRuns, jaccard, 0.03) << size << " words, " << common << " in common";
    }
  }
}

TEST(MinHash, OrderMattersToPairsOnly) {
  std::mt19937_64 random(2);
  std::vector<Word> words = some_words(random, 100);
  std::vector<Word> shuffled = words;
  std::shuffle(shuffled.begin(), shuffled.end(), random);
  Sketched a = sketch(words);
  Sketched b = sketch(shuffled);
  EXPECT_EQ(a.sketch.words, b.sketch.words);
  EXPECT_LT(equal_share(a.sketch.pairs, b.sketch.pairs), 0.2);
  std::reverse(shuffled.begin(), shuffled.end());
  EXPECT_NE(sketch(shuffled).sketch.pairs, b.sketch.pairs) << "what follows is not what goes before";
}

TEST(MinHash, KindsCountInPairsOnly) {
  Sketched with = sketch(words_of("order 4711 arrives tomorrow"));
  Sketched without = sketch(words_of("order arrives tomorrow"));
  EXPECT_EQ(with.sketch.words, without.sketch.words);
  EXPECT_NE(with.sketch.pairs, without.sketch.pairs);
  EXPECT_EQ(with.sketch, sketch(words_of("order 12345 arrives tomorrow")).sketch) << "which number does not matter";
  EXPECT_EQ(sketch({kNumber, kUrl}).words, 0U);
}

TEST(MinHash, CountsDistinctWords) {
  EXPECT_EQ(sketch({}).words, 0U);
  EXPECT_EQ(sketch({}).sketch, Sketch{});
  EXPECT_EQ(sketch(words_of("spam spam spam eggs and spam")).words, 2U);
  std::mt19937_64 random(3);
  EXPECT_EQ(sketch(some_words(random, 20)).words, 20U);
  EXPECT_NEAR(sketch(some_words(random, 5000)).words, 5000, 250);
}

/// Sketches are stored and shared among machines: when this fails, kFingerprintVersion must be raised.
TEST(MinHash, StaysWhatItWas) {
  Sketched one =
      sketch(words_of("Stored sketches must be comparable with those of tomorrow, on any machine: 100 % equal."));
  uint64_t sum = 0;
  for (size_t i = 0; i < Sketch::kSlots; ++i) sum = sum * 31 + one.sketch.words[i] + uint64_t{7} * one.sketch.pairs[i];
  EXPECT_EQ(one.words, 9U);
  EXPECT_EQ(sum, 17434015511251915235U);
}

}  // namespace
}  // namespace postern::bulk
