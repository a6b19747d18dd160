// How often it is told that a session was refused: whoever tries a thousand things fills neither log nor journal.
#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "proxy/session/refusals.h"
#include "tests/unit/proxy_session/refusals_fixture.h"

namespace postern::test {
namespace {

using rules::Stage;
using session::Cause;
using session::Refusals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class SessionRefusalCounts : public RefusedClient {};

TEST_F(SessionRefusalCounts, AThousandRelaysInATransactionAreTwoEntries) {
  greet();
  mail();
  std::set<std::string> named;
  for (int i = 0; i < 1000; ++i) named.insert(id_of(rcpt(fmt::format("b{}@elsewhere.example", i))));
  EXPECT_EQ(world_.observer.refusals, 1) << "the others are counted";
  world_.say("RSET\r\n");
  ASSERT_EQ(world_.observer.refusals, 2);
  EXPECT_EQ(world_.observer.told.back().more, 999U);
  EXPECT_THAT(world_.observer.refused_rcpts, SizeIs(Refusals::kMostRcpts));
  EXPECT_EQ(world_.observer.told.back().rcpts_left_out, 999U - Refusals::kMostRcpts);
  EXPECT_EQ(world_.observer.refused_rcpts.front(), "b1@elsewhere.example");
  EXPECT_THAT(world_.observer.refused_with, HasSubstr("[id " + *named.begin() + ']'));
  EXPECT_EQ(named, ids());
  world_.say("QUIT\r\n");
  EXPECT_EQ(world_.observer.refusals, 2) << "told once";
}

TEST_F(SessionRefusalCounts, AThousandTransactionsAreAFewEntriesAndEachIdIsOnRecord) {
  greet();
  std::set<std::string> named;
  for (int i = 0; i < 1000; ++i) {
    mail();
    named.insert(id_of(rcpt("b@elsewhere.example")));
    named.insert(id_of(rcpt("c@elsewhere.example")));
    world_.say("RSET\r\n");
  }
  world_.client_ends_input();
  EXPECT_EQ(named.size(), Refusals::kMostTransactions + 1);
  EXPECT_EQ(named, ids());
  EXPECT_EQ(world_.observer.refusals, 2 * static_cast<int>(Refusals::kMostTransactions) + 1);
  EXPECT_EQ(counted(), 2000U) << "none is forgotten";
}

TEST_F(SessionRefusalCounts, WhatIsLeftOfAConnectionHasAnIdThatIsNoMail) {
  greet();
  std::set<std::string> mails;
  std::string last;
  for (size_t i = 0; i < Refusals::kMostTransactions + 3; ++i) {
    world_.say(fmt::format("MAIL FROM:<a{}@sender.example>\r\n", i));
    rcpt("b@example.org");
    last = id_of(rcpt("b@elsewhere.example"));
    world_.say("DATA\r\n");
    world_.say(kMessage);
    mails.insert(world_.observer.last.id);
  }
  EXPECT_FALSE(mails.contains(last));
  EXPECT_FALSE(ids().contains(last)) << "told when the session ends";
  world_.say("QUIT\r\n");
  const auto& rest = world_.observer.told.back();
  EXPECT_EQ(rest.id, last);
  EXPECT_EQ(rest.more, 3U);
  EXPECT_EQ(rest.transactions, 3U);
  EXPECT_EQ(world_.observer.refused_from, "a12@sender.example") << "the last";
}

// ---------------------------------------------------------------- rules, and backends that cannot be asked

TEST(SessionRuleRefusals, AThousandRecipientsThatARuleRefusesAreTwoEntries) {
  World world(R"(rule "NO" { about = "x", score = 1, stage = "rcpt", action = "reject",
                             when = function(mail) return true end })");
  world.connect();
  world.say("EHLO client.example\r\nMAIL FROM:<a@sender.example>\r\n");
  std::set<std::string> named;
  for (int i = 0; i < 1000; ++i) named.insert(id_of(world.say(fmt::format("RCPT TO:<b{}@example.org>\r\n", i))));
  EXPECT_EQ(named.size(), 1U);
  EXPECT_EQ(world.observer.refusals, 1);
  world.say("RSET\r\n");
  ASSERT_EQ(world.observer.refusals, 2);
  EXPECT_EQ(world.observer.told.back().more, 999U);
  EXPECT_EQ(world.observer.refused_by, "NO");
  EXPECT_EQ(world.observer.refused_rcpts.front(), "b1@example.org");
}

TEST(SessionRuleRefusals, EachRuleIsCountedByItself) {
  World world(R"(
    rule "A" { about = "x", score = 1, stage = "rcpt", action = "reject",
               when = function(mail) return mail.rcpts[#mail.rcpts]:sub(1, 1) == "a" end }
    rule "B" { about = "x", score = 1, stage = "rcpt", action = "reject",
               when = function(mail) return mail.rcpts[#mail.rcpts]:sub(1, 1) == "b" end })");
  world.connect();
  world.say("EHLO client.example\r\nMAIL FROM:<a@sender.example>\r\n");
  for (const char* rcpt : {"a1", "b1", "a2", "b2", "a3"}) world.say(fmt::format("RCPT TO:<{}@example.org>\r\n", rcpt));
  EXPECT_EQ(world.observer.refusals, 2);
  world.say("QUIT\r\n");
  ASSERT_THAT(world.observer.told, SizeIs(4));
  EXPECT_EQ(world.observer.told[2].more, 2U);
  EXPECT_EQ(world.observer.told[3].more, 1U);
  EXPECT_EQ(world.observer.refused_by, "B");
}

TEST(SessionRuleRefusals, AThousandNamesThatARuleRefusesAreAFewEntries) {
  World world(R"(rule "NO" { about = "x", score = 1, stage = "helo", action = "reject",
                             when = function(mail) return true end })");
  world.connect();
  std::set<std::string> named;
  for (int i = 0; i < 1000; ++i) named.insert(id_of(world.say(fmt::format("EHLO c{}.example\r\n", i))));
  world.say("QUIT\r\n");
  EXPECT_EQ(world.observer.refusals, static_cast<int>(Refusals::kMostTransactions) + 1);
  EXPECT_EQ(world.observer.told.back().more, 1000U - Refusals::kMostTransactions);
  std::set<std::string> told;
  for (const auto& one : world.observer.told) told.insert(one.id);
  EXPECT_EQ(named, told);
}

TEST_F(SessionRefusalCounts, AThousandSendersWithoutABackendAreAFewEntries) {
  world_.backend.refuse = true;
  greet();
  std::set<std::string> named;
  for (int i = 0; i < 1000; ++i) named.insert(id_of(mail()));
  world_.say("QUIT\r\n");
  EXPECT_EQ(world_.observer.refusals, static_cast<int>(Refusals::kMostTransactions) + 1);
  EXPECT_EQ(counted(), 1000U);
  EXPECT_EQ(named, ids());
  auto steps = world_.observer.timeline.moments();
  EXPECT_TRUE(std::any_of(steps.begin(), steps.end(), [](const session::Moment& step) {
    return step.what == session::Moment::What::Backend && step.text.find("Connection refused") != std::string::npos;
  })) << "why";
}

TEST_F(SessionRefusalCounts, RecipientsForWhichTheBackendIsGoneAreTwoEntries) {
  greet();
  mail();
  world_.backend.refuse = true;
  world_.backend_drops();
  std::set<std::string> named;
  for (int i = 0; i < 300; ++i) named.insert(id_of(rcpt(fmt::format("b{}@example.org", i))));
  EXPECT_EQ(named.size(), 1U);
  world_.say("RSET\r\n");
  ASSERT_EQ(world_.observer.refusals, 2);
  EXPECT_EQ(world_.observer.told.back().more, 299U);
  EXPECT_EQ(world_.observer.told.back().cause, Cause::None);
  EXPECT_EQ(world_.observer.refused_rcpts.front(), "b1@example.org");
}

// ---------------------------------------------------------------- the count

session::RefusalRecord record_of(Cause cause, const Facts& facts, const rules::Evaluation& evaluation) {
  session::RefusalRecord record;
  record.cause = cause;
  record.stage = Stage::Rcpt;
  record.facts = &facts;
  record.evaluation = &evaluation;
  record.reply = "550 no";
  return record;
}

TEST(RefusalsTest, EachCauseIsCountedByItself) {
  Refusals refusals;
  EXPECT_TRUE(refusals.refuse(Cause::Relay, "", "A", 0).tell);
  EXPECT_TRUE(refusals.refuse(Cause::TooBig, "", "A", 0).tell);
  EXPECT_TRUE(refusals.refuse(Cause::None, "RULE", "A", 0).tell);
  EXPECT_TRUE(refusals.refuse(Cause::None, "", "A", 0).tell);
  EXPECT_FALSE(refusals.refuse(Cause::Relay, "", "A", 0).tell);
  refusals.count(record_of(Cause::Relay, {}, {}), "v", "");
  EXPECT_THAT(refusals.settle("B"), IsEmpty());
  auto rest = refusals.settle("A");
  ASSERT_THAT(rest, SizeIs(1));
  EXPECT_EQ(rest[0].cause, Cause::Relay);
  EXPECT_EQ(rest[0].times, 1U);
  EXPECT_EQ(rest[0].transactions, 0U);
  EXPECT_THAT(refusals.settle("A"), IsEmpty()) << "once";
}

TEST(RefusalsTest, WhatAnEarlierTransactionLeftIsToldFirst) {
  Refusals refusals;
  (void)refusals.refuse(Cause::Relay, "", "A", 0);
  (void)refusals.refuse(Cause::Relay, "", "A", 0);
  refusals.count(record_of(Cause::Relay, {}, {}), "v", "");
  auto next = refusals.refuse(Cause::Relay, "", "B", 0);
  EXPECT_TRUE(next.tell);
  EXPECT_EQ(next.id, "B");
  EXPECT_EQ(next.before.id, "A");
  EXPECT_EQ(next.before.times, 1U);
}

}  // namespace
}  // namespace postern::test
