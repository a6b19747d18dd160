// mail.bulk: what rules read of the messages that are alike, what examples say of them, and the shipped rules.
#include <algorithm>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lua/support.h"

namespace postern::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

bulk::Outcome campaign() {
  bulk::Outcome outcome;
  outcome.count = 120;
  outcome.similarity = 0.75;
  outcome.first_seen = 1'780'000'000;
  outcome.age = 3600;
  outcome.networks = 45;
  outcome.senders = 80;
  outcome.domains = 12;
  outcome.recipients = 110;
  outcome.authenticated_share = 0.25;
  outcome.cluster = "0123456789abc";
  outcome.evidence = bulk::Evidence::Enough;
  outcome.aspect = bulk::Aspect::Picture;
  outcome.allowed = true;
  return outcome;
}

/// The detail that `return true, <expression>` gives for a message of that campaign, or the failure.
std::string read(const std::string& expression, const bulk::Outcome& outcome = campaign()) {
  Judged run(rule_text("VALUE", "return true, tostring(" + expression + ")"));
  run.message.facts.bulk = outcome;
  run.seen.failures.clear();
  run.seen.messages.clear();
  run.all();
  return run.seen.failures.empty() ? run.detail() : run.seen.messages[0];
}

TEST(Bulk, ReadsAsItIs) {
  EXPECT_EQ(read("mail.bulk.count"), "120");
  EXPECT_EQ(read("mail.bulk.similarity"), "0.75");
  EXPECT_EQ(read("mail.bulk.first_seen"), "1780000000");
  EXPECT_EQ(read("mail.bulk.age"), "3600");
  EXPECT_EQ(read("mail.bulk.networks"), "45");
  EXPECT_EQ(read("mail.bulk.senders"), "80");
  EXPECT_EQ(read("mail.bulk.domains"), "12");
  EXPECT_EQ(read("mail.bulk.recipients"), "110");
  EXPECT_EQ(read("mail.bulk.authenticated_share"), "0.25");
  EXPECT_EQ(read("mail.bulk.cluster"), "0123456789abc");
  EXPECT_EQ(read("mail.bulk.evidence"), "enough");
  EXPECT_EQ(read("mail.bulk.of"), "picture");
  EXPECT_EQ(read("mail.bulk.allowed"), "true");
}

TEST(Bulk, EvidenceAndAspectHaveNames) {
  bulk::Outcome outcome;
  std::string all;
  for (auto evidence : {bulk::Evidence::Enough, bulk::Evidence::None, bulk::Evidence::Little, bulk::Evidence::Bounce,
                        bulk::Evidence::AutoReply, bulk::Evidence::Calendar}) {
    outcome.evidence = evidence;
    all += read("mail.bulk.evidence .. ' '", outcome);
  }
  for (auto aspect : {bulk::Aspect::Text, bulk::Aspect::File, bulk::Aspect::Picture, bulk::Aspect::Urls}) {
    outcome.aspect = aspect;
    all += read("mail.bulk.of .. ' '", outcome);
  }
  EXPECT_EQ(all, "enough none little bounce auto-reply calendar text file picture urls ");
}

TEST(Bulk, AMessageThatNobodyCountedIsAlone) {
  EXPECT_EQ(value_of("mail.bulk.count .. mail.bulk.evidence .. mail.bulk.cluster .. mail.bulk.networks"), "1none1");
  EXPECT_EQ(value_of("mail.bulk.allowed"), "false");
}

TEST(Bulk, CanBeWalked) {
  Judged run(
      rule_text("R", "local all = '' for name in pairs(mail.bulk) do all = all .. name .. ' ' end return true, all"));
  EXPECT_EQ(run.detail(),
            "count similarity first_seen age networks senders domains recipients authenticated_share cluster evidence "
            "of allowed ");
}

TEST(Bulk, IsKnownFromStageMessageOn) {
  for (const char* stage : {"connect", "helo", "mail", "rcpt"}) {
    EXPECT_THAT(problems_of(rule_text("EARLY", "return mail.bulk.count > 5", fmt::format("stage='{}',", stage))),
                ElementsAre(HasSubstr("mail.bulk is known from stage \"message\" on")));
  }
  // Where the text does not show what is read.
  Judged run(rule_text("EARLY", "return select(1, mail).bulk.count > 5", "stage='rcpt',"));
  EXPECT_THAT(run.seen.messages.at(0), HasSubstr("mail.bulk is known from stage \"message\" on"));
}

