// What lists say of one message, over a fake DNS.
#include <map>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "filters/lists/check.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_dns.h"

namespace postern::lists {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using State = Outcome::State;

class Counter final : public Observer {
 public:
  void list_asked(const List& list, std::string_view result, Duration /*time*/) override {
    ++results[list.name + ' ' + std::string(result)];
  }
  void list_error(const List& list, const std::string& reason) override { errors.push_back(list.name + ": " + reason); }
  std::map<std::string, int> results;
  std::vector<std::string> errors;
};

List list_of(const std::string& name, Subject of) {
  List list;
  list.name = name;
  list.zone = name + ".example";
  list.of = of;
  list.answers.push_back({"127.0.0.2", *Match::parse("127.0.0.2"), "TWO"});
  list.answers.push_back({"127.0.0.4-7", *Match::parse("127.0.0.4-7"), "MORE"});
  return list;
}

class ListCheck : public testing::Test {
 public:
  ListCheck() { use({list_of("a", Subject::Client), list_of("b", Subject::Client), list_of("u", Subject::Url)}); }
  ListCheck(const ListCheck&) = delete;
  ListCheck& operator=(const ListCheck&) = delete;
  ~ListCheck() override = default;

 protected:
  void use(Lists lists) { bound = bind_lists(std::make_shared<const Lists>(std::move(lists)), zones); }
  std::unique_ptr<Check> check(size_t limit = 100) {
    return std::make_unique<Check>(desk, dns, bound, limit, std::chrono::seconds(5));
  }
  static Query client() { return *address_query(*IpAddress::parse("192.0.2.1")); }
  /// Whether settle() ended once all that can happen has.
  bool settles(Check& asked, std::vector<size_t> lists) {
    Background<void> waiting(asked.settle(std::move(lists)));
    dns.run();
    return waiting.ready();
  }

