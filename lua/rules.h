// The rule engine: a directory of Lua files becomes a RuleSet; each worker runs it in a Host of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/clock.h"
#include "filters/base/result.h"
#include "filters/base/task.h"
#include "filters/dns/dns.h"
#include "filters/facts.h"
#include "filters/lists/check.h"
#include "filters/lists/list.h"
#include "lua/maps.h"
#include "lua/verdict.h"

namespace postern::rules {

enum class Stage { Connect, Helo, Mail, Rcpt, Message };
[[nodiscard]] std::string_view to_string(Stage stage);
[[nodiscard]] std::optional<Stage> parse_stage(std::string_view name);
/// From which stage on lists of this subject can say anything.
[[nodiscard]] Stage known_from(lists::Subject subject);

/// A mistake in a rule file: "rules/local.lua:12: unknown field 'scoer' in rule SPF_FAIL (did you mean 'score'?)".
struct Problem {
  std::string file;
  int line = 0;  // 0: the file as a whole
  std::string text;
  [[nodiscard]] std::string to_string() const;
};

/// What is known of a rule without running it.
struct RuleInfo {
  enum class Kind { When, Pattern, Expression, List };

  std::string name;
  Kind kind = Kind::When;
  std::string about;
  Stage stage = Stage::Message;
  double score = 0;
  std::string group;
  bool shadow = false;
  bool disabled = false;
  std::optional<Verdict> action;
  std::string reply;
  std::string file;
  int line = 0;
  size_t examples = 0;
  /// A hash of what decides whether it hits: its condition, and what of its file its `when` may use. Not its score,
  /// group, mode or words. Equal in two sets: what it said then it would say now (maps apart).
  uint64_t definition = 0;
  size_t list = 0;    // List: place in RuleSet::lists()
  size_t answer = 0;  // List: place in lists::List::answers
};

struct Limits {
  size_t memory = 16U << 20U;                      // bytes of one Lua state
  std::chrono::microseconds rule_cpu{50'000};      // CPU time of one rule for one message
  std::chrono::microseconds message_cpu{200'000};  // of all rules for one message
};

class Engine;
class Expression;
class PatternSet;
struct Plan;

/// The source texts and declarations of a rule directory, its patterns compiled, its maps read. Immutable (but for
/// maps, whose files may change), any thread; hosts are made from it.
class RuleSet {
 public:
  struct File {
    std::string name;  // as problems name it, "rules/local.lua"
    std::string text;
  };
  struct Options {
    Limits limits;
    std::string pattern_cache;  // a file, see PatternSet::compile; empty: none
    std::string directory;      // where the names of maps begin; load() sets it
    bool write_cache = true;    // only who serves should: the file belongs to whoever wrote it last
    std::string local = {};     // load(): a file that stands for the directory's local.lua; empty: that one itself
  };

  /// Reads every *.lua of `directory` in name order, local.lua last; declares the rules and runs no example. All
  /// problems at once. May take a second for each thousand patterns: never on a worker.
  static tl::expected<std::shared_ptr<const RuleSet>, std::vector<Problem>> load(const std::string& directory,
                                                                                 Options options);
  /// The same from texts, in the order given; for tests and tools.
  static tl::expected<std::shared_ptr<const RuleSet>, std::vector<Problem>> from_texts(std::vector<File> files,
                                                                                       const Options& options);
  /// A set without rules.
  static std::shared_ptr<const RuleSet> empty();
  ~RuleSet();

  [[nodiscard]] const std::vector<RuleInfo>& rules() const { return rules_; }
  /// 12 hexadecimal digits of a hash over all rule files (maps are not in it): which rules judged a message.
  [[nodiscard]] const std::string& version() const { return version_; }
  /// What the condition of a rule (a place in rules()) reads of a message, as far as its text tells, rather more than
  /// less: names of `mail`'s fields ("spf", "header", "lists.ZEN"); "raw", "body" and the like for what patterns
  /// search; of a rule that asks for others what those read, too; "dns" where it may ask the DNS itself; "*" where it
  /// cannot be told.
  [[nodiscard]] const std::set<std::string, std::less<>>& reads(size_t rule) const { return all_reads_[rule]; }
  [[nodiscard]] const Groups& groups() const { return groups_; }
  [[nodiscard]] const Limits& limits() const { return limits_; }
  /// What an admin should know and no mistake is: a pattern cache that cannot be written, patterns searched slowly.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
  /// The maps that rules name. refresh() may be called on them; never by a worker.
  [[nodiscard]] Maps& maps() const { return *maps_; }
  /// The DNS lists that rules declare, as written; `enabled` of those that nobody needs (all rules disabled, none reads
  /// them) is false. Never null.
  [[nodiscard]] const lists::ListsPtr& lists() const { return lists_; }
  /// What would have been without a list: hits of its rules and of rules that read it gone, expressions worked out
  /// anew, group caps and score too; the decision that is left. Rules behind a decision that is gone did not run: those
  /// of its stage that belong to other lists are worked out from `facts`, and so are expressions over what is known;
  /// the first of their actions is the decision then. The others are missing. For messages of this set; pure.
  [[nodiscard]] Evaluation without_list(const Evaluation& evaluation, const Facts& facts, size_t list) const;
  /// Runs every rule's examples, and every rule once on a plain message. Empty: all good.
  [[nodiscard]] std::vector<Problem> run_examples() const;

 private:
  friend class Engine;
  RuleSet();
  struct Building;
  std::vector<File> files_;
  std::vector<RuleInfo> rules_;
  Groups groups_;
  std::string version_;
  Limits limits_;
  std::vector<std::string> notes_;
  std::shared_ptr<Maps> maps_;
  std::unique_ptr<const Plan> plan_;
  std::shared_ptr<const PatternSet> patterns_;
  std::vector<size_t> pattern_of_;                             // rule -> pattern; none: kNoPattern
  std::vector<std::shared_ptr<const Expression>> expression_;  // rule -> its expression; null: none
  lists::ListsPtr lists_;
  /// By rule: what its `when` reads of `mail`; see reads_of() in lua/reads.h.
  std::vector<std::set<std::string, std::less<>>> reads_;
  std::vector<std::set<std::string, std::less<>>> all_reads_;  // by rule; see reads()
  std::set<std::string, std::less<>> assigned_;                // see add_assigned_names() in isolation.h
};
using RuleSetPtr = std::shared_ptr<const RuleSet>;

/// What happened while rules ran, for metrics and logs. Called inside Host::judge and Host::run.
class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;
  virtual void rule_hit(const RuleInfo& rule) = 0;
  /// Rules with `when` only; the others are done all at once.
  virtual void rule_ran(const RuleInfo& rule, std::chrono::nanoseconds cpu) = 0;
  /// reason: "error", "cpu", "memory", "suspended".
  virtual void rule_failed(const RuleInfo& rule, std::string_view reason, const std::string& message) = 0;
  /// Work for all rules together: "patterns" (with what it reads: decoding, text, URLs).
  virtual void filter_ran(std::string_view filter, std::string_view result, std::chrono::nanoseconds time);
};

/// Whom rules may ask while a message is judged. Not owned; null: nobody, dns.* says "temperror".
struct Outside {
  dns::Client* dns = nullptr;
  Duration dns_timeout = std::chrono::seconds(5);  // for one look-up
};

/// One worker's Lua state with the rules of one set. One thread. A rule that errs or overruns is skipped for the
/// message and reported; after repeated overruns it is suspended until the next reload.
class Host {
 public:
  Host(RuleSetPtr rules, Observer* observer);
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  ~Host();

  /// Runs the rules of one stage and adds to `evaluation` (hits, decision, score), in the order of the rules however
  /// long each waits. After a decision no further rule counts. While one rule waits for the DNS the others of the
  /// message run, and so do those of other messages. The host, `facts` and `evaluation` outlive the task; destroying it
  /// cancels what is waited for.
  [[nodiscard]] Task<void> judge(Stage stage, const Facts& facts, Evaluation& evaluation, Outside outside);
  /// The same when nobody can be asked; never waits.
  void run(Stage stage, const Facts& facts, Evaluation& evaluation);
  /// Whether the stage has any rule (callers skip work that nobody reads).
  [[nodiscard]] bool has_rules(Stage stage) const;
  [[nodiscard]] const RuleSet& rules() const { return *rules_; }
  /// The lists (places in RuleSet::lists()) that must be known before the rules of a stage run: those with a rule of
  /// this stage, and those that a `when` of it reads. At Message: all that are enabled.
  [[nodiscard]] const std::vector<size_t>& lists_needed(Stage stage) const;
  /// Whether a `when` of this stage that is not disabled reads mail.FACT.
  [[nodiscard]] bool reads(Stage stage, std::string_view fact) const;

 private:
  RuleSetPtr rules_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace postern::rules
