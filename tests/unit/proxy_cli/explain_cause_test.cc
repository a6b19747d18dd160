// In which words explain says what no rule decided.
#include "proxy/cli/explain_cause.h"

#include <gmock/gmock.h>

#include "filters/base/bytes.h"
#include "proxy/cli/explain_report.h"

namespace postern::cli {
namespace {

using ops::JournalEntry;
using session::Cause;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

JournalEntry refused(Cause cause, const std::string& reply) {
  JournalEntry entry;
  entry.id = "01HF7YAT00BBZ0QVE903NY9PRR";
  entry.stage = "rcpt";
  entry.reply = reply;
  entry.verdict = ops::answered_with(reply) == rules::Verdict::Reject ? "reject" : "defer";
  entry.cause = cause;
  entry.facts = std::make_shared<Facts>();
  entry.facts->client.ip = *IpAddress::parse("192.0.2.1");
  entry.facts->from = "a@sender.example";
  entry.facts->rcpts = {"b@elsewhere.example", "c@elsewhere.example"};
  entry.header = std::make_shared<const std::string>();
  return entry;
}

TEST(ExplainCause, EveryCauseHasItsWords) {
  for (Cause cause : session::kCauses) {
    JournalEntry entry = refused(cause, "451 4.3.0 later");
    std::string text = cause_reason(entry);
    EXPECT_EQ(text.empty(), cause == Cause::None) << session::to_string(cause);
    EXPECT_FALSE(text.ends_with('.')) << text;
    EXPECT_TRUE(is_ascii(text)) << text;
  }
}

TEST(ExplainCause, SaysWhichSettingWouldChangeIt) {
  for (const auto& [cause, setting] :
       {std::pair(Cause::Relay, "[relay] domains"), std::pair(Cause::Relay, "[relay] trusted"),
        std::pair(Cause::RelayRoute, "[relay] trusted"), std::pair(Cause::OtherLimits, "[verdict] mixed"),
        std::pair(Cause::OtherRoute, "[[backend.route]]"), std::pair(Cause::TooManyRecipients, "[limits] recipients"),
        std::pair(Cause::TooBig, "[limits] message_size"), std::pair(Cause::BareNewline, "[smtp] bare_newline"),
        std::pair(Cause::Storage, "[limits] spool"), std::pair(Cause::TooManyErrors, "[limits] errors"),
        std::pair(Cause::TimeOut, "[limits] command_timeout")}) {
    EXPECT_THAT(cause_reason(refused(cause, "550 no")), HasSubstr(setting)) << session::to_string(cause);
  }
}

TEST(ExplainCause, AnAnnouncedSizeIsNamed) {
  JournalEntry entry = refused(Cause::TooBig, "552 5.3.4 message too big, limit is 1000 octets");
  entry.stage = "mail";
  entry.facts->size = 1001;
  EXPECT_THAT(cause_reason(entry), StartsWith("the client announced a message of 1001 octets, more than "));
  entry.stage = "message";
  EXPECT_THAT(cause_reason(entry), StartsWith("the message is larger than "));
}

TEST(ExplainCause, StandsAtTheHeadOfTheReport) {
  JournalEntry entry = refused(Cause::Relay, "550 5.7.1 relaying denied: elsewhere.example is not handled here");
  std::string text = terminal_text(entry, {});
  EXPECT_THAT(text, StartsWith("REJECTED at RCPT TO\n  because the recipient's domain is not in [relay] domains"));
  EXPECT_THAT(text, HasSubstr("<c@elsewhere.example>\n"));
  EXPECT_THAT(text, Not(HasSubstr("<b@elsewhere.example>"))) << "the last is the refused one";
  EXPECT_EQ(explain_json(entry, {})["cause"], "relay");
  EXPECT_FALSE(explain_json(entry, {}).contains("times"));
  entry.repeated = true;
  entry.times = 999;
  text = terminal_text(entry, {});
  EXPECT_THAT(text, HasSubstr("This was answered 999 times more"));
  EXPECT_THAT(text, HasSubstr("<b@elsewhere.example>, <c@elsewhere.example>\n"));
  EXPECT_EQ(explain_json(entry, {})["times"], 999);
}

TEST(ExplainCause, WhatIsOfSeveralTransactionsSaysSo) {
  JournalEntry entry = refused(Cause::None, "550 5.7.1 refused");
  entry.evaluation.decision = rules::Decision{rules::Verdict::Reject, "NO", "", "", ""};
  entry.repeated = true;
  entry.times = 990;
  entry.rcpts_left_out = 940;
  std::string text = terminal_text(entry, {});
  EXPECT_THAT(text, HasSubstr("the rule NO decided. This was answered 990 times"));
  EXPECT_THAT(text, HasSubstr(" and 940 more\n"));
  entry.transactions = 14;
  text = times_text(entry);
  EXPECT_THAT(text, HasSubstr("14 transactions of this connection"));
  EXPECT_THAT(text, HasSubstr("answered 990 times"));
  EXPECT_EQ(explain_json(entry, {})["transactions"], 14);
}

TEST(ExplainCause, WhoWasToldToComeAgainWasNotAnsweredAsBefore) {
  JournalEntry entry = refused(Cause::UnderWay, "451 4.3.0 this message is being delivered at this moment");
  entry.stage = "message";
  entry.duplicate = true;
  EXPECT_THAT(terminal_text(entry, {}), StartsWith("DEFERRED\n  because the same message of this client"));
}

}  // namespace
}  // namespace postern::cli
