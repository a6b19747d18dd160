// Gateways that share what they see, while Redis is ill, gone, or not what it says it is.
#include <gmock/gmock.h>

#include "proxy/net/bulk_stream.h"
#include "proxy/net/bulk_stream_entry.h"
#include "tests/unit/proxy_net/bulk_stream_fixture.h"

namespace postern::net {
namespace {

/// Other words for what a real Redis never says.
const std::string kHuge = "*100000000\r\n";
constexpr uint64_t kStranger = 0xabcdef;

std::string from_stranger(uint64_t number) {
  return Origin{kStranger, number}.text();
}

TEST(BulkTrouble, WithoutRedisTheGatewayCountsAloneAndSharesLater) {
  FakeRedis redis;
  redis.kill();
  Gateway first(redis.store());
  Gateway second(redis.store());
  await([&] { return first.observer.noted("does not serve (Connection refused)"); });
  for (uint64_t n = 1; n <= 5; ++n) {
    EXPECT_EQ(first.see(), n);
    EXPECT_EQ(second.see(), n);
  }
  EXPECT_EQ(first.stream->stats().alone, 5U);
  EXPECT_FALSE(first.stream->stats().up);
  redis.open();
  await([&] { return first.known() == 10 && second.known() == 10; });
  first.until_up();
  second.until_up();
  EXPECT_EQ(first.see(), 11U);
  EXPECT_EQ(second.see(), 12U);
}

TEST(BulkTrouble, ARedisThatIsKilledLosesNoMessage) {
  FakeRedis redis;
  Gateway first(redis.store());
  Gateway second(redis.store());
  first.until_up();
  second.until_up();
  EXPECT_EQ(first.see(), 1U);
  EXPECT_EQ(second.see(), 2U);
  for (uint64_t round = 0; round < 3; ++round) {
    redis.kill();
    first.until_down();
    second.until_down();
    EXPECT_EQ(first.see(), 3 + 4 * round);
    EXPECT_EQ(second.see(), 3 + 4 * round) << "it cannot know of the other's";
    redis.open();
    await([&] { return first.known() == 4 + 4 * round && second.known() == 4 + 4 * round; });
    first.until_up();
    second.until_up();
    EXPECT_EQ(first.see(), 5 + 4 * round);
    EXPECT_EQ(second.see(), 6 + 4 * round);
  }
}

TEST(BulkTrouble, ARedisThatHangsIsWaitedForOnce) {
  FakeRedis redis;
  Gateway gateway(redis.store());
  gateway.until_up();
  EXPECT_EQ(gateway.see(), 1U);
  redis.hang(true);
  EXPECT_EQ(gateway.see(), 2U) << "after its patience";
  EXPECT_EQ(gateway.stream->stats().alone, 1U);
  EXPECT_FALSE(gateway.stream->stats().up);
  for (uint64_t n = 3; n <= 10; ++n) {
    Task<bulk::Seen> task = gateway.door->see(gateway.sighting(1));
    bool done = false;
    task.start([&] { done = true; });
    EXPECT_TRUE(done) << "nobody waits any more";
    if (!done) return;
    EXPECT_EQ(task.take().outcome.count, n);
  }
  redis.hang(false);
  await([&] { return redis.events() >= 11; });  // and once more where the late one was counted
  gateway.until_up();
  EXPECT_EQ(gateway.see(), 11U) << "what came back late was not counted again";
}

TEST(BulkTrouble, ARedisThatHangsForLongIsGivenUp) {
  FakeRedis redis;
  Gateway gateway(redis.store());
  gateway.until_up();
  EXPECT_EQ(gateway.see(), 1U);
  redis.hang(true);
  await([&] { return gateway.observer.noted("does not serve (no answer)"); });
  EXPECT_EQ(gateway.see(), 2U);
  EXPECT_EQ(gateway.see(), 3U);
  redis.hang(false);
  gateway.until_up();
  await([&] { return gateway.stream->stats().sent >= 3; });
  EXPECT_EQ(gateway.see(), 4U);
}

TEST(BulkTrouble, WhatRedisTookWithoutSayingSoCountsOnce) {
  FakeRedis redis;
  Gateway first(redis.store());
  Gateway second(redis.store());
  first.until_up();
  second.until_up();
  redis.swallow_next();
  EXPECT_EQ(first.see(), 1U);
  await([&] { return redis.events() >= 2; });  // written again
  second.until_up();
  first.until_up();
  EXPECT_EQ(second.see(), 2U);
  EXPECT_EQ(first.see(), 3U);
}

TEST(BulkTrouble, OnlyTheLastEventsAreKept) {
  FakeRedis redis;
  redis.kill();
  Gateway gateway(redis.store());
  for (size_t n = 0; n < BulkStream::kMaxKept + 50; ++n) gateway.stream->publish(bulk::Allowed{n, true});
  await([&] { return gateway.stream->stats().dropped == 50; });
  redis.open();
  await([&] { return redis.events() == BulkStream::kMaxKept; });
  await([&] { return gateway.stream->stats().sent == BulkStream::kMaxKept; });
  EXPECT_EQ(gateway.stream->stats().dropped, 50U);
  EXPECT_EQ(Origin::parse(redis.entries().back().from)->number, BulkStream::kMaxKept + 50) << "the newest";
}

TEST(BulkTrouble, ARedisThatLostEverything) {
  for (uint64_t back : {uint64_t{0}, uint64_t{1'000'000}}) {
    FakeRedis redis;
    Gateway first(redis.store());
    Gateway second(redis.store());
    first.until_up();
    second.until_up();
    EXPECT_EQ(first.see(), 1U);
    EXPECT_EQ(second.see(), 2U);
    await([&] { return first.stream->stats().received == 1; });
    redis.forget(back);
    redis.cut();
    await([&] { return redis.count("XREAD") > 0 && first.observer.noted("does not serve"); });
    first.until_up();
    await([&] { return second.observer.noted("does not serve"); });
    second.until_up();
    EXPECT_EQ(first.see(), 3U);
    EXPECT_EQ(second.see(), 4U);
    EXPECT_EQ(first.observer.noted("has begun anew"), back > 0);
  }
}

TEST(BulkTrouble, AStreamThatIsEmptiedUnderOurHands) {
  FakeRedis redis;
  Gateway gateway(redis.store());
  gateway.until_up();
  EXPECT_EQ(gateway.see(), 1U);
  redis.forget(1'000'000);  // with a clock set back: what is written now would never be read
  EXPECT_EQ(gateway.see(), 2U);
  await([&] { return gateway.observer.noted("what was written does not come back"); });
  gateway.until_up();
  EXPECT_EQ(gateway.see(), 3U);
}

TEST(BulkTrouble, ASavedPlaceBehindTheStreamsEnd) {
  FakeRedis redis;
  Gateway first(redis.store());
  first.until_up();
  EXPECT_EQ(first.see(), 1U);
  Gateway second(redis.store(), "18446744073709551000-0 00000000000000ff-7");
  second.until_up();
  EXPECT_EQ(first.see(), 2U);
  EXPECT_EQ(second.see(), 2U) << "the first one is taken to be in the snapshot";
}

TEST(BulkTrouble, AnythingButWhatWasAskedFor) {
  const std::string nonsense[] = {
      "+OK\r\n",
      ":7\r\n",
      "$-1\r\n",
      "$5\r\nhello\r\n",
      "*0\r\n",
      "*1\r\n$1\r\nx\r\n",
      "*1\r\n*2\r\n$1\r\nk\r\n*1\r\n*2\r\n$3\r\n1-x\r\n*0\r\n",
      "*1\r\n*2\r\n$1\r\nk\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*-1\r\n",
      "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
      "-ERR no such thing \x01\r\n",
      "?what\r\n",
      kHuge,
      "*-7\r\n",
      "$99999999999999999999\r\n",
      std::string("+\0\xff\r\n", 5),
      "+OK\r\n+OK\r\n:1\r\n*-1\r\n",
  };
  for (const char* command : {"XADD", "XREAD", "AUTH"}) {
    for (const auto& said : nonsense) {
      if (std::string_view(command) == "AUTH" && said[0] == '+') continue;  // that is what it says
      FakeRedis redis;
      redis.answer(command, said, 1);
      Gateway gateway(redis.store(":secret@"));
      // Once connected, as before: the message is counted whatever comes.
      EXPECT_EQ(gateway.see(), 1U);
      EXPECT_EQ(gateway.see(), 2U);
      gateway.until_up();
      await([&] { return gateway.stream->stats().sent >= 2; });
      EXPECT_EQ(gateway.see(), 3U) << command << " -> " << said;
    }
  }
}

TEST(BulkTrouble, AnswersThatNobodyAskedFor) {
  FakeRedis redis;
  Gateway gateway(redis.store());
  gateway.until_up();
  redis.answer("XADD", "$3\r\n5-0\r\n+OK\r\n*1\r\n+x\r\n:1\r\n", 1);
  EXPECT_EQ(gateway.see(), 1U);
  await([&] { return gateway.observer.noted("a reply that nobody asked for"); });
  gateway.until_up();
  EXPECT_EQ(gateway.see(), 2U);
}

TEST(BulkTrouble, EntriesThatAreNoEventsArePassedOver) {
  FakeRedis redis;
  Gateway gateway(redis.store());
  gateway.until_up();
  EXPECT_EQ(gateway.see(), 1U);
  redis.add("somebody", "hello");
  redis.add(from_stranger(1), "hello");
  redis.add(from_stranger(2), std::string("\0\xff", 2));
  redis.add(from_stranger(3), std::string(100'000, 'x'));
  bulk::Sighting tomorrow = gateway.sighting(1);
  tomorrow.wall_ms += 86'400'000;
  redis.add(from_stranger(4), bulk::encode(tomorrow));
  bulk::Sighting last_week = gateway.sighting(1);
  last_week.wall_ms -= 604'800'000;
  redis.add(from_stranger(5), bulk::encode(last_week));
  redis.add(from_stranger(6), bulk::encode(gateway.sighting(1)));
  redis.add(from_stranger(6), bulk::encode(gateway.sighting(1)));  // a repetition
  await([&] { return gateway.stream->stats().received == 1; });
  EXPECT_EQ(gateway.see(), 3U);
  EXPECT_EQ(gateway.stream->stats().refused, 5U);
  EXPECT_TRUE(gateway.observer.noted("bulk: passed over 1 entries in Redis at "));
  size_t notes = gateway.observer.notes().size();
  for (uint64_t n = 7; n < 200; ++n) redis.add(from_stranger(n), "hello");
  await([&] { return gateway.stream->stats().refused == 5U + 193; });
  EXPECT_EQ(gateway.observer.notes().size(), notes) << "said now and then, not each time";
  EXPECT_TRUE(gateway.stream->stats().up);
}

TEST(BulkTrouble, AnEntryTooLargeToReadIsPassedOver) {
  FakeRedis redis;
  Gateway gateway(redis.store());
  gateway.until_up();
  EXPECT_EQ(gateway.see(), 1U);
  redis.add(from_stranger(1), std::string(8U << 20U, 'x'));
  await([&] { return gateway.observer.noted("that are too large are passed over"); });
  gateway.until_up();
  EXPECT_EQ(gateway.see(), 2U);
  EXPECT_EQ(gateway.stream->stats().refused, 1U);
}

TEST(BulkTrouble, TheLogDoesNotHoldThePassword) {
  FakeRedis redis;
  redis.answer("AUTH", "-ERR unknown command 'AUTH', with args beginning with: 'hunter2'\r\n", 2);
  Gateway gateway(redis.store(":hunter2@"));
  await([&] { return gateway.observer.noted("the password is refused"); });
  gateway.until_up();
  for (const auto& note : gateway.observer.notes()) EXPECT_EQ(note.find("hunter2"), std::string::npos) << note;
}

TEST(BulkTrouble, AnErrorOfRedisIsSaid) {
  FakeRedis redis;
  redis.answer("XADD", "-OOM command not allowed when used memory > 'maxmemory'.\r\n", 1);
  Gateway gateway(redis.store());
  await([&] { return gateway.observer.noted("does not serve (OOM command not allowed"); });
  gateway.until_up();
}

TEST(BulkTrouble, ManyGatewaysComeAndGo) {
  HeardGateways heard;
  for (uint64_t gateway = 0; gateway < 5000; ++gateway) {
    EXPECT_TRUE(heard.is_new({gateway, 2}));
    EXPECT_FALSE(heard.is_new({gateway, 2}));
    EXPECT_FALSE(heard.is_new({gateway, 1}));
    EXPECT_TRUE(heard.is_new({gateway, 5}));
    EXPECT_TRUE(heard.is_new({7'000, gateway + 1})) << "who speaks often is not forgotten";
  }
  EXPECT_FALSE(heard.is_new({7'000, 1}));
}

TEST(BulkTrouble, PlacesInAStream) {
  EXPECT_EQ(StreamId::parse("12-3"), (StreamId{12, 3}));
  for (const char* bad : {"", "-", "1", "1-", "-1", "1-2-3", " 1-2", "1-2 ", "99999999999999999999-1", "a-1"}) {
    EXPECT_FALSE(StreamId::parse(bad)) << bad;
  }
  EXPECT_EQ((StreamId{5, 1}.before()), (StreamId{5, 0}));
  EXPECT_EQ((StreamId{5, 0}.before()), (StreamId{4, UINT64_MAX}));
  EXPECT_EQ(StreamId{}.before(), StreamId{});
  StreamPosition position{{5, 6}, {0xab, 7}};
  EXPECT_EQ(position.text(), "5-6 00000000000000ab-7");
  EXPECT_EQ(StreamPosition::parse(position.text())->own, (Origin{0xab, 7}));
  for (const char* bad : {"", "5-6", "5-6 ab-7", "5-6 00000000000000ab", "x 00000000000000ab-7"}) {
    EXPECT_FALSE(StreamPosition::parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace postern::net
