// What a message would have been without one of its DNS lists.
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
  EXPECT_EQ(names(set_->without_list(evaluation_, 99)), names(evaluation_));
}

}  // namespace
}  // namespace postern::rules
