#include "lua/tuning.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "tests/unit/lua/tuning_world.h"

namespace postern::rules::tuning {
namespace {

using testing::HasSubstr;

/// Honest and good rules of which each says too little.
std::vector<Rate> timid() {
  return {{rule("CHEAP", 1), 0.01, 0.6},  {rule("PILLS", 1), 0.002, 0.5}, {rule("WINNER", 1.5), 0.003, 0.5},
          {rule("LOAN", 1), 0.005, 0.45}, {rule("SHOUT", 2), 0.15, 0.2},  {rule("KNOWN", -1), 0.5, 0.02},
          {rule("HTML", 0.5), 0.4, 0.6}};
}

std::string why_kept(const Proposal& proposal, const std::string& name) {
  for (const Kept& kept : proposal.kept) {
    if (kept.rule == name) return kept.why;
  }
  return "";
}

size_t proposals_on_shuffled(const std::vector<Rate>& rates, unsigned seeds, size_t ham, size_t spam) {
  size_t proposals = 0;
  for (unsigned seed = 1; seed <= seeds; ++seed) {
    auto proposal = World(rates).fill_shuffled(ham, spam, seed).propose();
    EXPECT_TRUE(proposal.has_value());
    if (proposal && !proposal->changes.empty()) ++proposals;
  }
  return proposals;
}

TEST(Tuning, ScoresAsTheVerdictDoes) {
  Groups groups{{"g", {.max = 5, .dampers = {{"CALM", 2}}}}};
  World world({{rule("A", 3, "g")}, {rule("B", 4, "g")}, {rule("CALM", -0.5)}, {rule("FREE", 1.5)}}, groups);
  world.add_hits({"A", "B", "FREE"}, true, 0);
  world.add_hits({"A", "B", "CALM"}, true, 1);
  world.add_hits({"A"}, true, 2, 0.5);
  const auto& messages = world.sample().messages();
  std::vector<double> scores{3, 4, -0.5, 1.5};
  EXPECT_EQ(score_of(messages[0], scores), 6.5);
  EXPECT_EQ(score_of(messages[1], scores), 1.5);
  EXPECT_EQ(score_of(messages[2], scores), 1.5);
  EXPECT_EQ(score_of(messages[0], {1, 1, 0, 0}), 2.0);
}

TEST(Tuning, ProposesScoresThatFindMoreSpamAndTagNoMoreHam) {
  auto proposal = World(timid()).fill(1500, 900).propose();
  ASSERT_TRUE(proposal.has_value());
  ASSERT_EQ(proposal->why_none, "");
  EXPECT_GT(proposal->after.spam.tagged, 2 * proposal->before.spam.tagged);
  EXPECT_LE(proposal->after.ham.tagged, 1U);
  EXPECT_LE(proposal->chance, 0.01);
  auto after = after_of(*proposal);
  EXPECT_GT(after["PILLS"], 1.5);
  ASSERT_FALSE(proposal->changes.empty());
  const Change& first = proposal->changes.front();
  EXPECT_FALSE(first.why.empty());
  EXPECT_GT(first.ham + first.spam, 0U);
  EXPECT_TRUE(std::is_sorted(proposal->changes.begin(), proposal->changes.end(),
                             [](const Change& a, const Change& b) { return a.effect > b.effect; }));
}

TEST(Tuning, HelpsWithMessagesThatItHasNotSeen) {
  auto proposal = World(timid()).fill(1500, 900).propose();
  ASSERT_TRUE(proposal.has_value());
  World other(timid());
  other.fill(3000, 3000, 99);
  std::vector<double> scores;
  auto after = after_of(*proposal);
  for (const RuleInfo& info : other.sample().rules()) {
    scores.push_back(after.count(info.name) > 0 ? after[info.name] : info.score);
  }
  size_t ham = 0;
  size_t spam = 0;
  for (const Message& message : other.sample().messages()) {
    if (score_of(message, scores) >= 6) ++(message.spam ? spam : ham);
  }
  EXPECT_LE(ham, 6U);  // 0.2 %
  // What cross-validation promised.
  double promised = static_cast<double>(proposal->after.spam.tagged) / 900;
  EXPECT_NEAR(static_cast<double>(spam) / 3000, promised, 0.1);
}

TEST(Tuning, NoRuleChangesItsSignAndScoresAreTenths) {
  auto rates = timid();
  rates.push_back({rule("WRONG", 2), 0.4, 0.05});        // adds, and hits ham
  rates.push_back({rule("WRONG_GOOD", -2), 0.05, 0.4});  // takes away, and hits spam
  auto proposal = World(rates).fill(1500, 900).propose();
  ASSERT_TRUE(proposal.has_value());
  auto after = after_of(*proposal);
  EXPECT_EQ(after.at("WRONG"), 0.0);
  EXPECT_EQ(after.at("WRONG_GOOD"), 0.0);
  for (const auto& [name, score] : after) {
    EXPECT_NEAR(score * 10, std::round(score * 10), 1e-9) << name;
    bool adds = name != "KNOWN" && name != "WRONG_GOOD";
    EXPECT_TRUE(adds ? score >= 0 : score <= 0) << name;
  }
  EXPECT_GE(after.count("KNOWN") > 0 ? after["KNOWN"] : -1, -2.0);  // a good sign may double and no more
}

TEST(Tuning, NoSingleRuleIsEnoughUnlessItWasOrIsAllowedTo) {
  std::vector<Rate> rates{{rule("SURE", 4), 0, 0.9}, {rule("OTHER", 1), 0.02, 0.3}, {rule("TAGS", 6.5), 0, 0.3}};
  auto proposal = World(rates).fill(1000, 1000).propose();
  ASSERT_TRUE(proposal.has_value());
  auto after = after_of(*proposal);
  EXPECT_GT(after.at("SURE"), 4.0);
  EXPECT_LT(after.at("SURE"), 6.0);
  EXPECT_LT(after.count("TAGS") > 0 ? after["TAGS"] : 6.5, 15.0);
  Options options;
  options.alone = true;
  proposal = World(rates).fill(1000, 1000).propose(options);
  ASSERT_TRUE(proposal.has_value());
  EXPECT_GE(after_of(*proposal).at("SURE"), 6.0);
}

TEST(Tuning, WhatMustStayStaysAndSaysWhy) {
  auto rates = timid();
  RuleInfo shadow = rule("SHADOW", 1);
  shadow.shadow = true;
  RuleInfo off = rule("OFF", 1);
  off.disabled = true;
  RuleInfo decides = rule("DECIDES", 1);
  decides.action = Verdict::Reject;
  rates.push_back({shadow, 0, 0.9});
  rates.push_back({off, 0, 0});
  rates.push_back({decides, 0, 0});
  rates.push_back({rule("ZERO", 0), 0.01, 0.9});
  rates.push_back({rule("RARE", 1), 0, 0});
  rates.push_back({rule("ONE_SENDER", 1), 0, 0});
  rates.push_back({rule("LEFT", 1), 0.001, 0.9});
  World world(rates);
  world.fill(1500, 900);
  world.leave(rates.size() - 1, "files do not tell who connected");
  for (uint32_t i = 0; i < 9; ++i) world.add_hits({"RARE", "PILLS"}, true, 5000 + i);
  for (uint32_t i = 0; i < 30; ++i) world.add_hits({"ONE_SENDER", "PILLS"}, true, 6000);
  auto proposal = world.propose();
  ASSERT_TRUE(proposal.has_value());
  ASSERT_EQ(proposal->why_none, "");
  EXPECT_THAT(why_kept(*proposal, "SHADOW"), HasSubstr("shadow"));
  EXPECT_THAT(why_kept(*proposal, "OFF"), HasSubstr("switched off"));
  EXPECT_THAT(why_kept(*proposal, "DECIDES"), HasSubstr("decides"));
  EXPECT_THAT(why_kept(*proposal, "ZERO"), HasSubstr("0"));
  EXPECT_THAT(why_kept(*proposal, "RARE"), HasSubstr("9 messages"));
  EXPECT_THAT(why_kept(*proposal, "ONE_SENDER"), HasSubstr("1 sender"));
  EXPECT_EQ(why_kept(*proposal, "LEFT"), "files do not tell who connected");
  EXPECT_EQ(after_of(*proposal).count("PILLS"), 1U);
}

TEST(Tuning, ProposesNothingOnShuffledLabels) {
  EXPECT_EQ(proposals_on_shuffled(timid(), 25, 300, 200), 0U);
  // Strong rules: to score nothing at all would be the way to tag no ham.
  std::vector<Rate> strong{{rule("A", 8), 0.01, 0.9}, {rule("B", 9), 0.01, 0.8}, {rule("C", 3), 0.1, 0.5}};
  EXPECT_EQ(proposals_on_shuffled(strong, 10, 400, 400), 0U);
}

TEST(Tuning, ManyRulesThatMeanNothingAreNotLearned) {
  std::vector<Rate> noise;
  std::vector<std::string> names;
  names.reserve(150);
  for (int i = 0; i < 150; ++i) names.push_back("NOISE_" + std::to_string(i));
  noise.reserve(names.size());
  for (const std::string& name : names) noise.push_back({rule(name.c_str(), 1), 0.05, 0.05});
  for (unsigned seed = 1; seed <= 8; ++seed) {
    auto proposal = World(noise).fill(150, 150, seed).propose();
    ASSERT_TRUE(proposal.has_value());
    EXPECT_TRUE(proposal->changes.empty()) << seed;
    EXPECT_THAT(proposal->why_none, HasSubstr("too little to do with"));
  }
}

TEST(Tuning, LabelsTheWrongWayRoundAreSeen) {
  World world({{rule("A", 4), 0.9, 0.01}, {rule("B", 4), 0.8, 0.02}});
  auto proposal = world.fill(300, 300).propose();
  ASSERT_TRUE(proposal.has_value());
  EXPECT_TRUE(proposal->changes.empty());
  EXPECT_THAT(proposal->why_none, HasSubstr("mixed up"));
}

TEST(Tuning, GoodScoresAreLeftAlone) {
  World world({{rule("A", 8), 0, 0.97}, {rule("B", 8), 0, 0.97}, {rule("C", 3), 0.001, 0.5}});
  auto proposal = world.fill(1000, 1000).propose();
  ASSERT_TRUE(proposal.has_value());
  EXPECT_TRUE(proposal->changes.empty());
  EXPECT_FALSE(proposal->why_none.empty());
}

TEST(Tuning, TooFewMessagesOrSendersAreRefused) {
  auto few = World(timid()).fill(99, 500).propose();
  ASSERT_FALSE(few.has_value());
  EXPECT_THAT(few.error().message, HasSubstr("99 messages of ham are too few"));
  few = World(timid()).fill(500, 7).propose();
  ASSERT_FALSE(few.has_value());
  EXPECT_THAT(few.error().message, HasSubstr("7 messages of spam are too few"));
  few = World(timid()).fill(500, 500, 1, 19).propose();
  ASSERT_FALSE(few.has_value());
  EXPECT_THAT(few.error().message, HasSubstr("19 senders or campaigns"));
}

// A rule that one campaign's many copies have is no rule for the next campaign.
TEST(Tuning, ACampaignDoesNotTestWhatItTaught) {
  std::vector<Rate> rates{{rule("ITS_WORDS", 1), 0, 0}, {rule("OTHER", 3), 0.01, 0.3}};
  World world(rates);
  world.fill(400, 100);
  // Eight campaigns, each with a lot of copies; all that they share is that rule, which ham has as often elsewhere.
  for (uint32_t i = 0; i < 400; ++i) world.add_hits({"ITS_WORDS"}, true, 10'000 + i % 2);
  for (uint32_t i = 0; i < 8; ++i) world.add_hits({"ITS_WORDS"}, false, 20'000 + i);
  auto proposal = world.propose();
  ASSERT_TRUE(proposal.has_value());
  EXPECT_LT(after_of(*proposal)["ITS_WORDS"], 5.0);
}

TEST(Tuning, SaysTheSameWhateverTheNumberOfThreads) {
  Options many;
  many.threads = 4;
  auto a = World(timid()).fill(600, 400).propose();
  auto b = World(timid()).fill(600, 400).propose(many);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(after_of(*a), after_of(*b));
  EXPECT_EQ(a->after.auc, b->after.auc);
  EXPECT_EQ(a->chance, b->chance);
}

TEST(Tuning, CountsMistakesOfEachCorpusAndNamesSuspects) {
  World world(timid());
  world.fill(800, 500);
  world.add_hits({"PILLS", "WINNER", "LOAN", "CHEAP"}, false, 9000);  // spam that somebody called ham
  world.add_hits({"KNOWN"}, true, 9001);                              // ham that somebody called spam
  auto proposal = world.propose();
  ASSERT_TRUE(proposal.has_value());
  ASSERT_EQ(proposal->before.corpora.size(), 2U);
  EXPECT_EQ(proposal->before.corpora[0], proposal->before.ham);
  EXPECT_EQ(proposal->before.corpora[1], proposal->before.spam);
  EXPECT_EQ(proposal->before.ham.messages, 801U);
  EXPECT_EQ(proposal->after.spam.messages, 501U);
  EXPECT_EQ(proposal->suspicious_ham.empty(), proposal->after.ham.tagged == 0);
  EXPECT_THAT(proposal->suspicious_spam, testing::Contains(1301U));
}

TEST(Tuning, WhatARuleDecidedNoScoreChanges) {
  World world(timid());
  world.fill(500, 400);
  for (uint32_t i = 0; i < 50; ++i) world.add_decided(Verdict::Accept, true, 3000 + i);
  for (uint32_t i = 0; i < 5; ++i) world.add_decided(Verdict::Reject, false, 4000 + i);
  auto proposal = world.propose();
  ASSERT_TRUE(proposal.has_value());
  ASSERT_EQ(proposal->why_none, "");
  EXPECT_GE(proposal->before.ham.rejected, 5U);
  EXPECT_EQ(proposal->after.ham.rejected, 5U);
  EXPECT_LE(proposal->after.spam.tagged, 400U);
}

TEST(Tuning, ProgressEndsWithAll) {
  std::vector<double> told;
  Options options;
  options.progress = [&told](double share) { told.push_back(share); };
  ASSERT_TRUE(World(timid()).fill(200, 200).propose(options).has_value());
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.back(), 1.0);
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
}

}  // namespace
}  // namespace postern::rules::tuning
