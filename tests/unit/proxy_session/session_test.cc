// What a sender, a backend and an admin notice of a session.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/proxy_session/world.h"

namespace postern::test {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kMessage = "Subject: hello\r\nFrom: <a@sender.example>\r\n\r\nbody\r\n.\r\n";

TEST(Session, MailFlowsAndTheBackendsWordsPass) {
  World world;
  world.connect();
  EXPECT_EQ(world.read(), "220 mx.example.org ESMTP Postern\r\n");
  EXPECT_THAT(world.say("EHLO client.example\r\n"), StartsWith("250-mx.example.org\r\n250"));
  EXPECT_EQ(world.say("MAIL FROM:<a@sender.example>\r\n"), "250 2.1.0 Sender Ok\r\n");
  EXPECT_EQ(world.say("RCPT TO:<b@example.org>\r\n"), "250 2.1.5 Recipient Ok\r\n");
  EXPECT_THAT(world.say("DATA\r\n"), StartsWith("354 "));
  EXPECT_EQ(world.say(kMessage), "250 2.0.0 Ok: queued as 4F00D\r\n");
  EXPECT_THAT(world.say("QUIT\r\n"), StartsWith("221 2.0.0"));
  EXPECT_TRUE(world.ended);
  ASSERT_EQ(world.backend.delivered.size(), 1U);
  const auto& mail = world.backend.delivered[0];
  EXPECT_EQ(mail.from, "a@sender.example");
  EXPECT_THAT(mail.rcpts, ElementsAre("b@example.org"));
  EXPECT_THAT(mail.content, StartsWith("Received: from client.example ("));
  EXPECT_THAT(mail.content, HasSubstr("\r\nAuthentication-Results: mx.example.org;\r\n\tspf=none"));
  EXPECT_THAT(mail.content, HasSubstr("\r\nX-Spam-Flag: NO\r\nX-Spam-Score: 0.0\r\nX-Spam-Status: No, score=0.0 required=6.0 "
                                      "tests=[]\r\nX-Postern-Id: 0"));
  EXPECT_THAT(mail.content, testing::EndsWith("\r\nSubject: hello\r\nFrom: <a@sender.example>\r\n\r\nbody\r\n.\r\n"));
  EXPECT_EQ(world.observer.verdicts["accept"], 1);
}

TEST(Session, TellsTheBackendWhoTheClientIs) {
  World world;
  world.dns.ptr("10.2.0.192.in-addr.arpa", "client.example").a("client.example", "192.0.2.10");
  world.connect();
  world.to_data();
  EXPECT_THAT(world.backend.lines, Contains(HasSubstr("ADDR=192.0.2.10")));
  EXPECT_THAT(world.backend.lines, Contains(HasSubstr("NAME=client.example")));
}

TEST(Session, RelayingIsDenied) {
  World world;
  world.connect();
  world.say("EHLO client.example\r\nMAIL FROM:<a@sender.example>\r\n");
  world.read();
  EXPECT_THAT(world.say("RCPT TO:<b@elsewhere.example>\r\n"), StartsWith("550 5.7.1 "));
  EXPECT_THAT(world.say("RCPT TO:<@example.org:b@elsewhere.example>\r\n"), StartsWith("550 5.7.1 "));
  EXPECT_THAT(world.backend.lines, Not(Contains(StartsWith("RCPT"))));
}

TEST(Session, TrustedNetworksMayRelay) {
  World world;
  world.policy.relay.trusted.push_back(*IpNetwork::parse("192.0.2.0/24"));
  world.connect();
  world.say("EHLO client.example\r\nMAIL FROM:<a@sender.example>\r\n");
  world.read();
  EXPECT_THAT(world.say("RCPT TO:<b@elsewhere.example>\r\n"), StartsWith("250 2.1.5 "));
}

TEST(Session, UnknownRecipientsAreRefusedInTheBackendsWords) {
  World world;
  world.backend.replies["RCPT"] = "550 5.1.1 <b@example.org>: User unknown in virtual mailbox table";
  world.connect();
  world.say("EHLO client.example\r\nMAIL FROM:<a@sender.example>\r\n");
  world.read();
  EXPECT_EQ(world.say("RCPT TO:<b@example.org>\r\n"),
            "550 5.1.1 <b@example.org>: User unknown in virtual mailbox table\r\n");
}

TEST(Session, BackendDownIs451AndNothingIsLost) {
  World world;
  world.backend.refuse = true;
  world.connect();
  world.say("EHLO client.example\r\n");
  EXPECT_THAT(world.say("MAIL FROM:<a@sender.example>\r\n"), StartsWith("451 4.4.1 "));
  world.backend.refuse = false;
  EXPECT_THAT(world.say("MAIL FROM:<a@sender.example>\r\n"), StartsWith("250 2.1.0 "));
}

TEST(Session, AnotherBackendIsTried) {
  World world;
  session::BackendAddress second;
  second.text = "127.0.0.2:25";
  world.policy.backend.addresses.push_back(second);
  world.backend.refuse = true;
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  EXPECT_EQ(world.backends["127.0.0.2:25"].delivered.size(), 1U);
}

class BackendBreaks : public testing::TestWithParam<const char*> {};

// 250 to the final dot never precedes the backend's 250, wherever the backend dies.
TEST_P(BackendBreaks, Is451AndNeverA250) {
  World world;
  world.backend.break_at = GetParam();
  world.connect();
  world.to_data();
  std::string reply = world.say(kMessage);
  if (reply.empty()) reply = "451 (refused before DATA)";
  EXPECT_THAT(reply, testing::AnyOf(StartsWith("451 "), StartsWith("500 "))) << "broken at " << GetParam();
  EXPECT_THAT(reply, Not(HasSubstr("250 ")));
  EXPECT_TRUE(world.backend.delivered.empty());
  EXPECT_EQ(world.observer.verdicts["accept"], 0);
}
INSTANTIATE_TEST_SUITE_P(Steps, BackendBreaks,
                         testing::Values("GREETING", "EHLO", "XCLIENT", "MAIL", "RCPT", "DATA", "CONTENT", "DOT"));

TEST(Session, BackendThatDiedSinceRcptIsReplacedBeforeTheContentIsSent) {
  World world;
  world.connect();
  world.to_data();
  world.backend_drops();  // while the client takes its time with the message
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  EXPECT_EQ(world.backend.connections, 2);
  ASSERT_EQ(world.backend.delivered.size(), 1U);
  EXPECT_THAT(world.backend.delivered[0].rcpts, ElementsAre("b@example.org"));
}

TEST(Session, BackendsFourAndFiveHundredsForTheContentPass) {
  for (const std::string reply : {"452 4.3.1 Insufficient system storage", "554 5.6.0 content refused"}) {
    World world;
    world.backend.replies["DOT"] = reply;
    world.connect();
    world.to_data();
    EXPECT_EQ(world.say(kMessage), reply + "\r\n");
  }
}

TEST(Session, BackendsShutdownDoesNotEndOurs) {
  World world;
  world.backend.replies["MAIL"] = "421 4.3.2 shutting down";
  world.connect();
  world.say("EHLO client.example\r\n");
  EXPECT_THAT(world.say("MAIL FROM:<a@sender.example>\r\n"), StartsWith("451 "));
  EXPECT_FALSE(world.ended);
}

TEST(Session, SeveralMessagesUseOneBackendConnection) {
  World world;
  world.connect();
  for (int i = 0; i < 3; ++i) {
    world.say("EHLO client.example\r\nMAIL FROM:<a@sender.example>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n");
    world.read();
    EXPECT_THAT(world.say("X-Number: " + std::to_string(i) + "\r\n\r\nbody\r\n.\r\n"), StartsWith("250 "));
  }
  EXPECT_EQ(world.backend.connections, 1);
  EXPECT_EQ(world.backend.delivered.size(), 3U);
}

TEST(Session, RsetMidwayDoesNotLeakRecipients) {
  World world;
  world.connect();
  world.say("EHLO client.example\r\nMAIL FROM:<a@sender.example>\r\nRCPT TO:<first@example.org>\r\nRSET\r\n");
  world.say("MAIL FROM:<c@sender.example>\r\nRCPT TO:<second@example.org>\r\nDATA\r\n");
  world.read();
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  ASSERT_EQ(world.backend.delivered.size(), 1U);
  EXPECT_THAT(world.backend.delivered[0].rcpts, ElementsAre("second@example.org"));
  EXPECT_EQ(world.backend.delivered[0].from, "c@sender.example");
}

// ---------------------------------------------------------------- the client goes

TEST(Session, ClientThatVanishedBeforeOur250GetsItOnRetryWithoutASecondDelivery) {
  World world;
  world.connect();
  world.to_data();
  world.backend.hold = true;
  world.say(kMessage);
  world.client_vanishes();
  EXPECT_FALSE(world.ended);  // the backend's answer is waited for
  world.backend.hold = false;
  world.run();
  EXPECT_TRUE(world.ended);
  ASSERT_EQ(world.backend.delivered.size(), 1U);
  EXPECT_EQ(world.observer.gone, 1);
  world.connect();
  world.to_data();
  EXPECT_EQ(world.say(kMessage), "250 2.0.0 Ok: queued as 4F00D\r\n");
  EXPECT_EQ(world.backend.delivered.size(), 1U);
  EXPECT_EQ(world.observer.duplicates, 1);
  // Ten minutes later it is a new message.
  world.advance(minutes(11));
  world.connect();
  world.to_data();
  world.say(kMessage);
  EXPECT_EQ(world.backend.delivered.size(), 2U);
}

TEST(Session, ClientThatReadItsAnswerMaySendTheSameAgain) {
  World world;
  world.connect();
  for (int i = 0; i < 2; ++i) {
    world.to_data();
    EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  }
  EXPECT_EQ(world.backend.delivered.size(), 2U);
}

TEST(Session, ClientGoneBeforeTheFinalDotLeavesNothingBehind) {
  World world;
  world.connect();
  world.to_data();
  world.say("Subject: half\r\n");
  world.client_vanishes();
  EXPECT_TRUE(world.ended);
  EXPECT_TRUE(world.backend.delivered.empty());
  world.session.reset();
  EXPECT_EQ(world.memory.used(), 0U);
  EXPECT_EQ(world.observer.open, 0);
}

TEST(Session, HalfClosedClientStillGetsItsAnswer) {
  World world;
  world.connect();
  world.to_data();
  world.say_only(kMessage);
  world.client_ends_input();
  EXPECT_EQ(world.read(), "250 2.0.0 Ok: queued as 4F00D\r\n");
  EXPECT_TRUE(world.ended);
}

// ---------------------------------------------------------------- deadlines and shutdown

TEST(Session, IdleClientsAreToldToGo) {
  World world;
  world.connect();
  world.read();
  world.advance(minutes(4));
  EXPECT_EQ(world.read(), "");
  world.say("NOOP\r\n");
  world.advance(minutes(4));
  EXPECT_EQ(world.read(), "");
  world.advance(minutes(2));
  EXPECT_THAT(world.read(), StartsWith("421 4.4.2 "));
  EXPECT_TRUE(world.ended);
}

TEST(Session, ContentMustArriveInTime) {
  World world;
  world.policy.limits.data_timeout = minutes(1);
  world.connect();
  world.to_data();
  for (int i = 0; i < 7 && !world.ended; ++i) {
    world.say("slow\r\n");
    world.advance(seconds(10));
  }
  EXPECT_TRUE(world.ended);
}

TEST(Session, SilentBackendIs451) {
  World world;
  world.policy.backend.connect_timeout = seconds(10);
  world.backend.replies["GREETING"] = "220-still thinking";
  world.connect();
  world.say("EHLO client.example\r\nMAIL FROM:<a@sender.example>\r\n");
  world.read();
  world.advance(seconds(11));
  EXPECT_THAT(world.read(), StartsWith("451 4.4.1 "));
}

TEST(Session, ShutdownFinishesWhatIsPastItsFinalDot) {
  World world;
  world.connect();
  world.to_data();
  world.say_only(kMessage);
  EXPECT_TRUE(world.session->busy());
  world.session->shut_down();
  world.run();
  std::string told = world.read();
  EXPECT_THAT(told, StartsWith("250 2.0.0 Ok: queued as 4F00D\r\n421 4.3.2 "));
  EXPECT_TRUE(world.ended);
}

TEST(Session, ShutdownTellsTheOthers) {
  World world;
  world.connect();
  world.say("EHLO client.example\r\n");
  world.session->shut_down();
  EXPECT_THAT(world.read(), StartsWith("421 4.3.2 "));
  EXPECT_TRUE(world.ended);
}

// ---------------------------------------------------------------- verdicts

std::string rule(const std::string& score, const std::string& more = "") {
  return "rule \"SUSPECT\" { about = \"test\", score = " + score + ", when = function(mail) return true end" + more + " }\n";
}

TEST(Verdict, RejectNamesScoreLimitRulesAndId) {
  World world(rule("17.2"));
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage),
              testing::MatchesRegex("550 5.7.1 refused: score 17.2, limit 15.0 \\(SUSPECT\\) \\[id [0-9A-Z]+\\]\r\n"));
  EXPECT_TRUE(world.backend.delivered.empty());
  EXPECT_EQ(world.observer.verdicts["reject"], 1);
  // The session goes on, and what was refused does not stick to the next message.
  world.say("MAIL FROM:<a@sender.example>\r\n");
  EXPECT_THAT(world.backend.lines, Contains("RSET"));
}

