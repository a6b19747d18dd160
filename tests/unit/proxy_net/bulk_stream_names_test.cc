// Gateways that were apart: what began on each of them becomes one, and what could not be told or is late is said.
#include <algorithm>
#include <optional>

#include <gtest/gtest.h>

#include "proxy/net/bulk_stream.h"
#include "tests/unit/proxy_net/bulk_stream_fixture.h"

namespace postern::net {
namespace {

/// The only campaign that it knows; empty: there are none, or more.
std::string campaign(const Gateway& gateway) {
  auto all = gateway.index->list(gateway.clock.wall_ms(), 2, 10);
  return all.size() == 1 ? all[0].outcome.cluster : "";
}

std::optional<bulk::Report> report(const Gateway& gateway, const std::string& name) {
  uint64_t number = 0;
  EXPECT_TRUE(bulk::parse_cluster_name(name, number)) << name;
  return gateway.index->find(number, gateway.clock.wall_ms());
}

/// Counts a message and lets it through.
void pass(Gateway& gateway) {
  bulk::Sighting sighting = gateway.sighting(1);
  std::string id = sighting.id;
  Task<bulk::Seen> task = gateway.door->see(std::move(sighting));
  gateway.finish(task);
  for (uint64_t cluster : task.take().ticket) gateway.door->tell(bulk::Let{cluster, {id, "queued", "ann", 1, 0}});
}

size_t passed(const Gateway& gateway) {
  auto found = report(gateway, campaign(gateway));
  return found ? found->passed.size() : 0;
}

TEST(BulkNames, ACampaignThatBeganApartGetsOneName) {
  FakeRedis redis;
  redis.kill();
  Gateway first(redis.store());
  Gateway second(redis.store());
  for (int n = 0; n < 3; ++n) {
    pass(first);
    pass(second);
  }
  std::string before = campaign(first);
  std::string other = campaign(second);
  ASSERT_NE(before, other);
  redis.open();
  await([&] { return first.stream->stats().received == 6 && second.stream->stats().received == 6; });
  EXPECT_EQ(first.known(), 6U);
  EXPECT_EQ(second.known(), 6U);
  std::string name = campaign(first);
  EXPECT_EQ(name, campaign(second));
  EXPECT_TRUE(name == before || name == other) << "who has noted one of them finds it";
  for (const Gateway* gateway : {&first, &second}) {
    EXPECT_EQ(passed(*gateway), 6U);
    for (const auto& each : {before, other}) {
      auto found = report(*gateway, each);
      ASSERT_TRUE(found);
      EXPECT_EQ(found->outcome.cluster, name);
    }
  }
  uint64_t number = 0;
  ASSERT_TRUE(bulk::parse_cluster_name(other, number));
  first.stream->publish(bulk::Allowed{number, true});
  await([&] { return second.stream->stats().received == 7; });
  EXPECT_TRUE(report(first, name)->outcome.allowed);
  EXPECT_TRUE(report(second, name)->outcome.allowed);
}

TEST(BulkNames, WhatWasToldBeforeItWasCountedIsNamedLater) {
  FakeRedis redis;
  Gateway first(redis.store());
  Gateway second(redis.store());
  first.until_up();
  second.until_up();
  redis.hang(true);
  // Both are on their way while they are counted, after their patience.
  pass(first);
  pass(second);
  redis.hang(false);
  await([&] { return first.stream->stats().received == 3 && second.stream->stats().received == 3; });
  ASSERT_NE(campaign(first), "");
  EXPECT_EQ(campaign(first), campaign(second));
  EXPECT_EQ(first.known(), 2U);
  EXPECT_EQ(second.known(), 2U);
  EXPECT_EQ(passed(first), 2U);
  EXPECT_EQ(passed(second), 2U);
}

TEST(BulkNames, WhatNobodyWillHearOfIsSaidAtTheEnd) {
  FakeRedis redis;
  redis.kill();
  Gateway gateway(redis.store());
  for (uint64_t n = 1; n <= 3; ++n) EXPECT_EQ(gateway.see(), n);
  gateway.door.reset();
  gateway.stream.reset();
  EXPECT_TRUE(gateway.observer.noted("bulk: 3 events are lost: Redis at 127.0.0.1:"));
}

TEST(BulkNames, ARedisThatIsTooSlowFromTheStartIsSaid) {
  FakeRedis redis;
  redis.hang(true);
  Gateway gateway(redis.store());
  // Again where the thread itself was slow to begin.
  while (!gateway.observer.noted("does not serve (answers too late: ")) {
    gateway.door.reset();
    gateway.stream.reset();
    redis.hang(true);
    gateway.start(redis.store(), "");
    std::this_thread::sleep_for(4 * BulkStream::kPatience);  // how slow it is
    redis.hang(false);
    gateway.until_up();
  }
  await([&] { return gateway.observer.noted("counts are shared through Redis"); });
}

TEST(BulkNames, ARedisThatComesAndGoesIsSaidNowAndThen) {
  FakeRedis redis;
  Gateway gateway(redis.store());
  auto lines = [&] {
    auto notes = gateway.observer.notes();
    return std::count_if(notes.begin(), notes.end(),
                         [](const std::string& note) { return note.find("does not serve") != std::string::npos; });
  };
  auto began = gateway.clock.now();
  for (int round = 0; round < 5; ++round) {
    gateway.until_up();
    redis.cut();
    gateway.until_down();
  }
  EXPECT_LE(lines(), (gateway.clock.now() - began) / std::chrono::seconds(1) + 1);
}

}  // namespace
}  // namespace postern::net
