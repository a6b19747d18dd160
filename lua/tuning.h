// Scores from mail that people have sorted: what the rules said of each message becomes proposals for their scores.
// Arithmetic only: knows no Lua and no files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "filters/base/result.h"
#include "lua/rules.h"
#include "lua/verdict.h"

namespace postern::rules::tuning {

/// Below this nothing is proposed: so many messages of each kind, and from so many campaigns.
inline constexpr size_t kLeastMessages = 100;
inline constexpr size_t kLeastCampaigns = 20;
/// A rule that hit fewer of them keeps its score.
inline constexpr size_t kLeastHits = 10;
inline constexpr size_t kLeastHitCampaigns = 6;
/// The share of ham that may be tagged.
inline constexpr double kTarget = 0.001;
/// Proposals may be by chance in one of a hundred cases.
inline constexpr double kChance = 0.01;

/// What the rules said of one message.
struct Message {
  struct Hit {
    uint32_t rule = 0;   // a place in Sample::rules()
    uint32_t group = 0;  // a place in `caps`; Sample::kNoGroup: none
    double factor = 1;
  };
  std::vector<Hit> hits;           // of rules that score: none in shadow
  std::vector<double> caps;        // the most that each group may add to this message; infinite: no bound
  std::optional<Verdict> decided;  // by a rule's action: no score changes that
  bool spam = false;
  uint32_t campaign = 0;
  uint32_t corpus = 0;
};

/// Sorted messages. One thread; immutable once it is full.
class Sample {
 public:
  static constexpr uint32_t kNoGroup = UINT32_MAX;

  Sample(std::vector<RuleInfo> rules, Groups groups);
  /// `campaign`: a number that messages share which must not be learned from and tested on: of one sender, or nearly
  /// alike. `corpus`: where it came from, a small number; figures are given for each.
  void add(const Evaluation& evaluation, bool spam, uint32_t campaign, uint32_t corpus);

  /// A rule (a place in rules()) whose score these messages say nothing about, and why: "nobody connected".
  void leave(size_t rule, std::string why) { left_[rule] = std::move(why); }

  [[nodiscard]] const std::vector<RuleInfo>& rules() const { return rules_; }
  [[nodiscard]] const std::vector<Message>& messages() const { return messages_; }
  /// Empty: the messages may say what they want.
  [[nodiscard]] const std::string& left(size_t rule) const { return left_[rule]; }

 private:
  std::vector<RuleInfo> rules_;
  std::vector<std::string> left_;  // by rule
  std::unordered_map<std::string, uint32_t> place_;
  Groups groups_;
  std::vector<Message> messages_;
};

/// What a message scores when the rules weigh `scores`, as sum() of verdict.h works it out.
[[nodiscard]] double score_of(const Message& message, const std::vector<double>& scores);

struct Options {
  double tag = 6;                       // from here on a message is marked: the lowest threshold that is not off
  std::optional<double> reject = 15.0;  // none: nothing is refused
  bool alone = false;                   // one rule may be enough for a refusal
  unsigned threads = 1;
  std::function<void(double)> progress;  // told the share that is done, 0 to 1, on the calling thread; may be empty
};

/// Of one corpus.
struct Counts {
  size_t messages = 0;
  size_t tagged = 0;  // or worse
  size_t rejected = 0;

  friend bool operator==(const Counts&, const Counts&) = default;
};

struct Figures {
  std::vector<Counts> corpora;  // by Message::corpus
  Counts ham;
  Counts spam;
  double auc = 0.5;      // the chance that a spam scores higher than a ham
  double recall_1 = 0;   // the share of spam above a limit that at most 1 % of ham reach,
  double recall_01 = 0;  // and at most 0.1 %
};

struct Change {
  std::string rule;
  double before = 0;
  double after = 0;
  size_t ham = 0;  // messages that it hit
  size_t spam = 0;
  double spam_share = 0.5;  // S/O: the share of spam among its hits were there as much ham as spam
  double effect = 0;        // points that it moves, for each message of each kind, taken together
  std::string why;          // a sentence
};

/// A rule that could have another score and was left alone.
struct Kept {
  std::string rule;
  std::string why;
};

struct Proposal {
  std::vector<Change> changes;  // by effect, the largest first; empty: nothing is proposed
  std::string why_none;         // a sentence; empty: there is a proposal
  bool target_missed = false;   // more than kTarget of ham would still be tagged
  Figures before;               // the present scores
  Figures after;                // cross-validated: each message judged by scores that were learned without its campaign
  double chance = 1;            // that the present scores would look so much worse by chance
  std::vector<Kept> kept;       // in the order of the rules
  std::vector<size_t> suspicious_ham;   // places in Sample::messages() that look as if they were sorted wrongly, judged
  std::vector<size_t> suspicious_spam;  // by the scores of `after`; the worst first, a few
};

/// Whether there are kLeastMessages of each kind; a sentence (BadInput) where there are not.
[[nodiscard]] Result<void> enough(size_t ham, size_t spam);

/// Rules that are steps of one number (names that differ in the number at their end, one group, no message that has two
/// of them, present scores that rise with the number or fall) keep the order of their scores.
///
/// Deterministic. Takes seconds for ten thousands of messages. Fails (BadInput, a sentence) where there are too few
/// messages to say anything.
[[nodiscard]] Result<Proposal> propose(const Sample& sample, const Options& options);

}  // namespace postern::rules::tuning
