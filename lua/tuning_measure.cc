#include "lua/tuning_measure.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace postern::rules::tuning {

namespace {

/// Mistakes in units of one spam in a hundred that is missed (or ham in a hundred, of which each costs so much more).
constexpr double kHamTagged = 20;
constexpr double kHamRejected = 40;      // besides
constexpr double kSpamOnlyTagged = 0.1;  // it was recognised: that it is also refused is the smaller part
constexpr double kHamLoss = 10;
constexpr size_t kShuffles = 9999;

bool is_tagged(const Message& message, double score, const Options& options) {
  return message.decided ? *message.decided >= Verdict::Tag : score >= options.tag;
}

bool is_rejected(const Message& message, double score, const Options& options) {
  if (message.decided) return *message.decided >= Verdict::Reject;
  return options.reject && score >= *options.reject;
}

struct Kinds {
  double ham = 0;
  double spam = 0;
};

Kinds count(const Sample& sample) {
  Kinds kinds;
  for (const Message& message : sample.messages()) ++(message.spam ? kinds.spam : kinds.ham);
  return {std::max(1.0, kinds.ham), std::max(1.0, kinds.spam)};
}

/// The share of spam that scores above all but `allowed` of the ham.
double recall_at(const std::vector<double>& ham, const std::vector<double>& spam, double allowed) {
  if (ham.empty() || spam.empty()) return 0;
  auto most = static_cast<size_t>(allowed * static_cast<double>(ham.size()) + 1e-9);
  double limit = most < ham.size() ? ham[ham.size() - 1 - most] : ham.front() - 1;
  auto above = spam.end() - std::upper_bound(spam.begin(), spam.end(), limit);
  return static_cast<double>(above) / static_cast<double>(spam.size());
}

/// Both sorted.
double auc_of(const std::vector<double>& ham, const std::vector<double>& spam) {
  if (ham.empty() || spam.empty()) return 0.5;
  double wins = 0;
  for (double score : spam) {
    auto [from, to] = std::equal_range(ham.begin(), ham.end(), score);
    wins += static_cast<double>(from - ham.begin()) + static_cast<double>(to - from) / 2;
  }
  return wins / static_cast<double>(ham.size()) / static_cast<double>(spam.size());
}

/// Numbers that look random and are the same in every run (a linear congruence, the upper half of each).
class Bits {
 public:
  bool next() {
    if (left_ == 0) {
      state_ = state_ * 6364136223846793005U + 1442695040888963407U;
      bits_ = static_cast<uint32_t>(state_ >> 32U);
      left_ = 32;
    }
    --left_;
    bool bit = (bits_ & 1U) != 0;
    bits_ >>= 1U;
    return bit;
  }

 private:
  uint64_t state_ = 0x5EED;
  uint32_t bits_ = 0;
  int left_ = 0;
};

}  // namespace

Figures figures_of(const Sample& sample, const Scores& scores, const Options& options) {
  Figures figures;
  std::vector<double> ham;
  std::vector<double> spam;
  for (size_t i = 0; i < scores.size(); ++i) {
    const Message& message = sample.messages()[i];
    if (message.corpus >= figures.corpora.size()) figures.corpora.resize(message.corpus + 1);
    for (Counts* counts : {&figures.corpora[message.corpus], message.spam ? &figures.spam : &figures.ham}) {
      ++counts->messages;
      if (is_tagged(message, scores[i], options)) ++counts->tagged;
      if (is_rejected(message, scores[i], options)) ++counts->rejected;
    }
    if (!message.decided) (message.spam ? spam : ham).push_back(scores[i]);
  }
  std::sort(ham.begin(), ham.end());
  std::sort(spam.begin(), spam.end());
  figures.auc = auc_of(ham, spam);
  figures.recall_1 = recall_at(ham, spam, 0.01);
  figures.recall_01 = recall_at(ham, spam, 0.001);
  return figures;
}

std::vector<double> costs_of(const Sample& sample, const Scores& scores, const Options& options) {
  Kinds kinds = count(sample);
  std::vector<double> costs;
  costs.reserve(scores.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    const Message& message = sample.messages()[i];
    bool tagged = is_tagged(message, scores[i], options);
    bool rejected = is_rejected(message, scores[i], options);
    double cost = 0;
    if (message.spam) {
      cost = !tagged ? 1 : rejected || !options.reject ? 0 : kSpamOnlyTagged;
    } else {
      cost = (tagged ? kHamTagged : 0) + (rejected ? kHamRejected : 0);
    }
    costs.push_back(cost / (message.spam ? kinds.spam : kinds.ham));
  }
  return costs;
}

std::vector<double> losses_of(const Sample& sample, const Scores& scores, const Options& options) {
  Kinds kinds = count(sample);
  std::vector<double> losses;
  losses.reserve(scores.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    const Message& message = sample.messages()[i];
    double wrong = message.spam ? options.tag - scores[i] : scores[i] - options.tag;
    double loss = message.decided ? 0 : wrong > 30 ? wrong : std::log1p(std::exp(wrong));
    losses.push_back(loss * (message.spam ? 1 / kinds.spam : kHamLoss / kinds.ham));
  }
  return losses;
}

double chance_of(const Sample& sample, const std::vector<double>& before, const std::vector<double>& after) {
  std::map<uint32_t, double> by_campaign;
  for (size_t i = 0; i < before.size(); ++i) by_campaign[sample.messages()[i].campaign] += before[i] - after[i];
  std::vector<double> gains;
  double gain = 0;
  for (const auto& [campaign, each] : by_campaign) {
    if (std::abs(each) < 1e-12) continue;
    gains.push_back(each);
    gain += each;
  }
  if (gain <= 0) return 1;
  Bits bits;
  size_t as_good = 0;
  for (size_t shuffle = 0; shuffle < kShuffles; ++shuffle) {
    double sum = 0;
    for (double each : gains) sum += bits.next() ? each : -each;
    if (sum >= gain * (1 - 1e-9)) ++as_good;
  }
  return static_cast<double>(as_good + 1) / static_cast<double>(kShuffles + 1);
}

double uncertainty_of_auc(size_t ham, size_t spam) {
  double a = static_cast<double>(std::max<size_t>(1, ham));
  double b = static_cast<double>(std::max<size_t>(1, spam));
  return std::sqrt((a + b + 1) / (12 * a * b));
}

}  // namespace postern::rules::tuning
