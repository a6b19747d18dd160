// Gateways that share what they see, while Redis is well.
#include "proxy/net/bulk_stream.h"

#include <gmock/gmock.h>

#include "tests/unit/proxy_net/bulk_stream_fixture.h"

namespace postern::net {
namespace {

TEST(BulkStream, CountsItsOwnMessagesOnce) {
  FakeRedis redis;
  Gateway gateway(redis.store());
  gateway.until_up();
  for (uint64_t n = 1; n <= 20; ++n) EXPECT_EQ(gateway.see(), n);
  EXPECT_EQ(gateway.known(), 20U);
  await([&] { return gateway.stream->stats().sent >= 20; });
  EXPECT_EQ(gateway.stream->stats().received, 0U);
  EXPECT_TRUE(gateway.observer.noted("counts are shared through Redis at 127.0.0.1:"));
}

TEST(BulkStream, ACampaignSplitBetweenGatewaysIsOneCampaign) {
  FakeRedis redis;
  Gateway first(redis.store());
  Gateway second(redis.store());
  first.until_up();
  second.until_up();
  std::vector<uint64_t> counts, wanted;
  for (uint64_t n = 1; n <= 40; ++n) {
    wanted.push_back(n);
    counts.push_back((n % 2 == 0 ? second : first).see());
  }
  // On a machine so busy that an event was late, a message was counted without what is still on its way.
  if (first.stream->stats().alone + second.stream->stats().alone == 0) {
    EXPECT_EQ(counts, wanted);
  }
  EXPECT_EQ(first.see(2), 1U) << "another campaign";
  await([&] { return first.known() == 40 && second.known() == 40; });
  // An admin may ask any gateway.
  await([&] {
    auto ours = first.index->list(first.clock.wall_ms(), 2, 10);
    auto theirs = second.index->list(first.clock.wall_ms(), 2, 10);
    return ours.size() == 1 && theirs.size() == 1 && ours[0].outcome.cluster == theirs[0].outcome.cluster;
  });
}

TEST(BulkStream, ManyMessagesAtOnceCountOnceEach) {
  constexpr size_t kMessages = 3000;  // more than are on their way to Redis at a time
  FakeRedis redis;
  Gateway gateway(redis.store());
  gateway.until_up();
  std::vector<Task<bulk::Seen>> tasks;
  tasks.reserve(kMessages);
  size_t done = 0;
  for (size_t n = 0; n < kMessages; ++n) {
    tasks.push_back(gateway.door->see(gateway.sighting(1)));
    tasks.back().start([&] { ++done; });
  }
  while (done < kMessages) gateway.loop.turn(true);
  EXPECT_EQ(gateway.known(), kMessages);
  await([&] { return redis.events() >= kMessages; });
}

TEST(BulkStream, WhatBecameOfAMessageIsToldToo) {
  FakeRedis redis;
  Gateway first(redis.store());
  Gateway second(redis.store());
  first.until_up();
  second.until_up();
  EXPECT_EQ(first.see(), 1U);
  Task<bulk::Seen> task = first.door->see(first.sighting(1));
  first.finish(task);
  bulk::Seen seen = task.take();
  ASSERT_FALSE(seen.ticket.empty());
  await([&] { return second.known() == 2; });
  first.door->tell(bulk::Let{seen.ticket[0], {"m1", "Q1", "ann@sender.example", 3, first.clock.wall_ms()}});
  first.stream->publish(bulk::Allowed{seen.ticket[0], true});
  await([&] {
    auto report = second.index->find(seen.ticket[0], second.clock.wall_ms());
    return report && report->outcome.allowed && report->passed.size() == 1 && report->passed[0].queue == "Q1";
  });
  EXPECT_TRUE(first.index->find(seen.ticket[0], first.clock.wall_ms())->outcome.allowed) << "here at once";
  EXPECT_EQ(first.index->find(seen.ticket[0], first.clock.wall_ms())->passed.size(), 1U) << "and once";
}

TEST(BulkStream, AMessageWithoutEvidenceWaitsForNobodyAndIsNotShared) {
  FakeRedis redis;
  Gateway gateway(redis.store());
  gateway.until_up();
  bulk::Sighting empty = gateway.sighting(1);
  empty.print = {};
  Task<bulk::Seen> task = gateway.door->see(std::move(empty));
  bool done = false;
  task.start([&] { done = true; });
  EXPECT_TRUE(done);
  EXPECT_EQ(task.take().outcome.count, 1U);
  EXPECT_EQ(gateway.see(), 1U);
  EXPECT_EQ(redis.events(), 1U);
}

TEST(BulkStream, ASessionThatEndsWhileItsMessageWaits) {
  FakeRedis redis;
  Gateway gateway(redis.store());
  gateway.until_up();
  {
    Task<bulk::Seen> task = gateway.door->see(gateway.sighting(1));
    task.start([] { ADD_FAILURE() << "nobody is there to be told"; });
  }
  EXPECT_EQ(gateway.see(), 2U) << "it was a message of the campaign all the same";
}

TEST(BulkStream, LogsIn) {
  FakeRedis redis;
  Gateway plain(redis.store(":p%40ss@") + "/3");
  plain.until_up();
  EXPECT_THAT(redis.commands(), ::testing::Contains("AUTH p@ss").Times(2));
  EXPECT_THAT(redis.commands(), ::testing::Contains("SELECT 3").Times(2));
  Gateway named(redis.store("ann:secret@"));
  named.until_up();
  EXPECT_THAT(redis.commands(), ::testing::Contains("AUTH ann secret").Times(2));
  EXPECT_THAT(redis.commands(), ::testing::Contains(::testing::StartsWith("SELECT")).Times(2));
}

TEST(BulkStream, ANewGatewayReadsWhatHappenedBefore) {
  FakeRedis redis;
  Gateway first(redis.store());
  first.until_up();
  for (uint64_t n = 1; n <= 300; ++n) EXPECT_EQ(first.see(), n);
  Gateway second(redis.store());
  second.until_up();
  EXPECT_EQ(second.see(), 301U);
}

TEST(BulkStream, ARestartGoesOnWhereTheSnapshotWasMade) {
  FakeRedis redis;
  Gateway other(redis.store());
  other.until_up();
  std::string position;
  {
    Gateway gateway(redis.store());
    gateway.until_up();
    for (uint64_t n = 1; n <= 5; ++n) EXPECT_EQ(gateway.see(), n);
    redis.hang(true);
    EXPECT_EQ(gateway.see(), 6U) << "counted here; it will stand in the stream behind the snapshot";
    position = gateway.stream->position();
    redis.hang(false);
    await([&] { return redis.events() >= 6; });
  }
  await([&] { return other.known() == 6; });
  other.until_up();
  EXPECT_EQ(other.see(), 7U) << "while the gateway is away";
  // Its snapshot has the six.
  Gateway again(redis.store(), position);
  again.until_up();
  EXPECT_EQ(again.see(), 2U) << "the six are in the snapshot, the seventh is not";
}

TEST(BulkStream, WhatWaitsIsWrittenBeforeItEnds) {
  FakeRedis redis;
  {
    Gateway gateway(redis.store());
    gateway.until_up();
    for (int n = 0; n < 100; ++n) gateway.stream->publish(gateway.sighting(1));
  }
  EXPECT_EQ(redis.events(), 100U);
}

TEST(BulkStream, ABadStoreIsSaidWithoutThePassword) {
  SystemClock clock;
  bulk::Index index({1U << 20U});
  QuietObserver observer;
  for (const char* bad : {"redis://:hunter2@", "redis://hunter2@host:1", "redis://:hunter2@host:99999",
                          "redis://:hunter2%@host:1", "rediss://:hunter2@host:1", "redis://:hunter2@host:1/x",
                          "redis://:hunter2@ho st:1", "redis://:hunter2@::1:1", "redis://ann:@host:1", "memory", ""}) {
    auto made = BulkStream::create(clock, index, observer, {bad, "", {}});
    ASSERT_FALSE(made) << bad;
    EXPECT_EQ(made.error().code, Code::BadInput);
    EXPECT_EQ(made.error().message.find("hunter2"), std::string::npos) << made.error().message;
  }
}

}  // namespace
}  // namespace postern::net