TEST(Verdict, RevealOffLeavesOutRuleNames) {
  World world(rule("17.2"));
  world.policy.verdict.reveal = false;
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), Not(HasSubstr("SUSPECT")));
}

TEST(Verdict, TagMarksTheMessage) {
  World world(rule("7.3"));
  world.policy.verdict.subject_prefix = "[SPAM]";
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  EXPECT_THAT(world.backend.delivered.at(0).content,
              HasSubstr("X-Spam-Flag: YES\r\nX-Spam-Score: 7.3\r\nX-Spam-Level: *******\r\nX-Spam-Status: Yes, score=7.3 "
                        "required=6.0 tests=[SUSPECT=7.3]\r\n"));
  EXPECT_THAT(world.backend.delivered.at(0).content, HasSubstr("\r\nSubject: [SPAM] hello\r\n"));
}

TEST(Verdict, ThresholdIsMetWhenReached) {
  World world(rule("6.0"));
  world.connect();
  world.to_data();
  world.say(kMessage);
  EXPECT_THAT(world.backend.delivered.at(0).content, HasSubstr("X-Spam-Flag: YES"));
}

TEST(Verdict, DeferIs451) {
  World world(rule("3.0"));
  world.policy.verdict.thresholds.defer = 3.0;
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("451 4.7.1 deferred: score 3.0, limit 3.0 (SUSPECT) [id "));
}

