// What becomes of a message: verdicts, limits, and its bytes.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/proxy_session/world.h"

namespace postern::test {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kMessage = "Subject: hello\r\nFrom: <a@sender.example>\r\n\r\nbody\r\n.\r\n";

// ---------------------------------------------------------------- verdicts

std::string rule(const std::string& score, const std::string& more = "") {
  return "rule \"SUSPECT\" { about = \"test\", score = " + score + ", when = function(mail) return true end" + more +
         " }\n";
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
  EXPECT_THAT(
      world.backend.delivered.at(0).content,
      HasSubstr("X-Spam-Flag: YES\r\nX-Spam-Score: 7.3\r\nX-Spam-Level: *******\r\nX-Spam-Status: Yes, score=7.3 "
                "required=6.0 tests=[SUSPECT=7.3] version="));
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
  World world(
      "rule \"SPF_FAIL\" { about = \"x\", stage = \"mail\", score = 20.0,\n"
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
  world.say(
      "X-Spam-Flag: NO\r\nX-Postern-Id: forged\r\nAuthentication-Results: mx.example.org; spf=pass\r\n"
      "Authentication-Results: other.example; spf=pass\r\nSubject: s\r\n\r\n..dot\r\n.\r\n");
  const std::string& content = world.backend.delivered.at(0).content;
  EXPECT_THAT(content, Not(HasSubstr("forged")));
  EXPECT_THAT(content, testing::EndsWith(
                           "\r\nAuthentication-Results: other.example; spf=pass\r\nSubject: s\r\n\r\n..dot\r\n.\r\n"));
}

TEST(Content, LoneNewlinesAreMendedAndCounted) {
  World world;
  world.connect();
  world.to_data();
  world.say("Subject: s\r\n\r\none\ntwo\rthree\r\n.\r\n");
  EXPECT_THAT(world.backend.delivered.at(0).content, testing::EndsWith("\r\n\r\none\r\ntwo\r\nthree\r\n.\r\n"));
  EXPECT_EQ(world.observer.bare_newlines, 2U);
}

TEST(Content, MessageWithoutHeaderKeepsItsBody) {
  World world;
  world.connect();
  world.to_data();
  world.say("just words\r\n.\r\n");
  EXPECT_THAT(world.backend.delivered.at(0).content, testing::EndsWith("\r\n\r\njust words\r\n.\r\n"));
}

// Below our fields it would end the header for the mail server behind us.
TEST(Content, TheLineOfAnMboxFileGetsAName) {
  World world;
  world.connect();
  world.to_data();
  world.say(
      "From a@b.example Sun Nov 22 10:00:00 2026\r\nFrom: a@b.example\r\nSubject: s\r\n\r\nFrom here on\r\n.\r\n");
  EXPECT_THAT(world.backend.delivered.at(0).content,
              testing::EndsWith("\r\nX-Mailbox-Line: From a@b.example Sun Nov 22 10:00:00 2026\r\nFrom: a@b.example\r\n"
                                "Subject: s\r\n\r\nFrom here on\r\n.\r\n"));
}

}  // namespace
}  // namespace postern::test
