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
    while (!set_.add(room_, sample | slot_of(slice))) set_.thin(room_);
  }
  void begin(int64_t slice) {
    SliceSet gone = static_cast<SliceSet>(1U << slot_of(slice));
    set_.forget(room_, gone, slice);
  }
  [[nodiscard]] uint64_t estimate() const { return set_.estimate(room_, kAllSlices); }

  std::array<Sample, Distinct::kMost> room_{};
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

// One set of them is off by more now and then: what is asserted is the mean error, of sets of neighbouring hashes.
TEST(Distinct, IsOffByATenthForMany) {
  for (uint32_t count : {200U, 1000U, 30'000U, 300'000U}) {
    double squares = 0;
    constexpr int kSets = 20;
    for (uint32_t which = 0; which < kSets; ++which) {
      Set set;
      for (uint32_t each = 1; each <= count; ++each) set.add(which * 10'000'000U + each, 3);
      double off = static_cast<double>(set.estimate()) / count - 1;
      squares += off * off;
    }
    EXPECT_LT(std::sqrt(squares / kSets), 0.15) << count;
  }
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
  EXPECT_EQ(set.set_.estimate(set.room_, static_cast<SliceSet>(kAllSlices & ~1U)), 1U);
}

TEST(Distinct, MovesWithTheWindow) {
  Set set;
  set.add(11, 20);
  set.add(22, 25);
  set.set_.shift(set.room_, 25 - 3);  // what was slice 25 is slice 3
  for (int64_t slice = 4; slice <= 14; ++slice) set.begin(slice);
  EXPECT_EQ(set.estimate(), 1U) << "of slice -2";
  for (int64_t slice = 15; slice <= 19; ++slice) set.begin(slice);
  EXPECT_EQ(set.estimate(), 0U);
}

TEST(Distinct, WithLittleRoomItIsCoarserButBounded) {
  std::array<Sample, Distinct::kFew> room{};
  Distinct set;
  for (uint32_t each = 1; each <= 5000; ++each) {
    while (!set.add(room, sample_of(each))) set.thin(room);
    ASSERT_LE(set.size, room.size());
  }
  EXPECT_GT(set.estimate(room, kAllSlices), 1000U);
  EXPECT_LT(set.estimate(room, kAllSlices), 25'000U);
}

}  // namespace
}  // namespace postern::bulk
