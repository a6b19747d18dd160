// The shipped rules on messages as they come: what hits, and what it adds up to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lua/support.h"

namespace postern::rules {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr std::string_view kHonest =
    "From: Ann <ann@author.example>\nTo: Bob <b@example.org>\nSubject: Minutes of Monday\n"
    "Date: Thu, 1 Jan 2026 12:00:00 +0000\nMessage-ID: <1@author.example>\n\nThe minutes are below; questions to "
    "ann@author.example.\n";

std::string crlf(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

RuleSetPtr load_directory(const std::string& directory) {
  auto set = RuleSet::load(directory, {});
  if (set) return *set;
  for (const std::string& problem : texts(set.error())) ADD_FAILURE() << problem;
  return RuleSet::empty();
}

/// Compiling the patterns takes its time: once for all tests.
const RuleSetPtr& shipped() {
  static const RuleSetPtr set = load_directory("rules");
  return set;
}

class ShippedRules : public testing::Test {
 protected:
  ShippedRules() : set_(shipped()), host_(set_, &seen_) {
    write(kHonest);
    message_.facts.spf->result = spf::Result::Pass;
    message_.facts.helo_spf = spf::Outcome();
    message_.facts.helo_is.qualified = true;
    message_.facts.helo_is.resolves = true;
    message_.facts.helo_is.matches = true;
    message_.facts.client.reverse = dns::ReverseName::Result::Pass;
    message_.facts.arc = arc::Outcome();
    message_.facts.dmarc.emplace().from = "author.example";
    message_.facts.dmarc->reason = "no record";
  }
  void write(std::string_view text) {
    message_.text = crlf(text);
    message_.facts.message = message_.text;
    message_.facts.size = message_.text.size();
  }
  /// Names of the rules that hit, after all stages.
  std::vector<std::string> judge() {
    seen_.hits.clear();
    seen_.failures.clear();
    evaluation_ = {};
    for (Stage stage : {Stage::Connect, Stage::Helo, Stage::Mail, Stage::Rcpt, Stage::Message}) {
      host_.run(stage, message_.facts, evaluation_);
    }
    EXPECT_THAT(seen_.failures, IsEmpty());
    EXPECT_EQ(evaluation_.decision, std::nullopt);
    return seen_.hits;
  }
  [[nodiscard]] std::string detail(const std::string& rule) const {
    for (const Hit& hit : evaluation_.hits) {
      if (hit.rule == rule) return hit.detail;
    }
    return "(none)";
  }
  [[nodiscard]] Verdict verdict() const { return rules::judge(evaluation_, Thresholds()).verdict; }
  void sign(dkim::Result result, const std::string& domain, const std::string& reason = "") {
    dkim::Outcome outcome;
    outcome.result = result;
    outcome.domain = domain;
    outcome.reason = reason;
    message_.facts.dkim.push_back(outcome);
  }
  void spf(spf::Result result) { message_.facts.spf->result = result; }
  void dmarc(dmarc::Result result, dmarc::Policy policy = dmarc::Policy::None) {
    message_.facts.dmarc->result = result;
    message_.facts.dmarc->policy = policy;
    message_.facts.dmarc->reason.clear();
  }

  Message message_;
  RuleSetPtr set_;
  Recorder seen_;
  Host host_;
  Evaluation evaluation_;
};

TEST_F(ShippedRules, NothingWaitsForAnswersBeforeTheFinalDot) {
  for (Stage stage : {Stage::Connect, Stage::Helo, Stage::Mail, Stage::Rcpt}) EXPECT_FALSE(host_.has_rules(stage));
  EXPECT_TRUE(host_.has_rules(Stage::Message));
}

TEST_F(ShippedRules, HonestMailHasNoScore) {
  sign(dkim::Result::Pass, "author.example");
  dmarc(dmarc::Result::Pass, dmarc::Policy::Reject);
  EXPECT_THAT(judge(), UnorderedElementsAre("SPF_PASS", "DKIM_PASS", "DMARC_PASS"));
  EXPECT_EQ(evaluation_.score, 0.0);
}

TEST_F(ShippedRules, BeforeAnythingIsKnownNothingScores) {
  message_.facts.spf.reset();
  message_.facts.helo_spf.reset();
  message_.facts.arc.reset();
  message_.facts.dmarc.reset();
  message_.facts.client.reverse.reset();
  EXPECT_THAT(judge(), ElementsAre("SPF_NONE"));
  EXPECT_EQ(evaluation_.score, 0.0);
}

TEST_F(ShippedRules, SpfFailScoresAndSaysWhichDomain) {
  spf(spf::Result::Fail);
  EXPECT_THAT(judge(), ElementsAre("SPF_FAIL"));
  EXPECT_EQ(detail("SPF_FAIL"), "example.net");
  EXPECT_EQ(evaluation_.score, 3.0);
}

// A plain forwarder (.forward, an alias): the envelope sender stays, the signature holds.
TEST_F(ShippedRules, ForwardedMailWithItsSignatureIsNotMarked) {
  spf(spf::Result::Fail);
  sign(dkim::Result::Pass, "author.example");
  dmarc(dmarc::Result::Pass, dmarc::Policy::Reject);
  judge();
  EXPECT_LT(evaluation_.score, 1.0);
  EXPECT_EQ(verdict(), Verdict::Accept);
}

TEST_F(ShippedRules, ForgedAuthorOfAnEnforcingDomainIsMarkedAndNotRefused) {
  dmarc(dmarc::Result::Fail, dmarc::Policy::Reject);
  EXPECT_THAT(judge(), UnorderedElementsAre("SPF_PASS", "DMARC_REJECT"));
  EXPECT_EQ(detail("DMARC_REJECT"), "author.example");
  EXPECT_EQ(verdict(), Verdict::Tag);
}

TEST_F(ShippedRules, LessStrictPoliciesWeighLess) {
  dmarc(dmarc::Result::Fail, dmarc::Policy::Quarantine);
  EXPECT_THAT(judge(), UnorderedElementsAre("SPF_PASS", "DMARC_QUARANTINE"));
  double quarantine = evaluation_.score;
  dmarc(dmarc::Result::Fail, dmarc::Policy::None);
  EXPECT_THAT(judge(), UnorderedElementsAre("SPF_PASS", "DMARC_NONE_FAIL"));
  EXPECT_GT(quarantine, evaluation_.score);
  EXPECT_LT(quarantine, *Thresholds().tag);
  EXPECT_GT(evaluation_.score, 0.0);
}

// Everything that can fail fails at once: marked, but authentication alone never refuses.
TEST_F(ShippedRules, TheWorstMessageIsNotRefusedForItsSenderAlone) {
  spf(spf::Result::Fail);
  message_.facts.helo_spf->result = spf::Result::Fail;
  message_.facts.client.reverse = dns::ReverseName::Result::PermError;
  sign(dkim::Result::Fail, "author.example");
  sign(dkim::Result::Policy, "author.example");
  sign(dkim::Result::PermError, "author.example");
  message_.facts.arc->result = arc::Result::Fail;
  dmarc(dmarc::Result::Fail, dmarc::Policy::Reject);
  EXPECT_EQ(judge().size(), 8U);
  EXPECT_LT(evaluation_.score, *Thresholds().reject);
  EXPECT_EQ(verdict(), Verdict::Tag);
}

// The list changed the text and sends from its own machine with its own envelope sender.
TEST_F(ShippedRules, TrustedListSpeaksForItsAuthors) {
  sign(dkim::Result::Fail, "author.example", "the body was changed");
  sign(dkim::Result::Pass, "list.example");
  dmarc(dmarc::Result::Fail, dmarc::Policy::Reject);
  message_.facts.arc->result = arc::Result::Pass;
  message_.facts.arc->sets = {{"list.example", "s", ""}};
  EXPECT_THAT(judge(), testing::Contains("DMARC_REJECT"));
  message_.facts.dmarc->override_by = "list.example";
  EXPECT_THAT(judge(), UnorderedElementsAre("SPF_PASS", "DKIM_PASS", "DMARC_OVERRIDE", "ARC_PASS"));
  EXPECT_EQ(detail("DMARC_OVERRIDE"), "list.example");
  EXPECT_EQ(evaluation_.score, 0.0);
}

TEST_F(ShippedRules, TrustedForwarderExplainsAllThatForwardingBreaks) {
  spf(spf::Result::Fail);
  sign(dkim::Result::Fail, "author.example");
  dmarc(dmarc::Result::Fail, dmarc::Policy::Reject);
  message_.facts.dmarc->override_by = "list.example";
  judge();
  EXPECT_LT(evaluation_.score, 1.0);
}

TEST_F(ShippedRules, BrokenSignatureSaysWhoseAndWhy) {
  sign(dkim::Result::Fail, "author.example", "the body was changed");
  EXPECT_THAT(judge(), UnorderedElementsAre("SPF_PASS", "DKIM_FAIL"));
  EXPECT_EQ(detail("DKIM_FAIL"), "author.example: the body was changed");
  sign(dkim::Result::Pass, "list.example");
  EXPECT_THAT(judge(), UnorderedElementsAre("SPF_PASS", "DKIM_PASS"));
}

// RFC 6376, 3.6.1: while a domain tests its keys, a broken signature is as good as none.
TEST_F(ShippedRules, TestingSignersAreNotBlamed) {
  sign(dkim::Result::Fail, "author.example");
  message_.facts.dkim[0].testing = true;
  EXPECT_THAT(judge(), ElementsAre("SPF_PASS"));
}

TEST_F(ShippedRules, SignatureOverABeginningIsNoPass) {
  sign(dkim::Result::Pass, "author.example");
  message_.facts.dkim[0].partial = true;
  EXPECT_THAT(judge(), UnorderedElementsAre("SPF_PASS", "DKIM_PARTIAL"));
  sign(dkim::Result::Pass, "author.example");
  EXPECT_THAT(judge(), UnorderedElementsAre("SPF_PASS", "DKIM_PASS"));
}

TEST_F(ShippedRules, TroubleOfTheDnsBlamesNobody) {
  spf(spf::Result::TempError);
  message_.facts.client.reverse = dns::ReverseName::Result::TempError;
  message_.facts.helo_is.resolves.reset();
  message_.facts.helo_is.matches.reset();
  sign(dkim::Result::TempError, "author.example");
  dmarc(dmarc::Result::TempError, dmarc::Policy::Reject);
  message_.facts.arc->result = arc::Result::TempError;
  EXPECT_THAT(judge(), UnorderedElementsAre("SPF_TEMPERROR", "DKIM_TEMPERROR", "DMARC_TEMPERROR"));
  EXPECT_EQ(evaluation_.score, 0.0);
}

TEST_F(ShippedRules, SeveralAuthorsAreUnclear) {
  dmarc(dmarc::Result::PermError);
  message_.facts.dmarc->from.clear();
  message_.facts.dmarc->reason = "several domains in From";
  EXPECT_THAT(judge(), UnorderedElementsAre("SPF_PASS", "FROM_UNCLEAR", "SENT_BY_STRANGER"));
  EXPECT_EQ(detail("FROM_UNCLEAR"), "several domains in From");
  EXPECT_EQ(verdict(), Verdict::Accept);
}

TEST_F(ShippedRules, ClientsWithoutAConfirmedNameScoreALittle) {
  for (auto result : {dns::ReverseName::Result::Fail, dns::ReverseName::Result::PermError}) {
    message_.facts.client.reverse = result;
    EXPECT_THAT(judge(), UnorderedElementsAre("SPF_PASS", "NO_REVERSE_NAME"));
    EXPECT_EQ(detail("NO_REVERSE_NAME"), "192.0.2.7");
    EXPECT_EQ(evaluation_.score, 0.5);
  }
}

// RFC 5321, 4.1.4: no reason to refuse, and here none to mark.
TEST_F(ShippedRules, AHeloOfAnotherAddressWeighsNextToNothing) {
  message_.facts.helo_is.matches = false;
  EXPECT_THAT(judge(), UnorderedElementsAre("SPF_PASS", "HELO_MISMATCH"));
  EXPECT_EQ(evaluation_.score, 0.2);
}

// Neither is known in the DNS, it does not wait, and it says our name: all that is wrong with a client marks nothing
// alone.
TEST_F(ShippedRules, TheWorstClientIsNotMarkedForThatAlone) {
  message_.facts.client.name = "dsl-192-0-2-7.example.net";
  message_.facts.client.early = true;
  message_.facts.helo = "192.0.2.1";
  message_.facts.helo_is = {true, true, false, std::nullopt, false};
  EXPECT_THAT(judge(), UnorderedElementsAre("SPF_PASS", "EARLY_TALKER", "HELO_OWN_NAME", "HELO_BARE_ADDRESS",
                                            "CLIENT_NAME_GENERIC"));
  EXPECT_EQ(evaluation_.score, 5.0);
  EXPECT_EQ(verdict(), Verdict::Accept);
}

TEST_F(ShippedRules, PrintersOfTheOfficeAreNotBlamed) {
  message_.facts.client.ip = *IpAddress::parse("10.1.2.3");
  message_.facts.client.name.clear();
  message_.facts.helo = "printer";
  message_.facts.helo_is = {};
  EXPECT_THAT(judge(), UnorderedElementsAre("SPF_PASS"));
}

TEST_F(ShippedRules, ContentAloneIsJudgedToo) {
  write(
      "From: PayPal <x@evil.example>\nTo: undisclosed-recipients:;\nSubject: YOUR PAYMENT WAITS\n\n"
      "Dear Friend, I am Barrister Paul Moore. My late client left USD 10.5 million. It is risk free. I need your "
      "urgent assistance.\n");
  EXPECT_THAT(judge(), testing::IsSupersetOf({"NO_DATE", "TO_UNDISCLOSED", "SUBJECT_SHOUTS", "ADVANCE_FEE"}));
  EXPECT_EQ(verdict(), Verdict::Tag);
}

constexpr std::string_view kNewsletter =
    "From: Shop News <news@author.example>\nTo: b@example.org\nSubject: The best offers of this week\n"
    "Date: Thu, 1 Jan 2026 12:00:00 +0000\nMessage-ID: <1@author.example>\nMIME-Version: 1.0\n"
    "Content-Type: text/html; charset=utf-8\n\n"
    "<html><head><title>News</title></head><body bgcolor=white><center><table width=600><tr><td>"
    "<img src=\"https://author.example/1.png\"><font size=6 color=red>Save up to 50% today only!!!</font>"
    "<p>Was $99, now $49, or two for $89. <a href=\"https://author.example/shop\">Click here</a> to order now, free "
    "shipping, absolutely free trial. You are receiving this mailing because you signed up for our offers. Opt out "
    "here.</td></tr></table></center></body></html>\n";

// A newsletter has all marks of advertising, and someone may have asked for it.
TEST_F(ShippedRules, ANewsletterIsNotMarkedForWhatItIs) {
  write(kNewsletter);
  EXPECT_THAT(judge(), testing::IsSupersetOf({"HTML_ADVERTISEMENT", "ADVERTISING", "CLICK_HERE", "REMOVAL_OFFERED"}));
  EXPECT_EQ(verdict(), Verdict::Accept);
}

TEST_F(ShippedRules, WhoProvesWhoTheyAreIsJudgedMoreMildlyByTheirWords) {
  write(kNewsletter);
  judge();
  double stranger = evaluation_.score;
  sign(dkim::Result::Pass, "author.example");
  dmarc(dmarc::Result::Pass, dmarc::Policy::Reject);
  judge();
  EXPECT_LT(evaluation_.score, stranger - 1.5);
  EXPECT_GT(evaluation_.score, 0.0);
}

constexpr std::string_view kReport =
    "From: MAILER-DAEMON@author.example\nTo: b@example.org\nSubject: Undelivered Mail Returned to Sender\n"
    "Date: Thu, 1 Jan 2026 12:00:00 +0000\nMessage-ID: <1@author.example>\nMIME-Version: 1.0\n"
    "Content-Type: multipart/report; report-type=delivery-status; boundary=r\n\n"
    "--r\nContent-Type: text/plain\n\nThe mailbox is unknown.\n"
    "--r\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; author.example\n\nFinal-Recipient: "
    "rfc822; x@author.example\nAction: failed\nStatus: 5.1.1\n"
    "--r\nContent-Type: message/rfc822\n\nFrom: b@example.org\nTo: x@author.example\nSubject: Our offer\n"
    "Content-Type: text/plain\n\nClick here to order now and save up to 50%! Free trial, absolutely free. To be "
    "removed from our list, opt out. Viagra, cheap pills, no prescription needed.\n--r--\n";

// What was returned is not the report's own word.
TEST_F(ShippedRules, AReportIsNotMarkedForWhatItReturns) {
  message_.facts.from.clear();
  write(kReport);
  EXPECT_THAT(judge(), testing::IsSupersetOf({"DELIVERY_REPORT", "ADVERTISING"}));
  EXPECT_EQ(verdict(), Verdict::Accept);
}

// Anybody can copy the signs of a conversation: they do not buy off what is plain.
TEST_F(ShippedRules, SignsOfAConversationTakeAwayLittle) {
  write(
      "From: Ann <ann@author.example>\nTo: b@example.org\nSubject: Re: minutes\nDate: Thu, 1 Jan 2026 12:00:00 +0000\n"
      "Message-ID: <2@author.example>\nIn-Reply-To: <1@example.org>\nReferences: <1@example.org>\nMIME-Version: 1.0\n"
      "Content-Type: multipart/signed; boundary=s\n\n--s\nContent-Type: text/plain\n\n> Are they done?\nYes.\n"
      "diff --git a/x b/x\n--s\nContent-Type: application/pgp-signature\n\nx\n--s--\n");
  EXPECT_THAT(judge(), testing::IsSupersetOf({"CONVERSATION", "QUOTES_ANSWERED", "CONVERSATION_QUOTED",
                                              "SIGNED_BY_PERSON", "PATCH_OR_LOG"}));
  EXPECT_LT(evaluation_.score, 0.0);
  EXPECT_GT(evaluation_.score, -3.0);
}

// Who answers a message of ours, and proves who they are, is trusted a little more than who only says so.
TEST_F(ShippedRules, AProvenAnswerToUsIsTrusted) {
  write(
      "From: Ann <ann@author.example>\nTo: b@example.org\nSubject: Re: minutes\nDate: Thu, 1 Jan 2026 12:00:00 +0000\n"
      "Message-ID: <2@author.example>\nIn-Reply-To: <1@example.org>\nReferences: <1@example.org>\n\nYes.\n");
  message_.facts.rcpts = {"b@example.org"};
  judge();
  double unproven = evaluation_.score;
  sign(dkim::Result::Pass, "author.example");
  dmarc(dmarc::Result::Pass, dmarc::Policy::Reject);
  EXPECT_THAT(judge(), testing::Contains("ANSWERS_US"));
  EXPECT_LT(evaluation_.score, unproven);
}

// However much of one subject is wrong, its group keeps it below the threshold that refuses.
TEST_F(ShippedRules, NoGroupRefusesAlone) {
  EXPECT_EQ(set_->groups().size(), 16U);
  for (const auto& [group, cap] : set_->groups()) EXPECT_LT(cap.max, *Thresholds().reject) << group;
  for (const RuleInfo& rule : set_->rules()) {
    if (rule.name != "GTUBE") {
      EXPECT_LE(rule.score, *Thresholds().tag) << rule.name;
    }
  }
}

TEST_F(ShippedRules, TestStringOfSpamFiltersIsRefused) {
  write("Subject: x\n\nXJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\n");
  for (Stage stage : {Stage::Connect, Stage::Helo, Stage::Mail, Stage::Rcpt, Stage::Message}) {
    host_.run(stage, message_.facts, evaluation_);
  }
  ASSERT_TRUE(evaluation_.decision);
  EXPECT_EQ(evaluation_.decision->rule, "GTUBE");
  EXPECT_EQ(verdict(), Verdict::Reject);
}

}  // namespace
}  // namespace postern::rules
