// What is forgotten although no message comes, and what of it the numbers for operators say.
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

constexpr int64_t kSecond = 1000;

class IndexForget : public ::testing::Test {
 public:
  IndexForget() = default;
  IndexForget(const IndexForget&) = delete;
  IndexForget& operator=(const IndexForget&) = delete;
  ~IndexForget() override = default;

  static Index::Options of_a_minute() {
    Index::Options options;
    options.memory = 8U << 20U;
    options.window = std::chrono::minutes(1);
    options.limit = 4;
    return options;
  }
  Seen see(const Words& words, int64_t wall_ms) {
    return index.see(message(fmt::format("id{}", ++messages), words, wall_ms));
  }
  /// As the gateway does, every few seconds.
  void silence(int64_t from, int64_t to) {
    for (int64_t now = from; now <= to; now += 2 * kSecond) index.forget(now);
  }

  Index index{of_a_minute()};
  Texts texts{11};
  int messages = 0;
};

TEST_F(IndexForget, SilenceForgetsToo) {
  for (int cluster = 0; cluster < 5; ++cluster) {
    Words text = texts.text(100);
    for (int i = 0; i < 4; ++i) see(text, kNoon + i * kSecond);
  }
  see(texts.text(100), kNoon);
  silence(kNoon, kNoon + 50 * kSecond);
  EXPECT_EQ(index.stats().clusters, 5U);
  EXPECT_EQ(index.stats().over_limit, 5U);
  EXPECT_EQ(index.stats().single, 1U);
  EXPECT_GT(index.stats().bytes, 0U);
  silence(kNoon + 50 * kSecond, kNoon + 90 * kSecond);
  EXPECT_TRUE(index.list(kNoon + 90 * kSecond, 1, 10).empty());
  EXPECT_EQ(index.stats().clusters, 0U);
  EXPECT_EQ(index.stats().over_limit, 0U);
  EXPECT_EQ(index.stats().single, 0U);
  EXPECT_EQ(index.stats().bytes, 0U) << "nothing is left, and all memory is given back";
  // And it is as good as new.
  Words text = texts.text(100);
  for (uint32_t i = 1; i <= 5; ++i) EXPECT_EQ(see(text, kNoon + 91 * kSecond).outcome.count, i);
  EXPECT_EQ(index.stats().clusters, 1U);
}

TEST_F(IndexForget, WhatFallsBelowTheLimitIsNotCountedOverIt) {
  Words text = texts.text(100);
  for (int i = 0; i < 4; ++i) see(text, kNoon);
  see(text, kNoon + 40 * kSecond);
  EXPECT_EQ(index.stats().over_limit, 1U);
  silence(kNoon, kNoon + 80 * kSecond);
  EXPECT_EQ(index.stats().over_limit, 0U);
  EXPECT_EQ(index.stats().clusters, 1U) << "one message of it is within the window";
}

TEST_F(IndexForget, AnotherLimitIsCountedAnew) {
  Words text = texts.text(100);
  for (int i = 0; i < 6; ++i) see(text, kNoon);
  EXPECT_EQ(index.stats().over_limit, 1U);
  index.set_limit(7);
  index.forget(kNoon);
  EXPECT_EQ(index.stats().over_limit, 0U);
  index.set_limit(3);
  index.forget(kNoon);
  EXPECT_EQ(index.stats().over_limit, 1U);
}

TEST_F(IndexForget, AllowedClustersStayAndWhatIsYoung) {
  Words allowed = texts.text(100);
  see(allowed, kNoon);
  uint64_t number = see(allowed, kNoon).ticket[0];
  ASSERT_TRUE(index.take(Allowed{number, true}));
  Words young = texts.text(100);
  see(young, kNoon + 80 * kSecond);
  silence(kNoon, kNoon + 90 * kSecond);
  EXPECT_EQ(index.stats().clusters, 1U);
  EXPECT_EQ(index.stats().single, 1U);
  EXPECT_TRUE(see(allowed, kNoon + 90 * kSecond).outcome.allowed);
  EXPECT_EQ(see(young, kNoon + 90 * kSecond).outcome.count, 2U);
}

// A clock that jumps is not believed at once: nothing is taken away for it.
TEST_F(IndexForget, AClockThatJumpsWipesNothing) {
  Words text = texts.text(100);
  for (int i = 0; i < 4; ++i) see(text, kNoon);
  for (int i = 0; i < 10; ++i) index.forget(kNoon + int64_t{365} * 24 * kHour);
  EXPECT_EQ(index.stats().clusters, 1U);
  EXPECT_EQ(see(text, kNoon + kSecond).outcome.count, 5U);
}

// As after the machine slept: the clock has jumped, but it insists.
TEST_F(IndexForget, ManySilentHoursAreOneStep) {
  Words text = texts.text(100);
  for (int i = 0; i < 4; ++i) see(text, kNoon);
  for (int i = 0; i < 100; ++i) index.forget(kNoon + 5 * kHour + int64_t{i} * 2 * kSecond);
  EXPECT_EQ(index.stats().clusters, 0U);
  EXPECT_EQ(index.stats().bytes, 0U);
}

}  // namespace
}  // namespace postern::bulk
