#include "filters/bulk/sighting.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace postern::bulk {
namespace {

constexpr std::string_view kMessage =
    "From: Ann <ann@mail.example.org>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nhello there\r\n";

Facts facts_of(std::string_view ip = "192.0.2.1") {
  Facts facts;
  facts.client.ip = IpAddress::parse(ip).value();
  facts.from = "ann@mail.example.org";
  facts.rcpts = {"Bob@example.net", "carol@example.net"};
  facts.dmarc.emplace();
  facts.dmarc->from = "mail.example.org";
  facts.dmarc->domain = "mail.example.org";
  return facts;
}

dkim::Outcome signature(std::string domain, dkim::Result result = dkim::Result::Pass) {
  dkim::Outcome outcome;
  outcome.result = result;
  outcome.domain = std::move(domain);
  return outcome;
}

Sighting sight(const Facts& facts, std::string_view message = kMessage) {
  mime::Content content(message, true);
  return sighting_of(facts, content, message::parse_header(message), "01J", 1'795'000'000'000);
}

TEST(Sighting, WhoAndWhat) {
  Sighting one = sight(facts_of());
  EXPECT_EQ(one.id, "01J");
  EXPECT_EQ(one.from, "ann@mail.example.org");
  EXPECT_EQ(one.subject, "Gr\u00fc\u00dfe");
  EXPECT_EQ(one.wall_ms, 1'795'000'000'000);
  EXPECT_EQ(one.recipients.size(), 2U);
  EXPECT_NE(one.sender, 0U);
  EXPECT_NE(one.network, 0U);
  EXPECT_NE(one.domain, 0U);
  EXPECT_FALSE(one.authenticated);
}

TEST(Sighting, NetworksOfClients) {
  EXPECT_EQ(sight(facts_of("192.0.2.1")).network, sight(facts_of("192.0.2.254")).network);
  EXPECT_NE(sight(facts_of("192.0.2.1")).network, sight(facts_of("192.0.3.1")).network);
  EXPECT_EQ(sight(facts_of("2001:db8:1::1")).network, sight(facts_of("2001:db8:1:ffff::2")).network);
  EXPECT_NE(sight(facts_of("2001:db8:1::1")).network, sight(facts_of("2001:db8:2::1")).network);
}

TEST(Sighting, TheSamePeopleHoweverWritten) {
  Facts facts = facts_of();
  Sighting one = sight(facts);
  facts.from = "ANN@MAIL.example.org";
  facts.rcpts = {"carol@EXAMPLE.net", "bob@example.net", "BOB@example.net"};
  Sighting other = sight(facts);
  EXPECT_EQ(other.sender, one.sender);
  EXPECT_EQ(other.recipients, one.recipients);
  facts.from = "dan@mail.example.org";
  EXPECT_NE(sight(facts).sender, one.sender);
}

TEST(Sighting, TheNullSenderIsOne) {
  Facts facts = facts_of();
  facts.from.clear();
  facts.dmarc.reset();
  Sighting one = sight(facts);
  EXPECT_NE(one.sender, 0U);
  EXPECT_EQ(one.from, "");
  EXPECT_EQ(one.domain, 0U) << "nobody answers for it";
}

TEST(Sighting, ManyRecipientsAreBounded) {
  Facts facts = facts_of();
  facts.rcpts.clear();
  for (int i = 0; i < 3000; ++i) facts.rcpts.push_back(std::to_string(i) + "@example.net");
  EXPECT_LE(sight(facts).recipients.size(), Sighting::kMaxRecipients);
  EXPECT_GT(sight(facts).recipients.size(), Sighting::kMaxRecipients - 10);
}

TEST(Sighting, TheAuthorsOrganizationAnswers) {
  Facts facts = facts_of();
  Sighting one = sight(facts);
  facts.dmarc->domain = "example.org";
  facts.dmarc->record_domain = "example.org";
  EXPECT_EQ(sight(facts).domain, one.domain) << "without a record the registered domain stands for it";
  facts.dmarc->result = dmarc::Result::Pass;
  EXPECT_TRUE(sight(facts).authenticated);
  facts.dmarc->result = dmarc::Result::Fail;
  EXPECT_FALSE(sight(facts).authenticated);
  facts.dmarc->domain = "example.net";
  EXPECT_NE(sight(facts).domain, one.domain);
}

TEST(Sighting, SignaturesOfTheAuthorAuthenticate) {
  struct Case {
    dkim::Outcome signature;
    bool authenticated;
  };
  dkim::Outcome partial = signature("example.org");
  partial.partial = true;
  dkim::Outcome testing = signature("example.org");
  testing.testing = true;
  const std::vector<Case> cases = {{signature("example.org"), true},
                                   {signature("mail.example.org"), true},
                                   {signature("out.example.org"), true},
                                   {signature("example.org", dkim::Result::Fail), false},
                                   {partial, false},
                                   {testing, false},
                                   {signature("example.net"), false},
                                   {signature("notexample.org"), false},
                                   {signature("org"), false}};
  for (const Case& one : cases) {
    Facts facts = facts_of();
    facts.dkim = {signature("relay.example.com"), one.signature};
    EXPECT_EQ(sight(facts).authenticated, one.authenticated) << one.signature.domain;
  }
}

TEST(Sighting, WithoutAnAuthorTheSignerAnswersElseTheSender) {
  Facts facts = facts_of();
  facts.dmarc->domain.clear();
  Sighting by_sender = sight(facts);
  EXPECT_EQ(by_sender.domain, sight(facts_of()).domain);
  EXPECT_FALSE(by_sender.authenticated);
  facts.dkim = {signature("bad.example", dkim::Result::Fail), signature("mx.signer.example")};
  Sighting by_signer = sight(facts);
  EXPECT_NE(by_signer.domain, by_sender.domain);
  EXPECT_TRUE(by_signer.authenticated);
  facts.dkim = {signature("signer.example")};
  EXPECT_EQ(sight(facts).domain, by_signer.domain);
}

/// What people are shown is written by strangers.
TEST(Sighting, TextsAreCutAndHarmless) {
  Facts facts = facts_of();
  facts.from = std::string("a\x1b[2J\xFF") + std::string(200, 'x') + "@b.example";
  std::string message = "Subject: =?utf-8?b?G1sySg==?= \x07 " + std::string(500, 'S') + "\r\n\r\nhello\r\n";
  Sighting one = sight(facts, message);
  EXPECT_LE(one.from.size(), 64U);
  EXPECT_LE(one.subject.size(), 96U);
  for (const std::string* text : {&one.from, &one.subject}) {
    EXPECT_EQ(text->find('\x1b'), std::string::npos);
    EXPECT_EQ(text->find('\x07'), std::string::npos);
    EXPECT_EQ(text->find('\xFF'), std::string::npos);
    EXPECT_FALSE(text->empty());
  }
  Sighting none = sight(facts_of(), "\r\n");
  EXPECT_EQ(none.subject, "");
}

TEST(Sighting, SurvivesTheRoad) {
  Sighting one = sight(facts_of());
  auto again = decode(encode(one));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, Event(one));
}

}  // namespace
}  // namespace postern::bulk
