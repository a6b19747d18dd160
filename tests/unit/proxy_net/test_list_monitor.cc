#include <deque>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/net/list_monitor.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_dns.h"
#include "tests/unit/proxy_net/quiet_observer.h"

namespace postern::net {
namespace {

using lists::List;
using lists::Reading;
using lists::Subject;
using lists::Zone;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::IsEmpty;

/// session::Timers on a clock that a test moves.
class FakeTimers final : public session::Timers {
 public:
  explicit FakeTimers(test::FakeClock& clock) : clock_(clock) {}
  [[nodiscard]] Pending after(Duration delay, std::function<void()> callback) override {
    auto entry = std::make_shared<Entry>(Entry{clock_.now() + delay, std::move(callback)});
    entries_.push_back(entry);
    return Pending(std::make_unique<Operation>(std::move(entry)));
  }
  /// The earliest one that is due, at most; false when none is.
  bool run_due() {
    std::shared_ptr<Entry> next;
    for (const auto& each : entries_) {
      auto entry = each.lock();
      if (entry && entry->callback && entry->at <= clock_.now() && (!next || entry->at < next->at)) next = entry;
    }
    if (!next) return false;
    auto callback = std::exchange(next->callback, nullptr);
    next.reset();
    callback();
    return true;
  }
  [[nodiscard]] size_t running() const {
    size_t count = 0;
    for (const auto& each : entries_) {
      auto entry = each.lock();
      count += entry && entry->callback ? 1 : 0;
    }
    return count;
  }

 private:
  struct Entry {
    TimePoint at;
    std::function<void()> callback;
  };
  class Operation final : public Pending::Operation {
   public:
    explicit Operation(std::shared_ptr<Entry> entry) : entry_(std::move(entry)) {}

   private:
    std::shared_ptr<Entry> entry_;
  };
  test::FakeClock& clock_;
  std::deque<std::weak_ptr<Entry>> entries_;
};

List list_of(const std::string& name, const std::string& zone, Subject of = Subject::Client) {
  List list;
  list.name = name;
  list.zone = zone;
  list.of = of;
  list.answers.push_back({"127.0.0.2", lists::Match::parse("127.0.0.2").value(), "SBL"});
  return list;
}

class ListMonitorTest : public testing::Test {
 public:
  ListMonitorTest() {
    zones_.wants_probe = [this](Zone& zone) { monitor_->probe_now(zone); };
    alive("zen.example");
    alive("dbl.example");
  }
  ~ListMonitorTest() override = default;
  ListMonitorTest(const ListMonitorTest&) = delete;
  ListMonitorTest& operator=(const ListMonitorTest&) = delete;

 protected:
  void alive(const std::string& zone) { dns_.a("2.0.0.127." + zone, "127.0.0.2").a("test." + zone, "127.0.0.2"); }
  void watch(const lists::Lists& all) {
    monitor_->watch(std::make_shared<const lists::Lists>(all), kInterval, seconds(5));
  }
  /// Everything that can happen now happens.
  void run() {
    while (dns_.run() > 0 || timers_.run_due()) {}
  }
  void later(Duration time) {
    // In small steps, as time goes.
    for (Duration gone{}; gone < time; gone += seconds(1)) {
      clock_.advance(seconds(1));
      run();
    }
  }
  [[nodiscard]] Zone::State state(const List& list) { return zones_.of(list)->state(); }
  /// A message's question that ends now.
  void report(const List& list, Reading::Kind kind, const std::string& subject, const std::string& reason = "",
              Duration time = std::chrono::milliseconds(20)) {
    Reading reading;
    reading.kind = kind;
    zones_.of(list)->report(reading, subject, reason, clock_.now() - time, clock_.now());
  }
  [[nodiscard]] size_t probes_of(const std::string& zone) const {
    size_t count = 0;
    for (const auto& question : dns_.asked()) {
      count += question.name == "2.0.0.127." + zone || question.name == "test." + zone ? 1U : 0U;
    }
    return count;
  }

