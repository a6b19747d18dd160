#include "proxy/ops/list_statistics.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

namespace postern::ops {
namespace {

using namespace std::chrono_literals;
using State = lists::Outcome::State;

lists::List list_named(const std::string& name, bool enabled = true) {
  lists::List list;
  list.name = name;
  list.zone = "zone.test";
  list.enabled = enabled;
  return list;
}

lists::ListsPtr lists_named(const std::vector<std::string>& names) {
  lists::Lists lists;
  lists.reserve(names.size());
  for (const std::string& name : names) lists.push_back(list_named(name));
  return std::make_shared<const lists::Lists>(std::move(lists));
}

std::vector<lists::Outcome> outcomes(const std::vector<State>& states) {
  std::vector<lists::Outcome> all(states.size());
  for (size_t i = 0; i < states.size(); ++i) all[i].state = states[i];
  return all;
}

class ListStatisticsTest : public testing::Test {
 protected:
  void ask(const std::string& list, std::string_view result, Duration time, int times = 1) {
    for (int i = 0; i < times; ++i) statistics_.asked(list, list_result(result), time);
  }
  ListStatistics::Report report_of(const std::string& name) {
    for (const auto& report : statistics_.report()) {
      if (report.list.name == name) return report;
    }
    ADD_FAILURE() << name << " is not reported";
    return {};
  }
  ListStatistics statistics_;
};

TEST_F(ListStatisticsTest, AListThatNobodyAskedHasNoRates) {
  statistics_.in_force(lists_named({"ZEN"}));
  auto report = report_of("ZEN");
  EXPECT_EQ(report.asked, 0U);
  EXPECT_EQ(report.listed_share, 0);
  EXPECT_EQ(report.mean, 0us);
  EXPECT_EQ(report.p95, 0us);
  EXPECT_EQ(report.decisive_share, 0);
}

TEST_F(ListStatisticsTest, RatesAreOfTheQuestionsThatWentOut) {
  statistics_.in_force(lists_named({"ZEN"}));
  ask("ZEN", "listed", 1ms, 31);
  ask("ZEN", "unlisted", 1ms, 59);
  ask("ZEN", "other", 1ms, 4);
  ask("ZEN", "refused", 1ms, 3);
  ask("ZEN", "wrong", 1ms, 1);
  ask("ZEN", "noanswer", 1ms, 2);
  ask("ZEN", "suspended", 0ms, 500);
  ask("ZEN", "limit", 0ms, 500);
  auto report = report_of("ZEN");
  EXPECT_EQ(report.asked, 100U);
  EXPECT_EQ(report.errors, 6U);
  EXPECT_DOUBLE_EQ(report.listed_share, 0.31);
  EXPECT_EQ(report.queries[list_result("suspended")], 500U);
  EXPECT_EQ(report.mean, 1ms);
}

TEST_F(ListStatisticsTest, MostAnswersAreFastButOneInTenIsSlow) {
  statistics_.in_force(lists_named({"ZEN"}));
  ask("ZEN", "unlisted", 20ms, 900);
  ask("ZEN", "unlisted", 2s, 100);
  auto report = report_of("ZEN");
  EXPECT_EQ(report.mean, 218ms);
  EXPECT_GT(report.p95, 1400ms);
  EXPECT_LT(report.p95, 2600ms);
  ask("ZEN", "unlisted", 20ms, 9000);
  report = report_of("ZEN");
  EXPECT_GT(report.p95, 14ms);
  EXPECT_LT(report.p95, 26ms);
}

TEST_F(ListStatisticsTest, TimesBeyondAllMeasureAreCounted) {
  statistics_.in_force(lists_named({"ZEN"}));
  ask("ZEN", "unlisted", std::chrono::hours(5));
  EXPECT_GT(report_of("ZEN").p95, 20s);
  ask("ZEN", "unlisted", 50us, 100);
  EXPECT_LE(report_of("ZEN").p95, 100us);
}

TEST_F(ListStatisticsTest, NothingIsSlowerThanTheSlowestAnswer) {
  statistics_.in_force(lists_named({"ZEN"}));
  ask("ZEN", "listed", 5070ms, 10);
  EXPECT_GT(report_of("ZEN").p95, 4s);
  EXPECT_LE(report_of("ZEN").p95, 5070ms);
  ask("ZEN", "unlisted", 3ms);
  EXPECT_LE(report_of("ZEN").p95, 5070ms);
}

TEST_F(ListStatisticsTest, ATimeOutIsNoAnswerAndHasNoLatency) {
  statistics_.in_force(lists_named({"ZEN"}));
  ask("ZEN", "noanswer", 5s, 50);
  EXPECT_EQ(report_of("ZEN").timed, 0U);
  EXPECT_EQ(report_of("ZEN").mean, 0us);
  EXPECT_EQ(report_of("ZEN").p95, 0us);
  ask("ZEN", "unlisted", 20ms);
  EXPECT_EQ(report_of("ZEN").asked, 51U);
  EXPECT_EQ(report_of("ZEN").errors, 50U);
  EXPECT_EQ(report_of("ZEN").mean, 20ms);
  EXPECT_LE(report_of("ZEN").p95, 20ms);
}

TEST_F(ListStatisticsTest, WhatWasKnownAlreadySaysNothingOfTheListsSpeed) {
  statistics_.in_force(lists_named({"ZEN"}));
  ask("ZEN", "listed", 0us, 1000);
  ask("ZEN", "listed", 40ms, 4);
  ask("ZEN", "refused", 40ms);
  auto report = report_of("ZEN");
  EXPECT_EQ(report.asked, 1005U);
  EXPECT_EQ(report.timed, 5U);
  EXPECT_EQ(report.mean, 40ms);
  EXPECT_GT(report.p95, 30ms);
  EXPECT_LE(report.p95, 40ms);
}

TEST_F(ListStatisticsTest, OverlapIsOfTheMessagesThatTheOtherListAnsweredAbout) {
  auto lists = lists_named({"ZEN", "BL", "NEW"});
  statistics_.in_force(lists);
  for (int i = 0; i < 6; ++i) {
    statistics_.said(*lists, outcomes({State::Listed, State::Listed, State::Unasked}));
  }
  for (int i = 0; i < 2; ++i) {
    statistics_.said(*lists, outcomes({State::Listed, State::Unlisted, State::Listed}));
    statistics_.said(*lists, outcomes({State::Listed, State::Failed, State::Suspended}));
    statistics_.said(*lists, outcomes({State::Unlisted, State::Listed, State::Unlisted}));
  }
  auto zen = report_of("ZEN");
  EXPECT_EQ(zen.listed, 10U);
  ASSERT_EQ(zen.others.size(), 2U);
  EXPECT_EQ(zen.others[0].list, "NEW");
  EXPECT_DOUBLE_EQ(zen.others[0].share, 1.0);
  EXPECT_EQ(zen.others[1].list, "BL");
  EXPECT_DOUBLE_EQ(zen.others[1].share, 0.75);
  auto bl = report_of("BL");
  EXPECT_EQ(bl.listed, 8U);
  ASSERT_EQ(bl.others.size(), 1U) << "nothing is shared with NEW";
  EXPECT_DOUBLE_EQ(bl.others[0].share, 0.75);
}

TEST_F(ListStatisticsTest, FewerOutcomesThanListsAreNoFault) {
  auto lists = lists_named({"ZEN", "BL"});
  statistics_.in_force(lists);
  statistics_.said(*lists, outcomes({State::Listed}));
  statistics_.said(*lists, outcomes({State::Listed, State::Listed, State::Listed}));
  EXPECT_EQ(report_of("ZEN").listed, 2U);
  EXPECT_EQ(report_of("BL").listed, 1U);
}

TEST_F(ListStatisticsTest, NumbersOutliveAReloadAlsoOneWithoutTheList) {
  statistics_.in_force(lists_named({"ZEN", "BL"}));
  ask("ZEN", "listed", 1ms, 7);
  statistics_.in_force(lists_named({"BL"}));
  ASSERT_EQ(statistics_.report().size(), 1U);
  EXPECT_EQ(statistics_.report()[0].list.name, "BL");
  statistics_.in_force(lists_named({"BL", "OTHER", "ZEN"}));
  EXPECT_EQ(report_of("ZEN").asked, 7U);
}

TEST_F(ListStatisticsTest, ListsThatAreNotEnabledAreNotReported) {
  lists::Lists lists{list_named("ON"), list_named("OFF", false)};
  statistics_.in_force(std::make_shared<const lists::Lists>(lists));
  ASSERT_EQ(statistics_.report().size(), 1U);
  EXPECT_EQ(statistics_.report()[0].list.name, "ON");
  statistics_.in_force(nullptr);
  EXPECT_TRUE(statistics_.report().empty());
}

TEST_F(ListStatisticsTest, TheDecisiveShareIsOfTheMailSinceTheListIsThere) {
  for (int i = 0; i < 1000; ++i) statistics_.judged();
  statistics_.in_force(lists_named({"ZEN"}));
  for (int i = 0; i < 200; ++i) statistics_.judged();
  statistics_.decisive("ZEN");
  statistics_.decisive("ZEN");
  EXPECT_EQ(report_of("ZEN").decisive, 2U);
  EXPECT_DOUBLE_EQ(report_of("ZEN").decisive_share, 0.01);
}

TEST_F(ListStatisticsTest, MoreNamesThanThereIsRoomForShareOnePlace) {
  std::vector<std::string> names;
  names.reserve(250);
  for (int i = 0; i < 250; ++i) names.push_back("LIST_" + std::to_string(i));
  auto lists = lists_named(names);
  statistics_.in_force(lists);
  statistics_.said(*lists, outcomes(std::vector<State>(250, State::Listed)));
  auto reports = statistics_.report();
  ASSERT_EQ(reports.size(), 250U);
  EXPECT_EQ(reports[0].listed, 1U);
  for (const auto& other : reports[0].others) EXPECT_LE(other.share, 1.0);
}

TEST_F(ListStatisticsTest, AllThreadsTogetherLoseNothing) {
  auto lists = lists_named({"A", "B", "C"});
  statistics_.in_force(lists);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 5000; ++j) {
        const std::string& name = (*lists)[static_cast<size_t>(j % 3)].name;
        statistics_.asked(name, list_result("listed"), 1ms);
        statistics_.said(*lists, outcomes({State::Listed, State::Listed, State::Unlisted}));
        statistics_.judged();
        static_cast<void>(statistics_.failed(name));
      }
      static_cast<void>(statistics_.report());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(report_of("A").asked + report_of("B").asked + report_of("C").asked, 20'000U);
  EXPECT_EQ(report_of("A").listed, 20'000U);
  EXPECT_DOUBLE_EQ(report_of("A").others.at(0).share, 1.0);
  EXPECT_EQ(statistics_.failed("A"), 4U * 1667U + 1U);
}

}  // namespace
}  // namespace postern::ops
