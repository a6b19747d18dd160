#include "filters/bulk/window.h"

#include <limits>

#include <gtest/gtest.h>

namespace postern::bulk {
namespace {

constexpr int64_t kMinute = 60'000;
constexpr Duration kWindow = std::chrono::minutes(15);  // slices of a minute

TEST(Window, ForgetsSliceBySlice) {
  Window window;
  window.newest = 100;
  window.add(100, true);
  EXPECT_EQ(window.advance(107), (SliceSet{0x0fe0}));
  window.add(107, false);
  EXPECT_EQ(window.count(), 2U);
  window.advance(115);
  EXPECT_EQ(window.count(), 2U) << "a whole window has not passed";
  window.advance(116);
  EXPECT_EQ(window.count(), 1U);
  EXPECT_EQ(window.count_authenticated(kAllSlices), 0U);
  EXPECT_EQ(window.advance(1000), kAllSlices);
  EXPECT_EQ(window.count(), 0U);
}

TEST(Window, SaysWhatWillBeLeftWithoutForgetting) {
  Window window;
  window.newest = 100;
  window.add(100, true);
  EXPECT_EQ(window.count(window.live(115)), 1U);
  EXPECT_EQ(window.count(window.live(116)), 0U);
  EXPECT_EQ(window.count(window.live(50)), 1U) << "the clock went back";
  EXPECT_EQ(window.count(), 1U);
}

TEST(Window, CountsALateMessageInItsOwnSlice) {
  Window window;
  window.newest = 100;
  window.add(90, false);
  window.add(3, false);  // older than the window: with the newest
  window.advance(106);
  EXPECT_EQ(window.count(), 1U);
}

TEST(Window, TakesOneMessageOff) {
  Window window;
  window.newest = 100;
  window.add(100, true);
  window.advance(103);
  window.add(103, false);
  window.withdraw(100);
  EXPECT_EQ(window.count(), 1U);
  EXPECT_EQ(window.count_authenticated(kAllSlices), 0U);
  window.withdraw(100);  // nothing there: the newest
  EXPECT_EQ(window.count(), 0U);
  window.withdraw(100);
  EXPECT_EQ(window.count(), 0U);
}

TEST(Window, ComesBackFromAWrongTime) {
  Window window;
  window.newest = 5000;
  window.add(5000, true);
  window.add(4990, false);
  window.rebase(100);
  EXPECT_EQ(window.count(), 2U);
  window.advance(106);
  EXPECT_EQ(window.count(), 1U);
  EXPECT_EQ(window.count_authenticated(kAllSlices), 1U);
}

TEST(Timeline, MovesWithTheMessages) {
  Timeline time(kWindow);
  EXPECT_EQ(time.settle(1000 * kMinute).slice, 1000);
  EXPECT_EQ(time.settle(1001 * kMinute + 5).slice, 1001);
  EXPECT_EQ(time.now(), 1001);
  EXPECT_EQ(time.settle(999 * kMinute).slice, 999) << "another gateway's clock is a little late";
  EXPECT_EQ(time.now(), 1001);
  EXPECT_TRUE(time.agreed());
}

TEST(Timeline, OneWrongClockMovesNothing) {
  Timeline time(kWindow);
  time.settle(1000 * kMinute);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(time.settle(900'000 * kMinute).slice, 900'000) << "the message itself is believed";
    time.settle(std::numeric_limits<int64_t>::min());
    time.settle(std::numeric_limits<int64_t>::max());
    EXPECT_FALSE(time.agreed());
    time.settle(1000 * kMinute);
  }
  EXPECT_EQ(time.now(), 1000);
}

TEST(Timeline, FollowsWhenManyInARowSaySo) {
  Timeline time(kWindow);
  time.settle(1000 * kMinute);
  for (uint32_t i = 0; i < Timeline::kAgreed; ++i) {
    EXPECT_EQ(time.now(), 1000);
    time.settle(5000 * kMinute);
  }
  EXPECT_EQ(time.now(), 5000);
  for (uint32_t i = 0; i < Timeline::kAgreed; ++i) time.settle(1000 * kMinute);
  EXPECT_EQ(time.now(), 1000) << "the machine's clock was set back";
}

TEST(Timeline, WhatIsOlderThanTheWindowCountsAtItsBeginning) {
  Timeline time(kWindow);
  time.settle(1000 * kMinute);
  EXPECT_EQ(time.at(3 * kMinute).slice, 985);
  EXPECT_EQ(time.at(-5).slice, 985);
  EXPECT_EQ(time.at(std::numeric_limits<int64_t>::min()).ms, 985 * kMinute);
}

TEST(Timeline, TheShortestWindowIsOneSliceAMillisecond) {
  Timeline time(Duration(0));
  EXPECT_EQ(time.slice_ms(), 1);
  EXPECT_GT(time.settle(std::numeric_limits<int64_t>::max()).slice, 0);
}

}  // namespace
}  // namespace postern::bulk
