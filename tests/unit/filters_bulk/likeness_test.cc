#include "filters/bulk/likeness.h"

#include <gtest/gtest.h>

namespace postern::bulk {
namespace {

TEST(Likeness, CountsEqualSlots) {
  Sketch a;
  for (size_t i = 0; i < Sketch::kSlots; ++i) {
    a.words[i] = static_cast<uint16_t>(i);
    a.pairs[i] = static_cast<uint16_t>(1000 + i);
  }
  Sketch b = a;
  EXPECT_EQ(likeness(a, b).words, 128U);
  EXPECT_EQ(likeness(a, b).pairs, 128U);
  b.words[0] = 9999;
  b.words[127] = 9999;
  b.pairs[64] = 9999;
  EXPECT_EQ(likeness(a, b).words, 126U);
  EXPECT_EQ(likeness(a, b).pairs, 127U);
  EXPECT_DOUBLE_EQ(similarity(likeness(a, a)), 1.0);
  EXPECT_DOUBLE_EQ(similarity({64, 0}), 0.5);
  EXPECT_DOUBLE_EQ(similarity({}), 0.0);
}

/// The same is a copy, the unlike is none; to be nearer never harms, and fewer words or more members never ask for
/// less.
TEST(Likeness, BoundsGoOneWay) {
  for (uint32_t words : {8U, 15U, 16U, 31U, 32U, 100U, 10'000U}) {
    for (uint64_t members : {1U, 2U, 19U, 20U, 1'000'000U}) {
      EXPECT_TRUE(is_copy({128, 128}, words, members));
      EXPECT_FALSE(is_copy({0, 0}, words, members));
      EXPECT_FALSE(is_copy({10, 128}, words, members)) << "a footer in common";
      EXPECT_FALSE(is_copy({128, 0}, words, members)) << "the same words, but none where it was";
      for (unsigned equal = 1; equal <= 128; ++equal) {
        EXPECT_GE(is_copy({equal, 60}, words, members), is_copy({equal - 1, 60}, words, members));
        EXPECT_GE(is_copy({60, equal}, words, members), is_copy({60, equal - 1}, words, members));
        EXPECT_GE(is_copy({equal, equal}, words + 1, members), is_copy({equal, equal}, words, members));
      }
    }
  }
}

/// Half of the words replaced is beyond what the method promises; three in ten are within it, see the header.
TEST(Likeness, ReplacedWords) {
  auto slots = [](double share) { return static_cast<unsigned>(share * Sketch::kSlots); };
  EXPECT_TRUE(is_copy({slots(.47), slots(.26)}, 100, 1)) << "two copies, 20 % of each replaced";
  EXPECT_TRUE(is_copy({slots(.32), slots(.136)}, 100, 1)) << "30 %";
  EXPECT_TRUE(is_copy({slots(.54), slots(.32)}, 100, 50)) << "30 %, and what they were made from";
  EXPECT_TRUE(is_copy({slots(.47), slots(.26)}, 12, 1)) << "20 % of twelve words";
  EXPECT_FALSE(is_copy({slots(.33), slots(.2)}, 12, 1)) << "a courtesy in both";
  EXPECT_FALSE(is_copy({slots(.47), slots(.26)}, 9, 1)) << "of nine it may be the courtesy";
  EXPECT_FALSE(is_copy({slots(.15), slots(.02)}, 100, 1)) << "two mails about the same thing";
  EXPECT_FALSE(is_copy({slots(.17), slots(.17)}, 100, 1)) << "a third of both is one footer";
}

}  // namespace
}  // namespace postern::bulk