TEST(Verdict, QuarantineKeepsACopyAndSays250) {
  World world(rule("9.0"));
  world.policy.verdict.thresholds.quarantine = 9.0;
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("250 2.0.0 "));
  EXPECT_TRUE(world.backend.delivered.empty());
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(world.directory + "/quarantine/new")) {
    std::ifstream file(entry.path());
    std::string text((std::istreambuf_iterator<char>(file)), {});
    EXPECT_THAT(text, HasSubstr("Delivered-To: b@example.org\n"));
    EXPECT_THAT(text, HasSubstr("\nSubject: hello\n"));
    ++files;
  }
  EXPECT_EQ(files, 1U);
}

TEST(Verdict, EmbeddedMaildirStoresTheMessage) {
  World world;
  session::BackendAddress maildir;
  maildir.kind = session::BackendAddress::Kind::Maildir;
  maildir.path = world.directory + "/mail";
  maildir.text = "maildir:" + maildir.path;
  world.policy.backend.addresses = {maildir};
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("250 2.0.0 "));
  EXPECT_FALSE(std::filesystem::is_empty(world.directory + "/mail/new"));
}

TEST(Verdict, MaildirThatCannotBeWrittenIs452) {
  World world;
  session::BackendAddress maildir;
  maildir.kind = session::BackendAddress::Kind::Maildir;
  maildir.path = "/dev/null/mail";
  maildir.text = "maildir:/dev/null/mail";
  world.policy.backend.addresses = {maildir};
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("452 4.3.1 "));
}