TEST(Bulk, MisspeltFieldsNameTheNearest) {
  EXPECT_THAT(problems_of(rule_text("R", "return mail.bulk.conut > 5")),
              ElementsAre(HasSubstr("mail.bulk has no field 'conut' (did you mean 'count'?)")));
  EXPECT_THAT(read("mail.bulk['net' .. 'work']"),
              HasSubstr("mail.bulk has no field 'network' (did you mean 'networks'?)"));
  EXPECT_THAT(read("mail['bul' .. 'c']"), HasSubstr("did you mean 'bulk'?"));
}

TEST(Bulk, CannotBeChanged) {
  for (const char* change : {"mail.bulk.count = 1", "mail.bulk = nil"}) {
    Judged run(rule_text("R", change));
    EXPECT_THAT(run.seen.messages, ElementsAre(HasSubstr("cannot be changed"))) << change;
  }
}

/// What is wrong with a rule whose function is `return true, <shown>` and that has this one example.
std::vector<std::string> example(const std::string& shown, const std::string& fields) {
  return problems_of(
      rule_text("R", "return true, tostring(" + shown + ")", "examples = { { hit = true, " + fields + " } },"));
}

TEST(BulkExamples, SayWhatIsAlike) {
  EXPECT_THAT(example("mail.bulk.count .. ' ' .. mail.bulk.similarity .. ' ' .. mail.bulk.first_seen .. ' ' .. "
                      "mail.bulk.age .. ' ' .. mail.bulk.networks .. ' ' .. mail.bulk.senders .. ' ' .. "
                      "mail.bulk.domains .. ' ' .. mail.bulk.recipients .. ' ' .. mail.bulk.authenticated_share .. "
                      "mail.bulk.cluster .. mail.bulk.evidence .. mail.bulk.of .. tostring(mail.bulk.allowed)",
                      "bulk = { count = 50, similarity = 0.5, first_seen = 7, age = 60, networks = 30, senders = 40, "
                      "domains = 20, recipients = 45, authenticated_share = 1, cluster = 'abc', evidence = 'little', "
                      "of = 'file', allowed = true }, detail = '50 0.5 7 60 30 40 20 45 1.0abclittlefiletrue'"),
              IsEmpty());
}

TEST(BulkExamples, WhatIsLeftOutIsPlain) {
  const std::string shown =
      "mail.bulk.count .. mail.bulk.evidence .. mail.bulk.of .. mail.bulk.networks .. mail.bulk.recipients .. "
      "mail.bulk.cluster";
  EXPECT_THAT(example(shown, "bulk = { count = 50 }, detail = '50enoughtext11'"), IsEmpty());
  EXPECT_THAT(example(shown, "bulk = {}, detail = '1enoughtext11'"), IsEmpty());
  EXPECT_THAT(example(shown, "detail = '1nonetext11'"), IsEmpty());
}

TEST(BulkExamples, MistakesNameTheirField) {
  const std::string begin = "rules/test.lua:1: example 1 of R: ";
  for (const auto& [fields, problem] : std::vector<std::pair<std::string, std::string>>{
           {"bulk = 50", "'bulk' must be a table, not a number"},
           {"bulk = { conut = 50 }", "unknown field 'conut' in bulk (did you mean 'count'?)"},
           {"bulk = { count = 0 }", "'bulk.count' must be a whole number from 1 to 1000000000000"},
           {"bulk = { networks = 2.5 }", "'bulk.networks' must be a whole number from 0 to 1000000000000"},
           {"bulk = { senders = 'many' }", "'bulk.senders' must be a whole number from 0 to 1000000000000"},
           {"bulk = { age = -1 }", "'bulk.age' must be a whole number from 0 to 1000000000000"},
           {"bulk = { first_seen = 0/0 }", "'bulk.first_seen' must be a whole number from 0 to 1000000000000"},
           {"bulk = { domains = math.huge }", "'bulk.domains' must be a whole number from 0 to 1000000000000"},
           {"bulk = { authenticated_share = 95 }", "'bulk.authenticated_share' must be a number from 0 to 1"},
           {"bulk = { cluster = 7 }", "'bulk.cluster' must be a string, not a number"},
           {"bulk = { evidence = 'enuogh' }", "'enuogh' is no evidence of a text (did you mean 'enough'?)"},
           {"bulk = { of = 'pictures' }",
            "'pictures' is no thing by which messages are alike (did you mean 'picture'?)"},
           {"bulk = { allowed = 1 }", "'bulk.allowed' must be true or false, not a number"},
       }) {
    EXPECT_THAT(example("1", fields), ElementsAre(begin + problem)) << fields;
  }
}

