// What rules do to a message: hits, scores, stages, actions, shadow mode, changes in local.lua.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/unit/lua/support.h"

namespace postern::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Rules, TrueIsAHitAndFalseAndNilAreNot) {
  Judged run(rule_text("YES", "return true") + rule_text("NO", "return false") + rule_text("NIL", "return nil") +
             rule_text("NOTHING", "") + rule_text("DETAIL_ONLY", "return false, 'x'"));
  EXPECT_THAT(run.seen.hits, ElementsAre("YES"));
  EXPECT_THAT(run.seen.failures, IsEmpty());
  EXPECT_EQ(run.evaluation.score, 1.0);
  EXPECT_EQ(run.seen.ran.size(), 5U);
}

TEST(Rules, NumberMultipliesTheScore) {
  Judged run("rule 'R' { about = 'x', score = 2.5, when = function() return 3 end }");
  EXPECT_EQ(run.evaluation.score, 7.5);
  Judged half("rule 'R' { about = 'x', score = 0.001, when = function() return 0.5 end }");
  EXPECT_EQ(half.evaluation.hits.at(0).score, 0.001);
  Judged huge("rule 'R' { about = 'x', score = 1000, when = function() return 1e300 end }");
  EXPECT_EQ(huge.evaluation.score, 1000.0);
}

TEST(Rules, WhatWhenMustNotReturnIsAnError) {
  Judged run(rule_text("TEXT", "return 'yes'") + rule_text("INF", "return 1/0") + rule_text("NAN", "return 0/0") +
             rule_text("TABLE_DETAIL", "return true, {}") + rule_text("GOOD", "return true"));
  EXPECT_THAT(run.seen.failures, ElementsAre("TEXT error", "INF error", "NAN error", "TABLE_DETAIL error"));
  EXPECT_THAT(run.seen.hits, ElementsAre("GOOD"));
  EXPECT_THAT(run.seen.messages[0], HasSubstr("returned a string"));
}

TEST(Rules, DetailIsCutToTwoHundredBytesBetweenCharacters) {
  EXPECT_EQ(Judged(rule_text("R", "return true, ('x'):rep(500)")).detail(), std::string(200, 'x'));
  EXPECT_EQ(Judged(rule_text("R", "return true, ('x'):rep(199) .. 'ä'")).detail(), std::string(199, 'x'));
  EXPECT_EQ(Judged(rule_text("R", "return true, 42")).detail(), "42");
  EXPECT_EQ(Judged(rule_text("R", "return true, 'a\\0b'")).detail(), std::string("a\0b", 3));
}

TEST(Rules, StagesRunTheirOwnRulesAndScoresAddUp) {
  auto set = load(rule_text("M", "return true") + rule_text("C", "return true", "stage = 'connect',") +
                  rule_text("H", "return true", "stage = 'helo',") + rule_text("F", "return true", "stage = 'mail',") +
                  rule_text("T", "return true", "stage = 'rcpt',"));
  Recorder seen;
  Host host(set, &seen);
  Message message;
  Evaluation evaluation;
  EXPECT_TRUE(host.has_rules(Stage::Connect));
  host.run(Stage::Connect, message.facts, evaluation);
  EXPECT_THAT(seen.hits, ElementsAre("C"));
  for (Stage stage : {Stage::Helo, Stage::Mail, Stage::Rcpt, Stage::Message})
    host.run(stage, message.facts, evaluation);
  EXPECT_THAT(seen.hits, ElementsAre("C", "H", "F", "T", "M"));
  EXPECT_EQ(evaluation.score, 5.0);
  EXPECT_FALSE(Host(RuleSet::empty(), nullptr).has_rules(Stage::Message));
}

TEST(Rules, ActionDecidesAndNoFurtherRuleRuns) {
  Judged run(rule_text("BLOCK", "return true", "stage='connect', action='reject', reply='550 5.7.1 go away',") +
             rule_text("LATER", "return true", "stage='connect',") + rule_text("MUCH_LATER", "return true"));
  ASSERT_TRUE(run.evaluation.decision);
  EXPECT_EQ(run.evaluation.decision->verdict, Verdict::Reject);
  EXPECT_EQ(run.evaluation.decision->rule, "BLOCK");
  EXPECT_EQ(run.evaluation.decision->reply, "550 5.7.1 go away");
  EXPECT_THAT(run.seen.ran, ElementsAre("BLOCK"));
}

TEST(Rules, EveryActionIsKnown) {
  for (Verdict verdict : {Verdict::Reject, Verdict::Defer, Verdict::Accept, Verdict::Quarantine, Verdict::Discard}) {
    Judged run(rule_text("R", "return true", "action='" + std::string(to_string(verdict)) + "',"));
    ASSERT_TRUE(run.evaluation.decision);
    EXPECT_EQ(run.evaluation.decision->verdict, verdict);
  }
}