TEST(Verdict, ActionsDecideAtTheirStage) {
  World world(
      "rule \"NO_HELO\" { about = \"x\", stage = \"helo\", action = \"reject\", reply = \"550 5.7.1 not you\",\n"
      "  when = function(mail) return mail.helo == \"bad.example\" end }\n"
      "rule \"NO_SENDER\" { about = \"x\", stage = \"mail\", action = \"defer\",\n"
      "  when = function(mail) return mail.from == \"later@sender.example\" end }\n"
      "rule \"NO_RCPT\" { about = \"x\", stage = \"rcpt\", action = \"reject\",\n"
      "  when = function(mail) return mail.rcpts[#mail.rcpts] == \"closed@example.org\" end }\n");
  world.connect();
  world.read();
  EXPECT_THAT(world.say("EHLO bad.example\r\n"), StartsWith("550 5.7.1 not you"));
  EXPECT_THAT(world.say("EHLO good.example\r\n"), StartsWith("250-"));
  EXPECT_THAT(world.say("MAIL FROM:<later@sender.example>\r\n"), StartsWith("451 4.7.1 "));
  EXPECT_THAT(world.say("MAIL FROM:<now@sender.example>\r\n"), StartsWith("250 "));
  EXPECT_THAT(world.say("RCPT TO:<closed@example.org>\r\n"), StartsWith("550 5.7.1 "));
  EXPECT_THAT(world.say("RCPT TO:<open@example.org>\r\n"), StartsWith("250 "));
}

TEST(Verdict, ConnectActionRefusesBeforeAnything) {
  World world(
      "rule \"GO_AWAY\" { about = \"x\", stage = \"connect\", action = \"reject\",\n"
      "  when = function(mail) return mail.client.ip == \"192.0.2.66\" end }\n");
  world.connect("192.0.2.66");
  EXPECT_THAT(world.read(), StartsWith("554 "));
  EXPECT_THAT(world.say("EHLO x.example\r\n"), StartsWith("503 "));
  world.connect("192.0.2.67");
  EXPECT_THAT(world.read(), StartsWith("220 "));
}

