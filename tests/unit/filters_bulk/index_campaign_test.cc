// Copies of one text with many words replaced must grow together, and different texts must not.
#include <algorithm>
#include <set>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "filters/bulk/index.h"
#include "tests/unit/filters_bulk/made_texts.h"

namespace postern::bulk {
namespace {

using test::kNoon;
using test::message;
using test::Texts;
using test::Words;

/// The share of copies from the 21st on that are counted with most of those before them.
double recall(double replaced, size_t words, int campaigns, uint64_t seed) {
  Index index({});
  Texts texts(seed);
  int found = 0;
  int all = 0;
  for (int campaign = 0; campaign < campaigns; ++campaign) {
    Words original = texts.text(words);
    for (int copy = 1; copy <= 60; ++copy) {
      Seen seen = index.see(message(fmt::format("{}.{}", campaign, copy), texts.copy(original, replaced)));
      if (copy <= 20) continue;
      ++all;
      found += seen.outcome.count >= 15 ? 1 : 0;
    }
  }
  return static_cast<double>(found) / all;
}

TEST(Campaign, IsRecognisedWithAFifthOfItsWordsReplaced) {
  EXPECT_GE(recall(0.2, 60, 20, 1), 0.99);
  EXPECT_GE(recall(0.2, 250, 20, 2), 0.99);
}

TEST(Campaign, IsRecognisedWithAThirdOfItsWordsReplaced) {
  EXPECT_GE(recall(0.3, 60, 20, 3), 0.95);
  EXPECT_GE(recall(0.3, 250, 20, 4), 0.95);
}

TEST(Campaign, ItsCentreDrawsNearer) {
  Index index({});
  Texts texts(5);
  Words original = texts.text(200);
  double early = 0;
  double late = 0;
  for (int copy = 1; copy <= 60; ++copy) {
    double near = index.see(message(fmt::format("{}", copy), texts.copy(original, 0.25))).outcome.similarity;
    if (copy > 1 && copy <= 6) early += near / 5;
    if (copy > 55) late += near / 5;
  }
  EXPECT_GT(late, early + 0.1);
}

TEST(Campaign, FragmentsGrowTogether) {
  Index index({});
  Texts texts(6);
  Words original = texts.text(120);
  std::set<uint64_t> numbers;
  Ticket last;
  for (int copy = 0; copy < 300; ++copy) {
    last = index.see(message(fmt::format("{}", copy), texts.copy(original, 0.35))).ticket;
    numbers.insert(last.begin(), last.end());
  }
  auto reports = index.list(kNoon, 2, 10);
  ASSERT_FALSE(reports.empty());
  EXPECT_GT(reports[0].outcome.count, 240U);
  // Whoever knows a fragment by its number finds what became of it.
  size_t led = 0;
  for (uint64_t number : numbers) {
    auto report = index.find(number, kNoon);
    if (report && report->cluster == reports[0].cluster) ++led;
  }
  EXPECT_GT(led, numbers.size() / 2);
}

// A digest that quotes two newsletters is a copy of each, but they are not of each other.
TEST(Campaign, OneMessageDoesNotJoinTwoTexts) {
  Index index({});
  Texts texts(7);
  Words one = texts.text(100);
  Words two = texts.text(100);
  for (int copy = 0; copy < 10; ++copy) {
    static_cast<void>(index.see(message(fmt::format("a{}", copy), one)));
    static_cast<void>(index.see(message(fmt::format("b{}", copy), two)));
  }
  Words both = one;
  both.insert(both.end(), two.begin(), two.end());
  EXPECT_EQ(index.see(message("both", both)).outcome.count, 11U);
  EXPECT_EQ(index.stats().clusters, 2U);
}

// Mails of one sender that share a footer, or of one language that share frequent words, are not copies.
TEST(Campaign, TextsWithCommonPartsStayApart) {
  Index index({});
  Texts texts(8);
  Words footer = texts.text(10);
  Words frequent = texts.text(50);
  uint64_t largest = 0;
  for (int mail = 0; mail < 2000; ++mail) {
    Words words = texts.text(80);
    // Every tenth word is a frequent one, scattered.
    for (size_t at = 0; at < words.size(); at += 10) words[at] = frequent[texts.number() % frequent.size()];
    words.insert(words.end(), footer.begin(), footer.end());
    largest = std::max(largest, index.see(message(fmt::format("{}", mail), words)).outcome.count);
  }
  EXPECT_EQ(largest, 1U);
}

TEST(Campaign, IsFoundAmongManyOthers) {
  Index index({});
  Texts texts(9);
  Words original = texts.text(100);
  uint64_t last = 0;
  for (int i = 0; i < 6000; ++i) {
    bool campaign = i % 100 == 0;
    Words words = campaign ? texts.copy(original, 0.2) : texts.text(30);
    uint64_t count = index.see(message(fmt::format("{}", i), words)).outcome.count;
    if (campaign) last = count;
  }
  EXPECT_GE(last, 55U);
}

}  // namespace
}  // namespace postern::bulk
