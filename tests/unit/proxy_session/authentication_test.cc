// DKIM, ARC and DMARC in a session: when they are asked for, when they are waited for, and where they show.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/proxy_session/world.h"

namespace postern::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kDmarcRule =
    "rule \"DMARC_REJECT\" { about = \"x\", score = 20.0,\n"
    "  when = function(mail) return mail.dmarc.result == \"fail\" and mail.dmarc.policy == \"reject\" end }\n";
constexpr const char* kMessage = "From: boss@author.example\r\nSubject: s\r\n\r\nGood day.\r\n.\r\n";

TEST(Authentication, AFailureReachesTheRules) {
  World world(kDmarcRule);
  world.dns.txt("_dmarc.author.example", "v=DMARC1; p=reject");
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("550 5.7.1 refused: score 20.0, limit 15.0 (DMARC_REJECT)"));
}

TEST(Authentication, EverythingFoundStandsInOneField) {
  World world;
  world.dns.txt("_dmarc.author.example", "v=DMARC1; p=reject");
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  ASSERT_EQ(world.backend.delivered.size(), 1U);
  const std::string& content = world.backend.delivered[0].content;
  size_t begin = content.find("Authentication-Results: mx.example.org;");
  ASSERT_NE(begin, std::string::npos);
  EXPECT_EQ(content.find("Authentication-Results:", begin + 1), std::string::npos);
  std::string field = content.substr(begin, content.find("\r\nX-", begin) - begin);
  for (const char* result : {"iprev=permerror policy.iprev=192.0.2.10", "spf=none smtp.mailfrom=a@sender.example",
                             "spf=none smtp.helo=client.example", "dkim=none", "dmarc=fail", "arc=none"}) {
    EXPECT_THAT(field, HasSubstr(result));
  }
}

// The DNS has as long for a slow sender's message as for any other's.
TEST(Authentication, ASlowSenderIsJudgedAllTheSame) {
  World world(kDmarcRule);
  world.dns.txt("_dmarc.author.example", "v=DMARC1; p=reject");
  world.connect();
  world.to_data();
  world.say("From: boss@author.");
  world.advance(std::chrono::seconds(60));
  world.say("example\r\nSubject: s\r\n\r\n");
  world.advance(std::chrono::seconds(60));
  EXPECT_THAT(world.say("Good day.\r\n.\r\n"), StartsWith("550 5.7.1 refused: score 20.0"));
}

TEST(Authentication, PolicyAndKeysAreAskedForWhileTheBodyStillArrives) {
  World world;
  world.connect();
  world.to_data();
  world.say_only(
      "DKIM-Signature: v=1; a=rsa-sha256; d=signer.example; s=sel; h=from; "
      "bh=MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=;\r\n"
      " b=AAAA\r\nFrom: boss@author.example\r\n\r\nThe body has just be");
  std::vector<std::string> asked;
  for (const auto& question : world.dns.asked()) asked.push_back(question.name);
  EXPECT_THAT(asked, testing::IsSupersetOf({"_dmarc.author.example", "sel._domainkey.signer.example"}));
}

TEST(Authentication, DnsTroubleIsNoFailure) {
  World world(kDmarcRule);
  world.dns.temp_fail("_dmarc.author.example");
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  ASSERT_EQ(world.backend.delivered.size(), 1U);
  EXPECT_THAT(world.backend.delivered[0].content, HasSubstr("dmarc=temperror"));
}

// Names in the DNS are waited for where they are read, and at MAIL nobody reads them here.
TEST(Authentication, TheEnvelopeDoesNotWaitForTheDns) {
  World world;
  world.policy.backend.addresses[0].kind = session::BackendAddress::Kind::Maildir;
  world.connect();
  world.read();
  world.say_only("EHLO client.example\r\nMAIL FROM:<a@sender.example>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n");
  EXPECT_THAT(world.read(), HasSubstr("354 "));
}

TEST(Authentication, ARuleAtMailStillSeesTheClientsName) {
  World world(
      "rule \"NAMED\" { about = \"x\", stage = \"mail\", action = \"reject\",\n"
      "  when = function(mail) return mail.client.name == \"mail.client.example\" end }\n");
  world.dns.ptr("10.2.0.192.in-addr.arpa", "mail.client.example");
  world.dns.a("mail.client.example", "192.0.2.10");
  world.connect();
  world.say("EHLO client.example\r\n");
  EXPECT_THAT(world.say("MAIL FROM:<a@sender.example>\r\n"), HasSubstr("550 "));
}

TEST(Authentication, TrustedClientsWhoSkipTheFiltersAskNobody) {
  World world;
  world.policy.relay.trusted = {*IpNetwork::parse("192.0.2.0/24")};
  world.policy.relay.skip_filters = true;
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  EXPECT_THAT(world.backend.delivered.at(0).content, Not(HasSubstr("Authentication-Results:")));
  for (const auto& question : world.dns.asked()) EXPECT_NE(question.type, dns::Type::TXT) << question.name;
}

// Somewhere behind the fields that are looked at the real From might stand.
TEST(Authentication, AHeaderOfTooManyFieldsIsRefused) {
  World world;
  world.connect();
  world.to_data();
  std::string header;
  for (int i = 0; i < 10'001; ++i) header += "X: \r\n";
  EXPECT_THAT(world.say(header + "From: boss@author.example\r\n\r\n.\r\n"), StartsWith("552 5.3.4 "));
}

}  // namespace
}  // namespace postern::test
