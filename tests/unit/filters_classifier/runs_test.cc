#include "filters/classifier/runs.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "filters/classifier/run_counts.h"

namespace postern::classifier {
namespace {

/// Of the octets up to the end of a text.
RunKey key_of(std::string_view run, Where where = Where::Text) {
  uint64_t last = 0;
  for (char c : run) last = (last << 8U) | static_cast<unsigned char>(c);
  return run_key(where, last, run.size());
}

TEST(RunTable, SaysTheMeanOfTheLongestRuns) {
  RunTable table(10);
  table.put(key_of("pill"), 1.0F);
  table.put(key_of("pills"), 2.0F);
  table.put(key_of("nice"), -2.0F);
  // "pill" and "pills" end in it once each: (1 + 2) of at most 2 for each octet.
  EXPECT_NEAR(table.judge(Where::Text, "pills"), mean_of_runs(3, 5), 0.001);
  EXPECT_NEAR(table.judge(Where::Text, "a nice day"), mean_of_runs(-2, 10), 0.001);
  EXPECT_EQ(table.judge(Where::Text, "nothing known"), 0);
  EXPECT_EQ(table.judge(Where::Header, "pills"), 0) << "elsewhere it is another run";
  EXPECT_EQ(table.judge(Where::Text, ""), 0);
  EXPECT_EQ(table.judge(Where::Text, "pil"), 0);
  EXPECT_EQ(RunTable().judge(Where::Text, "pills"), 0);
}

TEST(RunTable, OfFewOctetsItSaysLess) {
  EXPECT_LT(mean_of_runs(20, 10), mean_of_runs(200, 100));
  EXPECT_LE(mean_of_runs(kMostRun * 1000, 1000), 1);
}

TEST(RunTable, WhatIsSaidTwiceIsTheLastAndBounded) {
  RunTable table(10);
  table.put(key_of("pill"), 1.0F);
  table.put(key_of("pill"), -100.0F);
  EXPECT_NEAR(table.judge(Where::Text, "pill"), mean_of_runs(-kMostRun, 4), 0.001);
}

TEST(RunTable, KnowsManyApart) {
  RunTable table(50'000);
  auto name = [](int number) { return fmt::format("{:06d}", number); };
  for (int i = 0; i < 50'000; ++i) table.put(key_of(name(i)), i % 2 == 0 ? 1.0F : -1.0F);
  int wrong = 0;
  for (int i = 0; i < 50'000; ++i) wrong += static_cast<int>((table.judge(Where::Text, name(i)) > 0) != (i % 2 == 0));
  EXPECT_LE(wrong, 10) << "of 50,000, where an octet of the six shares a place";
  int found = 0;
  for (int i = 50'000; i < 100'000; ++i) found += static_cast<int>(table.judge(Where::Text, name(i)) != 0);
  EXPECT_LT(found, 50);
}

TEST(RunTable, WhatIsWrittenAgainAndAgainSaysItOnce) {
  RunTable table(10);
  table.put(key_of("aaaaaa"), -2.0F);
  table.put(key_of("pills "), 2.0F);
  const std::string spam = "pills and more of the same";
  float alone = table.judge(Where::Text, spam);
  EXPECT_GT(alone, 0);
  EXPECT_NEAR(table.judge(Where::Text, spam + std::string(1900, 'a')), alone + mean_of_runs(-2, spam.size()), 0.01);
  EXPECT_NEAR(table.judge(Where::Text, std::string(1900, 'a') + spam), alone + mean_of_runs(-2, spam.size()), 0.01);
}

TEST(RunTable, AFullOneIsSearchedToAnEnd) {
  RunTable table(std::vector<uint32_t>(64, 0xFFFFFF01U));
  EXPECT_LE(std::fabs(table.judge(Where::Text, std::string(2000, 'x'))), 1);
}

RunCounts counted(const std::vector<std::pair<std::string, bool>>& texts) {
  RunCounts out;
  for (const auto& [text, spam] : texts) out.add(Where::Text, text, spam, 1);
  out.finish();
  return out;
}

constexpr std::string_view kSpam = "order cheap pills now, no prescription needed";
constexpr std::string_view kHam = "the meeting is on monday in the small room";

TEST(RunCounts, WhatOneKindWritesIsKnownAgain) {
  std::vector<std::pair<std::string, bool>> texts;
  for (int i = 0; i < 5; ++i) {
    texts.emplace_back(fmt::format("{} {}", kSpam, i), true);
    texts.emplace_back(fmt::format("{} {}", kHam, i), false);
  }
  RunTable table = counted(texts).table();
  EXPECT_GT(table.judge(Where::Text, kSpam), 0.2F);
  EXPECT_LT(table.judge(Where::Text, kHam), -0.2F);
  EXPECT_GT(table.judge(Where::Text, "cheap pills today"), table.judge(Where::Text, "on monday today"));
}

TEST(RunCounts, WithoutAPartItSaysWhatTheRestWouldSay) {
  std::vector<std::pair<std::string, bool>> rest;
  std::vector<std::pair<std::string, bool>> part;
  for (int i = 0; i < 40; ++i) {
    auto& to = i % 4 == 0 ? part : rest;
    to.emplace_back(fmt::format("{} number {} of {}", i % 2 == 0 ? kSpam : kHam, i * 7919 % 101, i % 3), i % 2 == 0);
  }
  RunCounts all;
  RunCounts left;
  for (const auto& [text, spam] : rest) all.add(Where::Text, text, spam, 1);
  for (const auto& [text, spam] : part) {
    all.add(Where::Text, text, spam, 0.5F);
    left.add(Where::Text, text, spam, 0.5F);
  }
  all.finish();
  left.finish(&all);
  RunCounts alone = counted(rest);
  RunCounts nothing;
  nothing.finish(&alone);
  for (std::string_view text : {kSpam, kHam, std::string_view("pills on monday, number 21 of 2")}) {
    EXPECT_NEAR(all.judge(Where::Text, text, left), alone.judge(Where::Text, text, nothing), 1e-5) << text;
  }
}

TEST(RunCounts, ALongRunOfOneMessageAloneIsNotKnown) {
  RunTable table = counted({{"abcdef", true}, {"uvwxyz", false}, {"uvwxyz", false}}).table();
  EXPECT_NEAR(table.judge(Where::Text, "abcdef"), mean_of_runs(3 * kMostRun, 6), 0.01) << "by its runs of four";
  RunTable more = counted({{"abcdef", true}, {"bcde", false}, {"bcde", false}}).table();
  EXPECT_LT(more.judge(Where::Text, "abcdef"), table.judge(Where::Text, "abcdef"));
}

TEST(RunCounts, NorOneThatStandsInItTwice) {
  RunTable table = counted({{"abcdef and abcdef", true}, {"uvwxyz", false}}).table();
  EXPECT_NEAR(table.judge(Where::Text, "abcdef"), mean_of_runs(3 * kMostRun, 6), 0.01) << "by its runs of four";
  RunTable more = counted({{"abcdef and abcdef", true}, {"bcde cdef", false}, {"bcde cdef", false}}).table();
  EXPECT_LT(more.judge(Where::Text, "abcdef"), table.judge(Where::Text, "abcdef"));
}

TEST(RunCounts, WhatCountsNothingTeachesNothing) {
  RunCounts counts;
  counts.add(Where::Text, kSpam, true, 0);
  counts.add(Where::Text, kHam, false, 1);
  counts.finish();
  EXPECT_EQ(counts.table().judge(Where::Text, "prescription"), 0);
}

TEST(RunCounts, OfNothingItSaysNothing) {
  RunCounts counts;
  counts.finish();
  RunCounts part;
  part.finish(&counts);
  EXPECT_EQ(counts.judge(Where::Text, kSpam, part), 0);
  EXPECT_EQ(counts.table().judge(Where::Text, kSpam), 0);
}

}  // namespace
}  // namespace postern::classifier
