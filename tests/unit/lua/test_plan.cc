#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "lua/plan.h"

namespace postern::rules {
namespace {

/// Rules written one a line, from line 10 on; what one asks for stands a line below its name.
class Rules {
 public:
  Rules& add(const std::string& name, const std::vector<std::string>& asks = {}, Stage stage = Stage::Message) {
    RuleInfo info;
    info.name = name;
    info.stage = stage;
    info.file = "rules/test.lua";
    info.line = 10 * static_cast<int>(rules_.size() + 1);
    Asks wanted;
    for (const std::string& ask : asks) wanted.names.push_back({ask, info.line + 1});
    rules_.push_back(info);
    asks_.push_back(wanted);
    return *this;
  }
  Rules& of_list(const std::string& name, std::optional<Verdict> action, Stage stage) {
    add(name, {}, stage);
    rules_.back().kind = RuleInfo::Kind::List;
    rules_.back().action = action;
    return *this;
  }
  Plan plan() {
    problems_.clear();
    return make_plan(rules_, asks_, problems_);
  }
  std::string order() {
    std::string text;
    for (size_t rule : plan().order) text += (text.empty() ? "" : " ") + rules_[rule].name;
    for (const std::string& problem : shown()) ADD_FAILURE() << problem;
    return text;
  }
  std::vector<std::string> problems() {
    EXPECT_EQ(plan().order.size(), rules_.size());
    return shown();
  }
  [[nodiscard]] size_t size() const { return rules_.size(); }

