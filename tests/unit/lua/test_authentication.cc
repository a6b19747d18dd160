// mail: what rules read of sender authentication.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lua/support.h"

namespace postern::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

dkim::Outcome signature(dkim::Result result, const std::string& domain) {
  dkim::Outcome outcome;
  outcome.result = result;
  outcome.domain = domain;
  return outcome;
}

/// A signed message of a list, whose author's domain is enforcing.
void authenticate(Facts& facts) {
  facts.client.reverse = dns::ReverseName::Result::Pass;
  dkim::Outcome broken = signature(dkim::Result::Fail, "author.example");
  broken.selector = "s1";
  broken.identity = std::string("bo\0b@author.example", 19);
  broken.algorithm = "rsa-sha256";
  broken.reason = "the body was changed";
  broken.key_bits = 2048;
  dkim::Outcome list = signature(dkim::Result::Pass, "list.example");
  list.partial = list.testing = true;
  facts.dkim = {broken, list};
  facts.dkim_ignored = 7;
  dmarc::Outcome dmarc;
  dmarc.result = dmarc::Result::Fail;
  dmarc.policy = dmarc::Policy::Reject;
  dmarc.from = "mail.author.example";
  dmarc.domain = "author.example";
  dmarc.testing = true;
  dmarc.aligned = {dmarc::Identifier::Method::Spf, dmarc::Identifier::Method::Dkim};
  dmarc.override_by = "list.example";
  facts.dmarc = dmarc;
  arc::Outcome arc;
  arc.result = arc::Result::Pass;
  arc.sets = {{"first.example", "a", ""}, {"list.example", "b", ""}};
  facts.arc = arc;
}

/// The detail that `return true, <expression>` gives for that message, or the failure.
std::string read(const std::string& expression) {
  Judged run(rule_text("VALUE", "return true, tostring(" + expression + ")"));
  authenticate(run.message.facts);
  run.seen.failures.clear();
  run.seen.messages.clear();
  run.all();
  return run.seen.failures.empty() ? run.detail() : run.seen.failures[0] + ": " + run.seen.messages[0];
}

TEST(Authentication, SignaturesAreAnArrayOfObjects) {
  EXPECT_EQ(read("#mail.dkim"), "2");
  EXPECT_EQ(read("mail.dkim[1].result"), "fail");
  EXPECT_EQ(read("mail.dkim[1].domain"), "author.example");
  EXPECT_EQ(read("mail.dkim[1].selector"), "s1");
  EXPECT_EQ(read("mail.dkim[1].algorithm"), "rsa-sha256");
  EXPECT_EQ(read("mail.dkim[1].reason"), "the body was changed");
  EXPECT_EQ(read("mail.dkim[1].bits"), "2048");
  EXPECT_EQ(read("mail.dkim[1].partial"), "false");
  EXPECT_EQ(read("mail.dkim[1].testing"), "false");
  EXPECT_EQ(read("#mail.dkim[1].identity .. mail.dkim[1].identity:byte(3)"), "190");
  EXPECT_EQ(read("mail.dkim[2].result"), "pass");
  EXPECT_EQ(read("mail.dkim[2].partial"), "true");
  EXPECT_EQ(read("mail.dkim[2].testing"), "true");
  EXPECT_EQ(read("mail.dkim[3]"), "nil");
  EXPECT_EQ(read("mail.dkim[0]"), "nil");
  EXPECT_EQ(read("mail.dkim[math.mininteger]"), "nil");
  EXPECT_EQ(read("mail.dkim[1] == mail.dkim[1]"), "true");
  EXPECT_EQ(read("mail.dkim[1] == mail.dkim[2]"), "false");
  EXPECT_EQ(read("mail.dkim_ignored"), "7");
}

TEST(Authentication, EveryResultHasItsName) {
  Judged run(rule_text("R",
                       "local all = '' for i = 1, #mail.dkim do all = all .. mail.dkim[i].result .. ' ' end "
                       "return true, all .. mail.client.reverse"));
  run.message.facts.client.reverse = dns::ReverseName::Result::PermError;
  for (auto result : {dkim::Result::Pass, dkim::Result::Fail, dkim::Result::Policy, dkim::Result::Neutral,
                      dkim::Result::TempError, dkim::Result::PermError}) {
    run.message.facts.dkim.push_back(signature(result, "a.example"));
  }
  run.all();
  EXPECT_EQ(run.detail(), "pass fail policy neutral temperror permerror permerror");
}

