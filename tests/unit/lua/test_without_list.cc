// What a message would have been without one of its DNS lists.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lua/lists_support.h"

namespace postern::rules {
namespace {

using testing::ElementsAre;

TEST_F(Listed, WithoutAListItsHitsAndThoseThatReadItAreGone) {
  rules(kZen + kUri + "group('g', { max = 2 })\n" + rule_text("OTHER", "return true", "group = 'g',") +
        rule_text("READS", "return mail.lists.ZEN ~= nil", "group = 'g',") +
        rule_text("ASKS", "return mail:hit('ZEN_XBL')", "group = 'g',"));
  listed("ZEN", {{"192.0.2.7", {"127.0.0.4"}}});
  listed("URI", {{"example.org", {"127.0.0.4"}}});
  run();
  EXPECT_EQ(evaluation_.score, 10.0);
  EXPECT_THAT(names(without("ZEN")), ElementsAre("URI_ABUSE", "OTHER"));
  EXPECT_EQ(without("ZEN").score, 4.0);
  EXPECT_THAT(names(without("URI")), ElementsAre("ZEN_XBL", "OTHER", "READS", "ASKS"));
  EXPECT_EQ(without("URI").score, 7.0);
}

TEST_F(Listed, WithoutAListExpressionsAreWorkedOutAnew) {
  rules(kZen + kUri +
        "rule 'ANY' { about = 't', score = 1, any = { 'ZEN_SBL', 'URI_ABUSE' } }\n"
        "rule 'ALL' { about = 't', score = 1, all = { 'ZEN_SBL', 'URI_ABUSE' } }\n"
        "rule 'ONLY' { about = 't', score = 8, expression = 'URI_ABUSE and not ZEN_SBL' }\n"
        "rule 'ABOVE' { about = 't', score = 0.5, all = { 'ONLY', 'ANY' } }\n"
        "rule 'NONE' { about = 't', score = 1, expression = 'not ALL' }\n"
        "rule 'OFF' { about = 't', score = 1, expression = 'not ZEN_SBL' }\n disable 'OFF'\n");
  listed("ZEN", {{"192.0.2.7", {"127.0.0.2"}}});
  listed("URI", {{"example.org", {"127.0.0.4"}}});
  run();
  EXPECT_THAT(hits(), ElementsAre("ZEN_SBL", "URI_ABUSE", "ANY", "ALL"));
  Evaluation after = without("ZEN");
  EXPECT_THAT(names(after), ElementsAre("URI_ABUSE", "ANY", "ONLY", "ABOVE", "NONE"));
  EXPECT_EQ(after.score, 3 + 1 + 8 + 0.5 + 1);
  EXPECT_EQ(after.hits.at(1).detail, "URI_ABUSE");
}

TEST_F(Listed, WithoutAListARuleThatFailedHasStillSaidNothing) {
  rules(kZen + rule_text("BAD", "error('x')") +
        "rule 'EITHER' { about = 't', score = 1, expression = 'ZEN_SBL or not BAD' }\n"
        "rule 'NEITHER' { about = 't', score = 1, expression = 'not EITHER' }\n"
        "rule 'UNLISTED' { about = 't', score = 1, expression = 'not ZEN_SBL' }\n");
  listed("ZEN", {{"192.0.2.7", {"127.0.0.2"}}});
  run();
  EXPECT_THAT(hits(), ElementsAre("ZEN_SBL", "EITHER"));
  EXPECT_THAT(names(without("ZEN")), ElementsAre("UNLISTED"));
}

TEST_F(Listed, WithoutAListItsDecisionIsGone) {
  rules(rule_text("BEFORE", "return true", "stage = 'connect',") + blocking("") + kUri);
  listed("ZEN", {{"192.0.2.7", {"127.0.0.2"}}});
  run();
  EXPECT_EQ(judge(evaluation_, {}).verdict, Verdict::Reject);
  EXPECT_FALSE(without("ZEN").decision);
  EXPECT_THAT(names(without("ZEN")), ElementsAre("BEFORE"));
  EXPECT_EQ(judge(without("ZEN"), {}).verdict, Verdict::Accept);
  EXPECT_TRUE(without("URI").decision);
}

TEST_F(Listed, WithoutAGoodListAnotherRuleMayDecide) {
  rules(
      kGood + rule_text("BAD", "return true", "stage = 'connect',") +
      "rule 'BLOCK' { about = 't', stage = 'message', action = 'reject', reply = '550 5.7.1 no', expression = 'BAD and "
      "not GOOD_HI' }\n" +
      rule_text("BEHIND", "return true", "action = 'quarantine',"));
  listed("GOOD", {{"192.0.2.7", {"127.0.0.2"}}});
  run();
  EXPECT_EQ(evaluation_.decision->rule, "BEHIND");
  Evaluation after = without("GOOD");
  ASSERT_TRUE(after.decision);
  EXPECT_EQ(after.decision->verdict, Verdict::Reject);
  EXPECT_EQ(after.decision->rule, "BLOCK");
  EXPECT_EQ(after.decision->reply, "550 5.7.1 no");
  EXPECT_THAT(names(after), ElementsAre("BAD", "BLOCK"));
}

TEST_F(Listed, WithoutAListThatSaidNothingAllStays) {
  rules(blocking("") + kUri);
  listed("ZEN", {{"192.0.2.7", {"127.0.0.2"}}});
  run();
  Evaluation after = without("URI");
  EXPECT_THAT(names(after), ElementsAre("ZEN_SBL"));
  ASSERT_TRUE(after.decision);
  EXPECT_EQ(after.decision->reason, "192.0.2.7 is listed by ZEN");
  EXPECT_EQ(names(set_->without_list(evaluation_, message_.facts, 99)), names(evaluation_));
}

/// "NAME refuses 192.0.2.7 at connect", of a list of clients.
std::string refusing(const std::string& name, const std::string& more = "") {
  return fmt::format(
      "list '{0}' {{ zone = '{0}.example.org', of = 'client', {1} answers = {{ ['127.0.0.2'] = {{ 'BAD', 2.5, action = "
      "'reject' }}, ['127.0.0.3'] = {{ 'DEFER', action = 'defer' }}, ['127.0.0.4'] = {{ 'ODD', 1.5, stage = 'connect' "
      "}} }} }}\n",
      name, more);
}

TEST_F(Listed, OfTwoListsThatRefuseNeitherDecides) {
  rules(refusing("ONE") + refusing("TWO", "title = 'The second',") + refusing("THREE"));
  for (const char* name : {"ONE", "TWO", "THREE"}) listed(name, {{"192.0.2.7", {"127.0.0.2"}}});
  run();
  EXPECT_EQ(evaluation_.decision->rule, "ONE_BAD");
  Evaluation after = without("ONE");
  EXPECT_THAT(names(after), ElementsAre("TWO_BAD"));
  ASSERT_TRUE(after.decision);
  EXPECT_EQ(after.decision->verdict, Verdict::Reject);
  EXPECT_EQ(after.decision->rule, "TWO_BAD");
  EXPECT_EQ(after.decision->reason, "192.0.2.7 is listed by TWO: The second");
  EXPECT_EQ(after.decision->list, "TWO");
  EXPECT_EQ(after.score, 2.5);
  EXPECT_EQ(without("TWO").decision->rule, "ONE_BAD");
}

TEST_F(Listed, BehindADecisionThatIsGoneTheOtherAnswersOfItsListAreGoneToo) {
  rules(refusing("ONE") + refusing("TWO"));
  listed("ONE", {{"192.0.2.7", {"127.0.0.2", "127.0.0.3", "127.0.0.4"}}});
  listed("TWO", {{"192.0.2.7", {"127.0.0.4", "127.0.0.3"}}});
  run();
  Evaluation after = without("ONE");
  EXPECT_THAT(names(after), ElementsAre("TWO_DEFER"));
  EXPECT_EQ(judge(after, {}).verdict, Verdict::Defer);
}

TEST_F(Listed, BehindADecisionThatIsGoneWhatIsWeighedCounts) {
  rules(refusing("ONE") + refusing("TWO") + "group('g', { max = 2 })\n" + refusing("THREE", "group = 'g',") +
        rule_text("WHEN", "return true", "stage = 'connect', action = 'reject',"));
  listed("ONE", {{"192.0.2.7", {"127.0.0.2"}}});
  listed("TWO", {{"192.0.2.7", {"127.0.0.4"}}});
  listed("THREE", {{"192.0.2.7", {"127.0.0.4"}}});
  run();
  Evaluation after = without("ONE");
  EXPECT_THAT(names(after), ElementsAre("TWO_ODD", "THREE_ODD"));
  EXPECT_EQ(after.score, 3.0);
  EXPECT_FALSE(after.decision) << "what the function would have said is not known";
}

TEST_F(Listed, BehindADecisionThatIsGoneOnlyWhatIsKnownCounts) {
  rules(refusing("ONE") + refusing("OFF", "enabled = false,") + refusing("QUIET", "mode = 'shadow',") +
        refusing("PART") + refusing("DOWN") + refusing("LATER", "stage = 'helo',") + "disable 'PART_BAD'\n");
  for (const char* name : {"ONE", "OFF", "QUIET", "PART", "DOWN", "LATER"}) {
    listed(name, {{"192.0.2.7", {"127.0.0.2"}}});
  }
  message_.facts.lists[place_of(*set_, "DOWN")].state = lists::Outcome::State::Suspended;
  run();
  Evaluation after = without("ONE");
  EXPECT_THAT(names(after), ElementsAre("QUIET_BAD"));
  EXPECT_FALSE(after.decision);
  EXPECT_EQ(after.score, 0);
}

TEST_F(Listed, BehindADecisionThatIsGoneExpressionsOverWhatIsKnownCount) {
  rules(refusing("ONE") + refusing("TWO") + rule_text("WHEN", "return true", "stage = 'connect',") +
        "rule 'MAYBE' { about = 't', stage = 'connect', score = 7, expression = 'TWO_ODD and not WHEN' }\n"
        "rule 'ABOVE' { about = 't', stage = 'connect', score = 7, expression = 'TWO_ODD or MAYBE' }\n"
        "rule 'BOTH' { about = 't', stage = 'connect', score = 1, action = 'quarantine', expression = "
        "'TWO_ODD and not ONE_BAD' }\n");
  listed("ONE", {{"192.0.2.7", {"127.0.0.2"}}});
  listed("TWO", {{"192.0.2.7", {"127.0.0.4"}}});
  run();
  Evaluation after = without("ONE");
  EXPECT_THAT(names(after), ElementsAre("TWO_ODD", "BOTH"));
  EXPECT_EQ(judge(after, {}).verdict, Verdict::Quarantine);
  EXPECT_THAT(after.hits.back().lists, ElementsAre("TWO"));
}

TEST_F(Listed, WithoutAGoodListThatAcceptedABlockingOneRefuses) {
  rules(refusing("ONE") +
        "list 'MINE' { zone = 'mine.example.org', of = 'client', allow = true, answers = { ['127.0.0.2'] = { 'FRIEND', "
        "action = 'accept' } } }\n");
  listed("ONE", {{"192.0.2.7", {"127.0.0.2"}}});
  listed("MINE", {{"192.0.2.7", {"127.0.0.2"}}});
  run();
  EXPECT_THAT(hits(), ElementsAre("MINE_FRIEND"));
  EXPECT_EQ(judge(evaluation_, {}).verdict, Verdict::Accept);
  EXPECT_EQ(without("MINE").decision->rule, "ONE_BAD");
  EXPECT_EQ(without("ONE").decision->rule, "MINE_FRIEND");
}

}  // namespace
}  // namespace postern::rules
