#include "filters/classifier/trainer.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "filters/classifier/examples.h"
#include "tests/unit/filters_classifier/made_mail.h"

namespace postern::classifier {
namespace {

constexpr size_t kEnough = 300;  // of each kind

Weights train_on(std::vector<Example> examples, unsigned threads = 2) {
  Training how;
  how.threads = threads;
  return train(std::move(examples), how, 1'767'225'600);
}

std::vector<double> judged(const Weights& weights, const std::vector<Example>& examples) {
  auto model = Model::from(weights);
  std::vector<double> out;
  out.reserve(examples.size());
  for (const Example& example : examples) out.push_back(model->judge(example.reading).spam);
  return out;
}

/// Of unseen messages, which it takes for what they are not.
size_t wrong(const Weights& weights, const std::vector<Example>& examples) {
  std::vector<double> scores = judged(weights, examples);
  size_t out = 0;
  for (size_t i = 0; i < scores.size(); ++i) out += static_cast<size_t>((scores[i] > 0.5) != examples[i].spam);
  return out;
}

TEST(Trainer, TellsUnseenMessagesApart) {
  Weights weights = train_on(Scribe(1).examples(kEnough));
  EXPECT_EQ(weights.ham, kEnough);
  EXPECT_EQ(weights.spam, kEnough);
  EXPECT_EQ(weights.trained_at, 1'767'225'600);
  std::vector<Example> unseen = Scribe(2).examples(200);
  EXPECT_EQ(wrong(weights, unseen), 0U);
  EXPECT_TRUE(Model::from(weights)->judge(unseen[0].reading).ready);
}

TEST(Trainer, SameExamplesInAnyOrderOnAnyThreadsGiveTheSame) {
  std::vector<Example> examples = Scribe(3).examples(100);
  Weights first = train_on(examples, 1);
  std::mt19937 random(7);
  std::shuffle(examples.begin(), examples.end(), random);
  Weights second = train_on(examples, 3);
  EXPECT_EQ(first.table, second.table);
  EXPECT_EQ(first.runs.slots(), second.runs.slots());
  EXPECT_EQ(first.bias, second.bias);
  EXPECT_EQ(first.slope, second.slope);
  EXPECT_EQ(first.offset, second.offset);
}

TEST(Trainer, DuplicatesCountOnce) {
  std::vector<Example> examples = Scribe(4).examples(100);
  Weights once = train_on(examples);
  std::vector<Example> again = examples;
  for (int i = 0; i < 20; ++i) again.push_back(examples[1]);
  Weights often = train_on(again);
  EXPECT_EQ(once.table, often.table);
  EXPECT_EQ(once.runs.slots(), often.runs.slots());
  EXPECT_EQ(often.spam, once.spam);
}

TEST(Trainer, OfOneMessageCalledBothTheMostCountsAndOfAsManyNone) {
  std::vector<Example> base = Scribe(5).examples(50);
  Example doubtful = Scribe(6).example(true);
  Example denied = doubtful;
  denied.spam = false;
  auto with = [&](size_t spam, size_t ham) {
    std::vector<Example> out = base;
    out.insert(out.end(), spam, doubtful);
    out.insert(out.end(), ham, denied);
    return train_on(out);
  };
  EXPECT_EQ(with(1, 1).table, train_on(base).table);
  EXPECT_EQ(with(1, 1).ham, 50U);
  EXPECT_EQ(with(3, 1).table, with(1, 0).table);
  EXPECT_EQ(with(1, 2).table, with(0, 1).table);
}

TEST(Trainer, OneSenderTeachesLittleAboutOthers) {
  std::vector<Example> examples = Scribe(7).examples(kEnough);
  std::vector<Example> unseen = Scribe(8).examples(200);
  std::vector<double> before = judged(train_on(examples), unseen);
  // A thousand different spams of one sender, called ham: by mistake, or he subscribed to see what it does.
  Scribe scribe(9);
  examples.reserve(examples.size() + 1000);
  for (int i = 0; i < 1000; ++i) {
    examples.push_back(read_mail(scribe.mail(true, "news@poison.example"), false));
  }
  Weights poisoned = train_on(examples);
  EXPECT_GT(poisoned.ham, kEnough + 900);
  std::vector<double> after = judged(poisoned, unseen);
  // He is three quarters of all ham now. The others are a little less sure, and that is all.
  double moved = 0;
  size_t far = 0;
  for (size_t i = 0; i < unseen.size(); ++i) {
    double by = std::fabs(after[i] - before[i]);
    moved += by / static_cast<double>(unseen.size());
    far += static_cast<size_t>(by > 0.3);
  }
  EXPECT_LT(moved, 0.1);
  EXPECT_LT(far, unseen.size() / 20);
  EXPECT_LE(wrong(poisoned, unseen), 2U);
}

/// Every fifth of each kind is called what it is not.
std::vector<Example> doubtful(uint64_t seed, size_t of_each) {
  std::vector<Example> out = Scribe(seed).examples(of_each);
  for (size_t i = 0; i < out.size(); ++i) {
    if ((i / 2) % 5 == 0) out[i].spam = !out[i].spam;
  }
  return out;
}

TEST(Trainer, ProbabilityIsWhatItSays) {
  std::vector<Example> unseen = doubtful(11, 600);
  std::vector<double> scores = judged(train_on(doubtful(10, 1000)), unseen);
  // Of those that it takes for spam, and of those for ham: what it says they are in the mean, and what they were
  // called.
  for (bool above : {false, true}) {
    double said = 0;
    double called = 0;
    double count = 0;
    for (size_t i = 0; i < scores.size(); ++i) {
      if ((scores[i] > 0.5) != above) continue;
      said += scores[i];
      called += unseen[i].spam ? 1 : 0;
      ++count;
    }
    ASSERT_GT(count, 300);
    // Where so many labels are wrong the views disagree, and it may say less than it could; never much more.
    double bold = (above ? said - called : called - said) / count;
    EXPECT_LT(bold, 0.07);
    EXPECT_GT(bold, -0.13);
  }
}

TEST(Trainer, LabelsByChanceTeachNothing) {
  std::vector<Example> examples = Scribe(12).examples(400);
  std::mt19937 random(5);
  for (Example& example : examples) example.spam = random() % 2 == 0;
  std::vector<double> scores = judged(train_on(examples), Scribe(13).examples(200));
  for (double score : scores) EXPECT_NEAR(score, 0.5, 0.2);
}

TEST(Trainer, OneKindAloneOrNothingIsNoModel) {
  for (bool spam : {false, true}) {
    std::vector<Example> examples;
    Scribe scribe(14);
    examples.reserve(300);
    for (int i = 0; i < 300; ++i) examples.push_back(scribe.example(spam));
    Weights weights = train_on(examples);
    EXPECT_EQ(spam ? weights.spam : weights.ham, 300U);
    EXPECT_FALSE(Model::from(weights)->judge(examples[0].reading).ready);
  }
  EXPECT_FALSE(Model::from(train_on({}))->judge({}).ready);
  // Messages without any feature.
  std::vector<Example> empty(2);
  empty[1].spam = true;
  empty[1].digest = 1;
  EXPECT_TRUE(std::isfinite(train_on(empty).slope));
}

TEST(Trainer, SaysHowFarItIs) {
  Training how;
  how.threads = 2;
  std::vector<double> told;
  how.progress = [&](double share) { told.push_back(share); };
  (void)train(Scribe(15).examples(20), how, 0);
  ASSERT_GT(told.size(), 5U);
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  EXPECT_EQ(told.back(), 1.0);
}

TEST(SenderWeights, NobodyHasMoreThanHisShare) {
  std::vector<Example> examples;
  examples.reserve(1801);
  for (uint64_t i = 0; i < 1000; ++i) examples.push_back({{}, i, 1, false});
  for (uint64_t i = 0; i < 500; ++i) examples.push_back({{}, 1000 + i, 2, false});
  for (uint64_t i = 0; i < 300; ++i) examples.push_back({{}, 2000 + i, 100 + i, false});
  examples.push_back({{}, 9999, 1, true});
  std::vector<float> weights = sender_weights(examples, 0.05);
  double all = 0;
  double one = 0;
  double two = 0;
  for (size_t i = 0; i < examples.size(); ++i) {
    if (examples[i].spam) continue;
    all += static_cast<double>(weights[i]);
    if (examples[i].sender == 1) one += static_cast<double>(weights[i]);
    if (examples[i].sender == 2) two += static_cast<double>(weights[i]);
    if (examples[i].sender >= 100) {
      EXPECT_EQ(weights[i], 1.0F);
    }
  }
  EXPECT_NEAR(one / all, 0.05, 0.001);
  EXPECT_NEAR(two / all, 0.05, 0.001);
  // The other kind is on its own.
  EXPECT_EQ(weights.back(), 1.0F);
}

TEST(SenderWeights, FewSendersWeighTheSame) {
  std::vector<Example> examples;
  examples.reserve(100);
  for (uint64_t i = 0; i < 90; ++i) examples.push_back({{}, i, 1, true});
  for (uint64_t i = 0; i < 10; ++i) examples.push_back({{}, 100 + i, 2, true});
  std::vector<float> weights = sender_weights(examples, 0.05);
  EXPECT_NEAR(weights[0] * 90, weights[99] * 10, 1e-4);
}

}  // namespace
}  // namespace postern::classifier
