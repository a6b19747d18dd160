// Whole dialogues with a backend, each fed whole and cut into small pieces: the actions must be the same.
#include "proxy/smtp/client_engine.h"

#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::smtp {
namespace {

using ::testing::HasSubstr;

const char* name_of(Request request) {
  switch (request) {
    case Request::Mail: return "MAIL";
    case Request::Rcpt: return "RCPT";
    case Request::Data: return "DATA";
    case Request::Content: return "content";
    case Request::Reset: return "RSET";
    case Request::Quit: return "QUIT";
  }
  return "?";
}

struct Printer {
  std::string operator()(const client::Send& send) const { return "> " + send.bytes; }
  std::string operator()(const client::StartTls&) const { return "tls\n"; }
  std::string operator()(const client::Ready&) const { return "ready\n"; }
  std::string operator()(const client::Replied& replied) const {
    return std::string(name_of(replied.request)) + ": " + replied.reply.to_string() + "\n";
  }
  std::string operator()(const client::Broken& broken) const {
    return "broken" + (broken.reply ? " by " + std::to_string(broken.reply->code) : "") + ": " + broken.why + "\n";
  }
};

MailCommand mail_from(const std::string& address, std::vector<Parameter> parameters = {}) {
  MailCommand command;
  command.from.address = address;
  command.parameters = std::move(parameters);
  return command;
}

RcptCommand rcpt_to(const std::string& address, std::vector<Parameter> parameters = {}) {
  RcptCommand command;
  command.to.address = address;
  command.parameters = std::move(parameters);
  return command;
}

/// The parameter is how many octets are fed at once; 0 is everything.
class ClientEngineTest : public ::testing::TestWithParam<size_t> {
 protected:
  void begin(ClientOptions options = {}) {
    options.hostname = "gate.example.org";
    engine_.emplace(std::move(options));
  }

  /// What the engine does after the peer said `text`; CRLF is shown as a line end.
  std::string hear(std::string_view text) {
    std::string log;
    size_t step = GetParam() == 0 ? text.size() : GetParam();
    for (size_t i = 0; i < text.size(); i += step) {
      engine_->feed(text.substr(i, step));
      log += drain();
    }
    return log;
  }

  std::string drain() {
    std::string log;
    while (auto action = engine_->next()) log += std::visit(Printer(), *action);
    std::string out;
    for (char c : log) {
      if (c != '\r') out += c;
    }
    return out;
  }

  void become_ready(const std::string& ehlo = "250-mx.example.org\r\n250 PIPELINING\r\n") {
    begin();
    hear("220 mx.example.org ESMTP\r\n");
    ASSERT_EQ(hear(ehlo), "ready\n");
  }

  std::string mail(const MailCommand& command) {
    engine_->mail(command);
    return drain();
  }
  std::string rcpt(const RcptCommand& command) {
    engine_->rcpt(command);
    return drain();
  }

