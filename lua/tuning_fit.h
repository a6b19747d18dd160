// One set of scores from some of the messages; what tuning.cc calls again and again for cross-validation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lua/tuning.h"

namespace postern::rules::tuning {

/// How much is asked before a score changes.
struct Strength {
  double ham = 1;    // a ham that scores too high costs this many spam that score too low
  double ridge = 1;  // what it costs to move a score by a point, squared; in nats
};

/// A sample made ready for fitting. Immutable; any thread. The sample outlives it.
class Problem {
 public:
  static constexpr uint32_t kFolds = 5;
  static constexpr uint32_t kNone = kFolds;

  Problem(const Sample& sample, const Options& options);

  /// Scores of all rules, learned from the messages that are in neither fold (kNone: no fold is left out).
  [[nodiscard]] std::vector<double> fit(const Strength& strength, uint32_t fold_a, uint32_t fold_b) const;

  [[nodiscard]] const Sample& sample() const { return sample_; }
  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] uint32_t fold_of(size_t message) const { return folds_[message]; }
  [[nodiscard]] size_t campaigns(bool spam) const { return spam ? spam_campaigns_ : ham_campaigns_; }
  [[nodiscard]] const std::vector<double>& present() const { return present_; }
  /// Why this rule keeps its score whatever the messages say; empty: it does not.
  [[nodiscard]] const std::string& fixed(size_t rule) const { return fixed_[rule]; }
  /// One of several rules that are steps of one number: their scores stay in the order that they have.
  [[nodiscard]] bool is_step(size_t rule) const { return row_of_[rule] != kNoRow; }

 private:
  friend class Fit;
  struct Entry {
    uint32_t message = 0;
    uint32_t slot = 0;  // of its group; kNoSlot: none
    double factor = 1;
  };
  static constexpr uint32_t kNoSlot = UINT32_MAX;

  static constexpr uint32_t kNoRow = UINT32_MAX;

  void make_columns();
  void make_folds();
  void weigh();
  void find_rows();
  void bound();
  [[nodiscard]] bool hit_together(const std::vector<uint32_t>& rules) const;
  /// All steps of its row, from the lowest score to the highest.
  [[nodiscard]] std::vector<uint32_t> row_or_itself(size_t rule) const;
  /// Whatever the messages say; empty: they may say something.
  [[nodiscard]] std::string why_still(size_t rule) const;
  [[nodiscard]] std::string why_fixed(size_t rule) const;

  const Sample& sample_;
  const Options& options_;
  std::vector<double> present_;
  std::vector<double> lowest_;
  std::vector<double> highest_;
  std::vector<std::string> fixed_;
  std::vector<std::vector<Entry>> columns_;  // by rule
  std::vector<std::vector<uint32_t>> rows_;  // rules that are steps of one number, by rising score
  std::vector<uint32_t> row_of_;             // by rule; kNoRow: it is no step
  std::vector<double> caps_;                 // by slot
  std::vector<double> raw_;                  // by slot: what the group's hits add by the present scores
  std::vector<double> scores_;               // by message, by the present scores
  std::vector<double> weights_;              // by message; those of a kind are together half of all messages
  std::vector<uint32_t> folds_;              // by message
  size_t ham_campaigns_ = 0;
  size_t spam_campaigns_ = 0;
};

}  // namespace postern::rules::tuning
