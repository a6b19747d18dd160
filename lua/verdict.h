// From hits to a verdict: the score is summed, compared with the thresholds, and the arithmetic is kept.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::rules {

/// In rising order of severity.
enum class Verdict { Accept, Tag, Quarantine, Defer, Reject, Discard };
[[nodiscard]] std::string_view to_string(Verdict verdict);

/// A score at which each verdict begins (>=); nullopt = "off".
struct Thresholds {
  std::optional<double> defer;
  std::optional<double> tag = 6.0;
  std::optional<double> quarantine;
  std::optional<double> reject = 15.0;

  friend bool operator==(const Thresholds&, const Thresholds&) = default;
};

/// One rule that hit.
struct Hit {
  std::string rule;
  double score = 0;     // what it adds (before its group's cap)
  double factor = 1;    // the rule's score times this
  std::string detail;   // the rule's words, untrusted text
  std::string group;    // empty: none
  bool shadow = false;  // counted and logged, never scored
  /// Without the DNS lists of these names it would not have hit: its own, of a rule of a list; those that its `when`
  /// found listed.
  std::vector<std::string> lists = {};
};

/// A rule's `action`: decides at once.
struct Decision {
  Verdict verdict = Verdict::Accept;
  std::string rule;
  std::string reply;  // the rule's own reply, "550 5.7.1 ..."; empty: ours
  /// Of rules of DNS lists: "192.0.2.1 is listed by ZEN: TITLE", without a title "... by ZEN"; untrusted text.
  std::string reason = {};
  std::string list = {};  // the list's name
};

/// Versions of maps (maps.h); opaque here.
struct SeenMaps;

/// What the hits of a group may add together.
struct Group {
  double max = 0;
  /// Rule -> the most while that rule hits (not in shadow): who proves who they are is judged more mildly by their
  /// words. The lowest counts; one above `max` says nothing.
  std::map<std::string, double, std::less<>> dampers = {};
  /// Where it was declared last, as RuleInfo has it; empty: of a recorded set. Says nothing of what the group is.
  std::string file = {};
  int line = 0;

  friend bool operator==(const Group& a, const Group& b) { return a.max == b.max && a.dampers == b.dampers; }
};
using Groups = std::map<std::string, Group, std::less<>>;

/// One rule's share of the CPU time.
struct RuleTime {
  std::string rule;
  std::chrono::nanoseconds cpu{0};
};

/// A rule that could say nothing of a message.
struct RuleError {
  std::string rule;
  std::string reason;   // "error", "cpu", "memory", "suspended"
  std::string message;  // with its place in the rule file
};

/// What the rules said of one message so far, over all stages.
struct Evaluation {
  std::vector<Hit> hits;
  std::optional<Decision> decision;  // the first action that hit
  double score = 0;  // sum with group caps, rounded to 1/1000 so that sums of decimals compare as written
  std::chrono::nanoseconds cpu{0};  // CPU time that rules have spent on this message, over all stages
  /// The rules with `when` that took the most of it, the slowest first; at most kSlowest.
  std::vector<RuleTime> slowest = {};
  static constexpr size_t kSlowest = 5;
  /// Rules that were skipped, in the order in which that was found; at most kMostErrors, and how many more.
  std::vector<RuleError> errors = {};
  size_t errors_left_out = 0;
  static constexpr size_t kMostErrors = 20;
  std::shared_ptr<SeenMaps> maps;  // the one version of each map that it sees; null: none asked yet
};

/// Keeps it, or counts that there was one more.
void add_error(Evaluation& evaluation, RuleError error);

struct Judgement {
  Verdict verdict = Verdict::Accept;
  double score = 0;
  std::optional<double> limit;  // the threshold that was reached; for Accept the next one that was not
};

/// The most that the group's hits may add together when these rules hit; nullopt: there is no bound.
[[nodiscard]] std::optional<double> cap_of(std::string_view group, const std::vector<Hit>& hits, const Groups& groups);
/// Sums hits with the caps of their groups. Shadow hits count nothing. Rounded to 1/1000, never -0.0.
[[nodiscard]] double sum(const std::vector<Hit>& hits, const Groups& groups);
/// The verdict of a finished evaluation: its decision, else the most severe threshold that the score reaches.
[[nodiscard]] Judgement judge(const Evaluation& evaluation, const Thresholds& thresholds);
/// Rounded to 1/1000, never -0.0; 0 for what is not a number.
[[nodiscard]] double round_score(double score);
/// The stricter of each threshold.
[[nodiscard]] Thresholds strictest(const Thresholds& a, const Thresholds& b);

/// "17.2", "0.0", "-1.25": at least one decimal, no more than needed of three.
[[nodiscard]] std::string format_score(double score);

}  // namespace postern::rules
