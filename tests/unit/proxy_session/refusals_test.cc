// What no rule decides is refused under an id that is on record, however often a client tries it.
#include "proxy/session/refusals.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/unit/proxy_session/refusals_fixture.h"

namespace postern::test {
namespace {

using rules::Stage;
using session::Cause;
using session::Refusals;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

class SessionRefusals : public RefusedClient {
 protected:
  /// The last thing that was told is this reply, under the id that it names.
  void expect_told(const std::string& reply, Cause cause, Stage stage) {
    ASSERT_THAT(world_.observer.told, testing::Not(IsEmpty())) << reply;
    const auto& last = world_.observer.told.back();
    EXPECT_EQ(id_of(reply), last.id) << reply;
    EXPECT_THAT(last.id, SizeIs(26));
    EXPECT_EQ(last.cause, cause) << reply;
    EXPECT_EQ(last.stage, stage) << reply;
    EXPECT_EQ(last.more, 0U) << reply;
    EXPECT_EQ(last.reply + "\r\n", reply);
    EXPECT_EQ(world_.observer.refused_by, "") << "no rule";
    EXPECT_EQ(world_.observer.timeline.moments().back().what, session::Moment::What::Reply);
  }
  /// The message was told with this reply.
  void expect_message(const std::string& reply, Cause cause, const std::string& verdict) {
    EXPECT_EQ(id_of(reply), world_.observer.last.id) << reply;
    EXPECT_EQ(world_.observer.last.cause, cause) << reply;
    EXPECT_EQ(world_.observer.last.verdict, verdict) << reply;
  }
};

// ---------------------------------------------------------------- relaying, and how often

TEST_F(SessionRefusals, RelayingIsToldUnderTheIdInTheReply) {
  greet();
  mail();
  std::string reply = rcpt("b@elsewhere.example");
  EXPECT_THAT(reply, StartsWith("550 5.7.1 relaying denied: elsewhere.example is not handled here [id "));
  expect_told(reply, Cause::Relay, Stage::Rcpt);
  EXPECT_THAT(world_.observer.refused_rcpts, ElementsAre("b@elsewhere.example"));
  expect_told(rcpt("b%elsewhere.example@example.org"), Cause::RelayRoute, Stage::Rcpt);
  EXPECT_EQ(ids().size(), 1U) << "the transaction's";
}

TEST_F(SessionRefusals, TheMessageThatFollowsHasTheSameId) {
  greet();
  mail();
  std::string id = id_of(rcpt("b@elsewhere.example"));
  rcpt("b@example.org");
  world_.say("DATA\r\n");
  world_.say(kMessage);
  EXPECT_EQ(world_.observer.last.id, id);
  EXPECT_EQ(world_.observer.last.cause, Cause::None);
  EXPECT_EQ(world_.observer.refusals, 1);
}

TEST_F(SessionRefusals, WhatWasCountedIsToldWhereverTheTransactionEnds) {
  for (const char* end : {"RSET\r\n", "EHLO again.example\r\n", "QUIT\r\n", ""}) {
    greet();
    mail();
    rcpt("b@elsewhere.example");
    rcpt("c@elsewhere.example");
    int before = world_.observer.refusals;
    if (*end != '\0') world_.say(end);
    if (*end == '\0') world_.client_vanishes();
    EXPECT_EQ(world_.observer.refusals, before + 1) << end;
    EXPECT_EQ(world_.observer.told.back().more, 1U) << end;
  }
  greet();
  mail();
  rcpt("b@example.org");
  rcpt("b@elsewhere.example");
  rcpt("c@elsewhere.example");
  world_.say("DATA\r\n");
  world_.say(kMessage);
  EXPECT_EQ(world_.observer.told.back().more, 1U) << "the end of the message";
  EXPECT_EQ(world_.observer.told.back().id, world_.observer.last.id);
}

// ---------------------------------------------------------------- other refusals before the message

TEST_F(SessionRefusals, AMessageThatIsAnnouncedTooBig) {
  world_.policy.limits.message_size = 1000;
  greet();
  std::string first = world_.say("MAIL FROM:<a@sender.example> SIZE=1001\r\n");
  EXPECT_THAT(first, StartsWith("552 5.3.4 message too big, limit is 1000 octets [id "));
  expect_told(first, Cause::TooBig, Stage::Mail);
  std::string second = world_.say("MAIL FROM:<b@sender.example> SIZE=1001\r\n");
  expect_told(second, Cause::TooBig, Stage::Mail);
  EXPECT_NE(id_of(first), id_of(second));
  for (int i = 0; i < 1000; ++i) second = world_.say("MAIL FROM:<b@sender.example> SIZE=1001\r\n");
  world_.say("QUIT\r\n");
  EXPECT_EQ(id_of(second), world_.observer.told.back().id);
  EXPECT_EQ(world_.observer.refusals, static_cast<int>(Refusals::kMostTransactions) + 1);
  EXPECT_EQ(counted(), 1002U);
}

TEST_F(SessionRefusals, ARecipientThatBelongsIntoAnotherTransaction) {
  world_.policy.verdict.overrides.push_back({{"strict@example.org"}, {}});
  world_.policy.verdict.overrides.back().thresholds.reject = 5.0;
  greet();
  mail();
  rcpt("b@example.org");
  std::string reply = rcpt("strict@example.org");
  EXPECT_THAT(reply, StartsWith("452 4.5.3 "));
  expect_told(reply, Cause::OtherLimits, Stage::Rcpt);
}

TEST_F(SessionRefusals, ARecipientThatGoesAnotherWay) {
  world_.policy.relay.domains.add("example.net");
  session::BackendPolicy::Route route;
  route.domains.add("example.net");
  route.addresses.push_back(world_.policy.backend.addresses.front());
  world_.policy.backend.routes.push_back(std::move(route));
  greet();
  mail();
  rcpt("b@example.org");
  std::string reply = rcpt("b@example.net");
  EXPECT_THAT(reply, StartsWith("452 4.5.3 "));
  expect_told(reply, Cause::OtherRoute, Stage::Rcpt);
}

TEST_F(SessionRefusals, MoreRecipientsThanAreTaken) {
  world_.policy.limits.recipients = 1;
  greet();
  mail();
  rcpt("b@example.org");
  std::string reply = rcpt("c@example.org");
  EXPECT_THAT(reply, StartsWith("452 4.5.3 too many recipients [id "));
  expect_told(reply, Cause::TooManyRecipients, Stage::Rcpt);
  EXPECT_THAT(world_.observer.refused_rcpts, ElementsAre("c@example.org"));
}

TEST_F(SessionRefusals, DataWithoutARecipientTellsWhatBecameOfThem) {
  world_.backend.replies["RCPT"] = "550 5.1.1 unknown";
  greet();
  mail();
  rcpt("b@example.org");
  EXPECT_EQ(world_.observer.refusals, 0) << "the backend's words pass as they are";
  std::string reply = world_.say("DATA\r\n");
  EXPECT_THAT(reply, StartsWith("554 5.5.1 no valid recipients [id "));
  expect_told(reply, Cause::NoRecipients, Stage::Rcpt);
  auto steps = world_.observer.timeline.moments();
  EXPECT_TRUE(std::any_of(steps.begin(), steps.end(),
                          [](const session::Moment& step) { return step.text == "b@example.org: 550 5.1.1 unknown"; }));
}

TEST_F(SessionRefusals, AnInternationalisedMessageThatTheBackendDoesNotTake) {
  world_.connect();
  world_.to_data();  // what the backend offered is what we offer
  auto& extensions = world_.backend.extensions;
  extensions.erase(std::find(extensions.begin(), extensions.end(), "SMTPUTF8"));
  greet();
  std::string reply = world_.say("MAIL FROM:<a@sender.example> SMTPUTF8\r\n");
  EXPECT_THAT(reply, StartsWith("550 5.6.7 "));
  expect_told(reply, Cause::Smtputf8, Stage::Mail);
}

TEST_F(SessionRefusals, TooManyBadCommandsAreToldOnce) {
  world_.policy.limits.errors = 2;
  greet();
  world_.say("FOO\r\nFOO\r\n");
  std::string reply = world_.say("FOO\r\nFOO\r\nFOO\r\n");
  EXPECT_THAT(reply, StartsWith("421 4.7.0 too many errors [id "));
  expect_told(reply, Cause::TooManyErrors, Stage::Helo);
  EXPECT_TRUE(world_.ended);
}

TEST_F(SessionRefusals, ATimeOutIsToldWhereAMessageWasUnderWay) {
  greet();
  world_.advance(std::chrono::minutes(6));
  EXPECT_EQ(id_of(world_.read()), "") << "nobody lost anything";
  EXPECT_EQ(world_.observer.refusals, 0);
  greet();
  mail();
  rcpt("b@example.org");
  world_.advance(std::chrono::minutes(6));
  std::string reply = world_.read();
  EXPECT_THAT(reply, StartsWith("421 4.4.2 "));
  expect_told(reply, Cause::TimeOut, Stage::Rcpt);
}

// ---------------------------------------------------------------- the message

TEST_F(SessionRefusals, AMessageThatGrowsTooBig) {
  world_.policy.limits.message_size = 10;
  world_.connect();
  world_.to_data();
  std::string reply = world_.say(kMessage);
  EXPECT_THAT(reply, StartsWith("552 5.3.4 message too big [id "));
  expect_message(reply, Cause::TooBig, "reject");
  EXPECT_EQ(world_.observer.refusals, 0) << "told with the message";
}

TEST_F(SessionRefusals, BareLineEnds) {
  world_.policy.bare_newline = smtp::BareNewline::Reject;
  world_.connect();
  world_.to_data();
  std::string reply = world_.say("Subject: s\n\r\nGood day.\r\n.\r\n");
  EXPECT_THAT(reply, StartsWith("550 5.6.0 "));
  expect_message(reply, Cause::BareNewline, "reject");
}

TEST_F(SessionRefusals, AHeaderOutOfAllMeasure) {
  world_.connect();
  world_.to_data();
  std::string header;
  for (int i = 0; i < 30'000; ++i) header += fmt::format("X-Field-{}: {}\r\n", i, std::string(60, 'x'));
  std::string reply = world_.say(header + "\r\nbody\r\n.\r\n");
  EXPECT_THAT(reply, StartsWith("552 5.3.4 message header is too large [id "));
  expect_message(reply, Cause::HeaderTooBig, "reject");
}

TEST_F(SessionRefusals, NoRoomForTheMessage) {
  world_.policy.limits.spool = world_.directory + "/nowhere";
  world_.connect();
  world_.to_data();
  std::string large = "Subject: s\r\n\r\n";
  while (large.size() < 3U << 20U) large += std::string(70, 'x') + "\r\n";
  std::string reply = world_.say(large + ".\r\n");
  EXPECT_THAT(reply, StartsWith("452 4.3.1 insufficient system storage, try again later [id "));
  expect_message(reply, Cause::Storage, "error");
  EXPECT_THAT(world_.observer.notes, Contains(HasSubstr(id_of(reply)))) << "why";
}

TEST_F(SessionRefusals, ARetryWhileTheFirstIsUnderWay) {
  world_.connect();
  world_.to_data();
  world_.backend.hold = true;
  world_.say(kMessage);
  auto first = world_.client_vanishes_and_stays_open();
  world_.connect();
  world_.to_data();
  std::string reply = world_.say(kMessage);
  EXPECT_THAT(reply, StartsWith("451 4.3.0 "));
  expect_message(reply, Cause::UnderWay, "defer");
  EXPECT_TRUE(world_.observer.last.duplicate);
}

// ---------------------------------------------------------------- our own faults

constexpr const char* kReadsSpf = R"(
rule "X" {{ about = "x", score = 1, stage = "{}", when = function(mail) return mail.spf.result == "fail" end }})";

TEST_F(SessionRefusals, AFaultOfOursAtMailOrRcpt) {
  for (Stage stage : {Stage::Mail, Stage::Rcpt}) {
    World world(fmt::format(fmt::runtime(kReadsSpf), rules::to_string(stage)));
    world.connect();
    world.observer.throws_at = "spf";
    world.say("EHLO client.example\r\n");
    std::string reply = world.say("MAIL FROM:<a@sender.example>\r\n");
    if (stage == Stage::Rcpt) reply = world.say("RCPT TO:<b@example.org>\r\n");
    EXPECT_THAT(reply, StartsWith("451 4.3.0 local error, try again later [id "));
    ASSERT_THAT(world.observer.told, SizeIs(1));
    EXPECT_EQ(world.observer.told[0].id, id_of(reply));
    EXPECT_EQ(world.observer.told[0].cause, Cause::Fault);
    EXPECT_THAT(world.observer.notes, Contains(AllOf(HasSubstr("192.0.2.10"), HasSubstr(id_of(reply)))));
    world.observer.throws_at.clear();
    world.say("RSET\r\n");
    world.to_data();
    EXPECT_THAT(world.say(kMessage), StartsWith("250 ")) << "the session goes on";
  }
}

TEST_F(SessionRefusals, AFaultOfOursAtTheMessage) {
  world_.connect();
  world_.observer.throws_at = "spf";
  world_.to_data();
  std::string reply = world_.say(kMessage);
  EXPECT_THAT(reply, StartsWith("451 4.3.0 local error, try again later [id "));
  expect_message(reply, Cause::Fault, "error");
  EXPECT_THAT(world_.observer.notes, Contains(HasSubstr(id_of(reply))));
  EXPECT_FALSE(world_.session->busy()) << "nothing is left of it";
  world_.observer.throws_at.clear();
  world_.to_data();
  EXPECT_THAT(world_.say(kMessage), StartsWith("250 ")) << "nor at the backend";
  EXPECT_THAT(world_.backend.delivered, SizeIs(1));
}

}  // namespace
}  // namespace postern::test
