// Regularised logistic regression, one score at a time. What is learned is the scores themselves: the odds that a
// message is spam grow by e with each point above the threshold, through the caps of groups as the verdict applies
// them.
#include "lua/tuning_fit.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>

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
    is_free_.assign(scores_.size(), false);
    for (size_t rule : rules) is_free_[rule] = true;
    for (size_t round = 0; round < kMostRounds; ++round) {
      double furthest = 0;
      for (size_t rule : rules) furthest = std::max(furthest, std::abs(move({static_cast<uint32_t>(rule)})));
      for (const auto& row : problem_.rows_) furthest = std::max(furthest, move_level_steps(row));
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

  /// Those that hit enough of what is learned from; of steps of one number all or none.
  [[nodiscard]] std::vector<size_t> free_rules() const {
    std::vector<size_t> rules;
    std::vector<uint32_t> campaigns;
    for (size_t rule = 0; rule < scores_.size(); ++rule) {
      if (!problem_.fixed_[rule].empty()) continue;
      campaigns.clear();
      for (uint32_t step : problem_.row_or_itself(rule)) {
        for (const Problem::Entry& entry : problem_.columns_[step]) {
          if (weights_[entry.message] > 0) campaigns.push_back(problem_.sample_.messages()[entry.message].campaign);
        }
      }
      size_t hits = campaigns.size();
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

  /// How far some may move together (one rule, or neighbouring steps of a row): to their bounds, and to the step above
  /// and the one below.
  [[nodiscard]] std::pair<double, double> room(const std::vector<uint32_t>& together) const {
    double down = -std::numeric_limits<double>::infinity();
    double up = std::numeric_limits<double>::infinity();
    for (uint32_t rule : together) {
      down = std::max(down, problem_.lowest_[rule] - scores_[rule]);
      up = std::min(up, problem_.highest_[rule] - scores_[rule]);
    }
    if (problem_.is_step(together.front())) {
      const std::vector<uint32_t>& row = problem_.rows_[problem_.row_of_[together.front()]];
      auto first = std::find(row.begin(), row.end(), together.front());
      auto behind = std::find(row.begin(), row.end(), together.back()) + 1;
      if (first != row.begin()) down = std::max(down, scores_[*(first - 1)] - scores_[*first]);
      if (behind != row.end()) up = std::min(up, scores_[*behind] - scores_[*(behind - 1)]);
    }
    return {std::min(down, 0.0), std::max(up, 0.0)};
  }

  /// To where a quadratic through what is known here has its least value.
  [[nodiscard]] double wanted(const std::vector<uint32_t>& together) const {
    double first = 0;
    double curve = 0;
    double still = 0;  // what moving costs those that have not moved
    for (uint32_t rule : together) {
      Slope slope = slope_of(rule);
      double away = scores_[rule] - problem_.present_[rule];
      double inertia = strength_.ridge * kInertia;
      first += slope.first + strength_.ridge * away + (away > 0 ? inertia : away < 0 ? -inertia : 0);
      curve += slope.second + strength_.ridge;
      still += away == 0 ? inertia : 0;
    }
    if (std::abs(first) <= still) return 0;
    double by = -(first - std::copysign(still, first)) / curve;
    auto [down, up] = room(together);
    by = std::clamp(by, down, up);
    // No further than to the present score, where the penalty has its corner: what lies behind is for the next round.
    for (uint32_t rule : together) {
      double back = problem_.present_[rule] - scores_[rule];
      if (back * by > 0 && std::abs(by) > std::abs(back)) by = back;
    }
    return std::clamp(by, -kLeap, kLeap);
  }

  /// Newton's step, shortened until it is one downwards (caps make corners). Returns how far it went. No two of
  /// `together` hit one message.
  double move(const std::vector<uint32_t>& together) {
    double by = wanted(together);
    for (int attempt = 0; attempt < 4; ++attempt, by /= 2) {
      if (std::abs(by) < kDone / 4) return 0;
      double change = 0;
      for (uint32_t rule : together) {
        change += penalty(rule, scores_[rule] + by) - penalty(rule, scores_[rule]);
        for (const Problem::Entry& entry : problem_.columns_[rule]) {
          if (weights_[entry.message] == 0) continue;
          change += loss(entry.message, moved(entry, by)) - loss(entry.message, sums_[entry.message]);
        }
      }
      if (change < 0) {
        for (uint32_t rule : together) apply(rule, by);
        return by;
      }
    }
    return 0;
  }

  /// Steps that have come to the same score hold each other: they move on together. Returns how far at most.
  double move_level_steps(const std::vector<uint32_t>& row) {
    double furthest = 0;
    for (size_t first = 0; first < row.size();) {
      size_t behind = first + 1;
      while (behind < row.size() && scores_[row[behind]] - scores_[row[first]] < 1e-9) ++behind;
      bool free = std::all_of(row.begin(), row.end(), [this](uint32_t rule) { return is_free_[rule]; });
      if (free && behind - first > 1) {
        std::vector<uint32_t> level(row.begin() + static_cast<std::ptrdiff_t>(first),
                                    row.begin() + static_cast<std::ptrdiff_t>(behind));
        furthest = std::max(furthest, std::abs(move(level)));
      }
      first = behind;
    }
    return furthest;
  }

  void apply(size_t rule, double by) {
    double score = scores_[rule] + by;
    // Back where it was means just there: the penalty has a corner.
    scores_[rule] = std::abs(score - problem_.present_[rule]) < 1e-9 ? problem_.present_[rule] : score;
    for (const Problem::Entry& entry : problem_.columns_[rule]) {
      if (weights_[entry.message] == 0) continue;
      sums_[entry.message] = moved(entry, by);
      if (entry.slot != Problem::kNoSlot) raw_[entry.slot] += by * entry.factor;
    }
  }

  void round_off(const std::vector<size_t>& rules) {
    std::vector<double> rounded = scores_;
    for (size_t rule : rules) rounded[rule] = round_score(std::round(scores_[rule] * 10) / 10);
    auto little = [&](uint32_t rule) { return std::abs(rounded[rule] - problem_.present_[rule]) < kLeastChange; };
    for (size_t rule : rules) {
      // One step alone that went back might pass another one.
      std::vector<uint32_t> row = problem_.row_or_itself(rule);
      bool all = std::all_of(row.begin(), row.end(), little);
      scores_[rule] = all ? problem_.present_[rule] : rounded[rule];
    }
  }

  const Problem& problem_;
  Strength strength_;
  std::vector<double> scores_;   // by rule
  std::vector<double> weights_;  // by message; 0: not learned from
  std::vector<double> raw_;      // by slot
  std::vector<double> sums_;     // by message
  std::vector<bool> is_free_;    // by rule
};

std::vector<double> Problem::fit(const Strength& strength, uint32_t fold_a, uint32_t fold_b) const {
  return Fit(*this, strength, fold_a, fold_b).run();
}

}  // namespace postern::rules::tuning
