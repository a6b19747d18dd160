// What is answered before the message because the backend cannot be asked: it names an id, and is told under it.
#include <algorithm>

#include <gmock/gmock.h>

#include "tests/unit/proxy_session/world.h"

namespace postern::test {
namespace {

using rules::Stage;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kMessage = "Subject: s\r\n\r\nGood day.\r\n.\r\n";

class SessionDeferral : public testing::Test {
 public:
  SessionDeferral() = default;
  SessionDeferral(const SessionDeferral&) = delete;
  SessionDeferral& operator=(const SessionDeferral&) = delete;
  ~SessionDeferral() override = default;

 protected:
  std::string greet_and(const std::string& command) {
    world_.connect();
    world_.say("EHLO client.example\r\n");
    return world_.say(command);
  }
  void expect_told(const std::string& reply, Stage stage) {
    EXPECT_THAT(reply, StartsWith("451 4.4.1 "));
    EXPECT_THAT(reply, EndsWith(" [id " + world_.observer.refused_id + "]\r\n"));
    EXPECT_EQ(world_.observer.refused_with + "\r\n", reply);
    EXPECT_EQ(world_.observer.refused_at, stage);
    EXPECT_EQ(world_.observer.refused_by, "") << "no rule";
    auto told = world_.observer.timeline.moments();
    ASSERT_FALSE(told.empty());
    EXPECT_EQ(told.back().what, session::Moment::What::Reply);
  }

  World world_;
};

TEST_F(SessionDeferral, AtMailItIsToldUnderTheIdInTheReply) {
  world_.backend.refuse = true;
  expect_told(greet_and("MAIL FROM:<a@sender.example>\r\n"), Stage::Mail);
  std::string first = world_.observer.refused_id;
  EXPECT_EQ(first.size(), 26U);
  expect_told(world_.say("MAIL FROM:<b@sender.example>\r\n"), Stage::Mail);
  EXPECT_NE(world_.observer.refused_id, first);
  EXPECT_EQ(world_.observer.refusals, 2);
  auto steps = world_.observer.timeline.moments();
  EXPECT_TRUE(std::any_of(steps.begin(), steps.end(), [](const session::Moment& step) {
    return step.what == session::Moment::What::Backend && step.text.find("Connection refused") != std::string::npos;
  })) << "why";
}

TEST_F(SessionDeferral, AtRcptWhenTheBackendWasLostSinceMail) {
  EXPECT_THAT(greet_and("MAIL FROM:<a@sender.example>\r\n"), StartsWith("250 "));
  world_.backend.refuse = true;
  world_.backend_drops();
  expect_told(world_.say("RCPT TO:<b@example.org>\r\n"), Stage::Rcpt);
  EXPECT_EQ(world_.observer.refused_rcpts, std::vector<std::string>{"b@example.org"});
}

TEST_F(SessionDeferral, AtTheFirstRecipientWhereRoutesSayWhichBackend) {
  session::BackendPolicy::Route route;
  route.domains.add("example.org");
  route.addresses.push_back(world_.policy.backend.addresses.front());
  world_.policy.backend.routes.push_back(std::move(route));
  world_.backend.refuse = true;
  EXPECT_THAT(greet_and("MAIL FROM:<a@sender.example>\r\n"), StartsWith("250 "));
  expect_told(world_.say("RCPT TO:<b@example.org>\r\n"), Stage::Rcpt);
  EXPECT_EQ(world_.observer.refused_rcpts, std::vector<std::string>{"b@example.org"});
}

TEST_F(SessionDeferral, WhatTheBackendSaysItselfPassesAsItIs) {
  world_.backend.replies["MAIL"] = "451 4.3.2 busy";
  EXPECT_EQ(greet_and("MAIL FROM:<a@sender.example>\r\n"), "451 4.3.2 busy\r\n");
  EXPECT_EQ(world_.observer.refusals, 0);
}

TEST_F(SessionDeferral, AnotherBackendIsNoDeferral) {
  session::BackendAddress second;
  second.text = "127.0.0.2:25";
  world_.policy.backend.addresses.push_back(second);
  world_.backend.refuse = true;
  std::string reply = greet_and("MAIL FROM:<a@sender.example>\r\n");
  EXPECT_THAT(reply, StartsWith("250 "));
  EXPECT_THAT(reply, Not(HasSubstr("[id")));
  EXPECT_EQ(world_.observer.refusals, 0);
}

TEST_F(SessionDeferral, AtTheFinalDotItIsToldOnceWithTheMessage) {
  world_.connect();
  world_.to_data();
  world_.backend.refuse = true;
  world_.backend_drops();
  std::string reply = world_.say(kMessage);
  EXPECT_THAT(reply, EndsWith(" [id " + world_.observer.last.id + "]\r\n"));
  EXPECT_EQ(world_.observer.refusals, 0);
}

}  // namespace
}  // namespace postern::test