TEST(Verdict, RecipientsWithOtherLimitsGoInTheirOwnTransaction) {
  World world;
  session::RecipientThresholds strict;
  strict.recipients = {"strict@example.org"};
  strict.thresholds.reject = 5.0;
  world.policy.verdict.overrides = {strict};
  world.connect();
  world.say("EHLO c.example\r\nMAIL FROM:<a@sender.example>\r\nRCPT TO:<b@example.org>\r\n");
  world.read();
  EXPECT_THAT(world.say("RCPT TO:<strict@example.org>\r\n"), StartsWith("452 4.5.3 "));
  world.policy.verdict.mixed = session::VerdictPolicy::Mixed::Strictest;
  world.connect();
  world.say("EHLO c.example\r\nMAIL FROM:<a@sender.example>\r\nRCPT TO:<b@example.org>\r\n");
  world.read();
  EXPECT_THAT(world.say("RCPT TO:<strict@example.org>\r\n"), StartsWith("250 "));
}

TEST(Verdict, SpfFailReachesTheRules) {
  World world("rule \"SPF_FAIL\" { about = \"x\", stage = \"mail\", score = 20.0,\n"
              "  when = function(mail) return mail.spf.result == \"fail\" end }\n");
  world.dns.txt("sender.example", "v=spf1 -all");
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("550 5.7.1 refused: score 20.0, limit 15.0 (SPF_FAIL)"));
}

// ---------------------------------------------------------------- limits and content

TEST(Content, LargeMessagesSpoolAndArriveWhole) {
  World world;
  world.connect();
  world.to_data();
  std::string body;
  for (int i = 0; i < 60'000; ++i) body += "line " + std::to_string(i) + " of a large message, with some text\r\n";
  std::string reply = world.say("Subject: large\r\n\r\n" + body + ".\r\n");
  EXPECT_THAT(reply, StartsWith("250 "));
  ASSERT_EQ(world.backend.delivered.size(), 1U);
  EXPECT_THAT(world.backend.delivered[0].content, testing::EndsWith("\r\n\r\n" + body + ".\r\n"));
}

TEST(Content, MemoryBudgetSpentIs452AndTheSessionGoesOn) {
  World world;
  world.memory.set_limit(40'000);
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say("Subject: x\r\n\r\n" + std::string(900, 'x') + "\r\n.\r\n"), StartsWith("250 "));
  world.say("MAIL FROM:<a@sender.example>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n");
  world.read();
  std::string big;
  for (int i = 0; i < 1000; ++i) big += std::string(60, 'x') + "\r\n";
  EXPECT_THAT(world.say("Subject: x\r\n\r\n" + big + ".\r\n"), StartsWith("452 4.3.1 "));
  EXPECT_THAT(world.say("NOOP\r\n"), StartsWith("250 "));
}

TEST(Content, SpoolThatCannotBeWrittenIs452) {
  World world;
  world.policy.limits.spool = "/nonexistent";
  world.connect();
  world.to_data();
  std::string big;
  for (int i = 0; i < 30'000; ++i) big += std::string(60, 'x') + "\r\n";
  EXPECT_THAT(world.say("Subject: x\r\n\r\n" + big + ".\r\n"), StartsWith("452 4.3.1 "));
}

TEST(Content, ForgedFieldsAreRemovedAndTheRestPasses) {
  World world;
  world.connect();
  world.to_data();
  world.say("X-Spam-Flag: NO\r\nX-Postern-Id: forged\r\nAuthentication-Results: mx.example.org; spf=pass\r\n"
            "Authentication-Results: other.example; spf=pass\r\nSubject: s\r\n\r\n..dot\r\n.\r\n");
  const std::string& content = world.backend.delivered.at(0).content;
  EXPECT_THAT(content, Not(HasSubstr("forged")));
  EXPECT_THAT(content, testing::EndsWith("\r\nAuthentication-Results: other.example; spf=pass\r\nSubject: s\r\n\r\n..dot\r\n.\r\n"));
}

TEST(Content, MessageWithoutHeaderKeepsItsBody) {
  World world;
  world.connect();
  world.to_data();
  world.say("just words\r\n.\r\n");
  EXPECT_THAT(world.backend.delivered.at(0).content, testing::EndsWith("\r\n\r\njust words\r\n.\r\n"));
}

}  // namespace
}  // namespace postern::test
