// What strangers send to keep us busy or to confuse us.
#include <string>

#include "tests/unit/filters_dkim/dkim_fixture.h"

namespace postern::dkim {
namespace {

using test::SigningKey;
using test::SignOptions;

TEST_F(Dkim, ThousandsOfSignatures) {
  std::string fields;
  for (int i = 0; i < 3000; ++i) {
    fields +=
        "DKIM-Signature: v=1; a=rsa-sha256; d=d" + std::to_string(i) + ".example; s=s; h=from; bh=YWJj; b=YWJj\r\n";
  }
  auto outcomes = verify_all(fields + std::string(kMessage));
  EXPECT_EQ(outcomes.size(), Verifier::kMaxSignatures);
  EXPECT_EQ(ignored, 2990U);
  EXPECT_EQ(dns.queries(), Verifier::kMaxSignatures);
}

TEST_F(Dkim, OneSignatureManyTimesAsksOnce) {
  std::string field = test::sign_field(SigningKey::shared_rsa(), kMessage);
  std::string text;
  for (int i = 0; i < 20; ++i) text += field;
  auto outcomes = verify_all(text + std::string(kMessage));
  EXPECT_EQ(outcomes.size(), 10U);
  for (const Outcome& outcome : outcomes) EXPECT_EQ(outcome.result, Result::Pass);
  EXPECT_EQ(dns.queries(), 1U);
}

// Ten signatures over a header of a megabyte in ten thousand fields, each name a thousand times in h=.
TEST_F(Dkim, HugeHeader) {
  std::string text = "From: a@example.org\r\n";
  for (int i = 0; i < 9000; ++i) text += "X: " + std::string(100, static_cast<char>('a' + i % 26)) + "\r\n";
  text += "\r\nbody\r\n";
  SignOptions options;
  options.fields.assign(kMaxSignedFields, "x");
  options.fields[0] = "from";
  std::string signed_text = text;
  for (int i = 0; i < 10; ++i) signed_text.insert(0, test::sign_field(SigningKey::shared_rsa(), text, options));
  for (const Outcome& outcome : verify_all(signed_text)) EXPECT_EQ(outcome.result, Result::Pass) << outcome.reason;
}

TEST_F(Dkim, DifferentBodyLimits) {
  std::string text(kMessage);
  for (int i = 0; i < 10; ++i) {
    SignOptions options;
    options.body_limit = i;
    text = test::sign_message(SigningKey::shared_rsa(), text, options);
  }
  for (const Outcome& outcome : verify_all(text + std::string(100'000, 'x') + "\r\n")) {
    EXPECT_EQ(outcome.result, Result::Pass);
    EXPECT_TRUE(outcome.partial);
  }
}

TEST_F(Dkim, AnyOctets) {
  using namespace std::string_literals;
  std::string body = "a\0b \r c\nd\xff \r\n"s;
  std::string text = "From: \0\xff\r\x01 <a@example.org>\r\nTo: x\r\nSubject:\r\n\r\n"s + body;
  std::string odd = "From: \0\xff\r\x01 <a@example.org>\r\nX: \0\r\n\r\n"s + body;
  for (const std::string& message : {text, odd}) {
    for (Canon canon : {Canon::Simple, Canon::Relaxed}) {
      SignOptions options;
      options.header_canon = options.body_canon = canon;
      EXPECT_EQ(verify(test::sign_message(SigningKey::shared_rsa(), message, options)).result, Result::Pass);
    }
  }
}

TEST_F(Dkim, ReasonsArePrintable) {
  for (std::string_view value :
       {"\x01", "v=1;\xff", "v=1; \xff=\x80", "v=1; a=\xc3\xbc", "v=1; d=\xff.x", "v=1; =\r x"}) {
    Outcome outcome = verify("DKIM-Signature: " + std::string(value) + "\r\n" + std::string(kMessage));
    EXPECT_EQ(outcome.result, Result::Neutral);
    for (char c : outcome.reason + outcome.algorithm) EXPECT_TRUE(c >= ' ' && c <= '~') << outcome.reason;
  }
}

}  // namespace
}  // namespace postern::dkim
