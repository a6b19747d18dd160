#include "filters/bulk/distinct.h"

#include <array>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace postern::bulk {
namespace {

/// With all the memory that a set may have.
class Set {
 public:
  void add(uint32_t hash, int64_t slice) {
    Sample sample = sample_of(hash);
    if (sample == 0) return;
    while (!set_.add(room(), sample | slot_of(slice))) set_.thin(room());
  }
  void begin(int64_t slice) {
    SliceSet gone = static_cast<SliceSet>(1U << slot_of(slice));
    set_.forget(room(), gone, slice);
  }
  [[nodiscard]] uint64_t estimate() const { return estimate(kAllSlices); }
  [[nodiscard]] uint64_t estimate(SliceSet live) const { return set_.estimate(RoomView(first_, second_), live); }
  Room room() { return Room(first_, second_); }

  std::array<Sample, Distinct::kMore> first_{};
  std::array<Sample, Distinct::kMost - Distinct::kMore> second_{};
  Distinct set_;
};

TEST(Distinct, IsExactForFew) {
  Set set;
  for (uint32_t count = 1; count <= 100; ++count) {
    for (int again = 0; again < 3; ++again) set.add(count * 1000, 5);
    EXPECT_EQ(set.estimate(), count);
  }
}

TEST(Distinct, NobodyIsNotCounted) {
  Set set;
  set.add(0, 1);
  EXPECT_EQ(set.estimate(), 0U);
}

// Of random sets 19 of 20 are within 15 %, and the mean is right: what the documents say.
TEST(Distinct, IsOffByLessThanASeventhForMany) {
  for (uint32_t count : {20U, 50U, 150U, 255U, 300U, 500U, 1500U, 5000U, 50'000U}) {
    int far = 0;
    double sum = 0;
    constexpr int kSets = 400;
    for (uint32_t which = 0; which < kSets; ++which) {
      Set set;
      for (uint32_t each = 1; each <= count; ++each) set.add(which * 10'000'000U + each, 3);
      double off = static_cast<double>(set.estimate()) / count - 1;
      sum += off;
      far += std::abs(off) > 0.15 ? 1 : 0;
      if (count <= Distinct::kMost) {
        EXPECT_EQ(set.estimate(), count);
      }
    }
    EXPECT_LE(far, kSets / 20) << count;
    EXPECT_NEAR(sum / kSets, 0, 0.02) << count;
  }
}

TEST(Distinct, LevelsFallByAFourthRootOfTwo) {
  for (uint8_t level = 0; level < Distinct::kMaxLevel; ++level) {
    EXPECT_NEAR(bound_of(static_cast<uint8_t>(level + 1)) / static_cast<double>(bound_of(level)), 0.8409, 0.004);
  }
  EXPECT_TRUE(of_level(~0U, 0));
}

TEST(Distinct, ForgetsWhatWasNotSeenAgain) {
  Set set;
  set.add(11, 0);
  set.add(22, 0);
  set.add(11, 5);
  for (int64_t slice = 6; slice <= 16; ++slice) set.begin(slice);
  EXPECT_EQ(set.estimate(), 1U);
  for (int64_t slice = 17; slice <= 21; ++slice) set.begin(slice);
  EXPECT_EQ(set.estimate(), 0U);
}

TEST(Distinct, IsExactAgainWhenACampaignHasEnded) {
  Set set;
  for (uint32_t each = 1; each <= 100'000; ++each) set.add(each, 0);
  for (int64_t slice = 1; slice <= 80; ++slice) {
    set.begin(slice);
    for (uint32_t each = 1; each <= 3; ++each) set.add(each * 77, slice);
  }
  EXPECT_EQ(set.estimate(), 3U);
}

TEST(Distinct, SaysWhatIsLeftAtALaterTime) {
  Set set;
  set.add(11, 0);
  set.add(22, 7);
  EXPECT_EQ(set.estimate(static_cast<SliceSet>(kAllSlices & ~1U)), 1U);
}

TEST(Distinct, MovesWithTheWindow) {
  Set set;
  set.add(11, 20);
  set.add(22, 25);
  set.set_.shift(set.room(), 25 - 3);  // what was slice 25 is slice 3
  for (int64_t slice = 4; slice <= 14; ++slice) set.begin(slice);
  EXPECT_EQ(set.estimate(), 1U) << "of slice -2";
  for (int64_t slice = 15; slice <= 19; ++slice) set.begin(slice);
  EXPECT_EQ(set.estimate(), 0U);
}

TEST(Distinct, WithLittleRoomItIsCoarserButBounded) {
  std::array<Sample, Distinct::kFew> room{};
  Distinct set;
  for (uint32_t each = 1; each <= 5000; ++each) {
    while (!set.add(Room(room), sample_of(each))) set.thin(Room(room));
    ASSERT_LE(set.size, room.size());
  }
  EXPECT_GT(set.estimate(RoomView(room), kAllSlices), 1000U);
  EXPECT_LT(set.estimate(RoomView(room), kAllSlices), 25'000U);
}

}  // namespace
}  // namespace postern::bulk
