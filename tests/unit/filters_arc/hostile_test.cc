// What a stranger may send: everything stays bounded, and nothing is taken for a chain that is none.
#include <string>

#include "tests/unit/filters_arc/arc_fixture.h"

namespace postern::test {
namespace {

using arc::Result;

std::string times(size_t count, const std::string& text) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

TEST_F(ArcTest, FiftySetsPassAndOneMoreFails) {
  std::string text = seal(plain_message(), 50);
  arc::Outcome outcome = judge(text);
  EXPECT_EQ(outcome.result, Result::Pass) << outcome.reason;
  EXPECT_EQ(outcome.sets.size(), 50U);
  EXPECT_EQ(outcome.oldest_pass, std::nullopt) << "of so long a chain only the newest message signature is looked at";
  SetPlan plan;
  plan.instance = 51;
  outcome = judge(add_set(text, plan));
  EXPECT_EQ(outcome.result, Result::Fail);
  EXPECT_EQ(outcome.reason, "more than 50 sets");
}

TEST_F(ArcTest, ThousandsOfFieldsAskForNothing) {
  std::string junk = "ARC-Seal: i=1; cv=none; a=rsa-sha256; d=a.example; s=s; b=AAAA\r\n";
  arc::Outcome outcome = judge(times(9000, junk) + plain_message());
  EXPECT_EQ(outcome.result, Result::Fail);
  EXPECT_EQ(outcome.reason, "more than 50 sets");
  EXPECT_EQ(zone_.queries(), 0U);
}

// Fifty sets of a domain each: the newest message signature decides before any other key is of use, and what is asked
// is bounded by the sets and not by what stands in them.
TEST_F(ArcTest, AForgedChainEndsAtItsFirstSignature) {
  std::string text = plain_message();
  for (size_t i = 1; i <= 50; ++i) {
    SetPlan plan;
    plan.instance = i;
    plan.domain = "d" + std::to_string(i) + ".example";
    plan.body_hash = std::string(43, 'A') + "=";
    text = add_set(text, plan);
  }
  arc::Outcome outcome = judge(text);
  EXPECT_EQ(outcome.result, Result::Fail);
  EXPECT_EQ(outcome.reason, "i=50: ARC-Message-Signature: body hash mismatch");
  EXPECT_EQ(zone_.queries(), 50U);
}

TEST_F(ArcTest, GiganticFieldsAreRefusedUnread) {
  std::string sound = seal(plain_message(), 1);
  std::string filler = times(9000, "x:y:z:\r\n ");
  arc::Outcome outcome = judge(replaced(sound, "h=from", "h=" + filler + "from"));
  EXPECT_EQ(outcome.reason, "ARC-Message-Signature: the field is too long");
  outcome = judge(replaced(sound, "h=from", "h=" + times(2000, "x:") + "from"));
  EXPECT_EQ(outcome.reason, "i=1: ARC-Message-Signature: h= names too many fields");
  outcome = judge(replaced(sound, "Results: i=1;", "Results: " + times(70'000, "(") + "i=1;"));
  EXPECT_EQ(outcome.reason, "ARC-Authentication-Results: the field is too long");
  outcome = judge(replaced(sound, "Results: i=1;", "Results: " + times(60'000, "(") + "i=1;"));
  EXPECT_EQ(outcome.reason, "ARC-Authentication-Results: i= is missing");
  outcome = judge(replaced(sound, "ARC-Seal: ", "ARC-Seal: " + times(200, "a;")));
  EXPECT_EQ(outcome.result, Result::Fail);
}

TEST_F(ArcTest, ReasonsArePrintableWhateverTheFieldsHold) {
  std::string sound = seal(plain_message(), 1);
  const std::string octets("\x01\x7f\xff\0\"\\", 6);
  for (const char* place :
       {"cv=none", "d=example.org", "s=arc", "a=rsa-sha256", "h=from", "Results: i=1", "c=relaxed"}) {
    arc::Outcome outcome = judge(replaced(sound, place, place + octets));
    EXPECT_EQ(outcome.result, Result::Fail) << place;
    for (char c : outcome.reason) EXPECT_TRUE(c >= ' ' && c < 0x7F) << place;
  }
}

TEST_F(ArcTest, PayloadsMayHoldAnyOctets) {
  SetPlan plan;
  plan.results = std::string("mx\0; \xff=\x01", 8);
  arc::Outcome outcome = judge(add_set(plain_message(), plan));
  EXPECT_EQ(outcome.result, Result::Pass) << outcome.reason;
  ASSERT_EQ(outcome.sets.size(), 1U);
  EXPECT_EQ(outcome.sets[0].results, plan.results);
}

}  // namespace
}  // namespace postern::test
