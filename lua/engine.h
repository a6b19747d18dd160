// Engine: one worker's Lua state and what it knows of each rule, and Judging: one message in it. Private to the folder;
// Host (rules.h) is its face, examples.cc runs examples with it.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "filters/base/signal.h"
#include "lua/expression.h"
#include "lua/isolation.h"
#include "lua/patterns.h"
#include "lua/plan.h"
#include "lua/reads.h"
#include "lua/rules.h"
#include "lua/sandbox.h"
#include "lua/watchdog.h"

namespace postern::rules {

/// One thread. Outlives its Judgings.
class Engine {
 public:
  struct Slot {
    const RuleInfo* info = nullptr;
    size_t rule = 0;                           // index in the set
    size_t position = 0;                       // in the order in which rules run
    size_t pattern = static_cast<size_t>(-1);  // in the set's patterns; kNoPattern: it has none
    unsigned overruns = 0;
    bool suspended = false;
  };
  /// The files as read into one state. Replaced when rules hoard memory; rules that wait keep the one they are in.
  struct Reading {
    explicit Reading(size_t memory) : state(memory) {}
    State state;
    std::vector<int> whens;  // by rule: the reference of its function
    Isolation isolation;
    size_t base = 0;  // bytes of the state when no rule has run yet
  };

  Engine(const RuleSet& rules, Observer* observer);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  [[nodiscard]] const RuleSet& rules() const { return rules_; }
  [[nodiscard]] const std::vector<Slot*>& stage(Stage stage) const { return stages_[static_cast<size_t>(stage)]; }
  [[nodiscard]] Slot& slot(size_t rule) { return slots_[rule]; }
  [[nodiscard]] const Slot& slot(size_t rule) const { return slots_[rule]; }
  [[nodiscard]] size_t rule_at(size_t position) const { return rules_.plan_->order[position]; }
  [[nodiscard]] const std::vector<size_t>& inputs(size_t rule) const { return rules_.plan_->inputs[rule]; }
  [[nodiscard]] const Expression* expression(size_t rule) const { return rules_.expression_[rule].get(); }
  [[nodiscard]] const std::unordered_map<std::string, size_t>& order() const { return order_; }
  [[nodiscard]] const lists::List& list(const Slot& slot) const { return (*rules_.lists_)[slot.info->list]; }
  /// As Host::lists_needed and Host::reads.
  [[nodiscard]] const std::vector<size_t>& lists_needed(Stage stage) const {
    return lists_needed_[static_cast<size_t>(stage)];
  }
  [[nodiscard]] bool reads(Stage stage, std::string_view fact) const;

  /// The state in which rules begin now.
  [[nodiscard]] const std::shared_ptr<Reading>& reading() const { return reading_; }
  /// Whether rules have filled it so that others would starve: renew() must come before the next one. Collects garbage.
  [[nodiscard]] bool is_hoarded();
  /// Reads the files into a new state. Not under a Watchdog: reading has one of its own. Throws std::bad_alloc.
  void renew();
  /// Searches the message for all patterns. Decodes what they look at.
  void scan(MailContext& mail, Matches& matches);
  /// Counts and reports what became of a rule; `used_before`: bytes of the state before it ran.
  void failed(Slot& slot, const RuleOutcome& outcome, bool own_time, Reading& reading, size_t used_before,
              Evaluation& evaluation);
  /// To the observer, and into `evaluation`. `message` begins with a place of the rule's file or with none;
  /// "FILE:LINE: " is put before it. `line`: where, if the message does not say; 0: the rule's.
  void report(const RuleInfo& info, std::string_view reason, const std::string& message, Evaluation& evaluation,
              int line = 0);
  [[nodiscard]] Observer* observer() { return observer_; }
  /// A rule began or ended to wait: what it holds must not be missing to others.
  void waiting(int change, Reading& reading);

  static constexpr size_t kNoPattern = static_cast<size_t>(-1);

