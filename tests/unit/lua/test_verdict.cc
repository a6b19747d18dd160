#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "lua/verdict.h"

namespace postern::rules {
namespace {

Hit hit(const char* rule, double score, const char* group = "", bool shadow = false) {
  return {rule, score, 1, "", group, shadow};
}

Judgement judge_score(double score, const Thresholds& thresholds) {
  Evaluation evaluation;
  evaluation.score = score;
  return judge(evaluation, thresholds);
}

TEST(Verdict, SumsHitsAsPeopleDo) {
  std::vector<Hit> hits(10, hit("A", 0.1));
  EXPECT_EQ(sum(hits, {}), 1.0);
  EXPECT_EQ(sum({}, {}), 0.0);
  EXPECT_EQ(sum({hit("A", 3), hit("B", -5)}, {}), -2.0);
}

TEST(Verdict, GroupAddsNoMoreThanItsCap) {
  std::vector<Hit> hits = {hit("A", 5, "auth"), hit("B", 6, "auth"), hit("C", 1), hit("D", 2, "other")};
  EXPECT_EQ(sum(hits, {{"auth", {.max = 8}}}), 11.0);
  EXPECT_EQ(sum(hits, {}), 14.0);
  EXPECT_EQ(sum({hit("A", -3, "auth")}, {{"auth", {.max = 8}}}), -3.0);
}

TEST(Verdict, ARuleThatHitsLowersTheCapOfAGroup) {
  Groups groups = {{"words", {.max = 8, .dampers = {{"PROVEN", 5}, {"KNOWN", 3}, {"OTHER", 20}}}}};
  std::vector<Hit> hits = {hit("A", 6, "words"), hit("B", 6, "words"), hit("OTHER", 0)};
  EXPECT_EQ(sum(hits, groups), 8.0) << "a damper above the cap says nothing";
  hits.push_back(hit("PROVEN", -1));
  EXPECT_EQ(sum(hits, groups), 4.0);
  hits.push_back(hit("KNOWN", 0, "", true));
  EXPECT_EQ(sum(hits, groups), 4.0) << "in shadow nothing counts";
  hits.push_back(hit("KNOWN", 0));
  EXPECT_EQ(sum(hits, groups), 2.0) << "the lowest of them";
  EXPECT_EQ(cap_of("words", hits, groups), 3.0);
  EXPECT_EQ(cap_of("others", hits, groups), std::nullopt);
}

TEST(Verdict, ShadowHitsCountNothing) {
  EXPECT_EQ(sum({hit("A", 5, "", true), hit("B", 2)}, {}), 2.0);
  EXPECT_EQ(sum({hit("A", 5, "g", true), hit("B", 2, "g")}, {{"g", {.max = 3}}}), 2.0);
}

TEST(Verdict, ThresholdIsMetWhenTheScoreReachesIt) {
  Thresholds thresholds;  // tag 6, reject 15
  EXPECT_EQ(judge_score(5.999, thresholds).verdict, Verdict::Accept);
  EXPECT_EQ(judge_score(6.0, thresholds).verdict, Verdict::Tag);
  EXPECT_EQ(judge_score(14.999, thresholds).verdict, Verdict::Tag);
  EXPECT_EQ(judge_score(15.0, thresholds).verdict, Verdict::Reject);
  EXPECT_EQ(judge_score(15.0, thresholds).limit, 15.0);
  EXPECT_EQ(judge_score(2.0, thresholds).limit, 6.0);
}

TEST(Verdict, SumOfDecimalsReachesTheThresholdAsWritten) {
  Evaluation evaluation;
  evaluation.score = sum({hit("A", 0.1), hit("B", 0.2)}, {});
  EXPECT_EQ(judge(evaluation, {.defer = {}, .tag = 0.3, .quarantine = {}, .reject = {}}).verdict, Verdict::Tag);
}

TEST(Verdict, TheMostSevereThresholdReachedWins) {
  Thresholds thresholds = {.defer = 3.0, .tag = 5.0, .quarantine = 2.0, .reject = 10.0};
  EXPECT_EQ(judge_score(2.0, thresholds).verdict, Verdict::Quarantine);
  EXPECT_EQ(judge_score(6.0, thresholds).verdict, Verdict::Defer);
  EXPECT_EQ(judge_score(10.0, thresholds).verdict, Verdict::Reject);
  EXPECT_EQ(judge_score(1.0, thresholds).limit, 2.0);
}

TEST(Verdict, EverythingOffAcceptsEverything) {
  Thresholds off = {.defer = {}, .tag = {}, .quarantine = {}, .reject = {}};
  Judgement judgement = judge_score(1e6, off);
  EXPECT_EQ(judgement.verdict, Verdict::Accept);
  EXPECT_FALSE(judgement.limit);
}

TEST(Verdict, DecisionWinsOverTheScore) {
  Evaluation evaluation;
  evaluation.score = 100;
  evaluation.decision = Decision{Verdict::Accept, "TRUSTED", ""};
  EXPECT_EQ(judge(evaluation, {}).verdict, Verdict::Accept);
  evaluation.decision = Decision{Verdict::Discard, "TRAP", ""};
  EXPECT_EQ(judge(evaluation, {}).verdict, Verdict::Discard);
}

TEST(Verdict, StrictestTakesTheLowerOfEach) {
  Thresholds a = {.defer = {}, .tag = 6.0, .quarantine = 9.0, .reject = 15.0};
  Thresholds b = {.defer = 4.0, .tag = 7.0, .quarantine = {}, .reject = 10.0};
  Thresholds expected = {.defer = 4.0, .tag = 6.0, .quarantine = 9.0, .reject = 10.0};
  EXPECT_EQ(strictest(a, b), expected);
  EXPECT_EQ(strictest(b, a), expected);
}

TEST(Verdict, ScoresAreWrittenShort) {
  EXPECT_EQ(format_score(17.2), "17.2");
  EXPECT_EQ(format_score(0), "0.0");
  EXPECT_EQ(format_score(-0.0), "0.0");
  EXPECT_EQ(format_score(-0.0001), "0.0");
  EXPECT_EQ(format_score(-1.25), "-1.25");
  EXPECT_EQ(format_score(-0.5), "-0.5");
  EXPECT_EQ(format_score(3), "3.0");
  EXPECT_EQ(format_score(0.1 + 0.2), "0.3");
  EXPECT_EQ(format_score(1.0005), "1.001");
  EXPECT_EQ(format_score(100), "100.0");
  EXPECT_EQ(format_score(std::nan("")), "0.0");
  EXPECT_EQ(format_score(std::numeric_limits<double>::infinity()), "1000000000.0");
}

TEST(Verdict, NothingIsNeverNegative) {
  EXPECT_FALSE(std::signbit(sum({hit("A", -0.0)}, {})));
  EXPECT_FALSE(std::signbit(round_score(-0.0002)));
}

}  // namespace
}  // namespace postern::rules