  std::optional<ClientEngine> engine_;
};

INSTANTIATE_TEST_SUITE_P(Splits, ClientEngineTest, ::testing::Values(0, 1, 2, 7));

TEST_P(ClientEngineTest, DeliversOneMessage) {
  begin();
  EXPECT_EQ(drain(), "");
  EXPECT_EQ(hear("220-mx.example.org\r\n220 ready\r\n"), "> EHLO gate.example.org\n");
  EXPECT_EQ(hear("250-mx.example.org\r\n250 PIPELINING\r\n"), "ready\n");
  EXPECT_EQ(mail(mail_from("a@example.com")), "> MAIL FROM:<a@example.com>\n");
  EXPECT_EQ(rcpt(rcpt_to("b@example.org")), "> RCPT TO:<b@example.org>\n");
  EXPECT_EQ(hear("250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n"), "MAIL: 250 2.1.0 Ok\nRCPT: 250 2.1.5 Ok\n");
  engine_->data();
  EXPECT_EQ(drain(), "> DATA\n");
  EXPECT_FALSE(engine_->sending_content());
  EXPECT_EQ(hear("354 go on\r\n"), "DATA: 354 go on\n");
  EXPECT_TRUE(engine_->sending_content());
  EXPECT_FALSE(engine_->awaiting_content_reply());
  engine_->content_sent();
  EXPECT_FALSE(engine_->sending_content());
  EXPECT_TRUE(engine_->awaiting_content_reply());
  EXPECT_EQ(hear("250 2.0.0 queued as 4711\r\n"), "content: 250 2.0.0 queued as 4711\n");
  EXPECT_FALSE(engine_->awaiting_content_reply());
  engine_->quit();
  EXPECT_EQ(drain(), "> QUIT\n");
  EXPECT_EQ(hear("221 2.0.0 Bye\r\n"), "QUIT: 221 2.0.0 Bye\n");
  engine_->peer_closed();
  EXPECT_EQ(drain(), "");
}

TEST_P(ClientEngineTest, ReportsWhatTheBackendOffers) {
  become_ready(
      "250-mx.example.org at your service\r\n250-pipelining\r\n250-SIZE 10240000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
      "250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n250-STARTTLS\r\n250-AUTH PLAIN\r\n250 xclient NAME addr PORT\r\n");
  const Capabilities& found = engine_->capabilities();
  EXPECT_TRUE(found.extensions.pipelining);
  EXPECT_TRUE(found.extensions.size);
  EXPECT_EQ(found.extensions.max_size, 10240000U);
  EXPECT_TRUE(found.extensions.eightbitmime);
  EXPECT_TRUE(found.extensions.smtputf8);
  EXPECT_TRUE(found.extensions.enhancedstatuscodes);
  EXPECT_TRUE(found.extensions.dsn);
  EXPECT_TRUE(found.extensions.starttls);
  EXPECT_EQ(found.xclient_attributes, (std::set<std::string>{"NAME", "ADDR", "PORT"}));
}

TEST_P(ClientEngineTest, TheNameInTheFirstLineOffersNothing) {
  become_ready("250 DSN\r\n");
  EXPECT_FALSE(engine_->capabilities().extensions.dsn);
}

TEST_P(ClientEngineTest, AnUnreadableSizeIsNoLimit) {
  become_ready("250-mx\r\n250 SIZE 99999999999999999999999\r\n");
  EXPECT_TRUE(engine_->capabilities().extensions.size);
  EXPECT_EQ(engine_->capabilities().extensions.max_size, 0U);
}

TEST_P(ClientEngineTest, FallsBackToHelo) {
  begin();
  hear("220 old.example.org\r\n");
  EXPECT_EQ(hear("502 what?\r\n"), "> HELO gate.example.org\n");
  EXPECT_EQ(hear("250 old.example.org\r\n"), "ready\n");
  EXPECT_FALSE(engine_->capabilities().extensions.pipelining);
}

TEST_P(ClientEngineTest, GivesUpWhenTheGreetingRefuses) {
  begin();
  EXPECT_THAT(hear("554 5.7.1 go away\r\n220 no, come in\r\n"), HasSubstr("broken by 554"));
  EXPECT_EQ(drain(), "");
}

TEST_P(ClientEngineTest, GivesUpWhenBothHellosAreRefused) {
  begin();
  hear("220 mx\r\n");
  hear("502 what?\r\n");
  EXPECT_THAT(hear("550 no\r\n"), HasSubstr("broken by 550"));
}

TEST_P(ClientEngineTest, A4xxToEhloIsNotAskedAgainWithHelo) {
  begin();
  hear("220 mx\r\n");
  EXPECT_THAT(hear("451 later\r\n"), HasSubstr("broken by 451"));
}

TEST_P(ClientEngineTest, SecuresAndAsksAgain) {
  ClientOptions options;
  options.tls = ClientOptions::Tls::Required;
  begin(options);
  hear("220 mx\r\n");
  EXPECT_EQ(hear("250-mx\r\n250-DSN\r\n250 STARTTLS\r\n"), "> STARTTLS\n");
  EXPECT_EQ(hear("220 go\r\n"), "tls\n");
  engine_->secured();
  EXPECT_EQ(drain(), "> EHLO gate.example.org\n");
  // What was offered in the clear no longer counts, and TLS is not started twice.
  EXPECT_EQ(hear("250-mx\r\n250 STARTTLS\r\n"), "ready\n");
  EXPECT_FALSE(engine_->capabilities().extensions.dsn);
}

TEST_P(ClientEngineTest, ForgetsWhatWasInjectedBeforeTls) {
  ClientOptions options;
  options.tls = ClientOptions::Tls::Required;
  begin(options);
  hear("220 mx\r\n");
  hear("250-mx\r\n250 STARTTLS\r\n");
  EXPECT_EQ(hear("220 go\r\n250-evil\r\n250 DSN\r\n250 Ok\r\n25"), "tls\n");
  engine_->secured();
  EXPECT_EQ(drain(), "> EHLO gate.example.org\n");
  EXPECT_EQ(hear("250 mx\r\n"), "ready\n");
  EXPECT_FALSE(engine_->capabilities().extensions.dsn);
}

TEST_P(ClientEngineTest, RequiredTlsIsNotDoneWithout) {
  ClientOptions options;
  options.tls = ClientOptions::Tls::Required;
  begin(options);
  hear("220 mx\r\n");
  EXPECT_THAT(hear("250-mx\r\n250 DSN\r\n"), HasSubstr("broken: TLS is required"));
  begin(options);
  hear("220 mx\r\n");
  hear("250-mx\r\n250 STARTTLS\r\n");
  EXPECT_THAT(hear("454 4.7.0 no TLS now\r\n"), HasSubstr("broken by 454"));
}

TEST_P(ClientEngineTest, OpportunisticTlsGoesOnWithout) {
  ClientOptions options;
  options.tls = ClientOptions::Tls::Opportunistic;
  begin(options);
  hear("220 mx\r\n");
  EXPECT_EQ(hear("250 mx\r\n"), "ready\n");
  begin(options);
  hear("220 mx\r\n");
  EXPECT_EQ(hear("250-mx\r\n250-DSN\r\n250 STARTTLS\r\n"), "> STARTTLS\n");
  EXPECT_EQ(hear("454 4.7.0 no TLS now\r\n"), "ready\n");
  EXPECT_TRUE(engine_->capabilities().extensions.dsn);
}

ClientOptions with_xclient() {
  ClientOptions options;
  OriginalClient client;
  client.ip = *IpAddress::parse("2001:db8::25");
  client.port = 4242;
  client.name = "mail.example.com";
  client.helo = "odd name=+\xC3\xA9";
  options.xclient = client;
  return options;
}

TEST_P(ClientEngineTest, TellsWhoTheClientIs) {
  begin(with_xclient());
  hear("220 mx\r\n");
  EXPECT_EQ(hear("250-mx\r\n250 XCLIENT NAME ADDR PROTO HELO REVERSE_NAME PORT LOGIN DESTADDR DESTPORT\r\n"),
            "> XCLIENT HELO=odd+20name+3D+2B+C3+A9 PROTO=ESMTP PORT=4242 NAME=mail.example.com "
            "ADDR=IPV6:2001:db8::25\n");
  EXPECT_EQ(hear("220 mx again\r\n"), "> EHLO gate.example.org\n");
  EXPECT_EQ(hear("250-mx\r\n250-XCLIENT NAME ADDR\r\n250 DSN\r\n"), "ready\n");
}

TEST_P(ClientEngineTest, TellsOnlyWhatTheBackendWantsToKnow) {
  ClientOptions options = with_xclient();
  options.xclient->ip = *IpAddress::parse("192.0.2.7");
  options.xclient->esmtp = false;
  begin(options);
  hear("220 mx\r\n");
  EXPECT_EQ(hear("250-mx\r\n250 XCLIENT ADDR PROTO\r\n"), "> XCLIENT PROTO=SMTP ADDR=192.0.2.7\n");
}

TEST_P(ClientEngineTest, WhatIsNoHostNameIsUnavailable) {
  for (const char* name : {"", "a b", "-x.example", "x..example", "a+b.example", "1.2.3.4", "x\r\nQUIT"}) {
    ClientOptions options = with_xclient();
    options.xclient->name = name;
    options.xclient->helo = "";
    begin(options);
    hear("220 mx\r\n");
    EXPECT_EQ(hear("250-mx\r\n250 XCLIENT NAME ADDR HELO\r\n"), "> XCLIENT NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::25\n")
        << name;
  }
}

TEST_P(ClientEngineTest, LongNamesTakeSeveralCommandsAndTheAddressComesLast) {
  ClientOptions options = with_xclient();
  std::string label(60, 'a');
  options.xclient->name = label + "." + label + "." + label + "." + label;
  options.xclient->helo = std::string(240, 'h');
  begin(options);
  hear("220 mx\r\n");
  EXPECT_EQ(hear("250-mx\r\n250 XCLIENT NAME ADDR HELO PORT\r\n"),
            "> XCLIENT HELO=" + std::string(240, 'h') + " PORT=4242 NAME=" + options.xclient->name + "\n");
  EXPECT_EQ(hear("220 mx\r\n"), "> XCLIENT ADDR=IPV6:2001:db8::25\n");
  EXPECT_EQ(hear("220 mx\r\n"), "> EHLO gate.example.org\n");
}

TEST_P(ClientEngineTest, AHeloNameThatDoesNotFitIsUnavailable) {
  ClientOptions options = with_xclient();
  options.xclient->helo = std::string(250, '=');
  begin(options);
  hear("220 mx\r\n");
  EXPECT_EQ(hear("250-mx\r\n250 XCLIENT ADDR HELO\r\n"), "> XCLIENT HELO=[UNAVAILABLE] ADDR=IPV6:2001:db8::25\n");
}

TEST_P(ClientEngineTest, XclientIsLeftOutOrMissedWhenNotOffered) {
  begin(with_xclient());
  hear("220 mx\r\n");
  EXPECT_EQ(hear("250 mx\r\n"), "ready\n");
  ClientOptions options = with_xclient();
  options.xclient_required = true;
  begin(options);
  hear("220 mx\r\n");
  EXPECT_THAT(hear("250-mx\r\n250 XCLIENT NAME\r\n"), HasSubstr("broken: XCLIENT is required"));
}

TEST_P(ClientEngineTest, ARefusalOfTheRealClientIsPassedOn) {
  begin(with_xclient());
  hear("220 mx\r\n");
  hear("250-mx\r\n250 XCLIENT ADDR\r\n");
  EXPECT_THAT(hear("554 5.7.1 client host rejected\r\n"), HasSubstr("broken by 554"));
}

TEST_P(ClientEngineTest, XclientComesAfterTls) {
  ClientOptions options = with_xclient();
  options.tls = ClientOptions::Tls::Opportunistic;
  begin(options);
  hear("220 mx\r\n");
  EXPECT_EQ(hear("250-mx\r\n250-XCLIENT ADDR\r\n250 STARTTLS\r\n"), "> STARTTLS\n");
  hear("220 go\r\n");
  engine_->secured();
  drain();
  EXPECT_EQ(hear("250-mx\r\n250 XCLIENT ADDR\r\n"), "> XCLIENT ADDR=IPV6:2001:db8::25\n");
}

const std::vector<Parameter> kMailParameters = {
    {"SIZE", "1000", true},   {"BODY", "8BITMIME", true}, {"SMTPUTF8", "", false},  {"RET", "HDRS", true},
    {"ENVID", "x+2Dy", true}, {"AUTH", "<>", true},       {"XUNKNOWN", "boo", true}};

TEST_P(ClientEngineTest, ParametersGoWhereTheyAreUnderstood) {
  become_ready("250-mx\r\n250-SIZE\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n");
  EXPECT_EQ(mail(mail_from("", kMailParameters)),
            "> MAIL FROM:<> SIZE=1000 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x+2Dy\n");
  EXPECT_EQ(rcpt(rcpt_to("b@example.org", {{"NOTIFY", "NEVER", true}, {"ORCPT", "rfc822;b@example.org", true}})),
            "> RCPT TO:<b@example.org> NOTIFY=NEVER ORCPT=rfc822;b@example.org\n");
  become_ready("250-mx\r\n250 8BITMIME\r\n");
  EXPECT_EQ(mail(mail_from("a@example.com", kMailParameters)), "> MAIL FROM:<a@example.com> BODY=8BITMIME\n");
  EXPECT_EQ(rcpt(rcpt_to("b@example.org", {{"NOTIFY", "NEVER", true}})), "> RCPT TO:<b@example.org>\n");
}

TEST_P(ClientEngineTest, NothingInAnAddressBecomesACommand) {
  for (const std::string& address :
       {std::string("a\r\nQUIT@x"), std::string("a\n@x"), std::string("a\0@x", 4), std::string("a> SIZE=1"),
        std::string("a b@x"), std::string("\"a@x"), std::string("\"a\\\r\n\"@x"), std::string("\"a\\")}) {
    become_ready();
    EXPECT_THAT(mail(mail_from(address)), HasSubstr("broken: MAIL"));
    become_ready();
    EXPECT_THAT(rcpt(rcpt_to(address)), HasSubstr("broken: RCPT"));
  }
  become_ready("250-mx\r\n250 DSN\r\n");
  EXPECT_THAT(mail(mail_from("a@x", {{"ENVID", "a b", true}})), HasSubstr("broken: MAIL"));
}

TEST_P(ClientEngineTest, QuotedAndInternationalAddressesPass) {
  become_ready();
  EXPECT_EQ(mail(mail_from("\"a b\\\"<c>\"@example.com")), "> MAIL FROM:<\"a b\\\"<c>\"@example.com>\n");
  EXPECT_EQ(rcpt(rcpt_to("\xC3\xA9@example.org")), "> RCPT TO:<\xC3\xA9@example.org>\n");
}

TEST_P(ClientEngineTest, RefusalsAreRepliesAndTheSessionGoesOn) {
  become_ready();
  mail(mail_from("a@example.com"));
  EXPECT_EQ(hear("452 4.3.1 no space\r\n"), "MAIL: 452 4.3.1 no space\n");
  mail(mail_from("a@example.com"));
  rcpt(rcpt_to("nobody@example.org"));
  EXPECT_EQ(hear("250 Ok\r\n550-5.1.1 nobody\r\n550 5.1.1 here\r\n"), "MAIL: 250 Ok\nRCPT: 550 5.1.1 nobody\n");
  engine_->data();
  drain();
  EXPECT_EQ(hear("554 5.5.1 no valid recipients\r\n"), "DATA: 554 5.5.1 no valid recipients\n");
  EXPECT_FALSE(engine_->sending_content());
  engine_->reset();
  EXPECT_EQ(drain(), "> RSET\n");
  EXPECT_EQ(hear("250 Ok\r\n"), "RSET: 250 Ok\n");
}

TEST_P(ClientEngineTest, A421AnswersTheRequestAndEndsTheSession) {
  become_ready();
  mail(mail_from("a@example.com"));
  rcpt(rcpt_to("b@example.org"));
  EXPECT_EQ(hear("421 4.3.2 shutting down\r\n250 Ok\r\n"),
            "MAIL: 421 4.3.2 shutting down\nbroken by 421: the peer closes: 421 4.3.2 shutting down\n");
  EXPECT_EQ(rcpt(rcpt_to("c@example.org")), "");
}

TEST_P(ClientEngineTest, A421ThatNobodyAskedForEndsTheSession) {
  become_ready();
  EXPECT_THAT(hear("421 4.4.2 timeout\r\n"), HasSubstr("broken by 421"));
}

TEST_P(ClientEngineTest, A421BeforeTheSessionStandsEndsIt) {
  begin();
  EXPECT_THAT(hear("421 4.3.2 too many\r\n"), HasSubstr("broken by 421"));
}

TEST_P(ClientEngineTest, AReplyToNothingIsNotTakenForTheNextAnswer) {
  become_ready();
  EXPECT_THAT(hear("250 Ok\r\n"), HasSubstr("broken: a reply to nothing"));
  EXPECT_EQ(mail(mail_from("a@example.com")), "");
}

TEST_P(ClientEngineTest, AMessageIsNotTakenForDeliveredByAWrongReply) {
  become_ready();
  engine_->data();
  drain();
  EXPECT_THAT(hear("250 queued\r\n"), HasSubstr("broken: unexpected answer to DATA"));

  become_ready();
  engine_->data();
  drain();
  hear("354 go on\r\n");
  EXPECT_THAT(hear("250 queued already\r\n"), HasSubstr("broken: a reply to nothing"));
  EXPECT_FALSE(engine_->sending_content());

  become_ready();
  engine_->data();
  drain();
  hear("354 go on\r\n");
  engine_->content_sent();
  EXPECT_THAT(hear("354 more\r\n"), HasSubstr("broken: unexpected answer to the content"));
  EXPECT_TRUE(engine_->awaiting_content_reply());
}

TEST_P(ClientEngineTest, A3xxOutsideDataIsBroken) {
  become_ready();
  mail(mail_from("a@example.com"));
  EXPECT_THAT(hear("354 go on\r\n"), HasSubstr("broken: unexpected answer to MAIL"));
}

TEST_P(ClientEngineTest, ACommandIsNeverWrittenIntoTheContent) {
  become_ready();
  engine_->data();
  drain();
  hear("354 go on\r\n");
  engine_->reset();
  EXPECT_THAT(drain(), HasSubstr("broken: RSET"));
  become_ready();
  engine_->data();
  engine_->reset();
  EXPECT_THAT(drain(), HasSubstr("broken: RSET"));
}

TEST_P(ClientEngineTest, WhatIsNoReplyIsBroken) {
  begin();
  EXPECT_THAT(hear("HTTP/1.1 400 Bad Request\r\n"), HasSubstr("broken: the reply cannot be understood"));
  engine_->peer_closed();
  EXPECT_EQ(drain(), "");
}

TEST_P(ClientEngineTest, AVanishedPeerIsBroken) {
  become_ready();
  engine_->data();
  drain();
  hear("354 go on\r\n");
  engine_->content_sent();
  engine_->peer_closed();
  EXPECT_THAT(drain(), HasSubstr("broken: the connection was closed"));
  EXPECT_TRUE(engine_->awaiting_content_reply());
}

}  // namespace
}  // namespace postern::smtp