 private:
  void add_reads(const Slot& slot);
  void find_lists_needed();

  const RuleSet& rules_;
  Observer* observer_;
  std::vector<Slot> slots_;  // by rule
  std::array<std::vector<Slot*>, 5> stages_;
  std::array<FactNames, 5> reads_;  // of all `when` of the stage that are not disabled
  std::array<std::vector<size_t>, 5> lists_needed_;
  std::unordered_map<std::string, size_t> order_;
  std::shared_ptr<Reading> reading_;
  std::unique_ptr<PatternScanner> scanner_;
  size_t waiting_ = 0;
};

/// The rules of one stage for one message. Rules begin in their order; one that waits lets those behind it begin, but
/// what they see, and what comes of all, is as if they had run one after the other. One thread.
class Judging {
 public:
  /// `slots`, `facts`, `evaluation` and `engine` outlive it.
  Judging(Engine& engine, const std::vector<Engine::Slot*>& slots, const Facts& facts, Evaluation& evaluation,
          Outside outside);
  Judging(const Judging&) = delete;
  Judging& operator=(const Judging&) = delete;
  ~Judging();

  /// Until everything has ended. Destroying the task cancels.
  Task<void> run();
  /// As far as it goes without waiting; whether everything has ended.
  bool advance();
  /// For the runner of examples, before the first advance().
  [[nodiscard]] MailContext& mail() { return mail_; }

 private:
  struct Waiting {
    Engine::Slot* slot = nullptr;
    std::shared_ptr<Engine::Reading> reading;
    lua_State* thread = nullptr;
    std::chrono::nanoseconds cpu{0};
    bool for_earlier = false;  // until the rules before it have ended
    bool answered = false;
    std::vector<std::string> lists;  // that it has found listed so far
    Pending lookup;
  };

  [[nodiscard]] bool decided() const { return last_ != kNobody; }
  bool resume_ready(Watchdog& watchdog);
  bool begin_next(Watchdog& watchdog);
  [[nodiscard]] bool has_nothing_to_do(const Engine::Slot& slot) const;
  bool begin_expression(Engine::Slot& slot);
  Truth truth(size_t rule);
  void begin_pattern(const Engine::Slot& slot);
  void begin_list(const Engine::Slot& slot);
  void begin_when(Engine::Slot& slot, Watchdog& watchdog);
  void enter(Engine::Reading& reading, const Engine::Slot& slot);
  void leave(Engine::Reading& reading, RuleOutcome& outcome);
  void wait(std::unique_ptr<Waiting> waiting);
  void skip_for_time(const Engine::Slot& slot);
  void skip_suspended(const Engine::Slot& slot);
  void ended(Engine::Slot& slot, Engine::Reading& reading, RuleOutcome& outcome, std::chrono::nanoseconds cpu,
             bool own_time, size_t used_before);
  void note_time(const RuleInfo& rule, std::chrono::nanoseconds cpu);
  void add_hit(const Engine::Slot& slot, Hit hit);
  void give_up(Waiting& waiting);
  void finish();

  static constexpr size_t kNobody = static_cast<size_t>(-1);

  Engine& engine_;
  const std::vector<Engine::Slot*>& slots_;
  Evaluation& evaluation_;
  MailContext mail_;
  Progress progress_;
  Matches matches_;
  std::unordered_map<size_t, Truth> truths_;  // of expressions that have ended, once a rule has failed
  bool scanned_ = false;
  bool finished_ = false;
  bool wants_new_state_ = false;
  const RuleInfo* greediest_ = nullptr;  // of the rules with `when` so far; null once it was named
  std::chrono::nanoseconds most_cpu_{0};
  size_t next_ = 0;        // in slots_
  size_t last_ = kNobody;  // position of the first rule whose action decides
  std::string reason_;     // why, if it is a rule of a list
  Signal changed_;
  std::vector<std::unique_ptr<Waiting>> waiting_;  // last: goes first
};

}  // namespace postern::rules