TEST(Rules, ShadowRuleIsSeenAndNeitherScoresNorActs) {
  Judged run(rule_text("TRIAL", "return true", "mode='shadow', action='reject',") + rule_text("REAL", "return true"));
  EXPECT_THAT(run.seen.hits, ElementsAre("TRIAL", "REAL"));
  EXPECT_FALSE(run.evaluation.decision);
  EXPECT_EQ(run.evaluation.score, 1.0);
  ASSERT_EQ(run.evaluation.hits.size(), 2U);
  EXPECT_TRUE(run.evaluation.hits[0].shadow);
}

TEST(Rules, GroupCapHoldsOverStages) {
  Judged run("group('g', { max = 1.5 })\n" + rule_text("A", "return true", "group='g', stage='helo',") +
             rule_text("B", "return true", "group='g',") + rule_text("C", "return true, mail.score"));
  EXPECT_EQ(run.evaluation.score, 2.5);
  EXPECT_EQ(run.evaluation.hits.back().detail, "1.5");
}

TEST(Rules, DampersLowerTheCapAndStayWhenLocalLuaChangesIt) {
  std::string shipped = "group('g', { max = 3, dampers = { P = 1 } })\n" + rule_text("A", "return 5", "group='g',") +
                        rule_text("P", "return true") + "score 'P' (0)\n";
  Judged run(shipped);
  EXPECT_EQ(run.evaluation.score, 1);
  auto changed = RuleSet::from_texts({{"rules/10.lua", shipped}, {"rules/local.lua", "group('g', { max = 4 })"}}, {});
  ASSERT_TRUE(changed) << changed.error()[0].to_string();
  EXPECT_EQ((*changed)->groups().at("g"), (Group{.max = 4, .dampers = {{"P", 1}}}));
  auto without = RuleSet::from_texts(
      {{"rules/10.lua", shipped}, {"rules/local.lua", "group('g', { max = 4, dampers = {} })"}}, {});
  ASSERT_TRUE(without) << without.error()[0].to_string();
  EXPECT_EQ(Judged(*without).evaluation.score, 4);
}

TEST(Rules, LocalFileChangesWhatOthersDeclare) {
  auto set = RuleSet::from_texts(
      {{"rules/10.lua",
        rule_text("A", "return true") + rule_text("B", "return true") + rule_text("C", "return true", "group='g',")},
       {"rules/local.lua", "score 'A' (4.0)\nscore 'A' (4.5)\ndisable 'B'\ngroup('g', {max = 0.25})"}},
      {});
  ASSERT_TRUE(set) << set.error()[0].to_string();
  EXPECT_EQ((*set)->rules().at(0).score, 4.5);
  EXPECT_TRUE((*set)->rules().at(1).disabled);
  EXPECT_EQ((*set)->groups().at("g").max, 0.25);
  Judged run(*set);
  EXPECT_THAT(run.seen.hits, ElementsAre("A", "C"));
  EXPECT_EQ(run.evaluation.score, 4.75);
}

TEST(Rules, ALaterScoreSwitchesADisabledRuleOnAgain) {
  Judged run(rule_text("A", "return true") + "disable 'A' score 'A' (2)");
  EXPECT_EQ(run.evaluation.score, 2.0);
  Judged off(rule_text("A", "return true") + "score 'A' (2) disable 'A'");
  EXPECT_THAT(off.seen.hits, IsEmpty());
}

TEST(Rules, InfoSaysWhatIsDeclaredAndWhere) {
  auto set = load(
      "\n\nrule \"SPF_X\" {\n  about = 'why',\n  stage = 'mail', score = -1.5, group = 'auth',\n"
      "  action = 'defer', reply = '451 4.7.1 later',\n  when = function() end,\n"
      "  examples = { { hit = false } },\n}\n");
  ASSERT_EQ(set->rules().size(), 1U);
  const RuleInfo& info = set->rules()[0];
  EXPECT_EQ(info.name, "SPF_X");
  EXPECT_EQ(info.about, "why");
  EXPECT_EQ(info.stage, Stage::Mail);
  EXPECT_EQ(info.score, -1.5);
  EXPECT_EQ(info.group, "auth");
  EXPECT_EQ(info.action, Verdict::Defer);
  EXPECT_EQ(info.reply, "451 4.7.1 later");
  EXPECT_EQ(info.file, "rules/test.lua");
  EXPECT_EQ(info.line, 3);
  EXPECT_EQ(info.examples, 1U);
  EXPECT_FALSE(info.shadow);
}

