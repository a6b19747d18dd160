// Regularised logistic regression, one score at a time. What is learned is the scores themselves: the odds that a
// message is spam grow by e with each point above the threshold, through the caps of groups as the verdict applies
// them.
#include "lua/tuning_fit.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace postern::rules::tuning {

namespace {

constexpr size_t kMostRounds = 40;
constexpr double kDone = 0.02;         // no score moved further in a round
constexpr double kLeap = 2.0;          // the most that a score moves in a round
constexpr double kLeastChange = 0.25;  // nobody should have to review less
/// Before a score moves at all: this share of the ridge, for each point.
constexpr double kInertia = 0.3;

/// log(1 + exp(x)).
double softplus(double x) {
  return x > 30 ? x : std::log1p(std::exp(x));
}

}  // namespace

/// The state of one fit.
class Fit {
 public:
  Fit(const Problem& problem, const Strength& strength, uint32_t fold_a, uint32_t fold_b)
      : problem_(problem), strength_(strength), scores_(problem.present_), raw_(problem.raw_), sums_(problem.scores_) {
    const std::vector<Message>& messages = problem.sample_.messages();
    weights_.resize(messages.size());
    for (size_t i = 0; i < messages.size(); ++i) {
      bool left_out = messages[i].decided || problem.folds_[i] == fold_a || problem.folds_[i] == fold_b;
      weights_[i] = left_out ? 0 : problem.weights_[i] * (messages[i].spam ? 1 : strength.ham);
    }
  }

  std::vector<double> run() {
    std::vector<size_t> rules = free_rules();
    for (size_t round = 0; round < kMostRounds; ++round) {
      double furthest = 0;
      for (size_t rule : rules) furthest = std::max(furthest, std::abs(move(rule)));
      if (furthest < kDone) break;
    }
    round_off(rules);
    return scores_;
  }

 private:
  struct Slope {
    double first = 0;
    double second = 0;
  };

  /// Those that hit enough of what is learned from.
  [[nodiscard]] std::vector<size_t> free_rules() const {
    std::vector<size_t> rules;
    std::vector<uint32_t> campaigns;
    for (size_t rule = 0; rule < scores_.size(); ++rule) {
      if (!problem_.fixed_[rule].empty()) continue;
      campaigns.clear();
      size_t hits = 0;
      for (const Problem::Entry& entry : problem_.columns_[rule]) {
        if (weights_[entry.message] == 0) continue;
        ++hits;
        campaigns.push_back(problem_.sample_.messages()[entry.message].campaign);
      }
      std::sort(campaigns.begin(), campaigns.end());
      auto end = std::unique(campaigns.begin(), campaigns.end());
      // Folds leave out up to two fifths of what the whole sample has.
      if (hits >= kLeastHits / 2 && end - campaigns.begin() >= static_cast<int64_t>(kLeastHitCampaigns / 2)) {
        rules.push_back(rule);
      }
    }
    return rules;
  }

  [[nodiscard]] double loss(uint32_t message, double score) const {
    double over = score - problem_.options_.tag;
    return weights_[message] * softplus(problem_.sample_.messages()[message].spam ? -over : over);
  }

  /// What a message would score if this entry's rule weighed so much more.
  [[nodiscard]] double moved(const Problem::Entry& entry, double by) const {
    double score = sums_[entry.message];
    if (entry.slot == Problem::kNoSlot) return score + by * entry.factor;
    double raw = raw_[entry.slot];
    double cap = problem_.caps_[entry.slot];
    return score + std::min(raw + by * entry.factor, cap) - std::min(raw, cap);
  }

  [[nodiscard]] Slope slope_of(size_t rule) const {
    Slope slope;
    for (const Problem::Entry& entry : problem_.columns_[rule]) {
      double weight = weights_[entry.message];
      if (weight == 0 || (entry.slot != Problem::kNoSlot && raw_[entry.slot] >= problem_.caps_[entry.slot])) continue;
      double over = sums_[entry.message] - problem_.options_.tag;
      double chance = 1 / (1 + std::exp(-over));
      slope.first += weight * entry.factor * (problem_.sample_.messages()[entry.message].spam ? chance - 1 : chance);
      slope.second += weight * entry.factor * entry.factor * chance * (1 - chance);
    }
    return slope;
  }

  [[nodiscard]] double penalty(size_t rule, double score) const {
    double away = std::abs(score - problem_.present_[rule]);
    return strength_.ridge * (away * away / 2 + kInertia * away);
  }

  /// Where a quadratic through what is known here has its least value.
  [[nodiscard]] double wanted(size_t rule) const {
    Slope slope = slope_of(rule);
    double present = problem_.present_[rule];
    double away = scores_[rule] - present;
    double curve = slope.second + strength_.ridge;
    double target = away - (slope.first + strength_.ridge * away) / curve;
    double inertia = strength_.ridge * kInertia / curve;
    target = target > inertia ? target - inertia : target < -inertia ? target + inertia : 0;
    double score = std::clamp(present + target, problem_.lowest_[rule], problem_.highest_[rule]);
    return std::clamp(score - scores_[rule], -kLeap, kLeap);
  }

  /// Newton's step for one score, shortened until it is one downwards (caps make corners). Returns how far it went.
  double move(size_t rule) {
    double by = wanted(rule);
    for (int attempt = 0; attempt < 4; ++attempt, by /= 2) {
      if (std::abs(by) < kDone / 4) return 0;
      double change = penalty(rule, scores_[rule] + by) - penalty(rule, scores_[rule]);
      for (const Problem::Entry& entry : problem_.columns_[rule]) {
        if (weights_[entry.message] == 0) continue;
        change += loss(entry.message, moved(entry, by)) - loss(entry.message, sums_[entry.message]);
      }
      if (change < 0) {
        apply(rule, by);
        return by;
      }
    }
    return 0;
  }

  void apply(size_t rule, double by) {
    scores_[rule] += by;
    for (const Problem::Entry& entry : problem_.columns_[rule]) {
      if (weights_[entry.message] == 0) continue;
      sums_[entry.message] = moved(entry, by);
      if (entry.slot != Problem::kNoSlot) raw_[entry.slot] += by * entry.factor;
    }
  }

  void round_off(const std::vector<size_t>& rules) {
    for (size_t rule : rules) {
      double score = round_score(std::round(scores_[rule] * 10) / 10);
      bool little = std::abs(score - problem_.present_[rule]) < kLeastChange;
      scores_[rule] = little ? problem_.present_[rule] : score;
    }
  }

  const Problem& problem_;
  Strength strength_;
  std::vector<double> scores_;   // by rule
  std::vector<double> weights_;  // by message; 0: not learned from
  std::vector<double> raw_;      // by slot
  std::vector<double> sums_;     // by message
};

std::vector<double> Problem::fit(const Strength& strength, uint32_t fold_a, uint32_t fold_b) const {
  return Fit(*this, strength, fold_a, fold_b).run();
}

}  // namespace postern::rules::tuning
