// The figures of `postern replay`: what two rule sets said of many messages, counted. Arithmetic only.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lua/verdict.h"

namespace postern::cli {

enum class Label : uint8_t { None, Ham, Spam };
[[nodiscard]] std::string_view to_string(Label label);  // "", "ham", "spam"
constexpr size_t kLabels = 3;
constexpr size_t kVerdicts = 6;

/// What one set said of one message.
struct Opinion {
  struct Hit {
    std::string rule;
    double score = 0;  // before its group's cap
    bool shadow = false;
  };
  rules::Verdict verdict = rules::Verdict::Accept;
  double score = 0;
  std::vector<Hit> hits;
  std::string decided_by;  // the rule whose action decided; empty: the score did
  /// What else it may have been, as far as rules hang on what is not known: the same as `verdict` where all is known.
  rules::Verdict mildest = rules::Verdict::Accept;
  rules::Verdict strictest = rules::Verdict::Accept;
};
[[nodiscard]] Opinion opinion_of(const rules::Evaluation& evaluation, const rules::Judgement& judgement);

/// One message that was judged.
struct Sample {
  std::string name;  // the file, "file#2"; of the journal the id
  Label label = Label::None;
  size_t input = 0;  // place among the inputs
  Opinion before;
  std::optional<Opinion> after;      // where there are two sets
  std::vector<std::string> unknown;  // rules (of the last set) of which it cannot be told what they would have said
};

/// What moved a message from one opinion to the other.
struct Change {
  struct Rescored {
    std::string rule;
    double from = 0;
    double to = 0;
  };
  std::string name;
  Label label = Label::None;
  double score_from = 0;
  double score_to = 0;
  std::vector<Opinion::Hit> gained;
  std::vector<Opinion::Hit> lost;
  std::vector<Rescored> rescored;
  std::string decided_from;  // rules whose action decided
  std::string decided_to;
  bool certain = true;  // false: what it would have been hangs on rules that cannot be judged
};
[[nodiscard]] Change change_of(const Sample& sample);

struct Changes {
  uint64_t count = 0;
  std::array<uint64_t, kLabels> by_label{};
  /// By place of the input and name: the first kMostNamed in this order, so that parallel runs name the same ones.
  std::map<std::pair<size_t, std::string>, Change> messages;
  static constexpr size_t kMostNamed = 1000;
};

struct RuleCount {
  std::array<uint64_t, kLabels> by_label{};
  std::array<uint64_t, kVerdicts> by_verdict{};  // of the opinion in which it hit
  [[nodiscard]] uint64_t all() const { return by_label[0] + by_label[1] + by_label[2]; }
};

/// S/O: the share of spam among the hits of a rule if there were as much ham as spam, (s/S)/(s/S + h/H); nullopt: it
/// has not hit, or there is no ham or no spam.
[[nodiscard]] std::optional<double> spam_share(uint64_t ham_hits, uint64_t spam_hits, uint64_t ham, uint64_t spam);

/// Two rules that hit nearly the same messages.
struct Overlap {
  std::string a;
  std::string b;
  uint64_t both = 0;
  uint64_t either = 0;
  static constexpr double kLeastShare = 0.8;  // of both in either
  static constexpr uint64_t kLeastHits = 5;   // messages that both hit
};

struct RuleCpu {
  uint64_t runs = 0;
  std::chrono::nanoseconds total{0};
  std::chrono::nanoseconds worst{0};
  void add(std::chrono::nanoseconds cpu);
  void add(const RuleCpu& other);
};
using CpuTimes = std::map<std::string, RuleCpu, std::less<>>;

/// A rule that could not be judged as the gateway would have.
struct LeftOut {
  std::string why;
  uint64_t messages = 0;  // of which it is not known whether it hits
  uint64_t verdicts = 0;  // that hang on it
};

/// One set's figures.
struct SideFigures {
  std::array<std::array<uint64_t, kVerdicts>, kLabels> verdicts{};  // by label
  std::map<std::string, RuleCount, std::less<>> rules;              // those that hit
};

/// By directory (or file) as it was named.
struct InputFigures {
  uint64_t messages = 0;
  std::array<std::array<uint64_t, kVerdicts>, 2> verdicts{};  // of each set
};

/// Counts samples, in any order; the same samples give the same figures. One thread.
class Tally {
 public:
  /// `inputs`: how many there are.
  explicit Tally(size_t inputs) : inputs_(inputs) {}

  void add(const Sample& sample);
  [[nodiscard]] uint64_t messages() const { return messages_[0] + messages_[1] + messages_[2]; }
  [[nodiscard]] uint64_t messages(Label label) const { return messages_[static_cast<size_t>(label)]; }
  [[nodiscard]] uint64_t changed() const;
  /// Verdicts of the last set that hang on rules which cannot be judged.
  [[nodiscard]] uint64_t uncertain() const { return uncertain_; }
  [[nodiscard]] const SideFigures& side(size_t set) const { return sides_[set]; }
  [[nodiscard]] const std::vector<InputFigures>& inputs() const { return inputs_; }
  /// By verdict before and after; those that stay the same are not here.
  [[nodiscard]] const std::map<std::pair<rules::Verdict, rules::Verdict>, Changes>& changes() const { return changes_; }
  [[nodiscard]] const std::map<std::string, LeftOut, std::less<>>& unknown() const { return unknown_; }
  /// Pairs of the last set, the most alike first, at most `most`.
  [[nodiscard]] std::vector<Overlap> overlaps(size_t most) const;

 private:
  void count(size_t set, const Sample& sample, const Opinion& opinion);
  void count_pairs(const Opinion& opinion);

  std::array<uint64_t, kLabels> messages_{};
  uint64_t uncertain_ = 0;
  std::array<SideFigures, 2> sides_;
  std::vector<InputFigures> inputs_;
  std::map<std::pair<rules::Verdict, rules::Verdict>, Changes> changes_;
  std::map<std::string, LeftOut, std::less<>> unknown_;
  // Of rules as numbers, the smaller one in the upper half; the same twice: how often it hit.
  std::unordered_map<uint64_t, uint64_t> pairs_;
  std::unordered_map<std::string, uint32_t> numbers_;
  std::vector<std::string> names_;
};

}  // namespace postern::cli