TEST(Authentication, ArraysCanBeWalked) {
  for (const char* walk : {"ipairs", "pairs"}) {
    for (auto [array, value, all] : {std::array{"mail.dkim", "x.domain", "1author.example2list.example"},
                                     std::array{"mail.dmarc.aligned", "x", "1spf2dkim"},
                                     std::array{"mail.arc.sealers", "x", "1first.example2list.example"}}) {
      Judged run(rule_text("R", std::string("local all = '' for i, x in ") + walk + "(" + array +
                                    ") do all = all .. i .. " + value + " end return true, all"));
      authenticate(run.message.facts);
      run.all();
      EXPECT_EQ(run.detail(), all) << walk << " " << array;
    }
  }
  EXPECT_EQ(read("(pairs(mail.dkim))(mail.dkim, math.maxinteger)"), "nil");
  EXPECT_EQ(read("(pairs(mail.dkim))(mail.dkim, math.mininteger)"), "nil");
}

TEST(Authentication, DmarcAndArcReadAsTheyAre) {
  EXPECT_EQ(read("mail.dmarc.result"), "fail");
  EXPECT_EQ(read("mail.dmarc.policy"), "reject");
  EXPECT_EQ(read("mail.dmarc.domain"), "author.example");
  EXPECT_EQ(read("mail.dmarc.from"), "mail.author.example");
  EXPECT_EQ(read("mail.dmarc.testing"), "true");
  EXPECT_EQ(read("mail.dmarc.reason"), "");
  EXPECT_EQ(read("mail.dmarc.override"), "list.example");
  EXPECT_EQ(read("table.concat(mail.dmarc.aligned, ' ')"), "spf dkim");
  EXPECT_EQ(read("mail.arc.result"), "pass");
  EXPECT_EQ(read("mail.arc.reason"), "");
  EXPECT_EQ(read("mail.arc.sets"), "2");
  EXPECT_EQ(read("mail.arc.sealers[#mail.arc.sealers]"), "list.example");
  EXPECT_EQ(read("mail.client.reverse"), "pass");
}

TEST(Authentication, WhatWasNotJudgedReadsAsNone) {
  EXPECT_EQ(value_of("#mail.dkim"), "0");
  EXPECT_EQ(value_of("mail.dkim[1]"), "nil");
  EXPECT_EQ(value_of("mail.dkim_ignored"), "0");
  EXPECT_EQ(value_of("mail.dmarc.result .. ' ' .. mail.dmarc.policy .. ' ' .. mail.dmarc.from"), "none none ");
  EXPECT_EQ(value_of("#mail.dmarc.aligned"), "0");
  EXPECT_EQ(value_of("mail.dmarc.override"), "nil");
  EXPECT_EQ(value_of("mail.arc.result .. mail.arc.sets .. #mail.arc.sealers"), "none00");
  EXPECT_EQ(value_of("mail.client.reverse"), "none");
}

TEST(Authentication, IsKnownFromStageMessageOn) {
  for (const char* field : {"dkim", "dkim_ignored", "dmarc", "arc"}) {
    std::string early = std::string(field) + " is known from stage \"message\" on";
    EXPECT_THAT(problems_of(rule_text("EARLY", std::string("return mail.") + field, "stage='rcpt',")),
                ElementsAre(HasSubstr(early)));
    // Where the text does not show what is read.
    Judged run(rule_text("EARLY", std::string("return select(1, mail).") + field, "stage='rcpt',"));
    EXPECT_THAT(run.seen.messages.at(0), HasSubstr(early));
  }
  Judged reverse(rule_text("R", "return true, mail.client.reverse", "stage='connect',"));
  EXPECT_THAT(reverse.seen.failures, IsEmpty());
}

TEST(Authentication, MistakesNameTheField) {
  EXPECT_THAT(read("select(1, mail).dkim.result"),
              HasSubstr("mail.dkim is an array: mail.dkim[1], #mail.dkim, ipairs(mail.dkim)"));
  EXPECT_THAT(read("select(1, mail).dkim[1].reslt"),
              HasSubstr("mail.dkim[...] has no field 'reslt' (did you mean 'result'?)"));
  EXPECT_THAT(read("select(1, mail).dmarc.polcy"),
              HasSubstr("mail.dmarc has no field 'polcy' (did you mean 'policy'?)"));
  EXPECT_THAT(read("mail.arc.sealers.first"), HasSubstr("mail.arc.sealers is an array"));
  EXPECT_THAT(read("select(1, mail).dmark"), HasSubstr("mail has no field 'dmark' (did you mean 'dmarc'?)"));
}

TEST(Authentication, NothingCanBeChanged) {
  for (const char* change : {"mail.dkim[1] = nil", "mail.dkim[1].result = 'pass'", "mail.dmarc.override = 'x'",
                             "mail.dmarc.aligned[1] = 'spf'", "mail.arc.sealers[1] = 'x'", "mail.arc = nil"}) {
    Judged run(rule_text("R", change));
    authenticate(run.message.facts);
    run.seen.messages.clear();
    run.all();
    EXPECT_THAT(run.seen.messages, ElementsAre(HasSubstr("cannot be changed"))) << change;
  }
}

}  // namespace
}  // namespace postern::rules
