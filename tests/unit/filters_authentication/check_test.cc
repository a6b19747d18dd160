// DKIM, ARC and DMARC of one message together, as its octets arrive.
#include "filters/authentication/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "filters/message/headers.h"
#include "tests/fakes/dkim_signer.h"
#include "tests/fakes/fake_dns.h"

namespace postern::authentication {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Method = dmarc::Identifier::Method;

constexpr std::string_view kMessage =
    "From: Ann <ann@author.example>\r\nTo: bob@example.org\r\nSubject: s\r\n\r\nGood day.\r\n\r\nAnn\r\n";

class CheckTest : public testing::Test {
 protected:
  CheckTest() {
    dns.txt("_dmarc.author.example", "v=DMARC1; p=reject");
    dns.txt("s._domainkey.author.example", test::SigningKey::shared_rsa().record());
  }

  /// The message comes in pieces of that size; `head_limit`: so much of it is kept for reading.
  Outcome check(std::string_view text, size_t piece = 1000, const spf::Outcome& mail_from = {}) {
    Check task(dns, keys, {settings, std::chrono::seconds(5), 1'700'000'000}, mail_from.domain);
    for (size_t at = 0; at < text.size(); at += piece) {
      std::string_view bytes = text.substr(at, piece);
      task.append(bytes, text.substr(0, std::min(at + bytes.size(), Check::kMaxHeader)));
    }
    asked_before_end = dns.queries();
    std::string_view head = text.substr(0, Check::kMaxHeader);
    message::Header header = message::parse_header(head);
    Task<Outcome> finish = task.finish(header, head, mail_from);
    finish.start([] {});
    dns.run();
    return finish.take();
  }

  static std::string signed_by_author(std::string_view message = kMessage, long body_limit = -1) {
    test::SignOptions options;
    options.domain = "author.example";
    options.body_limit = body_limit;
    return test::sign_message(test::SigningKey::shared_rsa(), message, options);
  }

  static spf::Outcome spf_of(spf::Result result, std::string domain) {
    spf::Outcome outcome;
    outcome.result = result;
    outcome.domain = std::move(domain);
    return outcome;
  }

  test::FakeDns dns;
  dkim::KeyCache keys;
  Settings settings;
  size_t asked_before_end = 0;
};

TEST_F(CheckTest, TheSameHoweverTheMessageIsCut) {
  std::string text = signed_by_author();
  for (size_t piece : {size_t{1}, size_t{2}, size_t{3}, size_t{7}, size_t{100}, text.size()}) {
    Outcome outcome = check(text, piece);
    ASSERT_EQ(outcome.dkim.size(), 1U);
    EXPECT_EQ(outcome.dkim[0].result, dkim::Result::Pass) << piece << ": " << outcome.dkim[0].reason;
    EXPECT_EQ(outcome.dmarc.result, dmarc::Result::Pass);
    EXPECT_THAT(outcome.dmarc.aligned, ElementsAre(Method::Dkim));
    EXPECT_EQ(outcome.arc.result, arc::Result::None);
  }
}

TEST_F(CheckTest, QuestionsAreAskedBeforeTheBodyHasArrived) {
  check(signed_by_author());
  EXPECT_EQ(asked_before_end, dns.queries());
}

TEST_F(CheckTest, AMessageThatIsAllHeaderHasAnEmptyBody) {
  std::string text = signed_by_author("From: ann@author.example\r\nTo: b@example.org\r\nSubject: s\r\n\r\n");
  text.resize(text.size() - 2);
  for (size_t piece : {size_t{1}, text.size()}) {
    EXPECT_EQ(check(text, piece).dkim.at(0).result, dkim::Result::Pass);
  }
}

TEST_F(CheckTest, AMessageWithoutHeaderIsNobodys) {
  for (std::string_view text : {"\r\nOnly a body.\r\n", "No field at all\r\n\r\nFrom: ann@author.example\r\n", ""}) {
    for (size_t piece : {size_t{1}, size_t{1000}}) {
      Outcome outcome = check(text, piece, spf_of(spf::Result::Pass, "author.example"));
      EXPECT_THAT(outcome.dkim, IsEmpty());
      EXPECT_NE(outcome.dmarc.result, dmarc::Result::Pass);
      EXPECT_EQ(outcome.dmarc.from, "");
    }
  }
}

// More than is kept for reading: the body is hashed as it passes.
TEST_F(CheckTest, ALargeBodyIsHashedWhole) {
  std::string message(kMessage);
  while (message.size() < 3 * Check::kMaxHeader) message += "One more line of a large message, with some text.\r\n";
  std::string text = signed_by_author(message);
  EXPECT_EQ(check(text, 16'000).dkim.at(0).result, dkim::Result::Pass);
  text[text.size() - 10] ^= 1;
  EXPECT_EQ(check(text, 16'000).dkim.at(0).result, dkim::Result::Fail);
}

TEST_F(CheckTest, SpfAloneIsEnoughForDmarc) {
  Outcome outcome = check(kMessage, 1000, spf_of(spf::Result::Pass, "bounce.author.example"));
  EXPECT_EQ(outcome.dmarc.result, dmarc::Result::Pass);
  EXPECT_THAT(outcome.dmarc.aligned, ElementsAre(Method::Spf));
}

// RFC 6376, 8.2: what l= leaves out is anybody's.
TEST_F(CheckTest, APartOfTheBodySignedVouchesForNothing) {
  Outcome outcome = check(signed_by_author(kMessage, 5));
  EXPECT_EQ(outcome.dkim.at(0).result, dkim::Result::Pass);
  EXPECT_TRUE(outcome.dkim[0].partial);
  EXPECT_EQ(outcome.dmarc.result, dmarc::Result::Fail);
  Outcome whole =
      check(signed_by_author(kMessage, static_cast<long>(std::string_view("Good day.\r\n\r\nAnn\r\n").size())));
  EXPECT_FALSE(whole.dkim.at(0).partial);
  EXPECT_EQ(whole.dmarc.result, dmarc::Result::Pass);
}

TEST_F(CheckTest, TemporaryTroubleIsNeverAFailure) {
  std::string text = signed_by_author();
  dns.clear();
  dns.txt("_dmarc.author.example", "v=DMARC1; p=reject").temp_fail("s._domainkey.author.example");
  Outcome outcome = check(text);
  EXPECT_EQ(outcome.dkim.at(0).result, dkim::Result::TempError);
  EXPECT_EQ(outcome.dmarc.result, dmarc::Result::TempError);
  EXPECT_EQ(check(kMessage, 1000, spf_of(spf::Result::TempError, "author.example")).dmarc.result,
            dmarc::Result::TempError);
  // An identity that could not be aligned would have changed nothing.
  EXPECT_EQ(check(kMessage, 1000, spf_of(spf::Result::TempError, "other.example")).dmarc.result, dmarc::Result::Fail);
  dns.clear();
  dns.temp_fail("_dmarc.author.example");
  EXPECT_EQ(check(kMessage).dmarc.result, dmarc::Result::TempError);
}

// Behind the last field that is looked at another From or Subject may stand.
TEST_F(CheckTest, AHeaderThatIsNotSeenAsAWholeVouchesForNothing) {
  std::string text = signed_by_author();
  size_t end = text.find("\r\n\r\n") + 2;
  for (int i = 0; i < 10'500; ++i) text.insert(end, "X: \r\n");
  Outcome outcome = check(text, 4000, spf_of(spf::Result::Pass, "author.example"));
  EXPECT_EQ(outcome.dkim.at(0).result, dkim::Result::PermError);
  EXPECT_EQ(outcome.dmarc.result, dmarc::Result::PermError);
  EXPECT_EQ(outcome.dmarc.reason, "header has too many fields");
}

// What verifying costs is chosen by whoever publishes the keys: ten such signatures are more than one message may cost.
TEST_F(CheckTest, TheEffortForOneMessageEnds) {
  static const test::SigningKey large = test::SigningKey::rsa(4096);
  dns.txt("large._domainkey.author.example", large.record());
  std::string text(kMessage);
  test::SignOptions options;
  options.domain = "author.example";
  options.selector = "large";
  for (int i = 0; i < 10; ++i) text = test::sign_message(large, text, options);
  Outcome outcome = check(text);
  ASSERT_EQ(outcome.dkim.size(), 10U);
  EXPECT_EQ(outcome.dkim.front().result, dkim::Result::Pass);
  EXPECT_EQ(outcome.dkim.back().result, dkim::Result::Policy);
  EXPECT_EQ(outcome.dkim.back().reason, "too many signatures to verify");
  EXPECT_EQ(outcome.dmarc.result, dmarc::Result::Pass);
}

TEST(DkimSummaryTest, TheBestOfThem) {
  dkim::Outcome pass, fail, temp;
  pass.result = dkim::Result::Pass;
  fail.result = dkim::Result::Fail;
  temp.result = dkim::Result::TempError;
  EXPECT_EQ(dkim_summary({}), "none");
  EXPECT_EQ(dkim_summary({fail, pass}), "pass");
  EXPECT_EQ(dkim_summary({fail, temp}), "temperror");
  EXPECT_EQ(dkim_summary({fail, fail}), "fail");
}

}  // namespace
}  // namespace postern::authentication
