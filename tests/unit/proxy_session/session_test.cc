// What a sender, a backend and an admin notice of a session.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  EXPECT_THAT(
      mail.content,
      HasSubstr(
          "\r\nAuthentication-Results: mx.example.org;\r\n\tiprev=permerror policy.iprev=192.0.2.10;\r\n\tspf=none"));
  EXPECT_THAT(mail.content,
              HasSubstr("\r\nX-Spam-Flag: NO\r\nX-Spam-Score: 0.0\r\nX-Spam-Status: No, score=0.0 required=6.0 "
                        "tests=[] version="));
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
  EXPECT_THAT(world.say("RCPT TO:<b%elsewhere.example@example.org>\r\n"), StartsWith("550 5.7.1 "));
  EXPECT_THAT(world.say("RCPT TO:<elsewhere.example!b@example.org>\r\n"), StartsWith("550 5.7.1 "));
  EXPECT_THAT(world.say("RCPT TO:<\"b@elsewhere.example\"@example.org>\r\n"), StartsWith("550 5.7.1 "));
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

// ---------------------------------------------------------------- one backend connection for many clients

TEST(Session, WithoutClientInfoTheNextSessionUsesTheConnection) {
  World world;
  world.policy.backend.client_info = session::BackendPolicy::ClientInfo::None;
  for (int i = 0; i < 3; ++i) {
    world.connect();
    world.to_data();
    EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
    world.say("QUIT\r\n");
  }
  EXPECT_EQ(world.backend.connections, 1);
  EXPECT_EQ(world.backend.delivered.size(), 3U);
  // A quiet gateway holds none.
  world.advance(seconds(2));
  EXPECT_EQ(world.pool.size(), 0U);
}

TEST(Session, AConnectionThatTheClientLeftInDisorderIsNotUsedAgain) {
  for (const std::string_view left_at : {"MAIL", "RCPT", "DATA", "DOT"}) {
    World world;
    world.policy.backend.client_info = session::BackendPolicy::ClientInfo::None;
    world.connect();
    world.say("EHLO client.example\r\n");
    if (left_at == "MAIL") {
      world.say_only("MAIL FROM:<first@sender.example>\r\n");
    } else {
      world.say("MAIL FROM:<first@sender.example>\r\n");
      if (left_at != "RCPT") world.say("RCPT TO:<first@example.org>\r\n");
      if (left_at == "RCPT") world.say_only("RCPT TO:<first@example.org>\r\n");
      if (left_at == "DOT") {
        world.say("DATA\r\n");
        world.say("Subject: half\r\n");
      }
    }
    world.client_vanishes();
    world.connect();
    world.to_data("second@sender.example", "second@example.org");
    EXPECT_THAT(world.say(kMessage), StartsWith("250 ")) << left_at;
    ASSERT_EQ(world.backend.delivered.size(), 1U) << left_at;
    EXPECT_EQ(world.backend.delivered[0].from, "second@sender.example") << left_at;
    EXPECT_THAT(world.backend.delivered[0].rcpts, ElementsAre("second@example.org")) << left_at;
  }
}

TEST(Session, AWaitingConnectionThatDiedIsReplaced) {
  World world;
  world.policy.backend.client_info = session::BackendPolicy::ClientInfo::None;
  world.connect();
  world.to_data();
  world.say(kMessage);
  world.say("QUIT\r\n");
  world.backend_drops();
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  EXPECT_EQ(world.backend.connections, 2);
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
  // It was there to read it this time: the next such message is a new one.
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  EXPECT_EQ(world.backend.delivered.size(), 2U);
}

TEST(Session, RetryWhileTheFirstIsStillUnderWayIsDeferred) {
  World world;
  world.connect();
  world.to_data();
  world.backend.hold = true;
  world.say(kMessage);
  auto first = world.client_vanishes_and_stays_open();
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("451 4.3.0 "));
  world.backend.hold = false;
  world.run();
  first.reset();
  world.to_data();
  EXPECT_EQ(world.say(kMessage), "250 2.0.0 Ok: queued as 4F00D\r\n");
  EXPECT_EQ(world.backend.delivered.size(), 1U);
}

TEST(Session, ClientThatReadItsAnswerMaySendTheSameAgain) {
  World world;
  world.connect();
  for (int i = 0; i < 2; ++i) {
    world.to_data();
    EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  }
  EXPECT_EQ(world.backend.delivered.size(), 2U);
  // Also when it leaves without QUIT: it got its answer, or it would have been reset.
  world.client_ends_input();
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  EXPECT_EQ(world.backend.delivered.size(), 3U);
}

TEST(Session, ClientThatDoesNotReadIsNotServedFurther) {
  World world;
  world.connect();
  world.read();
  world.client->unread_limit = 0;
  std::string flood;
  for (int i = 0; i < 2000; ++i) flood += "EHLO client.example\r\n";
  for (int i = 0; i < 10; ++i) world.client->events->received(flood);
  EXPECT_LT(world.client->written.size(), 200'000U);
  EXPECT_FALSE(world.client->reading);
  world.advance(minutes(6));
  EXPECT_TRUE(world.ended);
}

TEST(Session, AGroupOfCommandsWithLongRepliesIsAnsweredWhole) {
  World world;
  world.connect();
  world.say("EHLO client.example\r\n");
  constexpr size_t kCommands = 10'000;  // more than 64 KiB of replies, all taken at once by the client's side
  std::string group;
  for (size_t i = 0; i < kCommands; ++i) group += "NOOP\r\n";
  world.client->events->received(group);
  std::string replies = world.read();
  EXPECT_EQ(std::count(replies.begin(), replies.end(), '\n'), kCommands);
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

TEST(Session, DrippingACommandDoesNotHoldTheSession) {
  World world;
  world.connect();
  for (int i = 0; i < 20 && !world.ended; ++i) {
    world.say("N");
    world.advance(seconds(30));
  }
  EXPECT_TRUE(world.ended);
}

TEST(Session, ABackendThatIsShuttingDownIsPassedBy) {
  World world;
  session::BackendAddress second;
  second.text = "127.0.0.2:25";
  world.policy.backend.addresses.push_back(second);
  world.backend.replies["MAIL"] = "421 4.3.2 shutting down";
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  EXPECT_EQ(world.backends["127.0.0.2:25"].delivered.size(), 1U);
}

TEST(Session, OnlyA250TakesAMessage) {
  World world;
  world.backend.replies["DOT"] = "221 2.0.0 bye";
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("451 "));
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

}  // namespace
}  // namespace postern::test
