#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "filters/lists/zone.h"
#include "tests/fakes/fake_clock.h"

namespace postern::lists {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

List zen(Subject of = Subject::Client) {
  List list;
  list.name = "ZEN";
  list.zone = "zen.example";
  list.of = of;
  return list;
}

class ZoneTest : public testing::Test {
 public:
  ZoneTest() {
    zones_.changed = [this](Zone& zone) { changes_.push_back(zone.state()); };
    zones_.wants_probe = [this](Zone&) { ++wanted_; };
  }
  ~ZoneTest() override = default;
  ZoneTest(const ZoneTest&) = delete;
  ZoneTest& operator=(const ZoneTest&) = delete;

 protected:
  /// A look-up that took `time` ends now.
  void says(Reading::Kind kind, const std::string& subject = "192.0.2.1", Duration time = milliseconds(20)) {
    Reading reading;
    reading.kind = kind;
    zone_->report(reading, subject, "", clock_.now() - time, clock_.now());
  }
  void fails(const std::string& reason = "SERVFAIL", Duration time = milliseconds(20)) {
    zone_->report(Reading{}, "192.0.2.1", reason, clock_.now() - time, clock_.now());
  }
  /// A message asks, and waits in vain.
  void times_out() {
    clock_.advance(seconds(5));
    fails("timeout", seconds(5));
  }
  [[nodiscard]] bool is_up() const { return zone_->state() == Zone::State::Up; }
  [[nodiscard]] bool is_down() const { return zone_->state() == Zone::State::Down; }
  [[nodiscard]] std::string reason() const { return zone_->status().reason; }