/// The shipped rules on bulk mail, and one message of a cluster, whose sender proves nothing.
class ShippedBulk : public testing::Test {
 protected:
  ShippedBulk() : set_(shipped()), host_(set_, &seen_) {
    message_.facts.spf->result = spf::Result::None;
    message_.facts.dmarc.emplace().from = "author.example";
    message_.facts.dmarc->domain = "author.example";
    message_.text =
        "From: a@author.example\r\nTo: b@example.org\r\nSubject: x\r\nDate: Thu, 1 Jan 2026 12:00:00 +0000\r\n"
        "Message-ID: <1@author.example>\r\n\r\nhello\r\n";
    message_.facts.message = message_.text;
    bulk_ = campaign();
    bulk_.aspect = bulk::Aspect::Text;
    bulk_.allowed = false;
  }
  /// Compiling the patterns takes its time: once for all tests.
  static const RuleSetPtr& shipped() {
    static const RuleSetPtr set = [] {
      auto loaded = RuleSet::load("rules", {});
      return loaded ? *loaded : RuleSet::empty();
    }();
    return set;
  }
  /// What the rules of the group say, all together.
  double score() {
    message_.facts.bulk = bulk_;
    message_.facts.content.reset();
    hits_.clear();
    seen_.failures.clear();
    Evaluation evaluation;
    for (Stage stage : {Stage::Connect, Stage::Helo, Stage::Mail, Stage::Rcpt, Stage::Message}) {
      host_.run(stage, message_.facts, evaluation);
    }
    EXPECT_THAT(seen_.failures, IsEmpty());
    std::erase_if(evaluation.hits, [](const Hit& hit) { return hit.group != "bulk"; });
    for (const Hit& hit : evaluation.hits) hits_.push_back(hit.rule);
    return sum(evaluation.hits, set_->groups());
  }
  void authenticate() {
    message_.facts.dmarc->result = dmarc::Result::Pass;
    bulk_.authenticated_share = 1;
    bulk_.domains = 1;
  }

  Message message_;
  bulk::Outcome bulk_;
  RuleSetPtr set_;
  Recorder seen_;
  Host host_;
  std::vector<std::string> hits_;
};

TEST_F(ShippedBulk, ABotnetWeighsMoreTheMoreItSends) {
  bulk_.authenticated_share = 0;
  double before = 0;
  for (uint64_t count : {20U, 60U, 200U, 600U}) {
    bulk_.count = count;
    double now = score();
    EXPECT_GT(now, before) << count;
    before = now;
  }
  EXPECT_THAT(hits_, testing::Contains("BULK_BOTNET"));
  EXPECT_GE(before, *Thresholds().tag);
}

TEST_F(ShippedBulk, TheFirstCopiesAreNotBlamed) {
  for (uint64_t count : {1U, 2U, 19U}) {
    bulk_.count = count;
    EXPECT_EQ(score(), 0.0) << count;
    EXPECT_THAT(hits_, IsEmpty());
  }
}

// Whatever is wrong with a campaign: bulk alone marks, and never refuses.
TEST_F(ShippedBulk, TheWorstCampaignIsNotRefusedForThatAlone) {
  for (auto aspect : {bulk::Aspect::Text, bulk::Aspect::File, bulk::Aspect::Picture, bulk::Aspect::Urls}) {
    for (double share : {0.0, 1.0}) {
      bulk_ = campaign();
      bulk_.allowed = false;
      bulk_.aspect = aspect;
      bulk_.authenticated_share = share;
      bulk_.count = bulk_.networks = bulk_.senders = bulk_.domains = bulk_.recipients = 1'000'000;
      bulk_.age = 1;
      EXPECT_LE(score(), 8.0);
    }
  }
  bulk_.networks = 1;
  bulk_.authenticated_share = 0;
  EXPECT_LT(score(), *Thresholds().tag);
  EXPECT_LT(set_->groups().at("bulk").max, *Thresholds().reject);
}

// One customer of a provider with many machines, and an envelope sender for each recipient.
TEST_F(ShippedBulk, ANewsletterScoresNothing) {
  authenticate();
  bulk_.count = bulk_.senders = bulk_.recipients = 20'000;
  bulk_.networks = 30;
  bulk_.age = 60;
  EXPECT_EQ(score(), 0.0);
  EXPECT_THAT(hits_, IsEmpty());
  message_.text.insert(0, "List-Unsubscribe: <https://author.example/u>\r\n");
  message_.facts.message = message_.text;
  EXPECT_EQ(score(), 0.0);
  EXPECT_THAT(hits_, ElementsAre("BULK_NEWSLETTER"));
}

