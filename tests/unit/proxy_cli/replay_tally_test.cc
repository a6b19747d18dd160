// The figures of `postern replay`: what moved which message, how good a rule is, which rules say the same.
#include "proxy/cli/replay_tally.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/cli/long_work.h"

namespace postern::cli {
namespace {

using rules::Verdict;
using testing::HasSubstr;
using testing::SizeIs;

Opinion opinion(Verdict verdict, double score, std::vector<Opinion::Hit> hits = {}) {
  Opinion made;
  made.verdict = made.mildest = made.strictest = verdict;
  made.score = score;
  made.hits = std::move(hits);
  return made;
}

Sample sample(const std::string& name, Label label, Opinion before, Opinion after) {
  Sample made;
  made.name = name;
  made.label = label;
  made.input = label == Label::Spam ? 1 : 0;
  made.before = std::move(before);
  made.after = std::move(after);
  return made;
}

TEST(SpamShare, IsAsIfThereWereAsMuchHamAsSpam) {
  EXPECT_DOUBLE_EQ(*spam_share(1, 10, 100, 1000), 0.5);
  EXPECT_DOUBLE_EQ(*spam_share(0, 3, 100, 1000), 1);
  EXPECT_DOUBLE_EQ(*spam_share(5, 0, 100, 1000), 0);
  EXPECT_DOUBLE_EQ(*spam_share(10, 30, 100, 100), 0.75);
}

TEST(SpamShare, SaysNothingWhereThereIsNothingToCompare) {
  EXPECT_FALSE(spam_share(0, 0, 10, 10));
  EXPECT_FALSE(spam_share(0, 3, 0, 10));
  EXPECT_FALSE(spam_share(3, 0, 10, 0));
}

TEST(Change, NamesTheRulesThatMovedAMessage) {
  Change change =
      change_of(sample("a", Label::Spam, opinion(Verdict::Accept, 4, {{"OLD", 1, false}, {"BOTH", 3, false}}),
                       opinion(Verdict::Reject, 17, {{"NEW", 12, false}, {"BOTH", 5, false}})));
  ASSERT_THAT(change.gained, SizeIs(1));
  EXPECT_EQ(change.gained[0].rule, "NEW");
  ASSERT_THAT(change.lost, SizeIs(1));
  EXPECT_EQ(change.lost[0].rule, "OLD");
  ASSERT_THAT(change.rescored, SizeIs(1));
  EXPECT_EQ(change.rescored[0].from, 3);
  EXPECT_EQ(change.rescored[0].to, 5);
}

TEST(Change, AShadowRuleThatBeginsToCountIsGained) {
  Change change = change_of(sample("a", Label::Spam, opinion(Verdict::Accept, 0, {{"A", 9, true}}),
                                   opinion(Verdict::Tag, 9, {{"A", 9, false}})));
  ASSERT_THAT(change.gained, SizeIs(1));
  EXPECT_TRUE(change.lost.empty());
}

TEST(Tally, GroupsWhatChangesAndCountsTheRest) {
  Tally tally(2);
  tally.add(sample("a", Label::Spam, opinion(Verdict::Accept, 1), opinion(Verdict::Reject, 20)));
  tally.add(sample("b", Label::Ham, opinion(Verdict::Accept, 1), opinion(Verdict::Reject, 20)));
  tally.add(sample("c", Label::Ham, opinion(Verdict::Tag, 7), opinion(Verdict::Accept, 2)));
  tally.add(sample("d", Label::Ham, opinion(Verdict::Accept, 1), opinion(Verdict::Accept, 5)));
  EXPECT_EQ(tally.messages(), 4U);
  EXPECT_EQ(tally.changed(), 3U);
  ASSERT_THAT(tally.changes(), SizeIs(2));
  const Changes& refused = tally.changes().at({Verdict::Accept, Verdict::Reject});
  EXPECT_EQ(refused.count, 2U);
  EXPECT_EQ(refused.by_label[static_cast<size_t>(Label::Ham)], 1U);
  EXPECT_EQ(tally.inputs()[0].messages, 3U);
  EXPECT_EQ(tally.inputs()[0].verdicts[1][static_cast<size_t>(Verdict::Reject)], 1U);
}

// Threads finish in any order.
TEST(Tally, TheSameMessagesAreNamedInWhateverOrderTheyCome) {
  auto named = [](bool backwards) {
    Tally tally(2);
    for (size_t i = 0; i < Changes::kMostNamed + 50; ++i) {
      size_t number = backwards ? Changes::kMostNamed + 49 - i : i;
      tally.add(sample(std::to_string(100000 + number), Label::Spam, opinion(Verdict::Accept, 1, {{"A", 1, false}}),
                       opinion(Verdict::Tag, 7, {{"B", 7, false}})));
    }
    const Changes& changes = tally.changes().begin()->second;
    EXPECT_EQ(changes.count, Changes::kMostNamed + 50);
    std::vector<std::string> names;
    for (const auto& [place, change] : changes.messages) names.push_back(change.name);
    return names;
  };
  EXPECT_THAT(named(false), SizeIs(Changes::kMostNamed));
  EXPECT_EQ(named(false), named(true));
}

TEST(Tally, RulesThatHitNearlyTheSameAreFound) {
  Tally tally(2);
  auto add = [&tally](int count, const std::vector<Opinion::Hit>& hits) {
    for (int i = 0; i < count; ++i) {
      tally.add(sample(std::to_string(i), Label::Spam, opinion(Verdict::Accept, 0), opinion(Verdict::Accept, 0, hits)));
    }
  };
  add(9, {{"TWIN", 1, false}, {"ALSO", 1, true}, {"OFTEN", 1, false}});
  add(1, {{"ALSO", 1, true}});
  add(20, {{"OFTEN", 1, false}});
  add(4, {{"RARE", 1, false}, {"RARER", 1, false}});
  std::vector<Overlap> pairs = tally.overlaps(10);
  ASSERT_THAT(pairs, SizeIs(1));
  EXPECT_EQ(pairs[0].a, "ALSO");
  EXPECT_EQ(pairs[0].b, "TWIN");
  EXPECT_EQ(pairs[0].both, 9U);
  EXPECT_EQ(pairs[0].either, 10U);
}

TEST(Tally, WhatHangsOnUnknownRulesIsCounted) {
  Tally tally(0);
  Sample doubtful = sample("a", Label::None, opinion(Verdict::Accept, 1), opinion(Verdict::Accept, 1));
  doubtful.after->strictest = Verdict::Reject;
  doubtful.unknown = {"BODY", "OTHER"};
  tally.add(doubtful);
  Sample sure = sample("b", Label::None, opinion(Verdict::Accept, 1), opinion(Verdict::Accept, 1));
  sure.unknown = {"BODY"};
  tally.add(sure);
  EXPECT_EQ(tally.uncertain(), 1U);
  EXPECT_EQ(tally.unknown().at("BODY").messages, 2U);
  EXPECT_EQ(tally.unknown().at("BODY").verdicts, 1U);
  EXPECT_EQ(tally.unknown().at("OTHER").messages, 1U);
}

TEST(ProgressLine, SaysCountRateAndTimeLeft) {
  EXPECT_EQ(ProgressLine::text("messages", 500, 500, 2000, std::chrono::milliseconds(2000)),
            "500 messages, 25 %, 250 a second, 6 s left");
  EXPECT_THAT(ProgressLine::text("messages", 10, 1, 1000, std::chrono::milliseconds(10'000)),
              HasSubstr("2 h 46 min left"));
  EXPECT_EQ(ProgressLine::text("messages", 0, 0, 0, std::chrono::milliseconds(0)), "0 messages");
  EXPECT_EQ(ProgressLine::text("messages", 1, 0, 0, std::chrono::milliseconds(0)), "1 message");
  EXPECT_EQ(ProgressLine::text("files of spam", 1, 1, 4, std::chrono::milliseconds(0)), "1 file of spam, 25 %");
}

}  // namespace
}  // namespace postern::cli
