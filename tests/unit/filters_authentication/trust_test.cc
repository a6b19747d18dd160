// Whose word counts when DMARC fails.
#include "filters/authentication/trust.h"

#include <gtest/gtest.h>

namespace postern::authentication {
namespace {

arc::Outcome chain(std::vector<arc::Set> sets) {
  arc::Outcome outcome;
  outcome.result = arc::Result::Pass;
  outcome.sets = std::move(sets);
  return outcome;
}

dmarc::Outcome failure() {
  dmarc::Outcome outcome;
  outcome.result = dmarc::Result::Fail;
  outcome.from = "mail.author.example";
  outcome.domain = "author.example";
  return outcome;
}

/// Who overrides the failure.
std::string speaks_for(const arc::Outcome& chain, dmarc::Outcome dmarc, const std::vector<std::string>& trusted) {
  weigh_chain(chain, trusted, dmarc);
  EXPECT_EQ(dmarc.result, dmarc::Result::Fail);
  return dmarc.override_by;
}

constexpr const char* kSawPass = "lists.example; dmarc=pass header.from=mail.author.example";
constexpr const char* kSawFail = "lists.example; dmarc=fail header.from=mail.author.example";

TEST(TrustTest, ATrustedSealerThatSawItPassSpeaksForIt) {
  EXPECT_EQ(speaks_for(chain({{"lists.example", "s", kSawPass}}), failure(), {"lists.example"}), "lists.example");
}

TEST(TrustTest, TheWayLargeForwardersWriteItIsUnderstood) {
  constexpr const char* kWritten =
      "mx.microsoft.example 1; spf=pass (sender ip is 192.0.2.1) smtp.rcpttodomain=example.org "
      "smtp.mailfrom=author.example; dmarc=pass action=none header.from=Mail.Author.Example; dkim=pass (signature was "
      "verified) header.d=author.example; arc=none (0)";
  EXPECT_EQ(speaks_for(chain({{"lists.example", "s", kWritten}}), failure(), {"lists.example"}), "lists.example");
}

TEST(TrustTest, NobodyElseDoes) {
  EXPECT_EQ(speaks_for(chain({{"lists.example", "s", kSawPass}}), failure(), {}), "");
  EXPECT_EQ(speaks_for(chain({{"lists.example", "s", kSawPass}}), failure(), {"other.example"}), "");
  EXPECT_EQ(speaks_for(chain({{"evil-lists.example", "s", kSawPass}}), failure(), {"lists.example"}), "");
  EXPECT_EQ(speaks_for(chain({{"a.lists.example", "s", kSawPass}}), failure(), {"lists.example"}), "");
}

TEST(TrustTest, AChainThatDoesNotHoldIsWorthNothing) {
  for (auto result : {arc::Result::None, arc::Result::Fail}) {
    arc::Outcome broken = chain({{"lists.example", "s", kSawPass}});
    broken.result = result;
    EXPECT_EQ(speaks_for(broken, failure(), {"lists.example"}), "");
  }
}

TEST(TrustTest, ABodyThatIsSealedInPartIsWorthNothing) {
  arc::Outcome partial = chain({{"lists.example", "s", kSawPass}});
  partial.partial = true;
  EXPECT_EQ(speaks_for(partial, failure(), {"lists.example"}), "");
}

// DNS trouble is never a failure, whose ever DNS it is.
TEST(TrustTest, WhenNobodyKnowsWhetherTheChainHoldsTheFailureIsNotKnownEither) {
  arc::Outcome unknown = chain({{"lists.example", "s", kSawPass}});
  unknown.result = arc::Result::TempError;
  dmarc::Outcome dmarc = failure();
  weigh_chain(unknown, {"lists.example"}, dmarc);
  EXPECT_EQ(dmarc.result, dmarc::Result::TempError);
  EXPECT_EQ(dmarc.override_by, "");
  // What could not have been an override changes nothing.
  EXPECT_EQ(speaks_for(unknown, failure(), {"other.example"}), "");
  unknown.sets[0].results = kSawFail;
  EXPECT_EQ(speaks_for(unknown, failure(), {"lists.example"}), "");
}

TEST(TrustTest, OneFailureBesideAPassIsNoPass) {
  for (const char* recorded :
       {"x; dmarc=fail header.from=mail.author.example; dmarc=pass header.from=mail.author.example",
        "x; dmarc=pass header.from=mail.author.example; dmarc=fail header.from=mail.author.example"}) {
    EXPECT_EQ(speaks_for(chain({{"lists.example", "s", recorded}}), failure(), {"lists.example"}), "") << recorded;
  }
  EXPECT_EQ(speaks_for(chain({{"lists.example", "s", "x; dmarc=pass"}}), failure(), {"lists.example"}),
            "lists.example");
}

TEST(TrustTest, AStrictPolicyIsStrictHereToo) {
  dmarc::Outcome strict = failure();
  strict.strict_dkim = strict.strict_spf = true;
  for (const char* recorded : {"x; dkim=pass header.d=author.example", "x; spf=pass smtp.mailfrom=x@author.example"}) {
    EXPECT_EQ(speaks_for(chain({{"lists.example", "s", recorded}}), strict, {"lists.example"}), "") << recorded;
  }
  EXPECT_EQ(speaks_for(chain({{"lists.example", "s", "x; dkim=pass header.d=mail.author.example"}}), strict,
                       {"lists.example"}),
            "lists.example");
}

TEST(TrustTest, ASealerThatSawItFailDoesNotSpeakForIt) {
  EXPECT_EQ(speaks_for(chain({{"lists.example", "s", kSawFail}}), failure(), {"lists.example"}), "");
  EXPECT_EQ(speaks_for(chain({{"lists.example", "s", "lists.example; none"}}), failure(), {"lists.example"}), "");
  EXPECT_EQ(speaks_for(chain({{"lists.example", "s", "not a field"}}), failure(), {"lists.example"}), "");
}

TEST(TrustTest, APassOfAnotherAuthorIsNoPassOfThisOne) {
  EXPECT_EQ(speaks_for(chain({{"lists.example", "s", "x; dmarc=pass header.from=other.example"}}), failure(),
                       {"lists.example"}),
            "");
}

TEST(TrustTest, WithoutADmarcResultAlignedDkimOrSpfCounts) {
  for (const char* recorded :
       {"x; dkim=pass header.d=author.example", "x; dkim=pass header.i=@Mail.Author.example",
        "x; spf=pass smtp.mailfrom=bounce@m.author.example", "x; spf=pass smtp.mailfrom=author.example"}) {
    EXPECT_EQ(speaks_for(chain({{"lists.example", "s", recorded}}), failure(), {"lists.example"}), "lists.example")
        << recorded;
  }
  for (const char* recorded : {"x; dkim=pass header.d=notauthor.example", "x; dkim=fail header.d=author.example",
                               "x; spf=pass smtp.mailfrom=user@example", "x; spf=pass",
                               // Its own dmarc result is its own judgement, whatever else it saw.
                               "x; dkim=pass header.d=author.example; dmarc=fail header.from=mail.author.example"}) {
    EXPECT_EQ(speaks_for(chain({{"lists.example", "s", recorded}}), failure(), {"lists.example"}), "") << recorded;
  }
}

// Whoever seals last could have changed what came before.
TEST(TrustTest, AStrangerBehindTheTrustedOneEndsItsWord) {
  arc::Outcome two = chain({{"lists.example", "s", kSawPass}, {"stranger.example", "s", kSawPass}});
  EXPECT_EQ(speaks_for(two, failure(), {"lists.example"}), "");
}

TEST(TrustTest, TrustedSealersInARowHandItOnWhereTheChainHeld) {
  auto word = [](const std::string& of_the_last) {
    return speaks_for(chain({{"lists.example", "s", kSawPass}, {"relay.example", "s", of_the_last}}), failure(),
                      {"lists.example", "relay.example"});
  };
  EXPECT_EQ(word(std::string(kSawFail) + "; arc=pass"), "lists.example");
  EXPECT_EQ(word(kSawFail), "");
  EXPECT_EQ(word(std::string(kSawFail) + "; arc=fail"), "");
  EXPECT_EQ(word(std::string(kSawFail) + "; arc=pass; arc=fail"), "");
}

TEST(TrustTest, ALeadingDotMeansAllBelow) {
  EXPECT_TRUE(is_trusted("a.lists.example", {".lists.example"}));
  EXPECT_FALSE(is_trusted("lists.example", {".lists.example"}));
  EXPECT_FALSE(is_trusted("alists.example", {".lists.example"}));
  EXPECT_FALSE(is_trusted("", {".lists.example"}));
}

}  // namespace
}  // namespace postern::authentication