  test::FakeClock clock_;
  Zones zones_{clock_, Zone::State::Unknown};
  ZonePtr zone_ = zones_.of(zen());
  std::vector<Zone::State> changes_;
  int wanted_ = 0;
};

TEST_F(ZoneTest, IsUnknownUntilItsFirstProbe) {
  EXPECT_EQ(zone_->state(), Zone::State::Unknown);
  EXPECT_EQ(zone_->status().probed_ms, 0);
  clock_.advance(seconds(1));
  zone_->probed("");
  EXPECT_TRUE(is_up());
  EXPECT_EQ(zone_->status().since_ms, clock_.wall_ms());
  EXPECT_EQ(zone_->status().probed_ms, clock_.wall_ms());
  EXPECT_EQ(changes_, std::vector<Zone::State>{Zone::State::Up});
}

TEST_F(ZoneTest, OneBadProbeSuspendsAndOneGoodOneBringsBack) {
  zone_->probed("");
  auto up_since = zone_->status().since_ms;
  clock_.advance(minutes(5));
  zone_->probed("127.0.0.2 is not listed");
  EXPECT_TRUE(is_down());
  EXPECT_EQ(reason(), "127.0.0.2 is not listed");
  EXPECT_EQ(zone_->status().since_ms, up_since + 300'000);
  clock_.advance(seconds(5));
  zone_->probed("no answer");
  EXPECT_EQ(reason(), "no answer");
  EXPECT_EQ(zone_->status().since_ms, up_since + 300'000) << "it was down all the time";
  zone_->probed("");
  EXPECT_TRUE(is_up());
  EXPECT_EQ(reason(), "");
  EXPECT_EQ(changes_.size(), 3U) << "only changes are told";
}

TEST_F(ZoneTest, FallsAreCounted) {
  zone_->probed("");
  EXPECT_EQ(zone_->falls(), 0U);
  zone_->probed("dead");
  zone_->probed("dead");
  EXPECT_EQ(zone_->falls(), 1U) << "it was down already";
  zone_->probed("");
  times_out();
  EXPECT_EQ(zone_->falls(), 2U);
}

TEST_F(ZoneTest, CachesAreToForgetAtAFallAndWhenAZoneIsTrustedAgain) {
  zone_->probed("");
  uint64_t before = zones_.turns();
  zone_->probed("everything is listed");
  EXPECT_EQ(zones_.turns(), before + 1);
  zone_->probed("");
  EXPECT_EQ(zones_.turns(), before + 2) << "what was asked on another thread in the bad time may have come since";
  times_out();
  uint64_t silent = zones_.turns();
  EXPECT_EQ(silent, before + 3);
}

TEST_F(ZoneTest, WhoeverIsToldMayAskTheZone) {
  std::string heard;
  zones_.changed = [&](Zone& zone) { heard = zone.status().reason; };
  zone_->probed("dead");
  EXPECT_EQ(heard, "dead");
}

TEST_F(ZoneTest, ATimeoutWithNothingAnsweredSuspendsAtOnce) {
  zone_->probed("");
  clock_.advance(minutes(1));
  says(Reading::Kind::Unlisted);
  times_out();
  EXPECT_TRUE(is_down());
  EXPECT_NE(reason().find("no answer within 5.0 s (timeout)"), std::string::npos) << reason();
  EXPECT_EQ(wanted_, 1) << "and is probed, so that it comes back soon";
  fails("timeout", seconds(5));
  EXPECT_EQ(wanted_, 1) << "those that were under way change nothing";
  EXPECT_EQ(changes_.back(), Zone::State::Down);
}

TEST_F(ZoneTest, ATimeoutBesideAnswersOnlyAsksForAProbe) {
  zone_->probed("");
  clock_.advance(seconds(60));
  says(Reading::Kind::Unlisted);
  fails("timeout", seconds(5));
  EXPECT_TRUE(is_up());
  EXPECT_EQ(wanted_, 1) << "the answers may have come from a cache";
}

TEST_F(ZoneTest, TimeoutsOfLookupsOlderThanAGoodProbeDoNotSuspendAgain) {
  zone_->probed("");
  clock_.advance(minutes(1));
  times_out();
  ASSERT_TRUE(is_down());
  zone_->probed("");
  ASSERT_TRUE(is_up());
  clock_.advance(seconds(1));
  fails("timeout", seconds(5));
  EXPECT_TRUE(is_up());
}

TEST_F(ZoneTest, ATimeoutBeforeTheFirstProbeSuspendsToo) {
  times_out();
  EXPECT_TRUE(is_down());
}

TEST_F(ZoneTest, ThreeFailuresInARowAskForAProbe) {
  zone_->probed("");
  clock_.advance(minutes(1));
  fails();
  fails();
  says(Reading::Kind::Unlisted);
  fails();
  fails();
  EXPECT_EQ(wanted_, 0);
  fails();
  EXPECT_EQ(wanted_, 1);
  EXPECT_TRUE(is_up()) << "a quick failure makes nobody wait";
}

TEST_F(ZoneTest, ARefusalOrAWrongAnswerAsksForAProbe) {
  zone_->probed("");
  says(Reading::Kind::Refused);
  EXPECT_EQ(wanted_, 1);
  clock_.advance(Zone::kKick);
  says(Reading::Kind::Wrong);
  EXPECT_EQ(wanted_, 2);
}

TEST_F(ZoneTest, ThreeDifferentSubjectsListedInARowAreSuspicious) {
  zone_->probed("");
  says(Reading::Kind::Listed, "192.0.2.1");
  says(Reading::Kind::Listed, "192.0.2.2");
  says(Reading::Kind::Listed, "192.0.2.1");
  says(Reading::Kind::Listed, "192.0.2.2");
  EXPECT_EQ(wanted_, 0) << "two spammers that come again and again are two";
  says(Reading::Kind::Listed, "192.0.2.3");
  EXPECT_EQ(wanted_, 1);
}

TEST_F(ZoneTest, AnythingThatIsNotListedEndsTheRun) {
  zone_->probed("");
  for (auto end : {Reading::Kind::Unlisted, Reading::Kind::Other}) {
    says(Reading::Kind::Listed, "192.0.2.1");
    says(Reading::Kind::Listed, "192.0.2.2");
    says(end, "192.0.2.9");
  }
  says(Reading::Kind::Listed, "192.0.2.3");
  EXPECT_EQ(wanted_, 0);
}

TEST_F(ZoneTest, DoubtsWithinTenSecondsAreOneAndNoneIsForgotten) {
  zone_->probed("");
  for (int i = 0; i < 30; ++i) says(Reading::Kind::Listed, "host" + std::to_string(i));
  EXPECT_EQ(wanted_, 1);
  clock_.advance(Zone::kKick - milliseconds(1));
  says(Reading::Kind::Listed, "another");
  EXPECT_EQ(wanted_, 1);
  clock_.advance(milliseconds(1));
  says(Reading::Kind::Listed, "another");
  EXPECT_EQ(wanted_, 2) << "the run was kept until it could be acted upon";
}

TEST_F(ZoneTest, NobodyAsksForAProbeOfAZoneThatIsDown) {
  zone_->probed("dead");
  for (int i = 0; i < 5; ++i) {
    clock_.advance(minutes(1));
    fails();
    says(Reading::Kind::Refused);
    says(Reading::Kind::Listed, "host" + std::to_string(i));
  }
  EXPECT_EQ(wanted_, 0);
}

TEST_F(ZoneTest, AZoneThatAnswersProbesOnlyIsBelievedLessEachTime) {
  zone_->probed("");
  int messages_hurt = 0;
  Duration probed_every = seconds(5);
  for (TimePoint end = clock_.now() + std::chrono::hours(6); clock_.now() < end;) {
    if (is_up()) {
      times_out();
      ++messages_hurt;
    } else {
      clock_.advance(probed_every);
      zone_->probed("");
    }
  }
  EXPECT_LE(messages_hurt, 50) << "once in ten minutes in the long run";
  EXPECT_GE(messages_hurt, 20) << "it is tried again for ever";
}

TEST_F(ZoneTest, WhyAGoodProbeIsNotBelievedIsSaid) {
  zone_->probed("");
  times_out();
  zone_->probed("");
  ASSERT_TRUE(is_up()) << "the first time may be chance";
  times_out();
  zone_->probed("");
  ASSERT_TRUE(is_down());
  EXPECT_NE(reason().find("2 times in a row the questions of messages were not"), std::string::npos) << reason();
  clock_.advance(seconds(10));
  zone_->probed("");
  EXPECT_TRUE(is_up());
}

TEST_F(ZoneTest, TimeoutsLongAgoAreForgiven) {
  zone_->probed("");
  for (int day = 0; day < 5; ++day) {
    times_out();
    zone_->probed("");
    ASSERT_TRUE(is_up()) << "day " << day;
    clock_.advance(std::chrono::hours(23));
    says(Reading::Kind::Unlisted);
    clock_.advance(std::chrono::hours(1));
  }
}

TEST_F(ZoneTest, AQuietZoneEarnsNoForgivenessByTimeAlone) {
  zone_->probed("");
  times_out();
  zone_->probed("");
  clock_.advance(std::chrono::hours(24));
  times_out();
  zone_->probed("");
  EXPECT_TRUE(is_down()) << "nothing was ever answered in between";
}

TEST_F(ZoneTest, WithoutAnybodyToProbeNothingBreaks) {
  zones_.changed = nullptr;
  zones_.wants_probe = nullptr;
  zone_->probed("");
  says(Reading::Kind::Refused);
  times_out();
  EXPECT_TRUE(is_down());
}

TEST_F(ZoneTest, ListsThatAskTheSameWayShareAZone) {
  List received = zen(Subject::Received);
  received.name = "ZEN_RECEIVED";
  EXPECT_EQ(zones_.of(received), zone_);
  EXPECT_EQ(zone_->list().name, "ZEN") << "the first that declared it";
  EXPECT_NE(zones_.of(zen(Subject::Url)), zone_) << "names are another way to ask";
  EXPECT_EQ(zones_.of(zen(Subject::From)), zones_.of(zen(Subject::Url)));
  List other = zen();
  other.listed = "127.0.0.9";
  EXPECT_NE(zones_.of(other), zone_);
  List elsewhere = zen();
  elsewhere.zone = "other.example";
  EXPECT_NE(zones_.of(elsewhere), zone_);
  List sha1 = zen(Subject::Hash);
  List sha256 = sha1;
  sha256.digest = List::Digest::Sha256;
  EXPECT_NE(zones_.of(sha1), zones_.of(sha256));
}

TEST_F(ZoneTest, HowAZoneIsAsked) {
  EXPECT_EQ(zone_->style(), Zone::Style::Address);
  EXPECT_EQ(zones_.of(zen(Subject::Dkim))->style(), Zone::Style::Domain);
  EXPECT_EQ(zones_.of(zen(Subject::Hash))->style(), Zone::Style::Hash);
}

TEST_F(ZoneTest, ListsThatAreOffHaveNoZone) {
  List off = zen();
  off.enabled = false;
  auto zones = zones_.of(Lists{zen(), off, zen(Subject::Helo)});
  ASSERT_EQ(zones.size(), 3U);
  EXPECT_EQ(zones[0], zone_);
  EXPECT_EQ(zones[1], nullptr);
  EXPECT_NE(zones[2], nullptr);
}

TEST_F(ZoneTest, AListWithoutTestPointsIsTrustedFromTheStart) {
  List trusted = zen();
  trusted.probe = false;
  EXPECT_EQ(zones_.of(trusted)->state(), Zone::State::Up);
  EXPECT_NE(zones_.of(trusted), zone_);
}

TEST_F(ZoneTest, WhereNobodyProbesZonesBeginUp) {
  Zones zones(clock_, Zone::State::Up);
  EXPECT_EQ(zones.of(zen())->state(), Zone::State::Up);
}

// The figures below hold whatever the threads do: nothing is timed.
TEST_F(ZoneTest, ManyWorkersReportAtOnce) {
  std::atomic<int> wanted{0};
  std::atomic<int> downs{0};
  zones_.wants_probe = [&](Zone&) { ++wanted; };
  zones_.changed = [&](Zone& zone) { downs += zone.state() == Zone::State::Down ? 1 : 0; };
  zone_->probed("");
  TimePoint now = clock_.now() + seconds(1);
  auto work = [&](int worker) {
    Reading listed;
    listed.kind = Reading::Kind::Listed;
    for (int i = 0; i < 2000; ++i) {
      std::string subject = std::to_string(worker) + "/" + std::to_string(i);
      zone_->report(listed, subject, "", now - milliseconds(10), now);
      if (i % 100 == 99) zone_->report(Reading{}, subject, "SERVFAIL", now, now);
      static_cast<void>(zone_->status());
    }
    zone_->report(Reading{}, "192.0.2.1", "timeout", now + seconds(1), now + seconds(6));
  };
  std::vector<std::thread> workers;
  workers.reserve(4);
  for (int worker = 0; worker < 4; ++worker) workers.emplace_back(work, worker);
  for (auto& worker : workers) worker.join();
  EXPECT_EQ(wanted, 2) << "one for the listed, one when it went down";
  EXPECT_EQ(downs, 1);
  EXPECT_TRUE(is_down());
}

}  // namespace
}  // namespace postern::lists
