// Every point of policy: what a signature or a key may say, and what comes of it.
#include <string>
#include <utility>

#include "tests/unit/filters_dkim/dkim_fixture.h"

namespace postern::dkim {
namespace {

using test::SigningKey;
using test::SignOptions;

struct Expected {
  std::string tags;
  Result result;
  std::string reason;
};

TEST_F(Dkim, PassSaysWhoAndHow) {
  Outcome outcome = signed_with_tags("i=Joe@sub.Example.org; ");
  EXPECT_EQ(outcome.result, Result::Pass);
  EXPECT_EQ(outcome.reason, "");
  EXPECT_EQ(outcome.domain, "example.org");
  EXPECT_EQ(outcome.selector, "s");
  EXPECT_EQ(outcome.identity, "Joe@sub.example.org");
  EXPECT_EQ(outcome.algorithm, "rsa-sha256");
  EXPECT_EQ(outcome.signature_start.size(), 8U);
  EXPECT_EQ(outcome.key_bits, 2048);
  EXPECT_FALSE(outcome.partial || outcome.testing);
}

TEST_F(Dkim, EveryCanonicalizationAndKey) {
  dns.txt("e._domainkey.example.org", SigningKey::shared_ed25519().record());
  for (Canon header : {Canon::Simple, Canon::Relaxed}) {
    for (Canon body : {Canon::Simple, Canon::Relaxed}) {
      SignOptions options;
      options.header_canon = header;
      options.body_canon = body;
      EXPECT_EQ(signed_with(options).result, Result::Pass);
      options.selector = "e";
      std::string text = test::sign_message(SigningKey::shared_ed25519(), kMessage, options);
      EXPECT_EQ(verify(text).result, Result::Pass);
      // One octet of the body, one of a signed field.
      std::string changed = text;
      changed[changed.find("two")] = 'T';
      EXPECT_EQ(verify(changed).reason, "body hash did not verify");
      changed = text;
      changed[changed.find("hello")] = 'H';
      EXPECT_EQ(verify(changed).reason, "signature did not verify");
    }
  }
}

TEST_F(Dkim, RelaxedStandsWhiteSpaceSimpleDoesNot) {
  for (Canon canon : {Canon::Simple, Canon::Relaxed}) {
    SignOptions options;
    options.header_canon = options.body_canon = canon;
    std::string text = test::sign_message(SigningKey::shared_rsa(), kMessage, options);
    std::string header = text;
    header.replace(header.find("hello \t there"), 13, "hello\r\n there ");
    EXPECT_EQ(verify(header).result == Result::Pass, canon == Canon::Relaxed);
    std::string body = text + "\r\n\r\n";
    EXPECT_EQ(verify(body).result, Result::Pass);
    body.replace(body.find("Line  one"), 9, "Line one ");
    EXPECT_EQ(verify(body).result == Result::Pass, canon == Canon::Relaxed);
  }
}

// RFC 6376, 6.1.1; RFC 8301, 3.1: judged without a key.
TEST_F(Dkim, WhatTheSignatureSaysAgainstItself) {
  dns.clear();
  SignOptions no_from;
  no_from.fields = {"to", "subject"};
  EXPECT_EQ(signed_with(no_from).result, Result::PermError);
  EXPECT_EQ(signed_with(no_from).reason, "From field is not signed");
  for (const Expected& e : {
           Expected{"i=x@example.net; ", Result::PermError, "i= is not of the domain d="},
           Expected{"i=x@notexample.org; ", Result::PermError, "i= is not of the domain d="},
           Expected{"i=x@org; ", Result::PermError, "i= is not of the domain d="},
           Expected{"t=1700000000; x=1700000000; ", Result::PermError, "x= is not after t="},
           Expected{"t=1; x=1699999999; ", Result::Fail, "signature expired"},
           Expected{"i=x; ", Result::Neutral, "malformed signature: i= is no identity"},
           Expected{"c=simple; ", Result::Neutral, "malformed signature: a tag twice: c"},
       }) {
    Outcome outcome = signed_with_tags(e.tags);
    EXPECT_EQ(outcome.result, e.result) << e.tags;
    EXPECT_EQ(outcome.reason, e.reason);
  }
  SignOptions options;
  options.algorithm = "rsa-sha1";
  EXPECT_EQ(signed_with(options).result, Result::Policy);
  EXPECT_EQ(signed_with(options).reason, "rsa-sha1 is not accepted (RFC 8301)");
  options.algorithm = "rsa-sha3";
  EXPECT_EQ(signed_with(options).result, Result::Neutral);
  EXPECT_EQ(signed_with(options).reason, "unknown algorithm");
  EXPECT_EQ(signed_with(options).algorithm, "rsa-sha3");
  EXPECT_EQ(dns.queries(), 0U);
}

TEST_F(Dkim, Times) {
  EXPECT_EQ(signed_with_tags("t=1; x=1700000000; ").result, Result::Pass);
  EXPECT_EQ(signed_with_tags("t=1800000000; ").result, Result::Pass);
  EXPECT_EQ(signed_with_tags("x=1699999999; ").reason, "signature expired");
}

// RFC 6376, 3.6.1 and 6.1.2; RFC 8301, 3.2.
TEST_F(Dkim, WhatTheKeySaysAgainstIt) {
  std::string p = "p=" + SigningKey::shared_rsa().public_base64();
  for (const Expected& e : {
           Expected{"v=DKIM1; p=", Result::PermError, "key revoked"},
           Expected{"h=sha1; " + p, Result::PermError, "key does not allow sha256"},
           Expected{"s=tlsrpt; " + p, Result::PermError, "key is not for email"},
           Expected{"k=nosuch; " + p, Result::PermError, "unknown key type in DNS record"},
           Expected{"k=rsa", Result::PermError, "key record without p="},
           Expected{"t=s; " + p, Result::Pass, ""},
           Expected{SigningKey::shared_ed25519().record(), Result::PermError, "key type does not match"},
           Expected{SigningKey::rsa(2048).record(), Result::Fail, "signature did not verify"},
       }) {
    Outcome outcome = with_record(e.tags);
    EXPECT_EQ(outcome.result, e.result) << e.tags;
    EXPECT_EQ(outcome.reason, e.reason);
  }
  EXPECT_FALSE(with_record(p).testing);
  EXPECT_TRUE(with_record("t=y; " + p).testing);
}

TEST_F(Dkim, StrictIdentity) {
  dns.clear();
  dns.txt("s._domainkey.example.org", "t=s; p=" + SigningKey::shared_rsa().public_base64());
  EXPECT_EQ(signed_with_tags("i=x@example.org; ").result, Result::Pass);
  EXPECT_EQ(signed_with_tags("i=x@sub.example.org; ").result, Result::PermError);
}

TEST_F(Dkim, KeySizes) {
  for (const auto& [bits, result] : {std::pair(512, Result::Policy), std::pair(1023, Result::Policy),
                                     std::pair(1024, Result::Pass), std::pair(4096, Result::Pass)}) {
    SigningKey key = SigningKey::rsa(bits);
    SignOptions options;
    options.selector = "k" + std::to_string(bits);
    dns.txt(options.selector + "._domainkey.example.org", key.record());
    Outcome outcome = verify(test::sign_message(key, kMessage, options));
    EXPECT_EQ(outcome.result, result) << bits << outcome.reason;
    EXPECT_EQ(outcome.key_bits, bits);
  }
}

TEST_F(Dkim, KeysThatDoNotCome) {
  dns.clear();
  EXPECT_EQ(signed_with({}).result, Result::PermError);
  EXPECT_EQ(signed_with({}).reason, "no key for signature");
  dns.never("s._domainkey.example.org");
  EXPECT_EQ(signed_with({}).result, Result::TempError);
  EXPECT_EQ(signed_with({}).reason, "key unavailable: timeout");
}

// RFC 6376, 3.6.2.2.
TEST_F(Dkim, AnyOfSeveralKeyRecords) {
  dns.clear();
  std::string name = "s._domainkey.example.org";
  dns.txt(name, "v=spf1 -all").txt(name, "p=").txt(name, SigningKey::shared_ed25519().record());
  EXPECT_EQ(signed_with({}).reason, "key revoked");
  dns.txt(name, "t=y; " + SigningKey::shared_rsa().record().substr(9));
  Outcome outcome = signed_with({});
  EXPECT_EQ(outcome.result, Result::Pass) << outcome.reason;
  EXPECT_EQ(outcome.key_bits, 2048);
  EXPECT_TRUE(outcome.testing);
}

// RFC 6376, 3.5, l=, and 8.2.
TEST_F(Dkim, BodyLimit) {
  long whole = static_cast<long>(test::canonical_body(Canon::Relaxed, "Line  one \r\n\r\nLine two\r\n").size());
  SignOptions options;
  options.body_limit = whole;
  std::string text = test::sign_message(SigningKey::shared_rsa(), kMessage, options);
  EXPECT_EQ(verify(text).result, Result::Pass);
  EXPECT_FALSE(verify(text).partial);
  Outcome appended = verify(text + "And an advert\r\n");
  EXPECT_EQ(appended.result, Result::Pass);
  EXPECT_TRUE(appended.partial);
  EXPECT_EQ(appended.reason, "partial: l= covers 22 of 37 octets");
  options.body_limit = 0;
  EXPECT_TRUE(signed_with(options).partial);
  options.body_limit = whole + 1;
  EXPECT_EQ(signed_with(options).result, Result::Fail);
  EXPECT_EQ(signed_with(options).reason, "l= is more than the body has");
}

// RFC 6376, 8.15: a second From is not covered by the first one's signature unless the signer said so.
TEST_F(Dkim, AddedFields) {
  SignOptions options;
  std::string text = test::sign_message(SigningKey::shared_rsa(), kMessage, options);
  EXPECT_EQ(verify("From: evil@example.com\r\n" + text).result, Result::Pass);
  EXPECT_EQ(verify("X-Other: x\r\n" + text).result, Result::Pass);
  options.fields = {"from", "from", "subject", "subject"};
  text = test::sign_message(SigningKey::shared_rsa(), kMessage, options);
  EXPECT_EQ(verify(text).result, Result::Pass);
  EXPECT_EQ(verify("From: evil@example.com\r\n" + text).result, Result::Fail);
  EXPECT_EQ(verify("Subject: evil\r\n" + text).result, Result::Fail);
}

TEST_F(Dkim, InternationalDomain) {
  dns.txt("xn--tda._domainkey.xn--bcher-kva.example", SigningKey::shared_rsa().record());
  SignOptions options;
  options.domain =
      "b\xc3\xbc"
      "cher.example";
  options.selector = "\xc3\xbc";
  Outcome outcome = signed_with(options);
  EXPECT_EQ(outcome.result, Result::Pass) << outcome.reason;
  EXPECT_EQ(outcome.domain, "xn--bcher-kva.example");
}

TEST_F(Dkim, UnsignedAndWithoutBody) {
  EXPECT_TRUE(verify_all(kMessage).empty());
  EXPECT_TRUE(verify_all("").empty());
  for (std::string_view text : {"From: a@example.org\r\n\r\n", "From: a@example.org\r\n"}) {
    for (Canon canon : {Canon::Simple, Canon::Relaxed}) {
      SignOptions options;
      options.body_canon = canon;
      EXPECT_EQ(verify(test::sign_message(SigningKey::shared_rsa(), text, options)).result, Result::Pass);
    }
  }
}

TEST_F(Dkim, DomainsWithoutDuplicatesInOrder) {
  std::string text(kMessage);
  for (const char* domain : {"b.example", "example.org", "B.example"}) {
    SignOptions options;
    options.domain = domain;
    text = test::sign_message(SigningKey::shared_rsa(), text, options);
  }
  EXPECT_EQ(verify_all("DKIM-Signature: v=1; d=x.example\r\n" + text).size(), 4U);
  EXPECT_EQ(domains, (std::vector<std::string>{"b.example", "example.org"}));
}

}  // namespace
}  // namespace postern::dkim