 private:
  [[nodiscard]] std::vector<std::string> shown() const {
    std::vector<std::string> texts;
    for (const Problem& problem : problems_) {
      texts.push_back(problem.file + ":" + std::to_string(problem.line) + ": " + problem.text);
    }
    return texts;
  }
  std::vector<RuleInfo> rules_;
  std::vector<Asks> asks_;
  std::vector<Problem> problems_;
};

using Texts = std::vector<std::string>;

TEST(Plan, RulesRunAsWrittenWhenNobodyAsks) {
  EXPECT_EQ(Rules().add("C").add("A").add("B").order(), "C A B");
  EXPECT_EQ(Rules().order(), "");
}

TEST(Plan, EarlierStagesComeFirst) {
  Rules rules;
  rules.add("M1").add("C1", {}, Stage::Connect).add("M2").add("H", {}, Stage::Helo).add("C2", {}, Stage::Connect);
  EXPECT_EQ(rules.order(), "C1 C2 H M1 M2");
}

TEST(Plan, ARuleComesAfterThoseItAsksForAndTheOthersKeepTheirPlaces) {
  EXPECT_EQ(Rules().add("A", {"C"}).add("B").add("C").add("D").order(), "B C A D");
  EXPECT_EQ(Rules().add("A").add("B", {"A"}).add("C").order(), "A B C");
  EXPECT_EQ(Rules().add("A", {"D"}).add("B", {"A"}).add("C").add("D").order(), "C D A B");
  EXPECT_EQ(Rules().add("A", {"B", "C"}).add("B", {"C"}).add("C").order(), "C B A");
}

TEST(Plan, AnEarlierStageMayBeAskedForWhereverItIsWritten) {
  EXPECT_EQ(Rules().add("A", {"B"}).add("B", {}, Stage::Helo).order(), "B A");
}

TEST(Plan, WhatAnAllowListAcceptsComesFirstInItsStage) {
  Rules rules;
  rules.add("M").add("BLOCK", {}, Stage::Connect).add("ASKED").add("ASKS", {"GOOD_C"}, Stage::Connect);
  rules.of_list("ZEN_REJECT", Verdict::Reject, Stage::Connect).of_list("GOOD_WEIGHED", std::nullopt, Stage::Connect);
  rules.of_list("GOOD_C", Verdict::Accept, Stage::Connect).of_list("GOOD_M", Verdict::Accept, Stage::Message);
  rules.of_list("GOOD_D", Verdict::Accept, Stage::Connect);
  EXPECT_EQ(rules.order(), "GOOD_C GOOD_D BLOCK ASKS ZEN_REJECT GOOD_WEIGHED GOOD_M M ASKED");
}

TEST(Plan, NamesEachInputOnce) {
  Plan plan = Rules().add("A").add("B", {"A", "C", "A"}).add("C").plan();
  EXPECT_EQ(plan.inputs, (std::vector<std::vector<size_t>>{{}, {0, 2}, {}}));
}

TEST(Plan, ANameThatNoRuleHas) {
  EXPECT_EQ(
      Rules().add("SPF_FAIL").add("A", {"SPF_FIAL"}).problems(),
      Texts{"rules/test.lua:21: rule A asks for 'SPF_FIAL', and there is no such rule (did you mean 'SPF_FAIL'?)"});
  EXPECT_EQ(Rules().add("A", {"\n\"x"}).problems(),
            Texts{"rules/test.lua:11: rule A asks for '\\x0a\\x22x', and there is no such rule"});
}

TEST(Plan, ARuleOfALaterStage) {
  EXPECT_EQ(Rules().add("A", {"B"}, Stage::Helo).add("B").problems(),
            Texts{"rules/test.lua:11: rule A runs at stage \"helo\" and asks for B, which runs later, at stage "
                  "\"message\""});
}

TEST(Plan, ARuleThatAsksForItself) {
  EXPECT_EQ(Rules().add("A", {"A"}).problems(), Texts{"rules/test.lua:11: rule A asks for itself"});
}

TEST(Plan, ACycleIsNamedOnceAtItsFirstRule) {
  EXPECT_EQ(Rules().add("X").add("A", {"X", "B"}).add("B", {"A"}).problems(),
            Texts{"rules/test.lua:21: rules ask for each other: A -> B -> A"});
  EXPECT_EQ(Rules().add("C", {"A"}).add("A", {"B"}).add("B", {"C"}).problems(),
            Texts{"rules/test.lua:11: rules ask for each other: C -> A -> B -> C"});
}

TEST(Plan, RulesThatWaitForACycleAreNotBlamed) {
  Rules rules;
  rules.add("BEFORE", {"A"}).add("A", {"B", "DEEP"}).add("B", {"A"}).add("BRIDGE", {"B"}).add("C", {"D", "BRIDGE"});
  rules.add("D", {"C"}).add("AFTER", {"D"}).add("DEEP");
  EXPECT_EQ(rules.problems(), (Texts{"rules/test.lua:21: rules ask for each other: A -> B -> A",
                                     "rules/test.lua:51: rules ask for each other: C -> D -> C"}));
}

TEST(Plan, CyclesThatShareARuleAreNamedByTheShortest) {
  EXPECT_EQ(Rules().add("A", {"B", "C"}).add("B", {"D"}).add("C", {"A"}).add("D", {"A"}).problems(),
            Texts{"rules/test.lua:11: rules ask for each other: A -> C -> A"});
}

TEST(Plan, ALongCycleIsCutInItsMiddle) {
  Rules rules;
  for (int i = 0; i < 5000; ++i) rules.add("R" + std::to_string(i), {"R" + std::to_string((i + 1) % 5000)});
  EXPECT_EQ(rules.problems(), Texts{"rules/test.lua:11: rules ask for each other: R0 -> R1 -> R2 -> R3 -> R4 -> R5 -> "
                                    "R6 -> R7 -> R8 -> R9 -> ... (4990 more) -> R0"});
}

TEST(Plan, AChainOfThousandsOfRules) {
  Rules rules;
  for (int i = 0; i < 10'000; ++i) {
    rules.add("R" + std::to_string(i),
              i < 9'999 ? std::vector<std::string>{"R" + std::to_string(i + 1)} : std::vector<std::string>{});
  }
  Plan plan = rules.plan();
  ASSERT_EQ(plan.order.size(), 10'000U);
  for (size_t i = 0; i < plan.order.size(); ++i) ASSERT_EQ(plan.order[i], 9'999 - i);
}

TEST(Plan, ProblemsAreBounded) {
  Rules rules;
  for (int i = 0; i < 1000; ++i) rules.add("R" + std::to_string(i), {"NOT_THERE_" + std::to_string(i)});
  EXPECT_EQ(rules.problems().size(), 200U);
}

TEST(Plan, WhateverIsAskedForComesBefore) {
  std::mt19937 random(4711);
  for (int round = 0; round < 200; ++round) {
    // Any numbering without cycles: a rule asks for rules of higher rank only.
    std::vector<size_t> rank(20);
    for (size_t i = 0; i < rank.size(); ++i) rank[i] = i;
    std::shuffle(rank.begin(), rank.end(), random);
    Rules rules;
    for (size_t i = 0; i < rank.size(); ++i) {
      std::vector<std::string> asks;
      for (size_t j = 0; j < rank.size(); ++j) {
        if (rank[j] > rank[i] && random() % 6 == 0) asks.push_back("R" + std::to_string(j));
      }
      rules.add("R" + std::to_string(i), asks);
    }
    Plan plan = rules.plan();
    ASSERT_EQ(plan.order.size(), rules.size());
    std::vector<size_t> position(rules.size());
    for (size_t i = 0; i < plan.order.size(); ++i) position[plan.order[i]] = i;
    for (size_t rule = 0; rule < rules.size(); ++rule) {
      for (size_t input : plan.inputs[rule]) ASSERT_LT(position[input], position[rule]);
    }
  }
}

}  // namespace
}  // namespace postern::rules
