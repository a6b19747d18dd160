// Memory, clocks and whatever a stranger may send.
#include <limits>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "filters/bulk/index.h"
#include "tests/unit/filters_bulk/made_texts.h"

namespace postern::bulk {
namespace {

using test::kHour;
using test::kNoon;
using test::message;
using test::Texts;
using test::Words;

Index::Options of_memory(uint64_t memory) {
  Index::Options options;
  options.memory = memory;
  options.limit = 10;
  return options;
}

Sighting random_message(Texts& texts, int number, int64_t wall_ms = kNoon) {
  Sighting sighting;
  sighting.id = fmt::format("r{}", number);
  sighting.print.evidence = Evidence::Enough;
  sighting.print.text.emplace();
  for (uint16_t& slot : sighting.print.text->words) slot = static_cast<uint16_t>(texts.number());
  for (uint16_t& slot : sighting.print.text->pairs) slot = static_cast<uint16_t>(texts.number());
  sighting.print.words = 100;
  sighting.wall_ms = wall_ms;
  return sighting;
}

TEST(IndexBounds, MemoryIsKeptAndCampaignsOutliveAFlood) {
  constexpr uint64_t kMemory = 2U << 20U;
  Index index(of_memory(kMemory));
  Texts texts(1);
  Words campaign = texts.text(100);
  uint64_t count = 0;
  for (int i = 0; i < 30'000; ++i) {
    Sighting sighting = random_message(texts, i);
    if (i % 3 == 0) sighting.print.files = {texts.number()};
    if (i % 5 == 0) sighting.recipients.assign(20, static_cast<uint32_t>(i + 1));
    Seen seen = index.see(sighting);
    index.take(Let{seen.ticket[0], Passed{sighting.id, "q", "f", 1, kNoon}});
    if (i % 100 == 0) count = index.see(message(fmt::format("c{}", i), texts.copy(campaign, 0.1))).outcome.count;
    if (i % 1000 == 0) {
      ASSERT_LE(index.stats().bytes, kMemory);
    }
  }
  EXPECT_EQ(count, 300U);
  EXPECT_GT(index.stats().bytes, kMemory * 7 / 10);
  EXPECT_GT(index.stats().single, 1000U);
}

// Clusters of two alone must not take all memory: nobody would find a new campaign.
TEST(IndexBounds, ANewCampaignIsFoundAmongManySmallClusters) {
  Index index(of_memory(1U << 20U));
  Texts texts(2);
  for (int i = 0; i < 5000; ++i) {
    Sighting sighting = random_message(texts, i);
    static_cast<void>(index.see(sighting));
    sighting.id += "again";
    EXPECT_EQ(index.see(sighting).outcome.count, 2U);
  }
  Words campaign = texts.text(100);
  uint64_t count = 0;
  for (int i = 0; i < 40; ++i) {
    for (int other = 0; other < 10; ++other)
      static_cast<void>(index.see(random_message(texts, 10'000 + i * 10 + other)));
    count = index.see(message(fmt::format("c{}", i), texts.copy(campaign, 0.1))).outcome.count;
  }
  EXPECT_EQ(count, 40U);
  EXPECT_LE(index.stats().bytes, 1U << 20U);
}

TEST(IndexBounds, ManyAllowedClustersLeaveRoom) {
  Index index(of_memory(1U << 20U));
  Texts texts(3);
  int allowed = 0;
  for (int i = 0; i < 3000; ++i) {
    Seen seen = index.see(random_message(texts, i));
    ASSERT_FALSE(seen.ticket.empty());
    allowed += index.take(Allowed{seen.ticket[0], true}) ? 1 : 0;
  }
  EXPECT_GT(allowed, 100);
  EXPECT_LT(allowed, 1000);
  EXPECT_EQ(index.list(kNoon, 1, 10'000).size(), static_cast<size_t>(allowed));
}

TEST(IndexBounds, AStampFromTheFutureWipesNothing) {
  Index index(of_memory(4U << 20U));
  Texts texts(4);
  Words text = texts.text(100);
  int64_t year = int64_t{365} * 24 * kHour;
  uint64_t count = 0;
  for (int i = 1; i <= 20; ++i) {
    count = index.see(message(fmt::format("n{}", i), text)).outcome.count;
    for (int64_t wrong : {kNoon + year, kNoon + 25 * kHour, std::numeric_limits<int64_t>::max(), int64_t{0},
                          std::numeric_limits<int64_t>::min()}) {
      Seen seen = index.see(message(fmt::format("w{}{}", i, wrong), texts.text(100), wrong));
      EXPECT_EQ(seen.outcome.count, 1U);
    }
  }
  EXPECT_EQ(count, 20U);
  // One of the same campaign: it is believed of itself, and no count is lost by it.
  static_cast<void>(index.see(message("far", text, kNoon + year)));
  EXPECT_GE(index.see(message("now", text)).outcome.count, 21U);
  EXPECT_GE(index.see(message("next", text, kNoon + kHour)).outcome.count, 22U);
  EXPECT_FALSE(index.list(kNoon + kHour, 10, 10).empty());
}

TEST(IndexBounds, AClockThatIsSetBackGoesOnCounting) {
  Index index(of_memory(4U << 20U));
  Texts texts(5);
  Words text = texts.text(100);
  int64_t year = int64_t{365} * 24 * kHour;
  for (int i = 1; i <= 200; ++i) static_cast<void>(index.see(message(fmt::format("a{}", i), text, kNoon + year)));
  Seen seen;
  for (int i = 1; i <= 200; ++i) seen = index.see(message(fmt::format("b{}", i), text, kNoon + i));
  EXPECT_EQ(seen.outcome.count, 400U);
  EXPECT_GE(seen.outcome.age, 0);
  // And forgets when its own time has passed.
  for (int i = 1; i <= 3; ++i) seen = index.see(message(fmt::format("c{}", i), text, kNoon + 26 * kHour));
  EXPECT_EQ(seen.outcome.count, 3U);
}

TEST(IndexBounds, AQuietWeekendIsNoRiddle) {
  Index index(of_memory(4U << 20U));
  Texts texts(6);
  Words text = texts.text(100);
  for (int i = 1; i <= 10; ++i) static_cast<void>(index.see(message(fmt::format("fri{}", i), text)));
  for (uint32_t i = 1; i <= 10; ++i) {
    EXPECT_EQ(index.see(message(fmt::format("mon{}", i), text, kNoon + 72 * kHour)).outcome.count, i);
  }
}

TEST(IndexBounds, TheSameMessageTwiceIsTwo) {
  Index index(of_memory(1U << 20U));
  Texts texts(7);
  Sighting sighting = message("same", texts.text(100));
  EXPECT_EQ(index.see(sighting).outcome.count, 1U);
  EXPECT_EQ(index.see(sighting).outcome.count, 2U);
  Sighting other = message("same", texts.text(100));  // an id that is there already
  EXPECT_EQ(index.see(other).outcome.count, 1U);
}

TEST(IndexBounds, LongTextsAndOddOnesAreCut) {
  Index index(of_memory(1U << 20U));
  Texts texts(8);
  Sighting sighting = message(std::string(10'000, 'i'), texts.text(50));
  sighting.subject = std::string(500, '\0');
  sighting.from = std::string(5000, 'f');
  sighting.print.sites.assign(100, 1);
  sighting.print.files.assign(100, 2);
  sighting.print.pictures.assign(100, 3);
  sighting.recipients.assign(5000, 4);
  Seen seen = index.see(sighting);
  seen = index.see(sighting);
  index.take(Let{seen.ticket[0], Passed{std::string(9999, 'x'), std::string(9999, 'y'), std::string(9999, 'z'), 1, 1}});
  auto report = index.find(seen.ticket[0], kNoon);
  ASSERT_TRUE(report);
  EXPECT_LE(report->subject.size(), 96U);
  EXPECT_LE(report->from.size(), 64U);
  EXPECT_LE(report->passed[0].queue.size(), 40U);
  EXPECT_LE(index.stats().bytes, 1U << 20U);
}

TEST(IndexBounds, EventsAreApplied) {
  Index index(of_memory(1U << 20U));
  Texts texts(9);
  Sighting sighting = message("e", texts.text(50));
  apply(index, sighting);
  apply(index, sighting);
  auto reports = index.list(kNoon, 2, 10);
  ASSERT_EQ(reports.size(), 1U);
  apply(index, Let{reports[0].cluster, Passed{"e", "q", "f", 1, 2}});
  apply(index, Allowed{reports[0].cluster, true});
  apply(index, Withdrawn{reports[0].cluster, kNoon});
  auto report = index.find(reports[0].cluster, kNoon);
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->outcome.allowed);
  EXPECT_EQ(report->outcome.count, 1U);
  EXPECT_EQ(report->passed.size(), 1U);
}

}  // namespace
}  // namespace postern::bulk
