#include "filters/bulk/skeleton.h"

#include <string_view>

#include <gtest/gtest.h>

namespace postern::bulk {
namespace {

TEST(Skeleton, LettersThatLookAlikeAreOne) {
  struct Case {
    char32_t letter;
    std::u32string_view written;
  };
  const Case cases[] = {
      {U'a',
       U"aA\u00e0\u00c5\u0101\u01ce\u1ea1\u0430\u0410\u03b1\u0391\u03ac\u1f00\uff41\uff21\U0001d41a\U0001d7aa\u24d0"
       U"\u249c"
       U"\U0001f130\u2090\u1d43\u0251\u13aa\ua4ee\u00aa\U0001f1e6"},
      {U'b', U"bB\u0432\u0412\u03b2\u0392\u00df\u212c\U0001d4b7\u13f4\u044c"},
      {U'c', U"cC\u00e7\u0441\u0421\u03f2\u217d\u216d\u2102\u1d04\u0186"},
      {U'e', U"eE\u00e9\u0435\u0401\u03b5\u03ad\u212f\u2147\u1ebf\u0259"},
      {U'h', U"hH\u043d\u041d\u0397\u04bb\u0570\u210b"},
      {U'l', U"lLiI\u0131\u0456\u04c0\u03b9\u2160\u2170\u2113\u217c\u0142\u00ee\U0001d5c5"},
      {U'n', U"nN\u043f\u03b7\u039d\u00f1\u014b\u0578\u207f"},
      {U'o', U"oO\u00f6\u00f8\u043e\u03bf\u03cc\u03c3\u0585\u2092\u00ba\u1f79\u1ff8"},
      {U'p', U"pP\u0440\u03c1\u03a1\u00fe\u2119\u1fe5"},
      {U's', U"sS\u0161\u0455\u017f\u1e9b\u13da"},
      {U't', U"tT\u0442\u03c4\u0167"},
      {U'u', U"uU\u00fc\u03c5\u03bc\u00b5\u057d"},
      {U'v', U"vV\u03bd\u0475\u2174"},
      {U'w', U"wW\u03c9\u0461\u051d\u2126\u1fa0"},
      {U'x', U"xX\u0445\u03c7\u2179\u00d7"},
      {U'y', U"yY\u0443\u03a5\u03b3\u00ff\u04af"},
      {U'z', U"zZ\u017e\u03b6\u0396\u2124"},
  };
  for (const Case& one : cases) {
    for (char32_t c : one.written) {
      EXPECT_EQ(skeleton(c).sort, Sort::Letter) << std::hex << static_cast<uint32_t>(c);
      EXPECT_EQ(skeleton(c).letter, one.letter) << std::hex << static_cast<uint32_t>(c);
    }
  }
}

TEST(Skeleton, CapitalAndSmallLetterAreOne) {
  for (char32_t c = 0x410; c < 0x430; ++c) EXPECT_EQ(skeleton(c), skeleton(c + 0x20));
  for (char32_t c = 0x400; c < 0x410; ++c) EXPECT_EQ(skeleton(c), skeleton(c + 0x50));
  for (char32_t c = 0x4d0; c < 0x530; c += 2) EXPECT_EQ(skeleton(c), skeleton(c + 1));
  for (char32_t c = 0x531; c < 0x557; ++c) EXPECT_EQ(skeleton(c), skeleton(c + 0x30));
  for (char32_t c = 0x1e00; c < 0x1e96; c += 2) EXPECT_EQ(skeleton(c), skeleton(c + 1));
  for (char32_t c = 0x100; c < 0x130; c += 2) EXPECT_EQ(skeleton(c), skeleton(c + 1));
}

TEST(Skeleton, WhatNobodySees) {
  for (char32_t c :
       U"\u00ad\u0301\u0336\u034f\u061c\u115f\u180e\u200b\u200c\u200d\u200e\u202e\u2060\u2066\u3164\ufe0f\ufeff\uffa0"
       U"\U000e0041\U000e0100\u20d0\u1dc4\u05b0\u064e") {
    if (c == 0) continue;  // the literal's end
    EXPECT_EQ(skeleton(c).sort, Sort::Nothing) << std::hex << static_cast<uint32_t>(c);
  }
}

TEST(Skeleton, SortsOfCharacters) {
  auto all = [](std::u32string_view characters, Sort sort) {
    for (char32_t c : characters) EXPECT_EQ(skeleton(c).sort, sort) << std::hex << static_cast<uint32_t>(c);
  };
  all(U" .,\u00a0\u2003\u3000\u2014\u3002\u060c\u0964\u20ac\u2603\U0001f600\ufffd\ue000", Sort::Break);
  all(U"07\u0663\u06f5\u096a\u0e52\uff19\U0001d7d9\u00b2\u2460", Sort::Digit);
  all(U"\u0434\u03bb\u05d0\u0628\u0915\u10d0\uc548\u13b5\U00010400", Sort::Letter);
  all(U"\u4e2d\u3042\u30a2\u0e01\u1000\u1780\uff71\U00020000\uf900", Sort::Dense);
  EXPECT_EQ(skeleton(U'\uff17').letter, U'7');
  EXPECT_EQ(skeleton(0x110000).sort, Sort::Break);
  EXPECT_EQ(skeleton(0xd800).sort, Sort::Break);
}

/// Whatever is a letter says which, and how much of a word it is.
TEST(Skeleton, EveryAnswerIsWhole) {
  for (char32_t c = 0; c < 0x110400; ++c) {
    Character one = skeleton(c);
    bool is_letter = one.sort == Sort::Letter || one.sort == Sort::Dense;
    ASSERT_EQ(one.weight > 0, is_letter) << std::hex << static_cast<uint32_t>(c);
    ASSERT_EQ(one.letter > 0, is_letter || one.sort == Sort::Digit) << std::hex << static_cast<uint32_t>(c);
    ASSERT_TRUE(one.sort != Sort::Digit || (one.letter >= U'0' && one.letter <= U'9'));
    // A skeleton is its own skeleton, or what was stored would depend on how often it was asked.
    ASSERT_TRUE(!is_letter || skeleton(one.letter).letter == one.letter) << std::hex << static_cast<uint32_t>(c);
  }
}

}  // namespace
}  // namespace postern::bulk
