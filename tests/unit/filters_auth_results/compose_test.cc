#include "filters/auth_results/compose.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::auth_results {
namespace {

using testing::HasSubstr;

/// The lines behind the name, joined by '|'.
std::string compose(const Facts& facts) {
  std::string field = auth_results_field("mx.example.org", facts);
  std::string begin = "Authentication-Results: mx.example.org;";
  EXPECT_EQ(field.substr(0, begin.size()), begin);
  field = field.substr(begin.size(), field.size() - begin.size() - 2);
  for (size_t at = field.find("\r\n\t"); at != std::string::npos; at = field.find("\r\n\t")) field.replace(at, 3, "|");
  return field;
}

dkim::Outcome signature(dkim::Result result, const std::string& reason = {}) {
  dkim::Outcome outcome;
  outcome.result = result;
  outcome.domain = "example.com";
  outcome.selector = "sel";
  outcome.identity = "@example.com";
  outcome.algorithm = "rsa-sha256";
  outcome.signature_start = "AbCd1234";
  outcome.reason = reason;
  return outcome;
}

TEST(AuthResultsField, WhatIsNotKnownIsLeftOut) {
  EXPECT_EQ(compose({}), " none");
}

TEST(AuthResultsField, AllMethodsInOrder) {
  Facts facts;
  facts.client.ip = *IpAddress::parse("192.0.2.1");
  facts.client.reverse = dns::ReverseName::Result::Pass;
  facts.helo = "mail.example.com";
  facts.from = "user@example.com";
  facts.spf = spf::Outcome{spf::Result::Pass, "example.com", "", ""};
  facts.helo_spf = spf::Outcome{spf::Result::PermError, "mail.example.com", "", "two records"};
  facts.dkim.push_back(signature(dkim::Result::Pass));
  facts.dmarc.emplace();
  facts.dmarc->result = dmarc::Result::Pass;
  facts.dmarc->policy = dmarc::Policy::Reject;
  facts.dmarc->from = "example.com";
  facts.dmarc->record_domain = "example.com";
  facts.arc.emplace();
  EXPECT_EQ(compose(facts),
            "|iprev=pass policy.iprev=192.0.2.1;"
            "|spf=pass smtp.mailfrom=user@example.com;"
            "|spf=permerror reason=\"two records\" smtp.helo=mail.example.com;"
            "|dkim=pass header.d=example.com header.s=sel header.a=rsa-sha256 header.b=AbCd1234;"
            "|dmarc=pass header.from=example.com policy.dmarc=reject;"
            "|arc=none");
}

TEST(AuthResultsField, Ipv6IsQuoted) {
  Facts facts;
  facts.client.ip = *IpAddress::parse("2001:db8::1");
  facts.client.reverse = dns::ReverseName::Result::PermError;
  EXPECT_EQ(compose(facts), "|iprev=permerror policy.iprev=\"2001:db8::1\"");
}

TEST(AuthResultsField, TheNullSenderIsPostmaster) {
  Facts facts;
  facts.helo = "mail.example.com";
  facts.spf.emplace();
  EXPECT_EQ(compose(facts), "|spf=none smtp.mailfrom=postmaster@mail.example.com");
}

TEST(AuthResultsField, SignaturesAreToldApart) {
  Facts facts;
  facts.dkim.push_back(signature(dkim::Result::Fail, "body hash mismatch"));
  facts.dkim.push_back(signature(dkim::Result::Policy, "key below 1024 bits"));
  facts.dkim[1].identity = "joe@news.example.com";
  facts.dkim[1].signature_start = "a/b+c=de";
  facts.dkim.push_back({});
  facts.dkim[2].reason = "no d=";
  facts.dkim_ignored = 40;
  EXPECT_EQ(
      compose(facts),
      "|dkim=fail reason=\"body hash mismatch\" header.d=example.com header.s=sel header.a=rsa-sha256 "
      "header.b=AbCd1234;"
      "|dkim=policy reason=\"key below 1024 bits\" header.d=example.com header.i=joe@news.example.com header.s=sel "
      "header.a=rsa-sha256 header.b=\"a/b+c=de\";"
      "|dkim=neutral reason=\"no d=\";"
      "|dkim=policy reason=\"40 more signatures were not looked at\"");
}

TEST(AuthResultsField, NoSignatureIsSaidOnceTheMessageWasJudged) {
  Facts facts;
  facts.dmarc.emplace();
  facts.dmarc->reason = "no policy record";
  facts.dmarc->from = "example.com";
  EXPECT_EQ(compose(facts), "|dkim=none;|dmarc=none reason=\"no policy record\" header.from=example.com");
}

TEST(AuthResultsField, ATrustedForwardersWordIsTheReason) {
  Facts facts;
  facts.dkim.push_back(signature(dkim::Result::Fail));
  facts.dmarc.emplace();
  facts.dmarc->result = dmarc::Result::Fail;
  facts.dmarc->policy = dmarc::Policy::Quarantine;
  facts.dmarc->from = "a.example.com";
  facts.dmarc->record_domain = "example.com";
  facts.dmarc->override_by = "lists.example.net";
  EXPECT_THAT(compose(facts), HasSubstr("|dmarc=fail reason=\"trusted ARC sealer lists.example.net saw it pass\" "
                                        "header.from=a.example.com policy.dmarc=quarantine"));
}

TEST(AuthResultsField, AnAddressOfUnicodeIsWrittenAsTheMessageAllows) {
  Facts facts;
  facts.spf.emplace();
  facts.from =
      "x@b\xc3\xbc"
      "cher.example";
  EXPECT_EQ(compose(facts), "|spf=none smtp.mailfrom=x@xn--bcher-kva.example");
  facts.smtputf8 = true;
  EXPECT_THAT(compose(facts), HasSubstr("b\xc3\xbc"
                                        "cher.example"));
}

TEST(AuthResultsField, WithoutHeloThereIsNoIdentityToName) {
  Facts facts;
  facts.spf.emplace();
  EXPECT_EQ(compose(facts), "|spf=none");
}

TEST(AuthResultsField, ArcChains) {
  Facts facts;
  facts.client.ip = *IpAddress::parse("2001:db8::1");
  facts.arc.emplace();
  facts.arc->result = arc::Result::Pass;
  facts.arc->oldest_pass = 2;
  EXPECT_EQ(compose(facts), "|arc=pass header.oldest-pass=2 smtp.remote-ip=\"2001:db8::1\"");
  facts.arc->result = arc::Result::Fail;
  facts.arc->reason = "seal 2 does not verify";
  EXPECT_EQ(compose(facts), "|arc=fail reason=\"seal 2 does not verify\" smtp.remote-ip=\"2001:db8::1\"");
  // There is no registered result for it (RFC 8601, 4).
  facts.arc->result = arc::Result::TempError;
  EXPECT_EQ(compose(facts), " none");
}

TEST(AuthResultsField, Utf8OnlyInInternationalisedMessages) {
  Facts facts;
  facts.from = "j\xC3\xB6rg@example.com";
  facts.spf.emplace();
  EXPECT_EQ(compose(facts), "|spf=none smtp.mailfrom=j?rg@example.com");
  facts.smtputf8 = true;
  EXPECT_EQ(compose(facts), "|spf=none smtp.mailfrom=j\xC3\xB6rg@example.com");
}

}  // namespace
}  // namespace postern::auth_results
