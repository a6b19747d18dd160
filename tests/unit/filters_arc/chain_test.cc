// The structure of a chain, before any signature counts (RFC 8617, 5.2, steps 1 to 3).
#include <string>
#include <vector>

#include "tests/unit/filters_arc/arc_fixture.h"

namespace postern::test {
namespace {

using arc::Result;

TEST_F(ArcTest, NoSetsIsNone) {
  arc::Outcome outcome = judge(plain_message());
  EXPECT_EQ(outcome.result, Result::None);
  EXPECT_EQ(outcome.reason, "");
  EXPECT_TRUE(outcome.sets.empty());
  EXPECT_EQ(zone_.queries(), 0U);
}

TEST_F(ArcTest, WhatEachSetSaysIsHandedOn) {
  SetPlan second;
  second.instance = 2;
  second.domain = "LISTS.Example";
  second.selector = "S2";
  second.results = "lists.example;\r\n\tarc=pass";
  zone_.txt("s2._domainkey.lists.example", SigningKey::shared_rsa().record());
  arc::Outcome outcome = judge(add_set(seal(plain_message(), 1), second));
  EXPECT_EQ(outcome.result, Result::Pass) << outcome.reason;
  ASSERT_EQ(outcome.sets.size(), 2U);
  EXPECT_EQ(outcome.sets[0].sealer, "example.org");
  EXPECT_EQ(outcome.sets[0].selector, "arc");
  EXPECT_EQ(outcome.sets[0].results, "mx.example.org; spf=pass smtp.mailfrom=a.example");
  EXPECT_EQ(outcome.sets[1].sealer, "lists.example");
  EXPECT_EQ(outcome.sets[1].selector, "s2");
  EXPECT_EQ(outcome.sets[1].results, "lists.example;\tarc=pass");
}

struct Broken {
  std::string from;
  std::string to;
  std::string reason;
};

// Each breaks a chain of two sets in one place; the newest set stands on top.
TEST_F(ArcTest, AChainWithoutSoundStructureFailsAtOnce) {
  std::string sound = seal(plain_message(), 2);
  const std::vector<Broken> cases = {
      {"ARC-Seal:", "X-Seal:", "i=2: no ARC-Seal"},
      {"ARC-Message-Signature:", "X-Message:", "i=2: no ARC-Message-Signature"},
      {"ARC-Authentication-Results:", "X-Results:", "i=2: no ARC-Authentication-Results"},
      {"ARC-Seal: cv=pass; i=2", "ARC-Seal: cv=pass; i=1", "i=1: more than one ARC-Seal"},
      {"ARC-Seal: cv=pass; i=2", "ARC-Seal: cv=pass; i=3", "i=3: no ARC-Message-Signature"},
      {"ARC-Seal: cv=pass; i=2", "ARC-Seal: cv=pass", "ARC-Seal: i= is missing"},
      {"ARC-Seal: cv=pass; i=2", "ARC-Seal: cv=pass; i=", "ARC-Seal: i= is no instance"},
      {"cv=pass; i=2", "cv=pass; i=0", "ARC-Seal: i= is no instance"},
      {"cv=pass; i=2", "cv=pass; i=51", "ARC-Seal: i= is no instance"},
      {"cv=pass; i=2", "cv=pass; i=002", "ARC-Seal: i= is no instance"},
      {"cv=pass; i=2", "cv=pass; i=2e0", "ARC-Seal: i= is no instance"},
      {"cv=pass; i=2", "cv=pass; i=-2", "ARC-Seal: i= is no instance"},
      {"cv=pass; i=2", "cv=pass; i=99999999999999999999", "ARC-Seal: i= is no instance"},
      {"cv=pass; i=2", "cv=pass; i=2; i=2", "ARC-Seal: a tag twice: i"},
      {"cv=pass; i=2", "cv=pass; i=2; h=from", "i=2: ARC-Seal: h= is not allowed"},
      {"cv=pass; ", "cv=fail; ", "i=2: ARC-Seal: cv=fail"},
      {"cv=none; ", "cv=fail; ", "i=1: ARC-Seal: cv=fail"},
      {"cv=pass; ", "cv=none; ", "i=2: ARC-Seal: cv= is not pass"},
      {"cv=none; ", "cv=pass; ", "i=1: ARC-Seal: cv= is not none"},
      {"cv=pass; ", "cv=; ", "i=2: ARC-Seal: cv= is neither none nor pass nor fail"},
      {"cv=pass; ", "cv=passed; ", "i=2: ARC-Seal: cv= is neither none nor pass nor fail"},
      {"cv=pass; ", "", "i=2: ARC-Seal: cv= is missing"},
      {"a=rsa-sha256", "a=rsa-sha1", "i=2: ARC-Seal: a= rsa-sha1 is not accepted"},
      {"a=rsa-sha256", "a=rsa-md5", "i=2: ARC-Seal: a= names no known algorithm"},
      {"d=example.org", "d=exam ple.org", "i=2: ARC-Seal: d= is no domain name"},
      {"d=example.org", "d=example...", "i=2: ARC-Seal: d= is no domain name"},
      {"s=arc", "s=", "i=2: ARC-Seal: s= is no selector"},
      {"s=arc", "s=arc; t=now", "i=2: ARC-Seal: t= is no time"},
      {"Results: i=2;", "Results: ;", "ARC-Authentication-Results: i= is missing"},
      {"Results: i=2;", "Results: I=2;", "ARC-Authentication-Results: i= is missing"},
      {"Results: i=2;", "Results: i=2", "ARC-Authentication-Results: no semicolon behind i="},
      {"Results: i=2;", "Results: i=two;", "ARC-Authentication-Results: i= is no instance"},
      {"Results: i=2;", "Results: i=1;", "i=1: more than one ARC-Authentication-Results"},
      {"Results: i=2;", "Results: (i=2;", "ARC-Authentication-Results: i= is missing"},
  };
  for (const Broken& each : cases) {
    arc::Outcome outcome = judge(replaced(sound, each.from, each.to));
    EXPECT_EQ(outcome.result, Result::Fail) << each.from << " -> " << each.to;
    EXPECT_EQ(outcome.reason, each.reason) << each.from << " -> " << each.to;
    EXPECT_TRUE(outcome.sets.empty()) << each.from << " -> " << each.to;
  }
  EXPECT_EQ(zone_.queries(), 0U) << "keys are asked for although no signature can help";
}

TEST_F(ArcTest, ASingleFieldIsNoChainButNoNoneEither) {
  for (const char* field : {"ARC-Seal: i=1", "ARC-Message-Signature: i=1", "ARC-Authentication-Results: i=1; none"}) {
    EXPECT_EQ(judge(std::string(field) + "\r\n" + plain_message()).result, Result::Fail) << field;
  }
}

// RFC 8617, 4.2.1 allows comments around the instance of ARC-Authentication-Results. Not signed text here, so the seal
// fails later: the structure is what is looked at.
TEST_F(ArcTest, CommentsAroundTheInstanceOfResults) {
  std::string sound = seal(plain_message(), 1);
  for (const char* written : {" (a) i (b(c)\\)) =\r\n (d) 1 (e);", "i=1;", "\ti=01 ;"}) {
    arc::Outcome outcome = judge(replaced(sound, "Results: i=1;", std::string("Results:") + written));
    ASSERT_EQ(outcome.sets.size(), 1U) << written << ": " << outcome.reason;
    EXPECT_EQ(outcome.sets[0].results, "mx.example.org; spf=pass smtp.mailfrom=a.example");
  }
}

TEST_F(ArcTest, FieldNamesInAnyCaseAndOrder) {
  std::string text = seal(plain_message(), 2);
  text = replaced(text, "ARC-Seal:", "arc-SEAL :");
  // The set in the middle of other fields, the oldest on top.
  size_t second = text.find("ARC-Seal:");
  size_t from = text.find("From:");
  text = text.substr(second, from - second) + "Received: x\r\n" + text.substr(0, second) + text.substr(from);
  arc::Outcome outcome = judge(text);
  EXPECT_EQ(outcome.result, Result::Pass) << outcome.reason;
}

}  // namespace
}  // namespace postern::test
