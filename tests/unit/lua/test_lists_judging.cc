// What rules see of DNS lists, and what comes of it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/fake_dns.h"
#include "tests/unit/lua/lists_support.h"

namespace postern::rules {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// ---------------------------------------------------------------- rules of lists

TEST_F(Listed, AnAnswerIsARuleWithItsScore) {
  rules(kZen);
  listed("ZEN", {{"192.0.2.7", {"127.0.0.2"}}});
  run();
  EXPECT_THAT(hits(), ElementsAre("ZEN_SBL"));
  EXPECT_EQ(hit("ZEN_SBL").score, 4.0);
  EXPECT_EQ(hit("ZEN_SBL").detail, "192.0.2.7 127.0.0.2");
  EXPECT_THAT(hit("ZEN_SBL").lists, ElementsAre("ZEN"));
  EXPECT_EQ(evaluation_.score, 4.0);
  EXPECT_FALSE(evaluation_.decision);
  EXPECT_THAT(seen_.hits, ElementsAre("ZEN_SBL"));
}

TEST_F(Listed, EachAnswerCountsOnceForHoweverManySubjects) {
  rules(kZen);
  listed("ZEN", {{"192.0.2.7", {"127.0.0.4", "127.0.0.2", "127.0.0.6"}}, {"192.0.2.8", {"127.0.0.5"}}});
  run();
  EXPECT_THAT(hits(), ElementsAre("ZEN_SBL", "ZEN_XBL"));
  EXPECT_EQ(hit("ZEN_SBL").detail, "192.0.2.7 127.0.0.2");
  EXPECT_EQ(hit("ZEN_XBL").detail, "192.0.2.7 127.0.0.4 127.0.0.6, 192.0.2.8 127.0.0.5");
  EXPECT_EQ(evaluation_.score, 9.0);
}

TEST_F(Listed, WhatNobodyAskedOrMayBelieveIsNotListed) {
  rules(kZen + kUri + rule_text("READS", "return mail.lists.ZEN == nil and mail.lists.URI == nil"));
  run();
  EXPECT_THAT(hits(), ElementsAre("READS"));
  message_.facts.lists.resize(1);
  for (auto state : {lists::Outcome::State::Unasked, lists::Outcome::State::Unlisted, lists::Outcome::State::Failed,
                     lists::Outcome::State::Suspended}) {
    message_.facts.lists[0].state = state;
    run();
    EXPECT_THAT(hits(), ElementsAre("READS"));
  }
  EXPECT_THAT(seen_.messages, IsEmpty());
}

TEST_F(Listed, ADetailHasTwoHundredBytes) {
  rules(kUri);
  std::vector<Listing> many;
  many.reserve(20);
  for (int i = 0; i < 20; ++i) many.emplace_back(fmt::format("host{}.example.org", i), Names{"127.0.0.4"});
  listed("URI", many);
  run();
  EXPECT_THAT(hit("URI_ABUSE").detail, StartsWith("host0.example.org 127.0.0.4, host1.example.org 127.0.0.4, "));
  EXPECT_LE(hit("URI_ABUSE").detail.size(), 200U);
  EXPECT_THAT(hit("URI_ABUSE").detail, EndsWith(".example.org 127.0.0.4"));
}

TEST_F(Listed, GroupsShadowAndLocalChangesHoldForThemToo) {
  rules(
      "list 'ZEN' { zone = 'zen.example.org', of = 'client', group = 'lists', answers = {\n"
      "  ['127.0.0.2'] = { 'SBL', 4.0 }, ['127.0.0.4'] = { 'XBL', 5.0 }, ['127.0.0.9'] = { 'TRY', 5.0, mode = 'shadow' "
      "}, ['127.0.0.10'] = { 'OFF', 5.0 } } }\n"
      "group('lists', { max = 6 }) score 'ZEN_SBL' (2.5) disable 'ZEN_OFF'\n");
  listed("ZEN", {{"192.0.2.7", {"127.0.0.2", "127.0.0.4", "127.0.0.9", "127.0.0.10"}}});
  run();
  EXPECT_THAT(hits(), ElementsAre("ZEN_SBL", "ZEN_XBL", "ZEN_TRY"));
  EXPECT_EQ(hit("ZEN_SBL").score, 2.5);
  EXPECT_TRUE(hit("ZEN_TRY").shadow);
  EXPECT_EQ(evaluation_.score, 6.0);
}

// ---------------------------------------------------------------- actions

TEST_F(Listed, AnActionAtConnectSaysWhoIsListedWhere) {
  rules(blocking("") + rule_text("LATER", "return true"));
  listed("ZEN", {{"192.0.2.7", {"127.0.0.2", "127.0.0.4"}}});
  host_->run(Stage::Connect, message_.facts, evaluation_);
  ASSERT_TRUE(evaluation_.decision);
  EXPECT_EQ(evaluation_.decision->verdict, Verdict::Reject);
  EXPECT_EQ(evaluation_.decision->rule, "ZEN_SBL");
  EXPECT_EQ(evaluation_.decision->reason, "192.0.2.7 is listed by ZEN");
  EXPECT_EQ(evaluation_.decision->list, "ZEN");
  EXPECT_EQ(evaluation_.decision->reply, "");
  EXPECT_THAT(hits(), ElementsAre("ZEN_SBL"));
}

TEST_F(Listed, TheSameListOnlyWeighsOtherAnswers) {
  rules(blocking(""));
  listed("ZEN", {{"192.0.2.7", {"127.0.0.4"}}});
  run();
  EXPECT_FALSE(evaluation_.decision);
  EXPECT_EQ(evaluation_.score, 5.0);
}

TEST_F(Listed, TheTitleIsForThoseWhoAreRefused) {
  rules(blocking("title = 'Example, https://example.org/',"));
  listed("ZEN", {{"192.0.2.6", {"127.0.0.4"}}, {"192.0.2.7", {"127.0.0.2"}}});
  run();
  ASSERT_TRUE(evaluation_.decision);
  EXPECT_EQ(evaluation_.decision->reason, "192.0.2.7 is listed by ZEN: Example, https://example.org/");
}

TEST_F(Listed, ADecisionOfAnotherRuleNamesNoList) {
  rules(rule_text("OWN", "return true", "stage = 'connect', action = 'defer',") + blocking(""));
  listed("ZEN", {{"192.0.2.7", {"127.0.0.2"}}});
  run();
  ASSERT_TRUE(evaluation_.decision);
  EXPECT_EQ(evaluation_.decision->rule, "OWN");
  EXPECT_EQ(evaluation_.decision->reason, "");
  EXPECT_EQ(evaluation_.decision->list, "");
}

TEST_F(Listed, ARuleThatWaitsDecidesBeforeTheListBehindIt) {
  test::FakeDns dns;
  dns.txt("slow.example", "x");
  rules(rule_text("SLOW", "return #dns.txt('slow.example') == 1", "stage = 'connect', action = 'defer',") +
        blocking(""));
  listed("ZEN", {{"192.0.2.7", {"127.0.0.2"}}});
  auto task = host_->judge(Stage::Connect, message_.facts, evaluation_, {&dns, std::chrono::seconds(5)});
  task.start([] {});
  dns.run();
  ASSERT_TRUE(evaluation_.decision);
  EXPECT_EQ(evaluation_.decision->rule, "SLOW");
  EXPECT_EQ(evaluation_.decision->reason, "");
}

// ---------------------------------------------------------------- mail.lists

TEST_F(Listed, RulesReadAnswersNamesAndSubjects) {
  rules(kZen + kUri);
  listed("ZEN", {{"192.0.2.7", {"127.0.0.5", "127.0.0.2"}}, {"192.0.2.8", {"127.0.0.2"}}});
  EXPECT_EQ(value("table.concat(mail.lists.ZEN.answers, ' ')"), "127.0.0.5 127.0.0.2");
  EXPECT_EQ(value("table.concat(mail.lists.ZEN.names, ' ')"), "SBL XBL");
  EXPECT_EQ(value("table.concat(mail.lists.ZEN.subjects, ' ')"), "192.0.2.7 192.0.2.8");
  EXPECT_EQ(value("mail.lists.URI"), "nil");
  EXPECT_EQ(value("mail.lists['ZEN'] == mail.lists.ZEN"), "false");
}

TEST_F(Listed, ARuleMayDoWithItsTableWhatItLikes) {
  rules(kZen +
        rule_text("CHANGES", "local zen = mail.lists.ZEN; zen.names[1] = 'MINE'; zen.answers = nil; return true") +
        rule_text("SEES", "return true, mail.lists.ZEN.names[1] .. #mail.lists.ZEN.answers"));
  listed("ZEN", {{"192.0.2.7", {"127.0.0.2"}}});
  run();
  EXPECT_EQ(hit("SEES").detail, "SBL1");
  EXPECT_THAT(seen_.messages, IsEmpty());
}

TEST_F(Listed, PairsGivesThoseThatListSomething) {
  const std::string body =
      "local seen = '' for name, entry in pairs(mail.lists) do seen = seen .. name .. ':' .. entry.names[1] .. ' ' end "
      "return true, seen";
  rules(kZen + kUri + kGood + rule_text("ALL", body) + rule_text("EARLY", body, "stage = 'connect',"));
  run();
  EXPECT_EQ(hit("ALL").detail, "");
  listed("URI", {{"example.org", {"127.0.0.4"}}});
  listed("GOOD", {{"192.0.2.7", {"127.0.0.2"}}});
  run();
  EXPECT_EQ(hit("ALL").detail, "URI:ABUSE GOOD:HI ");
  EXPECT_THAT(hit("ALL").lists, ElementsAre("URI", "GOOD"));
  EXPECT_EQ(hit("EARLY").detail, "GOOD:HI ");
}

TEST_F(Listed, WhatIsNoListIsAnError) {
  EXPECT_THAT(value("mail.lists['Z' .. 'NE']"), HasSubstr("there is no list ZNE (did you mean 'ZEN'?)"));
  EXPECT_THAT(value("mail.lists[#'x']"), HasSubstr("there is no list"));
  EXPECT_THAT(value("#mail.lists"), HasSubstr("mail.lists has no length"));
  EXPECT_THAT(value("(function() local all = mail.lists; all.ZEN = {} end)()"), HasSubstr("cannot be changed"));
  EXPECT_THAT(value("(function() local all = mail.lists; return #all['\\0' .. ''] end)()"),
              HasSubstr("there is no list"));
}

TEST_F(Listed, AListWhoseSubjectIsNotKnownYetIsAnError) {
  rules(kUri + rule_text("EARLY", "local name = mail.client.port > 0 and 'URI' or ''; return mail.lists[name] == nil",
                         "stage = 'mail',"));
  run();
  ASSERT_EQ(seen_.messages.size(), 1U);
  EXPECT_THAT(seen_.messages[0],
              HasSubstr("mail.lists.URI is known from stage \"message\" on; this rule runs at stage \"mail\""));
}

// ---------------------------------------------------------------- what a hit owes to lists

TEST_F(Listed, AHitRemembersWhichListsItFoundListed) {
  rules(kZen + kUri + kGood + rule_text("BOTH", "return mail.lists.ZEN and mail.lists.URI and true") +
        rule_text("NEITHER", "return mail.lists.GOOD == nil") + rule_text("PLAIN", "return true") +
        rule_text("THROUGH", "return mail:hit('ZEN_SBL')") + rule_text("FURTHER", "return mail:hit('THROUGH')"));
  listed("ZEN", {{"192.0.2.7", {"127.0.0.2"}}});
  listed("URI", {{"example.org", {"127.0.0.4"}}});
  run();
  EXPECT_THAT(hit("BOTH").lists, ElementsAre("ZEN", "URI"));
  EXPECT_THAT(hit("NEITHER").lists, IsEmpty());
  EXPECT_THAT(hit("PLAIN").lists, IsEmpty());
  EXPECT_THAT(hit("THROUGH").lists, ElementsAre("ZEN"));
  EXPECT_THAT(hit("FURTHER").lists, ElementsAre("ZEN"));
}

TEST_F(Listed, AnExpressionOwesItToThoseWithoutWhichItWouldNotHit) {
  rules(kZen + kUri + rule_text("PLAIN", "return true") +
        "rule 'ALL' { about = 't', score = 1, all = { 'ZEN_SBL', 'URI_ABUSE' } }\n"
        "rule 'ANY' { about = 't', score = 1, any = { 'ZEN_SBL', 'URI_ABUSE' } }\n"
        "rule 'SAME' { about = 't', score = 1, any = { 'ZEN_SBL', 'ZEN_XBL' } }\n"
        "rule 'EITHER' { about = 't', score = 1, any = { 'ZEN_SBL', 'PLAIN' } }\n");
  listed("ZEN", {{"192.0.2.7", {"127.0.0.2", "127.0.0.4"}}});
  listed("URI", {{"example.org", {"127.0.0.4"}}});
  run();
  EXPECT_THAT(hit("ALL").lists, ElementsAre("ZEN", "URI"));
  EXPECT_THAT(hit("ALL").detail, "ZEN_SBL, URI_ABUSE");
  EXPECT_THAT(hit("ANY").lists, IsEmpty());
  EXPECT_THAT(hit("SAME").lists, ElementsAre("ZEN"));
  EXPECT_THAT(hit("EITHER").lists, IsEmpty());
}

TEST_F(Listed, ARuleThatWaitsKeepsWhatItFound) {
  test::FakeDns dns;
  dns.txt("slow.example", "x").txt("other.example", "x");
  rules(kZen + kUri +
        rule_text("FIRST", "local zen = mail.lists.ZEN; local t = dns.txt('slow.example'); return zen and #t == 1") +
        rule_text("SECOND", "local uri = mail.lists.URI; local t = dns.txt('other.example'); return uri and #t == 1"));
  listed("ZEN", {{"192.0.2.7", {"127.0.0.2"}}});
  listed("URI", {{"example.org", {"127.0.0.4"}}});
  auto task = host_->judge(Stage::Message, message_.facts, evaluation_, {&dns, std::chrono::seconds(5)});
  task.start([] {});
  dns.run();
  EXPECT_THAT(hit("FIRST").lists, ElementsAre("ZEN"));
  EXPECT_THAT(hit("SECOND").lists, ElementsAre("URI"));
}

}  // namespace
}  // namespace postern::rules
