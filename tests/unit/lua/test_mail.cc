// mail: what rules can read, and when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lua/support.h"

namespace postern::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Mail, FactsReadAsTheyAre) {
  EXPECT_EQ(value_of("mail.client.ip"), "192.0.2.7");
  EXPECT_EQ(value_of("mail.client.name"), "mx.example.net");
  EXPECT_EQ(value_of("mail.client.port"), "4711");
  EXPECT_EQ(value_of("mail.client.tls"), "false");
  EXPECT_EQ(value_of("mail.helo"), "helo.example.net");
  EXPECT_EQ(value_of("mail.from"), "a@example.net");
  EXPECT_EQ(value_of("mail.spf.result"), "fail");
  EXPECT_EQ(value_of("mail.spf.domain"), "example.net");
  EXPECT_EQ(value_of("mail.spf.explanation"), "no");
  EXPECT_EQ(value_of("mail.spf.reason"), "");
  EXPECT_EQ(value_of("mail.subject"), "cheap watches");
  EXPECT_EQ(value_of("mail.size"), "92");
  EXPECT_EQ(value_of("mail.truncated"), "false");
}

TEST(Mail, WhatWasNotJudgedReadsAsNone) {
  EXPECT_EQ(value_of("mail.helo_spf.result .. mail.helo_spf.domain"), "none");
}

TEST(Mail, RecipientsAreAnArray) {
  EXPECT_EQ(value_of("#mail.rcpts"), "2");
  EXPECT_EQ(value_of("mail.rcpts[2]"), "c@example.org");
  EXPECT_EQ(value_of("mail.rcpts[3]"), "nil");
  EXPECT_EQ(value_of("table.concat(mail.rcpts, ' ')"), "b@example.org c@example.org");
  for (const char* walk : {"ipairs", "pairs"}) {
    Judged run(rule_text("R", std::string("local all = '' for i, r in ") + walk +
                                  "(mail.rcpts) do all = all .. i .. r end return true, all"));
    EXPECT_EQ(run.detail(), "1b@example.org2c@example.org") << walk;
  }
  EXPECT_THAT(value_of("mail.rcpts.first"), HasSubstr("mail.rcpts is an array"));
}

TEST(Mail, HeaderGivesTheFirstAndAll) {
  EXPECT_EQ(value_of("(mail:header('received'))"), "one");
  EXPECT_EQ(value_of("#select(2, mail:header('Received'))"), "2");
  EXPECT_EQ(value_of("(select(2, mail:header('Received')))[2]"), "two");
  EXPECT_EQ(value_of("(mail:header('SUBJECT'))"), "cheap watches");
  EXPECT_EQ(value_of("(mail:header('X-Empty')) == ''"), "true");
  EXPECT_EQ(value_of("(mail:header('List-Id'))"), "nil");
  EXPECT_EQ(value_of("#select(2, mail:header('List-Id'))"), "0");
}

TEST(Mail, HeaderFieldsAreDecoded) {
  Judged run(rule_text("R", "return true, mail.subject .. '|' .. mail:header('X-Raw')"));
  run.message.text = "Subject: =?utf-8?Q?Gr=C3=BC=C3?=\r\n =?utf-8?Q?=9Fe?=\r\nX-Raw: K\xf6ln\r\n\r\n";
  run.message.facts.message = run.message.text;
  run.all();
  EXPECT_EQ(run.detail(),
            "Gr\xc3\xbc\xc3\x9f"
            "e|K\xc3\xb6ln");
}

