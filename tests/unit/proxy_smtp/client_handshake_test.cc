// From the connection to Ready: greeting, EHLO, STARTTLS, XCLIENT. Whole and in pieces, the actions must be the same.
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/proxy_smtp/client_dialogue.h"

namespace postern::smtp {
namespace {

using ::testing::HasSubstr;
using ClientHandshake = ClientDialogue;
INSTANTIATE_TEST_SUITE_P(Splits, ClientHandshake, ::testing::Values(0, 1, 2, 7));

TEST_P(ClientHandshake, ReportsWhatTheBackendOffers) {
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

TEST_P(ClientHandshake, TheNameInTheFirstLineOffersNothing) {
  become_ready("250 DSN\r\n");
  EXPECT_FALSE(engine_->capabilities().extensions.dsn);
}

TEST_P(ClientHandshake, AnUnreadableSizeIsNoLimit) {
  become_ready("250-mx\r\n250 SIZE 99999999999999999999999\r\n");
  EXPECT_TRUE(engine_->capabilities().extensions.size);
  EXPECT_EQ(engine_->capabilities().extensions.max_size, 0U);
}

TEST_P(ClientHandshake, FallsBackToHelo) {
  begin();
  hear("220 old.example.org\r\n");
  EXPECT_EQ(hear("502 what?\r\n"), "> HELO gate.example.org\n");
  EXPECT_EQ(hear("250 old.example.org\r\n"), "ready\n");
  EXPECT_FALSE(engine_->capabilities().extensions.pipelining);
}

TEST_P(ClientHandshake, GivesUpWhenTheGreetingRefuses) {
  begin();
  EXPECT_THAT(hear("554 5.7.1 go away\r\n220 no, come in\r\n"), HasSubstr("broken by 554"));
  EXPECT_EQ(drain(), "");
}

TEST_P(ClientHandshake, GivesUpWhenBothHellosAreRefused) {
  begin();
  hear("220 mx\r\n");
  hear("502 what?\r\n");
  EXPECT_THAT(hear("550 no\r\n"), HasSubstr("broken by 550"));
}

TEST_P(ClientHandshake, A4xxToEhloIsNotAskedAgainWithHelo) {
  begin();
  hear("220 mx\r\n");
  EXPECT_THAT(hear("451 later\r\n"), HasSubstr("broken by 451"));
}

TEST_P(ClientHandshake, SecuresAndAsksAgain) {
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

TEST_P(ClientHandshake, ForgetsWhatWasInjectedBeforeTls) {
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

TEST_P(ClientHandshake, RequiredTlsIsNotDoneWithout) {
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

TEST_P(ClientHandshake, OpportunisticTlsGoesOnWithout) {
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

TEST_P(ClientHandshake, TellsWhoTheClientIs) {
  begin(with_xclient());
  hear("220 mx\r\n");
  EXPECT_EQ(hear("250-mx\r\n250 XCLIENT NAME ADDR PROTO HELO REVERSE_NAME PORT LOGIN DESTADDR DESTPORT\r\n"),
            "> XCLIENT HELO=odd+20name+3D+2B+C3+A9 PROTO=ESMTP PORT=4242 NAME=mail.example.com "
            "ADDR=IPV6:2001:db8::25\n");
  EXPECT_EQ(hear("220 mx again\r\n"), "> EHLO gate.example.org\n");
  EXPECT_EQ(hear("250-mx\r\n250-XCLIENT NAME ADDR\r\n250 DSN\r\n"), "ready\n");
}

TEST_P(ClientHandshake, TellsOnlyWhatTheBackendWantsToKnow) {
  ClientOptions options = with_xclient();
  options.xclient->ip = *IpAddress::parse("192.0.2.7");
  options.xclient->esmtp = false;
  begin(options);
  hear("220 mx\r\n");
  EXPECT_EQ(hear("250-mx\r\n250 XCLIENT ADDR PROTO\r\n"), "> XCLIENT PROTO=SMTP ADDR=192.0.2.7\n");
}

TEST_P(ClientHandshake, WhatIsNoHostNameIsUnavailable) {
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

TEST_P(ClientHandshake, LongNamesTakeSeveralCommandsAndTheAddressComesLast) {
  ClientOptions options = with_xclient();
  std::string label(60, 'a');
  options.xclient->name = label + "." + label + "." + label + "." + label;
  options.xclient->helo = std::string(240, 'h');
  begin(options);
  hear("220 mx\r\n");
  EXPECT_EQ(hear("250-mx\r\n250 XCLIENT NAME ADDR HELO PORT\r\n"),
            "> XCLIENT HELO=" + std::string(240, 'h') + " PORT=4242\n");
  EXPECT_EQ(hear("220 mx\r\n"), "> XCLIENT NAME=" + options.xclient->name + " ADDR=IPV6:2001:db8::25\n");
  EXPECT_EQ(hear("220 mx\r\n"), "> EHLO " + std::string(240, 'h') + "\n");
}

TEST_P(ClientHandshake, AHeloNameThatDoesNotFitIsUnavailable) {
  ClientOptions options = with_xclient();
  options.xclient->helo = std::string(250, '=');
  begin(options);
  hear("220 mx\r\n");
  EXPECT_EQ(hear("250-mx\r\n250 XCLIENT ADDR HELO\r\n"), "> XCLIENT HELO=[UNAVAILABLE] ADDR=IPV6:2001:db8::25\n");
}

TEST_P(ClientHandshake, XclientIsLeftOutOrMissedWhenNotOffered) {
  begin(with_xclient());
  hear("220 mx\r\n");
  EXPECT_EQ(hear("250 mx\r\n"), "ready\n");
  ClientOptions options = with_xclient();
  options.xclient_required = true;
  begin(options);
  hear("220 mx\r\n");
  EXPECT_THAT(hear("250-mx\r\n250 XCLIENT NAME\r\n"), HasSubstr("broken: XCLIENT is required"));
}

TEST_P(ClientHandshake, ARefusalOfTheRealClientIsPassedOn) {
  begin(with_xclient());
  hear("220 mx\r\n");
  hear("250-mx\r\n250 XCLIENT ADDR\r\n");
  EXPECT_THAT(hear("554 5.7.1 client host rejected\r\n"), HasSubstr("broken by 554"));
}

TEST_P(ClientHandshake, XclientComesAfterTls) {
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

TEST_P(ClientHandshake, A421BeforeTheSessionStandsEndsIt) {
  begin();
  EXPECT_THAT(hear("421 4.3.2 too many\r\n"), HasSubstr("broken by 421"));
}

}  // namespace
}  // namespace postern::smtp
