// mail: what rules can read, and when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/fake_dns.h"
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
  EXPECT_THAT(value_of("mail.rcpts['fir' .. 'st']"), HasSubstr("mail.rcpts is an array"));
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

TEST(Mail, FieldsOfOneNameFillNoMemory) {
  Judged run(rule_text("R", "local first, all = mail:header('X') return true, #first .. ' ' .. #all"));
  run.message.text.clear();
  for (int i = 0; i < 300; ++i) run.message.text += "X: " + std::string(60'000, 'y') + "\r\n";
  run.message.facts.message = run.message.text;
  run.all();
  EXPECT_EQ(run.detail(), "60000 17");
}

TEST(Mail, MatchLooksAtTheWholeText) {
  EXPECT_EQ(value_of("mail:match('(?i)BUY NOW')"), "Buy now");
  EXPECT_EQ(value_of("mail:match('for ([0-9]+) (\\\\w+)')"), "99");
  EXPECT_EQ(value_of("select(2, mail:match('for ([0-9]+) (\\\\w+)'))"), "dollars");
  EXPECT_EQ(value_of("mail:match('lottery')"), "nil");
  EXPECT_THAT(value_of("mail:match('(' .. '')"), HasSubstr("the regular expression '(' is wrong: missing )"));
}

TEST(Mail, HitKnowsWhatRanBefore) {
  Judged run(rule_text("A", "return true", "stage='helo',") + rule_text("B", "return false") +
             rule_text("C", "return mail:hit('A') and not mail:hit('B')"));
  EXPECT_THAT(run.seen.hits, ElementsAre("A", "C"));
}

TEST(Mail, ScoreIsThatOfTheRulesBefore) {
  Judged run(rule_text("A", "return true", "stage='helo',") + rule_text("B", "return 2") +
             rule_text("C", "return false") + rule_text("D", "return true, tostring(mail.score)"));
  EXPECT_EQ(run.evaluation.hits.at(2).detail, "3.0");
  EXPECT_EQ(value_of("mail.score"), "0.0");
}

TEST(Mail, ARuleComesBehindThoseThatItNames) {
  Judged run(rule_text("FIRST", "return mail:hit('SECOND')") + rule_text("SECOND", "return true"));
  EXPECT_THAT(run.seen.hits, ElementsAre("SECOND", "FIRST"));
  EXPECT_THAT(problems_of(rule_text("FIRST", "return true") + rule_text("SECOND", "return mail:hit('FRST')")),
              ElementsAre(HasSubstr("'FRST', and there is no such rule (did you mean 'FIRST'?)")));
}

// Names that are put together while the rule runs.
TEST(Mail, HitOfALaterOrUnknownRuleIsAnError) {
  Judged run(rule_text("FIRST", "return mail:hit('SECON' .. 'D')") +
             rule_text("SECOND", "return mail:hit('FR' .. 'ST')"));
  ASSERT_THAT(run.seen.failures, ElementsAre("FIRST error", "SECOND error"));
  EXPECT_THAT(run.seen.messages[0], HasSubstr("SECOND does not run before this rule"));
  EXPECT_THAT(run.seen.messages[1], HasSubstr("there is no rule FRST (did you mean 'FIRST'?)"));
}

TEST(Mail, ReadingTooEarlyIsAnError) {
  EXPECT_THAT(problems_of(rule_text("EARLY", "return mail.spf.result == 'fail'", "stage='connect',")),
              ElementsAre(HasSubstr("mail.spf is known from stage \"mail\" on")));
  // Where only running it shows what is read.
  Judged run(rule_text("EARLY", "return mail['sp' .. 'f'].result == 'fail'", "stage='connect',"));
  EXPECT_THAT(run.seen.failures, ElementsAre("EARLY error"));
  EXPECT_THAT(run.seen.messages.at(0), HasSubstr("mail.spf is known from stage \"mail\" on"));
  Judged header(rule_text("EARLY", "return mail['head' .. 'er'](mail, 'Subject')", "stage='rcpt',"));
  EXPECT_THAT(header.seen.messages.at(0), HasSubstr("mail:header is known from stage \"message\" on"));
  Judged rcpts(rule_text("EARLY", "return mail['rc' .. 'pts'][1]", "stage='mail',"));
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

// The name is put together while the rule runs: one that stands in the text is found without running it.
TEST(Mail, MisspeltFieldNamesTheNearest) {
  EXPECT_THAT(value_of("mail['fo' .. 'rm']"), HasSubstr("mail has no field 'form' (did you mean 'from'?)"));
  EXPECT_THAT(value_of("mail.spf['res' .. 'lt']"), HasSubstr("mail.spf has no field 'reslt' (did you mean 'result'?)"));
  EXPECT_THAT(value_of("mail.client['adr' .. 'ess']"), HasSubstr("mail.client has no field 'adress'"));
  EXPECT_THAT(value_of("mail[1 + 0]"), HasSubstr("mail has no field"));
}

// The names that pairs(<object>) gives, in their order.
std::string names_in(const std::string& object, const std::string& stage) {
  Judged run(rule_text(
      "R", "local all = '' for name in pairs(" + object + ") do all = all .. name .. ' ' end return true, all",
      "stage='" + stage + "',"));
  return run.seen.failures.empty() ? run.detail() : run.seen.messages[0];
}

TEST(Mail, PairsWalksWhatIsKnown) {
  EXPECT_EQ(names_in("mail", "connect"), "client score lists ");
  EXPECT_EQ(names_in("mail", "rcpt"), "client spf helo_spf helo helo_is from rcpts score lists ");
  EXPECT_EQ(names_in("mail", "message"),
            "client spf helo_spf dmarc dkim dkim_ignored arc helo helo_is from rcpts size subject text hidden urls "
            "attachments parts defects truncated score lists bulk classifier ");
  EXPECT_EQ(names_in("mail.client", "connect"), "ip name reverse port tls early ");
  EXPECT_EQ(names_in("mail.dmarc", "message"), "result policy domain from aligned testing reason override ");
  EXPECT_EQ(names_in("mail.spf", "mail"), "result domain explanation reason ");
  Judged run(rule_text("R",
                       "local all = '' for name, value in pairs(mail.spf) do all = all .. name .. '=' .. value .. ' ' "
                       "end return true, all"));
  EXPECT_EQ(run.detail(), "result=fail domain=example.net explanation=no reason= ");
}

TEST(Mail, PairsWaitsForTheScore) {
  test::FakeDns dns;
  dns.txt("slow.example", "x");
  Host host(
      load(rule_text("SLOW", "return dns.txt('slow.example')[1] == 'x'", "stage='connect',") +
           rule_text("R",
                     "local all = '' for name, value in pairs(mail) do "
                     "if type(value) ~= 'userdata' then all = all .. name .. '=' .. value end end return true, all",
                     "stage='connect',")),
      nullptr);
  Message message;
  Evaluation evaluation;
  Task<void> task = host.judge(Stage::Connect, message.facts, evaluation, {&dns});
  task.start([] {});
  EXPECT_THAT(evaluation.hits, IsEmpty());
  dns.run();
  ASSERT_EQ(evaluation.hits.size(), 2U);
  EXPECT_EQ(evaluation.hits[1].detail, "score=1.0");
}

TEST(Mail, IteratorsTakeOnlyTheirOwnObject) {
  for (const char* first : {"nil", "42", "'x'", "{}", "mail.client", "mail.spf", "mail.rcpts"}) {
    EXPECT_THAT(value_of(std::string("(pairs(mail.dmarc))(") + first + ")"),
                HasSubstr("the object that it was asked for"));
    if (std::string_view(first) == "mail.rcpts") continue;
    EXPECT_THAT(value_of(std::string("(pairs(mail.rcpts))(") + first + ", 0)"),
                HasSubstr("the object that it was asked for"));
  }
  EXPECT_EQ(value_of("(pairs(mail.dmarc))(mail.dmarc, 'nonsense')"), "nil");
  EXPECT_EQ(value_of("(pairs(mail.dmarc))(mail.dmarc, 3)"), "nil");
}

TEST(Mail, NothingCanBeChanged) {
  Judged run(rule_text("A", "mail.from = 'x'") + rule_text("B", "mail.spf.result = 'pass'") +
             rule_text("C", "mail.rcpts[1] = 'x'") + rule_text("D", "return true, mail.spf.result"));
  EXPECT_THAT(run.seen.failures, ElementsAre("A error", "B error", "C error"));
  EXPECT_THAT(run.seen.messages[0], HasSubstr("cannot be changed"));
  EXPECT_EQ(run.detail(), "fail");
}

TEST(Mail, BytesOfTheWireStayBytes) {
  Judged run(rule_text("R", "return true, #mail.helo .. mail.helo:byte(2)"));
  run.message.facts.helo = std::string("a\0b\xff", 4);
  run.all();
  EXPECT_EQ(run.detail(), "40");
}

}  // namespace
}  // namespace postern::rules