  static constexpr Duration kInterval = minutes(5);
  test::FakeClock clock_;
  test::FakeDns dns_;
  FakeTimers timers_{clock_};
  QuietObserver observer_;
  lists::Zones zones_{clock_, Zone::State::Unknown};
  std::unique_ptr<ListMonitor> monitor_ = std::make_unique<ListMonitor>(timers_, dns_, clock_, zones_, observer_);
  List zen_ = list_of("ZEN", "zen.example");
  List dbl_ = list_of("DBL", "dbl.example", Subject::Url);
};

TEST_F(ListMonitorTest, AllListsAreProbedAtOnceAndComeUpQuietly) {
  watch({zen_, dbl_});
  EXPECT_EQ(probes_of("zen.example"), 1U);
  EXPECT_EQ(probes_of("dbl.example"), 1U) << "without waiting for the other";
  EXPECT_EQ(state(zen_), Zone::State::Unknown);
  run();
  EXPECT_EQ(state(zen_), Zone::State::Up);
  EXPECT_EQ(state(dbl_), Zone::State::Up);
  EXPECT_THAT(observer_.notes(), IsEmpty());
}

TEST_F(ListMonitorTest, AListThatIsWellIsProbedOnceInTheInterval) {
  watch({zen_});
  run();
  later(kInterval * 10);
  EXPECT_GE(probes_of("zen.example"), 11U);
  EXPECT_LE(probes_of("zen.example"), 13U) << "spread by a tenth at most";
}

TEST_F(ListMonitorTest, ADeadListIsNamedWithItsReason) {
  dns_.clear();
  alive("dbl.example");
  watch({zen_, dbl_});
  run();
  EXPECT_EQ(state(zen_), Zone::State::Down);
  EXPECT_EQ(state(dbl_), Zone::State::Up);
  ASSERT_EQ(observer_.notes().size(), 1U);
  EXPECT_THAT(observer_.notes()[0], testing::StartsWith("list ZEN is suspended: 127.0.0.2 is not listed"));
  EXPECT_FALSE(observer_.noted("zen.example")) << "a zone may hold a key";
  later(minutes(30));
  EXPECT_EQ(observer_.notes().size(), 1U) << "said once";
}

TEST_F(ListMonitorTest, AListThatIsDownIsProbedLessAndLessButNeverForgotten) {
  dns_.clear();
  watch({zen_});
  run();
  ASSERT_EQ(probes_of("zen.example"), 1U);
  const std::vector<std::pair<seconds, size_t>> expected = {{seconds(4), 1}, {seconds(1), 2},  {seconds(9), 2},
                                                            {seconds(1), 3}, {seconds(20), 4}, {seconds(40), 5}};
  for (const auto& [wait, probes] : expected) {
    later(wait);
    EXPECT_EQ(probes_of("zen.example"), probes);
  }
  later(kInterval * 20);
  EXPECT_GE(probes_of("zen.example"), 20U);
  EXPECT_LE(probes_of("zen.example"), 28U);
}

TEST_F(ListMonitorTest, RecoveryIsAutomaticAndSaid) {
  dns_.clear();
  watch({zen_});
  run();
  alive("zen.example");
  later(ListMonitor::kFirstRetry);
  EXPECT_EQ(state(zen_), Zone::State::Up);
  EXPECT_EQ(observer_.notes().back(), "list ZEN is back");
  dns_.clear();
  // The pause between two probes is not always the same; the first of the back-off must be caught.
  for (int second = 0; second < 300 && state(zen_) == Zone::State::Up; ++second) later(seconds(1));
  ASSERT_EQ(state(zen_), Zone::State::Down);
  size_t probes = probes_of("zen.example");
  later(ListMonitor::kFirstRetry);
  EXPECT_GT(probes_of("zen.example"), probes) << "the back-off began anew";
}

TEST_F(ListMonitorTest, ListsThatShareAZoneAreProbedOnceAndNamedTogether) {
  dns_.clear();
  watch({zen_, list_of("ZEN_HOPS", "zen.example", Subject::Received), list_of("ZEN_TOO", "zen.example")});
  run();
  EXPECT_EQ(probes_of("zen.example"), 1U);
  EXPECT_TRUE(observer_.noted("lists ZEN, ZEN_HOPS and ZEN_TOO are suspended: ")) << observer_.notes().front();
  alive("zen.example");
  later(seconds(5));
  EXPECT_EQ(observer_.notes().back(), "lists ZEN, ZEN_HOPS and ZEN_TOO are back");
}

TEST_F(ListMonitorTest, AListThatGoesWildIsSuspendedByTheProbeThatItsListingsCause) {
  watch({zen_});
  run();
  later(minutes(1));
  dns_.a("1.0.0.127.zen.example", "127.0.0.2");
  for (const char* client : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) report(zen_, Reading::Kind::Listed, client);
  run();
  EXPECT_EQ(probes_of("zen.example"), 2U);
  EXPECT_EQ(state(zen_), Zone::State::Down);
  EXPECT_TRUE(observer_.noted("lists everything"));
}

TEST_F(ListMonitorTest, ATimeoutOfAMessageIsSaidAndProbedAtOnce) {
  watch({zen_});
  run();
  later(minutes(1));
  report(zen_, Reading::Kind::NoAnswer, "192.0.2.1", "timeout", seconds(5));
  EXPECT_EQ(state(zen_), Zone::State::Down);
  EXPECT_TRUE(observer_.noted("list ZEN is suspended: no answer within 5.0 s"));
  run();
  EXPECT_EQ(state(zen_), Zone::State::Up) << "its probe is good";
  EXPECT_EQ(observer_.notes().back(), "list ZEN is back");
}

TEST_F(ListMonitorTest, ADoubtInTheMiddleOfAProbeIsNotAnsweredByIt) {
  watch({zen_});
  run();
  later(minutes(1));
  report(zen_, Reading::Kind::Refused, "192.0.2.1");
  ASSERT_EQ(probes_of("zen.example"), 2U) << "under way, and asked when all was well";
  dns_.a("1.0.0.127.zen.example", "127.0.0.2");
  clock_.advance(Zone::kKick);
  report(zen_, Reading::Kind::Refused, "192.0.2.2");
  EXPECT_EQ(probes_of("zen.example"), 2U);
  run();
  EXPECT_EQ(probes_of("zen.example"), 3U);
  EXPECT_EQ(state(zen_), Zone::State::Down);
}

TEST_F(ListMonitorTest, AReloadProbesAllListsAndForgetsThoseThatAreGone) {
  watch({zen_, dbl_});
  run();
  watch({zen_});
  run();
  EXPECT_EQ(probes_of("zen.example"), 2U);
  EXPECT_EQ(probes_of("dbl.example"), 1U);
  later(kInterval * 3);
  EXPECT_EQ(probes_of("dbl.example"), 1U);
  monitor_->probe_now(*zones_.of(dbl_));
  EXPECT_EQ(probes_of("dbl.example"), 1U) << "a kick that came late";
}

TEST_F(ListMonitorTest, AReloadInTheMiddleOfAProbeBeginsAnew) {
  watch({zen_});
  ASSERT_GT(dns_.pending(), 0U);
  size_t pending = dns_.pending();
  List corrected = zen_;
  corrected.errors.push_back(lists::Match::parse("127.0.0.2").value());
  watch({corrected});
  EXPECT_EQ(dns_.pending(), pending) << "the old questions are dropped";
  run();
  EXPECT_EQ(state(zen_), Zone::State::Down) << "by what the rules say now: 127.0.0.2 is a refusal";
  EXPECT_EQ(timers_.running(), 1U);
}

TEST_F(ListMonitorTest, AReloadDoesNotRepeatWhatIsKnown) {
  dns_.clear();
  watch({zen_});
  run();
  watch({zen_});
  run();
  EXPECT_EQ(observer_.notes().size(), 1U);
  watch({zen_, list_of("ZEN_TOO", "zen.example")});
  EXPECT_TRUE(observer_.noted("lists ZEN and ZEN_TOO are suspended")) << "a list that is new is news";
}

TEST_F(ListMonitorTest, ListsThatAreOffAreLeftAlone) {
  zen_.enabled = false;
  watch({zen_, dbl_});
  run();
  later(kInterval);
  EXPECT_EQ(probes_of("zen.example"), 0U);
}

TEST_F(ListMonitorTest, WithoutListsNothingHappens) {
  watch({});
  run();
  EXPECT_EQ(dns_.queries(), 0U);
  EXPECT_EQ(timers_.running(), 0U);
}

TEST_F(ListMonitorTest, AZoneThatAnswersProbesOnlyIsNotBelievedEachTime) {
  watch({zen_});
  run();
  int hurt = 0;
  for (int second = 0; second < 3600; ++second) {
    later(seconds(1));
    if (state(zen_) != Zone::State::Up) continue;
    clock_.advance(seconds(5));
    report(zen_, Reading::Kind::NoAnswer, "192.0.2.1", "timeout", seconds(5));
    ++hurt;
    run();
  }
  EXPECT_LE(hurt, 14);
  EXPECT_GE(hurt, 5);
}

TEST_F(ListMonitorTest, DestroyingItCancelsAll) {
  watch({zen_, dbl_});
  EXPECT_GT(dns_.pending(), 0U);
  zones_.wants_probe = nullptr;
  monitor_.reset();
  EXPECT_EQ(dns_.pending(), 0U);
  EXPECT_EQ(timers_.running(), 0U);
  EXPECT_EQ(state(zen_), Zone::State::Unknown);
}

TEST_F(ListMonitorTest, DestroyingItCancelsWhatIsStillToCome) {
  watch({zen_});
  run();
  EXPECT_EQ(timers_.running(), 1U);
  zones_.wants_probe = nullptr;
  monitor_.reset();
  EXPECT_EQ(timers_.running(), 0U);
}

}  // namespace
}  // namespace postern::net
