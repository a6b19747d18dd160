// Messages that are alike: a session has each one counted, tells rules what came of it, and says afterwards what became
// of the message.
#include <variant>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/proxy_session/world.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

const std::string kMessage = "Subject: Hello there\r\nFrom: <a@author.example>\r\n\r\nSome words.\r\n.\r\n";

/// Says of every message what the test wants said.
class FakeBulk final : public session::BulkStore {
 public:
  [[nodiscard]] Task<bulk::Seen> see(bulk::Sighting sighting) override {
    seen.push_back(std::move(sighting));
    co_return answer;
  }
  void tell(bulk::Event event) override { told.push_back(std::move(event)); }

  bulk::Seen answer;
  std::vector<bulk::Sighting> seen;
  std::vector<bulk::Event> told;
};

class SessionBulk : public testing::Test {
 public:
  SessionBulk() {
    world.services.bulk = &store;
    store.answer.outcome.count = 17;
    store.answer.outcome.networks = 9;
    store.answer.outcome.cluster = bulk::cluster_name(5);
    store.answer.ticket = {5};
  }
  SessionBulk(const SessionBulk&) = delete;
  SessionBulk& operator=(const SessionBulk&) = delete;
  ~SessionBulk() override = default;

 protected:
  std::string send() {
    world.connect();
    world.to_data();
    return world.say(kMessage);
  }

  World world;
  FakeBulk store;
};

TEST_F(SessionBulk, CountsWhoSentWhatToWhom) {
  EXPECT_THAT(send(), StartsWith("250 "));
  ASSERT_THAT(store.seen, SizeIs(1));
  const bulk::Sighting& sighting = store.seen[0];
  EXPECT_EQ(sighting.from, "a@sender.example");
  EXPECT_EQ(sighting.subject, "Hello there");
  EXPECT_EQ(sighting.wall_ms, world.clock.wall_ms());
  EXPECT_THAT(sighting.recipients, SizeIs(1));
  EXPECT_NE(sighting.network, 0U);
}

TEST_F(SessionBulk, TellsWhatWasLetThroughAndHowTheBackendCallsIt) {
  world.backend.replies["DOT"] = "250 2.0.0 Ok: queued as 4XkT1c";
  EXPECT_THAT(send(), StartsWith("250 "));
  ASSERT_THAT(store.told, SizeIs(1));
  const auto* let = std::get_if<bulk::Let>(&store.told[0]);
  ASSERT_NE(let, nullptr);
  EXPECT_EQ(let->cluster, 5U);
  EXPECT_EQ(let->passed.queue, "4XkT1c");
  EXPECT_EQ(let->passed.id, store.seen[0].id);
  EXPECT_EQ(let->passed.from, "a@sender.example");
  EXPECT_EQ(let->passed.recipients, 1U);
}

TEST_F(SessionBulk, TakesBackWhatWillComeAgain) {
  world.backend.replies["DOT"] = "451 4.3.0 later";
  EXPECT_THAT(send(), StartsWith("451 "));
  ASSERT_THAT(store.told, SizeIs(1));
  const auto* withdrawn = std::get_if<bulk::Withdrawn>(&store.told[0]);
  ASSERT_NE(withdrawn, nullptr);
  EXPECT_EQ(withdrawn->cluster, 5U);
  EXPECT_EQ(withdrawn->wall_ms, store.seen[0].wall_ms);
}

TEST_F(SessionBulk, OfWhatWasRefusedThereIsNothingToPull) {
  world.backend.replies["DOT"] = "550 5.7.1 no";
  EXPECT_THAT(send(), StartsWith("550 "));
  EXPECT_THAT(store.seen, SizeIs(1));
  EXPECT_THAT(store.told, IsEmpty());
}

TEST_F(SessionBulk, TheLogNamesAClusterThatReachedTheLimit) {
  store.answer.crossed = true;
  send();
  EXPECT_THAT(world.observer.notes,
              ElementsAre(HasSubstr("bulk: cluster 0000000000005 has reached 17 messages: networks=9 ")));
}

TEST_F(SessionBulk, WhoSkipsTheFiltersIsNotCounted) {
  world.policy.relay.trusted.push_back(*IpNetwork::parse("192.0.2.0/24"));
  world.policy.relay.skip_filters = true;
  EXPECT_THAT(send(), StartsWith("250 "));
  EXPECT_THAT(store.seen, IsEmpty());
  EXPECT_THAT(store.told, IsEmpty());
}

TEST(SessionBulkRules, ReadWhatIsKnown) {
  World world(
      "rule \"MANY\" { about = \"many\", score = 2, when = function(mail) return mail.bulk.count > 10, "
      "mail.bulk.networks end }");
  FakeBulk store;
  store.answer.outcome.count = 11;
  store.answer.outcome.networks = 4;
  world.services.bulk = &store;
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  EXPECT_THAT(world.backend.delivered.at(0).content, HasSubstr("tests=[MANY=2.0(4)]"));
}

TEST(SessionBulkRules, QuarantinedIsNotLetThrough) {
  World world("rule \"HOLD\" { about = \"hold it\", action = \"quarantine\", when = function(mail) return true end }");
  FakeBulk store;
  store.answer.ticket = {5};
  world.services.bulk = &store;
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  EXPECT_THAT(store.told, IsEmpty());
}

}  // namespace
}  // namespace postern::test
