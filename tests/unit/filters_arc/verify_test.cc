// The signatures of a chain (RFC 8617, 5.2, steps 4 to 7).
#include <string>
#include <vector>

#include "tests/unit/filters_arc/arc_fixture.h"

namespace postern::test {
namespace {

using arc::Result;

TEST_F(ArcTest, ChainsOfAnyLengthPass) {
  for (size_t count : {1U, 2U, 3U, 10U}) {
    arc::Outcome outcome = judge(seal(plain_message(), count));
    EXPECT_EQ(outcome.result, Result::Pass) << count << ": " << outcome.reason;
    EXPECT_EQ(outcome.reason, "");
    EXPECT_EQ(outcome.sets.size(), count);
    EXPECT_EQ(outcome.oldest_pass, 0U);
    EXPECT_FALSE(outcome.partial);
  }
}

TEST_F(ArcTest, KeysAreAskedForWhenTheHeaderIsKnownAndOnce) {
  (void)judge(seal(plain_message(), 3));
  EXPECT_EQ(asked_at_begin_, 1U);
  EXPECT_EQ(zone_.queries(), 1U);
}

TEST_F(ArcTest, AnotherBodyOrHeaderFailsAtTheNewestMessageSignature) {
  std::string sound = seal(plain_message(), 2);
  arc::Outcome outcome = judge(replaced(sound, "Hello", "Hullo"));
  EXPECT_EQ(outcome.result, Result::Fail);
  EXPECT_EQ(outcome.reason, "i=2: ARC-Message-Signature: body hash mismatch");
  EXPECT_EQ(outcome.sets.size(), 2U) << "what the sets say is known all the same";
  outcome = judge(replaced(sound, "Subject: two", "Subject: three"));
  EXPECT_EQ(outcome.result, Result::Fail);
  EXPECT_EQ(outcome.reason, "i=2: ARC-Message-Signature: the signature does not verify");
}

// Another subject between the first and the second handler: the chain holds, and the outcome says from where on.
TEST_F(ArcTest, OlderMessageSignaturesMayBreak) {
  std::string text = replaced(seal(plain_message(), 2), "Subject: two", "Subject: [list] two");
  SetPlan plan;
  plan.instance = 3;
  text = add_set(text, plan);
  plan.instance = 4;
  text = add_set(text, plan);
  arc::Outcome outcome = judge(text);
  EXPECT_EQ(outcome.result, Result::Pass) << outcome.reason;
  EXPECT_EQ(outcome.oldest_pass, 3U);
}

TEST_F(ArcTest, AnOlderMessageSignatureThatCannotBeReadIsABrokenOne) {
  SetPlan plan;
  plan.signature_tags = "; c2=x; l=one";
  std::string text = add_set(plain_message(), plan);
  plan = {};
  plan.instance = 2;
  arc::Outcome outcome = judge(add_set(text, plan));
  EXPECT_EQ(outcome.result, Result::Pass) << outcome.reason;
  EXPECT_EQ(outcome.oldest_pass, 2U);
}

// RFC 8617, 4.1.2: the tags of a DKIM-Signature.
TEST_F(ArcTest, AnExpiredMessageSignatureFails) {
  SetPlan plan;
  plan.signature_tags = "; t=1600000000; x=" + std::to_string(kNow - 1);
  arc::Outcome outcome = judge(add_set(plain_message(), plan));
  EXPECT_EQ(outcome.result, Result::Fail);
  EXPECT_EQ(outcome.reason, "i=1: ARC-Message-Signature: the signature has expired");
  plan.signature_tags = "; t=1600000000; x=" + std::to_string(kNow);
  EXPECT_EQ(judge(add_set(plain_message(), plan)).result, Result::Pass);
}

// Each handler's seal covers all sets up to its own: a change in the oldest is seen at the newest.
TEST_F(ArcTest, ASealThatDoesNotCoverWhatIsThereFails) {
  std::string sound = seal(plain_message(), 3);
  size_t oldest = sound.rfind("ARC-Authentication-Results");
  std::string text = sound.substr(0, oldest) + replaced(sound.substr(oldest), "spf=pass", "spf=fail");
  arc::Outcome outcome = judge(text);
  EXPECT_EQ(outcome.result, Result::Fail);
  EXPECT_EQ(outcome.reason, "i=3: ARC-Seal: the signature does not verify");
}

// The newest seal is right over a wrong older one: a handler that did not look.
TEST_F(ArcTest, AllSealsAreVerified) {
  SigningKey stranger = SigningKey::rsa(1024);
  SetPlan plan;
  plan.key = &stranger;
  std::string text = add_set(plain_message(), plan);
  plan = {};
  plan.instance = 2;
  arc::Outcome outcome = judge(add_set(text, plan));
  EXPECT_EQ(outcome.result, Result::Fail);
  EXPECT_EQ(outcome.reason, "i=1: ARC-Seal: the signature does not verify");
}

TEST_F(ArcTest, Ed25519) {
  zone_.txt("ed._domainkey.example.org", SigningKey::shared_ed25519().record());
  SetPlan plan;
  plan.key = &SigningKey::shared_ed25519();
  plan.selector = "ed";
  plan.algorithm = "ed25519-sha256";
  arc::Outcome outcome = judge(add_set(plain_message(), plan));
  EXPECT_EQ(outcome.result, Result::Pass) << outcome.reason;
  plan.algorithm = "rsa-sha256";
  outcome = judge(add_set(plain_message(), plan));
  EXPECT_EQ(outcome.result, Result::Fail);
  EXPECT_EQ(outcome.reason, "i=1: ARC-Message-Signature: the key is of another type");
}

TEST_F(ArcTest, KeysThatDoNotCount) {
  SigningKey small = SigningKey::rsa(768);
  SetPlan plan;
  plan.selector = "key";
  std::string text = add_set(plain_message(), plan);
  std::string record = SigningKey::shared_rsa().record();
  struct Case {
    std::string record;
    std::string reason;
  };
  const std::vector<Case> cases = {
      {small.record(), "the key is too small"},
      {"v=DKIM1; k=rsa; p=", "the key is revoked"},
      {"h=sha1; " + record.substr(record.find("k=")), "the key does not allow sha256"},
      {record + "; s=tlsrpt", "the key is not for email"},
  };
  for (const Case& each : cases) {
    zone_.clear();
    zone_.txt("key._domainkey.example.org", each.record);
    arc::Outcome outcome = judge(text);
    EXPECT_EQ(outcome.result, Result::Fail) << each.record;
    EXPECT_EQ(outcome.reason, "i=1: ARC-Message-Signature: " + each.reason);
  }
  // Of several keys the one that fits counts (RFC 6376, 3.6.2.2 leaves it open).
  zone_.txt("key._domainkey.example.org", record);
  EXPECT_EQ(judge(text).result, Result::Pass);
  zone_.clear();
  EXPECT_EQ(judge(text).result, Result::Fail) << "no key";
  zone_.txt("key._domainkey.example.org", "v=DKIM1; k=rsa; p=AAAA");
  EXPECT_EQ(judge(text).result, Result::Fail) << "no key that can be read";
}

TEST_F(ArcTest, TroubleWithTheDnsIsNeverAFail) {
  SetPlan plan;
  plan.domain = "down.example";
  std::string text = add_set(plain_message(), plan);
  zone_.temp_fail("arc._domainkey.down.example");
  arc::Outcome outcome = judge(text);
  EXPECT_EQ(outcome.result, Result::TempError);
  EXPECT_TRUE(outcome.reason.starts_with("i=1: ARC-Message-Signature: key: ")) << outcome.reason;
  plan = {};
  plan.instance = 2;
  text = add_set(text, plan);
  outcome = judge(text);
  EXPECT_EQ(outcome.result, Result::TempError);
  EXPECT_TRUE(outcome.reason.starts_with("i=1: ARC-Seal: key: ")) << outcome.reason;
  EXPECT_EQ(outcome.sets.size(), 2U);
  // What fails without a key fails whatever the DNS does.
  EXPECT_EQ(judge(replaced(text, "Hello", "Hullo")).result, Result::Fail);
}

struct Tags {
  std::string fields;
  std::string tags;
  std::string reason;  // empty: passes
};

// The body has 14 octets. Seals hold in all of these, so the message signature alone decides.
TEST_F(ArcTest, TagsOfTheMessageSignature) {
  const std::vector<Tags> cases = {
      {"from:to", "; v=2; x=2000000000; t=1; unknown=1", ""},
      {"From :to\r\n : Subject", "", ""},
      {"from", "; l=14", ""},
      {"from", "; l=15", "l= is longer than the body"},
      {"from", "; l=99999999999999999999999", "l= is longer than the body"},
      {"from", "; l=-1", "l= is no number"},
      {"from", "; q=http/x:dns/txt", ""},
      {"from", "; q=http/x", "q= names no known query method"},
      {"from", "; t=", "t= is no time"},
      {"from", "; x=soon", "x= is no time"},
      {"to:subject", "", "h= does not name From"},
      {":", "", "h= is empty"},
      {"from:arc-authentication-results", "", ""},
      {"from:arc-seal", "", "h= names ARC-Seal"},
      {"from:x y", "", "h= names no field"},
  };
  for (const Tags& each : cases) {
    SetPlan plan;
    plan.signed_fields = each.fields;
    plan.signature_tags = each.tags;
    arc::Outcome outcome = judge(add_set(plain_message(), plan));
    EXPECT_EQ(outcome.reason, each.reason.empty() ? "" : "i=1: ARC-Message-Signature: " + each.reason);
    EXPECT_EQ(outcome.result, each.reason.empty() ? Result::Pass : Result::Fail) << each.fields << each.tags;
    EXPECT_FALSE(outcome.partial) << each.fields << each.tags;
  }
}

// With l= the chain holds over a longer body, but what was added is nobody's word.
TEST_F(ArcTest, TextBehindTheLimitIsNotCovered) {
  SetPlan plan;
  plan.signature_tags = "; l=14";
  arc::Outcome outcome = judge(add_set(plain_message(), plan) + "Buy now.\r\n");
  EXPECT_EQ(outcome.result, Result::Pass) << outcome.reason;
  EXPECT_TRUE(outcome.partial);
}

TEST_F(ArcTest, SignaturesThatAreNoneAreTold) {
  std::string text = seal(plain_message(), 1);
  size_t at = text.find("ARC-Message-Signature");
  auto broken = [&](const char* from, const char* to) {
    return judge(text.substr(0, at) + replaced(text.substr(at), from, to)).reason;
  };
  EXPECT_EQ(broken("; b=", "; b=_"), "i=1: ARC-Message-Signature: b= is not base64");
  EXPECT_EQ(broken("; b=", "; z="), "i=1: ARC-Message-Signature: b= is missing");
  EXPECT_EQ(broken("; bh=", "; bh=AAAA"), "i=1: ARC-Message-Signature: body hash mismatch");
  EXPECT_EQ(broken("c=relaxed/simple", "c=relaxed/strict"),
            "i=1: ARC-Message-Signature: c= names no known canonicalization");
  EXPECT_EQ(broken(" h=", " hh="), "i=1: ARC-Message-Signature: h= is missing");
}

}  // namespace
}  // namespace postern::test