// Its words are copied by forgers; they are hit, it is not.
TEST_F(ShippedBulk, AnAuthorWhoIsForgedIsNotHitHimself) {
  bulk_.domains = 1;
  bulk_.authenticated_share = 0.1;
  EXPECT_GT(score(), 2.0);
  message_.facts.dmarc->result = dmarc::Result::Pass;
  EXPECT_EQ(score(), 0.0);
  EXPECT_THAT(hits_, IsEmpty());
}

TEST_F(ShippedBulk, AListIsNoBotnet) {
  bulk_.networks = 1;
  bulk_.senders = bulk_.recipients = 300;
  bulk_.domains = 1;
  bulk_.authenticated_share = 0;
  bulk_.age = 10;
  message_.facts.spf->result = spf::Result::Pass;
  message_.text.insert(0, "List-Id: <a.lists.example>\r\n");
  message_.facts.message = message_.text;
  EXPECT_EQ(score(), 0.0);
}

TEST_F(ShippedBulk, WhatAnAdminAllowsIsNotHit) {
  EXPECT_GT(score(), 2.0);
  bulk_.allowed = true;
  EXPECT_EQ(score(), 0.0);
  EXPECT_THAT(hits_, IsEmpty());
}

// A snowshoe's domains pass; platforms have few networks, and people write from few providers.
TEST_F(ShippedBulk, ManyAuthenticatedDomainsWithALittleEach) {
  message_.facts.dmarc->result = dmarc::Result::Pass;
  bulk_.authenticated_share = 1;
  bulk_.networks = 60;
  bulk_.domains = 50;
  EXPECT_GE(score(), 2.0);
  EXPECT_THAT(hits_, ElementsAre("BULK_SNOWSHOE"));
  bulk_.networks = 24;
  EXPECT_EQ(score(), 0.0);
  bulk_.networks = 60;
  bulk_.count = 300;
  EXPECT_EQ(score(), 0.0);
}

TEST_F(ShippedBulk, FilesAndPicturesAreKnownWithoutWords) {
  bulk_.evidence = bulk::Evidence::None;
  for (auto [aspect, rule] : {std::pair{bulk::Aspect::File, "BULK_SAME_FILE"},
                              {bulk::Aspect::Picture, "BULK_SAME_PICTURE"},
                              {bulk::Aspect::Urls, "BULK_BOTNET"}}) {
    bulk_.aspect = aspect;
    EXPECT_GT(score(), 2.0) << rule;
    EXPECT_THAT(hits_, testing::Contains(rule));
  }
}

TEST_F(ShippedBulk, WhatIsAlikeByItsNatureIsNotHit) {
  bulk_.recipients = 500;
  bulk_.age = 10;
  for (auto evidence : {bulk::Evidence::Bounce, bulk::Evidence::AutoReply, bulk::Evidence::Calendar}) {
    for (auto aspect : {bulk::Aspect::Text, bulk::Aspect::File, bulk::Aspect::Picture}) {
      bulk_.evidence = evidence;
      bulk_.aspect = aspect;
      EXPECT_EQ(score(), 0.0) << bulk::to_string(evidence);
    }
  }
}

TEST_F(ShippedBulk, TroubleOfTheDnsBlamesNobody) {
  message_.facts.spf->result = spf::Result::TempError;
  message_.facts.dmarc->result = dmarc::Result::TempError;
  bulk_.authenticated_share = 0;
  bulk_.domains = 1;
  bulk_.senders = bulk_.recipients = 5000;
  bulk_.age = 10;
  for (uint64_t networks : {1U, 30U}) {
    bulk_.networks = networks;
    EXPECT_EQ(score(), 0.0) << networks;
  }
}

TEST_F(ShippedBulk, EveryRuleSaysWhichCluster) {
  EXPECT_GT(score(), 0.0);
  Evaluation evaluation;
  host_.run(Stage::Message, message_.facts, evaluation);
  auto hit = std::find_if(evaluation.hits.begin(), evaluation.hits.end(),
                          [](const Hit& each) { return each.rule == "BULK_BOTNET"; });
  ASSERT_NE(hit, evaluation.hits.end());
  EXPECT_EQ(hit->detail, "120 alike: networks=45 senders=80 domains=12 cluster=0123456789abc");
}

}  // namespace
}  // namespace postern::rules
