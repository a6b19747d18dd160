#include "proxy/session/retry_memory.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace postern::session {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr TimePoint kStart{seconds(1000)};

RetryMemory::Key key(uint64_t number) {
  return {number, ~number};
}

std::optional<std::string> answer(RetryMemory& memory, const RetryMemory::Key& key, TimePoint now) {
  auto found = memory.take(key, now);
  return found ? std::optional<std::string>(found->pending ? "pending" : found->reply) : std::nullopt;
}

TEST(RetryMemory, GivesTheReplyOnceWithinTenMinutes) {
  RetryMemory memory;
  memory.remember(key(1), "2.0.0 queued as 1", kStart);
  memory.remember(key(2), "2.0.0 queued as 2", kStart);
  memory.remember(key(3), "2.0.0 queued as 3", kStart);
  EXPECT_EQ(answer(memory, key(1), kStart + seconds(1)), "2.0.0 queued as 1");
  EXPECT_EQ(answer(memory, key(1), kStart + seconds(2)), std::nullopt);  // the next such message is a new one
  EXPECT_EQ(answer(memory, key(2), kStart + seconds(599)), "2.0.0 queued as 2");
  EXPECT_EQ(answer(memory, key(3), kStart + minutes(10)), std::nullopt);
  EXPECT_TRUE(memory.empty());
}

TEST(RetryMemory, ADeliveryUnderWayIsPendingUntilItsEnd) {
  RetryMemory memory;
  memory.pend(key(1), kStart);
  EXPECT_EQ(answer(memory, key(1), kStart), "pending");
  EXPECT_EQ(answer(memory, key(1), kStart), "pending");
  memory.remember(key(1), "taken", kStart + seconds(1));
  EXPECT_EQ(answer(memory, key(1), kStart + seconds(2)), "taken");
  memory.pend(key(2), kStart);
  memory.forget(key(2));
  EXPECT_EQ(answer(memory, key(2), kStart), std::nullopt);
  EXPECT_TRUE(memory.empty());
}

TEST(RetryMemory, RememberingAgainBeginsAnew) {
  RetryMemory memory;
  memory.remember(key(1), "first", kStart);
  memory.remember(key(1), "second", kStart + minutes(9));
  EXPECT_EQ(answer(memory, key(1), kStart + minutes(11)), "second");
  EXPECT_EQ(answer(memory, key(1), kStart + minutes(19)), std::nullopt);
}

TEST(RetryMemory, ForgetsTheOldestWhenFull) {
  RetryMemory memory;
  for (uint64_t i = 0; i <= RetryMemory::kMaxEntries; ++i) memory.remember(key(i), std::to_string(i), kStart);
  EXPECT_EQ(answer(memory, key(0), kStart), std::nullopt);
  EXPECT_EQ(answer(memory, key(1), kStart), "1");
  EXPECT_EQ(answer(memory, key(RetryMemory::kMaxEntries), kStart), std::to_string(RetryMemory::kMaxEntries));
}

TEST(RetryMemory, OneKeyManyTimesPushesNothingNewerOut) {
  RetryMemory memory;
  for (size_t i = 0; i < 3 * RetryMemory::kMaxEntries; ++i) {
    memory.remember(key(1), "again", kStart + seconds(1));
  }
  memory.remember(key(2), "other", kStart + seconds(2));
  EXPECT_EQ(answer(memory, key(1), kStart + seconds(3)), "again");
  EXPECT_EQ(answer(memory, key(2), kStart + seconds(3)), "other");
}

TEST(RetryMemory, KeepsNoMoreOfAReplyThanALineHolds) {
  RetryMemory memory;
  memory.remember(key(1), std::string(100'000, 'x'), kStart);
  EXPECT_EQ(answer(memory, key(1), kStart)->size(), 512U);
}

}  // namespace
}  // namespace postern::session