  test::FakeClock clock;
  test::FakeDns dns;
  Counter counter;
  Zones zones{clock, Zone::State::Up};
  Desk desk{clock, counter};
  std::shared_ptr<const Bound> bound;
};

TEST_F(ListCheck, AskedAtOnceAndReadLater) {
  dns.a("1.2.0.192.a.example", "127.0.0.2").a("1.2.0.192.a.example", "127.0.0.5").a("1.2.0.192.b.example", "127.0.0.9");
  auto asked = check();
  asked->ask_all(Subject::Client, {client()});
  EXPECT_EQ(dns.pending(), 2U);
  EXPECT_FALSE(asked->settled(0));
  EXPECT_TRUE(settles(*asked, {0, 1, 2}));
  Outcome listed = asked->outcome(0);
  ASSERT_EQ(listed.state, State::Listed);
  EXPECT_EQ(listed.listings.at(0).subject, "192.0.2.1");
  EXPECT_EQ(listed.listings.at(0).name, "1.2.0.192.a.example");
  EXPECT_THAT(listed.listings.at(0).matched, ElementsAre(0, 1));
  EXPECT_TRUE(listed.has(1));
  EXPECT_EQ(asked->outcome(1).state, State::Unlisted);
  EXPECT_EQ(asked->outcome(2).state, State::Unasked);
  EXPECT_EQ(counter.results["b other"], 1);
}

TEST_F(ListCheck, FailuresAreNamedAndScoreNothing) {
  dns.a("1.2.0.192.a.example", "127.255.255.254").temp_fail("1.2.0.192.b.example");
  auto asked = check();
  asked->ask_all(Subject::Client, {client()});
  EXPECT_TRUE(settles(*asked, {0, 1}));
  EXPECT_EQ(asked->outcome(0).state, State::Failed);
  EXPECT_THAT(asked->outcome(0).reason, HasSubstr("127.255.255.254"));
  EXPECT_EQ(asked->outcome(1).state, State::Failed);
  EXPECT_EQ(counter.errors.size(), 2U);
  EXPECT_EQ(counter.results["a refused"], 1);
  EXPECT_EQ(counter.results["b noanswer"], 1);
}

TEST_F(ListCheck, AListThatRefusesOnceCountsForNothingInThisMessage) {
  dns.a("bad.example.u.example", "127.0.0.2").a("odd.example.u.example", "127.255.255.254");
  auto asked = check();
  asked->ask_all(Subject::Url, {{"bad.example", "bad.example"}, {"odd.example", "odd.example"}});
  EXPECT_TRUE(settles(*asked, {2}));
  EXPECT_EQ(asked->outcome(2).state, State::Failed);
  // A question without an answer takes nothing from what the others said, but is told.
  dns.temp_fail("gone.example.u.example");
  auto another = check();
  another->ask_all(Subject::Url, {{"bad.example", "bad.example"}, {"gone.example", "gone.example"}});
  EXPECT_TRUE(settles(*another, {2}));
  EXPECT_EQ(another->outcome(2).state, State::Listed);
  EXPECT_FALSE(another->outcome(2).reason.empty());
}

TEST_F(ListCheck, WhoIsInAHurryHasWhatIsKnown) {
  dns.never("1.2.0.192.a.example").a("1.2.0.192.b.example", "127.0.0.2");
  auto asked = check();
  asked->ask_all(Subject::Client, {client()});
  Background<void> waiting(asked->settle({0, 1}));
  while (!asked->settled(1)) ASSERT_TRUE(dns.run_one());
  EXPECT_FALSE(waiting.ready());
  asked->hurry();
  EXPECT_TRUE(waiting.ready());
  EXPECT_EQ(asked->outcome(0).state, State::Failed);
  EXPECT_EQ(asked->outcome(1).state, State::Listed);
}

TEST_F(ListCheck, AZoneThatFallsIsWaitedForNoLonger) {
  dns.never("1.2.0.192.a.example");
  auto first = check();
  auto second = check();
  first->ask_all(Subject::Client, {client()});
  second->ask_all(Subject::Client, {client()});
  Background<void> one(first->settle({0}));
  Background<void> two(second->settle({0}));
  bound->zones[0]->probed("it is dead");
  EXPECT_FALSE(one.ready());
  desk.zones_changed();
  EXPECT_TRUE(one.ready());
  EXPECT_TRUE(two.ready());
  EXPECT_EQ(first->outcome(0).state, State::Suspended);
  EXPECT_THAT(first->outcome(0).reason, HasSubstr("it is dead"));
  auto third = check();
  size_t queries = dns.queries();
  third->ask(0, client());
  EXPECT_EQ(dns.queries(), queries);
  EXPECT_EQ(third->outcome(0).state, State::Suspended);
}

TEST_F(ListCheck, AnswersFromBeforeAFallDoNotComeBack) {
  dns.a("1.2.0.192.a.example", "127.0.0.2");
  auto asked = check();
  asked->ask(0, client());
  dns.run();
  EXPECT_EQ(asked->outcome(0).state, State::Listed);
  EXPECT_FALSE(asked->stale());
  bound->zones[0]->probed("everything is listed");
  EXPECT_FALSE(asked->stale());
  bound->zones[0]->probed("");
  EXPECT_EQ(asked->outcome(0).state, State::Suspended);
  EXPECT_TRUE(asked->stale());
}

TEST_F(ListCheck, AnswersOfTheBadTimeThatACacheKeptAreNotBelieved) {
  ZonePtr zone = bound->zones[0];
  EXPECT_FALSE(zone->is_old(300, clock.now()));
  zone->probed("everything is listed");
  clock.advance(std::chrono::seconds(60));
  zone->probed("");
  clock.advance(std::chrono::seconds(10));
  EXPECT_TRUE(zone->is_old(220, clock.now()));   // 80 s old: from the bad time
  EXPECT_FALSE(zone->is_old(295, clock.now()));  // 5 s old
  EXPECT_FALSE(zone->is_old(300, clock.now()));
  EXPECT_TRUE(zone->is_old(300, clock.now() - std::chrono::seconds(11))) << "a cache of ours has not forgotten yet";
  clock.advance(std::chrono::seconds(300));
  EXPECT_FALSE(zone->is_old(1, clock.now()));
}

TEST_F(ListCheck, AZoneThatWasNeverProbedIsWaitedFor) {
  Zones unknown(clock, Zone::State::Unknown);
  bound = bind_lists(std::make_shared<const Lists>(Lists{list_of("a", Subject::Client)}), unknown);
  dns.a("1.2.0.192.a.example", "127.0.0.2");
  auto asked = check();
  asked->ask(0, client());
  Background<void> waiting(asked->settle({0}));
  dns.run();
  EXPECT_FALSE(waiting.ready());
  EXPECT_EQ(asked->outcome(0).state, State::Suspended);
  bound->zones[0]->probed("");
  desk.zones_changed();
  EXPECT_TRUE(waiting.ready());
  EXPECT_EQ(asked->outcome(0).state, State::Listed);
}

TEST_F(ListCheck, TheLimitIsForAllListsTogether) {
  auto asked = check(1);
  asked->ask_all(Subject::Client, {client()});
  EXPECT_EQ(asked->asked(), 1U);
  EXPECT_TRUE(settles(*asked, {0, 1}));
  EXPECT_EQ(asked->outcome(0).state, State::Unlisted);
  EXPECT_EQ(asked->outcome(1).state, State::Unasked);
  EXPECT_EQ(counter.results["b limit"], 1);
}

TEST_F(ListCheck, KeepsOnlyTheSubjectsThatCount) {
  dns.a("bad.example.u.example", "127.0.0.2").a("good.example.u.example", "127.0.0.2");
  auto asked = check();
  asked->ask_all(Subject::Url, {{"bad.example", "bad.example"}, {"good.example", "good.example"}});
  dns.run();
  asked->keep_only(Subject::Url, {"good.example"});
  ASSERT_EQ(asked->outcome(2).listings.size(), 1U);
  EXPECT_EQ(asked->outcome(2).listings[0].subject, "good.example");
  asked->forget(Subject::Url);
  EXPECT_EQ(asked->outcome(2).state, State::Unasked);
}

TEST_F(ListCheck, NothingComesAfterItsEnd) {
  auto asked = check();
  asked->ask_all(Subject::Client, {client()});
  asked->forget(Subject::Client);
  EXPECT_EQ(dns.pending(), 0U);
  asked->ask_all(Subject::Client, {client()});
  auto waiting = std::make_unique<Background<void>>(asked->settle({0, 1}));
  waiting.reset();
  asked.reset();
  desk.zones_changed();
  EXPECT_EQ(dns.run(), 0U);
  EXPECT_TRUE(counter.results.empty());
}

}  // namespace
}  // namespace postern::lists