TEST(Mail, ManyFieldsOfOneNameAreBounded) {
  Judged run(rule_text("R", "local _, all = mail:header('X') return true, #all"));
  run.message.text.clear();
  for (int i = 0; i < 20'000; ++i) run.message.text += "X: y\r\n";
  run.message.facts.message = run.message.text;
  run.all();
  EXPECT_EQ(run.detail(), "1000");
}

TEST(Mail, MatchLooksAtTheWholeText) {
  EXPECT_EQ(value_of("mail:match('(?i)BUY NOW')"), "Buy now");
  EXPECT_EQ(value_of("mail:match('for ([0-9]+) (\\\\w+)')"), "99");
  EXPECT_EQ(value_of("select(2, mail:match('for ([0-9]+) (\\\\w+)'))"), "dollars");
  EXPECT_EQ(value_of("mail:match('lottery')"), "nil");
  EXPECT_THAT(value_of("mail:match('(')"), HasSubstr("the regular expression '(' is wrong: missing )"));
}

TEST(Mail, HitKnowsWhatRanBefore) {
  Judged run(rule_text("A", "return true", "stage='helo',") + rule_text("B", "return false") +
             rule_text("C", "return mail:hit('A') and not mail:hit('B')"));
  EXPECT_THAT(run.seen.hits, ElementsAre("A", "C"));
}

TEST(Mail, HitOfALaterOrUnknownRuleIsAnError) {
  Judged run(rule_text("FIRST", "return mail:hit('SECOND')") + rule_text("SECOND", "return mail:hit('FRST')"));
  EXPECT_THAT(run.seen.failures, ElementsAre("FIRST error", "SECOND error"));
  EXPECT_THAT(run.seen.messages[0], HasSubstr("SECOND does not run before this rule"));
  EXPECT_THAT(run.seen.messages[1], HasSubstr("there is no rule FRST (did you mean 'FIRST'?)"));
}

TEST(Mail, ReadingTooEarlyIsAnError) {
  Judged run(rule_text("EARLY", "return mail.spf.result == 'fail'", "stage='connect',"));
  EXPECT_THAT(run.seen.failures, ElementsAre("EARLY error"));
  EXPECT_THAT(run.seen.messages[0], HasSubstr("mail.spf is known from stage \"mail\" on"));
  Judged header(rule_text("EARLY", "return mail:header('Subject')", "stage='rcpt',"));
  EXPECT_THAT(header.seen.messages.at(0), HasSubstr("mail:header is known from stage \"message\" on"));
  Judged rcpts(rule_text("EARLY", "return mail.rcpts[1]", "stage='mail',"));
  EXPECT_THAT(rcpts.seen.messages.at(0), HasSubstr("mail.rcpts is known from stage \"rcpt\" on"));
}

TEST(Mail, KnownFactsReadAtTheirStage) {
  Judged run(rule_text("C", "return true, mail.client.ip .. mail.score", "stage='connect',") +
             rule_text("H", "return true, mail.helo", "stage='helo',") +
             rule_text("F", "return true, mail.from .. mail.spf.result .. mail.helo_spf.result", "stage='mail',") +
             rule_text("T", "return true, mail.rcpts[1]", "stage='rcpt',"));
  EXPECT_THAT(run.seen.failures, IsEmpty());
  EXPECT_EQ(run.evaluation.hits.size(), 4U);
}

TEST(Mail, MisspeltFieldNamesTheNearest) {
  EXPECT_THAT(value_of("mail.form"), HasSubstr("mail has no field 'form' (did you mean 'from'?)"));
  EXPECT_THAT(value_of("mail.spf.reslt"), HasSubstr("mail.spf has no field 'reslt' (did you mean 'result'?)"));
  EXPECT_THAT(value_of("mail.client.adress"), HasSubstr("mail.client has no field 'adress'"));
  EXPECT_THAT(value_of("mail[1]"), HasSubstr("mail has no field"));
}

TEST(Mail, FactsOfLaterVersionsSaySo) {
  for (std::string field : {"lists", "bulk", "text", "urls", "attachments", "parts"}) {
    EXPECT_THAT(value_of("mail." + field), HasSubstr("mail." + field + " is not available in this version"));
  }
}

TEST(Mail, NothingCanBeChanged) {
  Judged run(rule_text("A", "mail.from = 'x'") + rule_text("B", "mail.spf.result = 'pass'") +
             rule_text("C", "mail.rcpts[1] = 'x'") + rule_text("D", "return true, mail.spf.result"));
  EXPECT_THAT(run.seen.failures, ElementsAre("A error", "B error", "C error"));
  EXPECT_THAT(run.seen.messages[0], HasSubstr("cannot be changed"));
  EXPECT_EQ(run.detail(), "fail");
}

TEST(Mail, KeptObjectShowsTheMessageOfNow) {
  Judged run("local kept\n" + rule_text("KEEP", "kept = kept or mail.spf return true, kept.result"));
  EXPECT_EQ(run.detail(), "fail");
  run.message.facts.spf->result = spf::Result::Pass;
  run.all();
  EXPECT_EQ(run.detail(), "pass");
}

TEST(Mail, BytesOfTheWireStayBytes) {
  Judged run(rule_text("R", "return true, #mail.helo .. mail.helo:byte(2)"));
  run.message.facts.helo = std::string("a\0b\xff", 4);
  run.all();
  EXPECT_EQ(run.detail(), "40");
}

}  // namespace
}  // namespace postern::rules