TEST(Rules, VersionNamesTheTexts) {
  auto one = load(rule_text("A", "return true"));
  auto same = load(rule_text("A", "return true"));
  auto other = load(rule_text("A", "return false"));
  EXPECT_EQ(one->version().size(), 12U);
  EXPECT_EQ(one->version().find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(one->version(), same->version());
  EXPECT_NE(one->version(), other->version());
  EXPECT_EQ(RuleSet::empty()->version().size(), 12U);
}

TEST(Rules, FailingRuleIsSkippedAndTheOthersRun) {
  Judged run(rule_text("BAD", "return nil + 1") + rule_text("THROWS", "error('so')") + rule_text("ODD", "error({})") +
             rule_text("GOOD", "return true"));
  EXPECT_THAT(run.seen.failures, ElementsAre("BAD error", "THROWS error", "ODD error"));
  EXPECT_THAT(run.seen.messages[0], HasSubstr("test.lua:1: attempt to perform arithmetic on a nil value"));
  EXPECT_THAT(run.seen.hits, ElementsAre("GOOD"));
}

std::string over(const std::string& name, const std::string& expression, const std::string& more = "") {
  return "rule '" + name + "' { about = 't', score = 1, " + more + " expression = '" + expression + "' }\n";
}

TEST(Rules, NotOfARuleThatFailedIsNoHit) {
  Judged run(rule_text("HONEST", "error('x')", "stage = 'mail',") + rule_text("GOOD", "return true") +
             over("NOT_HONEST", "not HONEST") + over("EARLY", "HONEST", "stage = 'mail',") + over("OVER", "not EARLY") +
             over("EITHER", "not HONEST or GOOD") + over("BOTH", "HONEST and not GOOD") + over("NOT_BOTH", "not BOTH"));
  EXPECT_THAT(run.seen.hits, ElementsAre("GOOD", "EITHER", "NOT_BOTH"));
}

TEST(Rules, NotOfARuleThatRanIsAHitWhereAnotherFailed) {
  Judged run(rule_text("BAD", "error('x')") + rule_text("NO", "return false") + over("NOT_NO", "not NO"));
  EXPECT_THAT(run.seen.hits, ElementsAre("NOT_NO"));
}

TEST(Rules, OfMoreFailuresThanAreKeptNoneCountsAsSaid) {
  std::string text;
  for (size_t i = 0; i <= Evaluation::kMostErrors; ++i) text += rule_text("BAD_" + std::to_string(i), "error('x')");
  Judged run(text + over("NOT_LAST", "not BAD_" + std::to_string(Evaluation::kMostErrors)));
  EXPECT_THAT(run.seen.hits, testing::IsEmpty());
}

class RuleDirectory : public testing::Test {
 public:
  RuleDirectory() {
    directory_ =
        std::filesystem::path(testing::TempDir()) /
        ("rules_" + std::to_string(getpid()) + "_" + testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  ~RuleDirectory() override { std::filesystem::remove_all(directory_); }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ / name, std::ios::binary) << text;
  }
  std::filesystem::path directory_;
};

TEST_F(RuleDirectory, FilesAreReadInNameOrderLocalLast) {
  write("zz.lua", rule_text("Z", "return true") + "score 'A' (3)");
  write("local.lua", "score 'A' (5)\n" + rule_text("L", "return true"));
  write("10-a.lua", rule_text("A", "return true"));
  write("notes.txt", "not Lua");
  write(".10-a.lua.swp.lua", "neither is this");
  auto set = RuleSet::load(directory_.string(), {});
  ASSERT_TRUE(set) << set.error()[0].to_string();
  std::vector<std::string> names;
  for (const RuleInfo& rule : (*set)->rules()) names.push_back(rule.name);
  EXPECT_THAT(names, ElementsAre("A", "Z", "L"));
  EXPECT_EQ((*set)->rules()[0].score, 5.0);
}

TEST_F(RuleDirectory, AllFilesMistakesAreShownAtOnce) {
  write("10.lua", "rule 'A' {");
  write("20.lua", "x = = 1");
  write("local.lua", "disable 'B'");
  auto set = RuleSet::load(directory_.string(), {});
  ASSERT_FALSE(set);
  auto problems = texts(set.error());
  ASSERT_EQ(problems.size(), 3U);
  EXPECT_THAT(problems[0], HasSubstr("10.lua:1: "));
  EXPECT_THAT(problems[1], HasSubstr("20.lua:1: unexpected symbol near '='"));
  EXPECT_THAT(problems[2], HasSubstr("local.lua:1: disable: there is no rule B"));
}

TEST_F(RuleDirectory, MissingDirectoryIsAProblemEmptyOneIsNot) {
  EXPECT_TRUE(RuleSet::load(directory_.string(), {}));
  auto none = RuleSet::load((directory_ / "none").string(), {});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error()[0].to_string(), HasSubstr("cannot read the rule directory"));
}

}  // namespace
}  // namespace postern::rules
