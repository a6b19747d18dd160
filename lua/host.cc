// Host: one worker's state, and the rules of each stage run in it.
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "lua/registry.h"
#include "lua/rules.h"
#include "lua/sandbox.h"
#include "lua/watchdog.h"

namespace postern::rules {

namespace {

constexpr unsigned kMaxOverruns = 3;  // of one rule, before it is suspended

size_t number(Stage stage) {
  return static_cast<size_t>(stage);
}

}  // namespace

class Host::Impl {
 public:
  Impl(const RuleSet& rules, Observer* observer);

  [[nodiscard]] bool has_rules(Stage stage) const { return !stages_[number(stage)].empty(); }
  void run(Stage stage, const Facts& facts, Evaluation& evaluation);

 private:
  struct Slot {
    const RuleInfo* info = nullptr;
    size_t position = 0;
    int when = LUA_NOREF;
    unsigned overruns = 0;
    bool suspended = false;
  };
  // Overruns are counted here, not in the state, which may be made anew.
  void read();
  void find_hoard();
  size_t run_from(size_t next, std::vector<Slot>& slots, Evaluation& evaluation);
  void run_slot(Slot& slot, Watchdog& watchdog, Evaluation& evaluation);
  void add_hit(const Slot& slot, RuleOutcome outcome, Evaluation& evaluation);
  void failed(Slot& slot, const RuleOutcome& outcome, const Watchdog& watchdog);
  void report(const RuleInfo& info, std::string_view reason, const std::string& message);

  const RuleSet& rules_;
  Observer* observer_;
  std::array<std::vector<Slot>, 5> stages_;
  std::unordered_map<std::string, size_t> order_;
  std::unique_ptr<State> state_;
  size_t base_ = 0;  // bytes of the state when no rule has run yet
  bool stale_ = false;
};

Host::Impl::Impl(const RuleSet& rules, Observer* observer) : rules_(rules), observer_(observer) {
  size_t position = 0;
  for (size_t stage = 0; stage < stages_.size(); ++stage) {
    for (const RuleInfo& info : rules.rules()) {
      if (number(info.stage) != stage) continue;
      order_.emplace(info.name, position);
      if (!info.disabled) stages_[stage].push_back({&info, position, LUA_NOREF, 0, false});
      ++position;
    }
  }
  read();
}

// The set has read these files without a problem, so a rule that does not come out of them now ran out of time or
// memory in this very process; it then fails by name wherever it should run, and mail flows on.
void Host::Impl::read() {
  state_.reset();
  state_ = std::make_unique<State>(rules_.limits_.memory / 2);
  Registry registry(false);
  read_files(*state_, registry, rules_.files_);
  state_->set_memory(rules_.limits_.memory);
  std::unordered_map<std::string_view, int> whens;
  for (const Definition& rule : registry.rules()) whens.emplace(rule.info.name, rule.when);
  for (auto& slots : stages_) {
    for (Slot& slot : slots) {
      auto found = whens.find(slot.info->name);
      slot.when = found == whens.end() ? LUA_NOREF : found->second;
    }
  }
  state_->mail.order = &order_;
  base_ = state_->used();
  stale_ = false;
}

void Host::Impl::report(const RuleInfo& info, std::string_view reason, const std::string& message) {
  if (observer_ != nullptr) observer_->rule_failed(info, reason, message);
}

// What is left after a full collection is held by rules, in variables of their files; it would starve the others.
void Host::Impl::find_hoard() {
  size_t headroom = rules_.limits_.memory > base_ ? rules_.limits_.memory - base_ : 0;
  if (state_->used() <= base_ + headroom / 2) return;
  state_->collect();
  stale_ = state_->used() > base_ + headroom / 2;
}

void Host::Impl::add_hit(const Slot& slot, RuleOutcome outcome, Evaluation& evaluation) {
  const RuleInfo& info = *slot.info;
  Hit hit;
  hit.rule = info.name;
  hit.score = round_score(std::clamp(info.score * outcome.factor, -1000.0, 1000.0));
  hit.detail = std::move(outcome.detail);
  hit.group = info.group;
  hit.shadow = info.shadow;
  evaluation.hits.push_back(std::move(hit));
  evaluation.score = sum(evaluation.hits, rules_.group_caps());
  if (info.action && !info.shadow) evaluation.decision = Decision{*info.action, info.name, info.reply};
  if (observer_ != nullptr) observer_->rule_hit(info);
}

void Host::Impl::failed(Slot& slot, const RuleOutcome& outcome, const Watchdog& watchdog) {
  bool overrun = false;
  switch (outcome.call.failure) {
    case Failure::None: return;
    case Failure::Error: report(*slot.info, "error", outcome.call.message); break;
    case Failure::Cpu:
      report(*slot.info, "cpu", outcome.call.message);
      // Whoever runs when the message's budget ends need not have used most of it.
      overrun = watchdog.expired() == Watchdog::Expired::Slice;
      break;
    case Failure::Memory:
      report(*slot.info, "memory", outcome.call.message);
      overrun = true;
      state_->collect();
      break;
  }
  find_hoard();
  if (overrun && ++slot.overruns == kMaxOverruns) {
    slot.suspended = true;
    report(*slot.info, "suspended",
           fmt::format("overran its limits {} times; it does not run again before the next reload", kMaxOverruns));
  }
}

void Host::Impl::run_slot(Slot& slot, Watchdog& watchdog, Evaluation& evaluation) {
  if (slot.when == LUA_NOREF || slot.when == LUA_REFNIL) {
    report(*slot.info, "error", "the rule could not be read in this worker");
    return;
  }
  state_->mail.position = slot.position;
  std::chrono::nanoseconds cpu{0};
  RuleOutcome outcome = run_rule(*state_, slot.when, watchdog, cpu);
  if (observer_ != nullptr) observer_->rule_ran(*slot.info, cpu);
  if (outcome.call.failure != Failure::None) {
    failed(slot, outcome, watchdog);
    watchdog.skip();
  } else if (outcome.hit) {
    add_hit(slot, std::move(outcome), evaluation);
    watchdog.skip();
  }
}

// Runs the slots from `next` on; returns where to go on, behind a rule after which the state must be made anew.
size_t Host::Impl::run_from(size_t next, std::vector<Slot>& slots, Evaluation& evaluation) {
  Watchdog watchdog(state_->lua(), rules_.limits_.rule_cpu, rules_.limits_.message_cpu - evaluation.cpu);
  while (next < slots.size() && !evaluation.decision && !stale_) {
    Slot& slot = slots[next++];
    if (slot.suspended) continue;
    if (watchdog.out_of_total()) {
      report(*slot.info, "cpu", "skipped: the rules before it used up the message's CPU time");
    } else {
      run_slot(slot, watchdog, evaluation);
    }
  }
  evaluation.cpu += watchdog.used();
  return next;
}

void Host::Impl::run(Stage stage, const Facts& facts, Evaluation& evaluation) {
  auto& slots = stages_[number(stage)];
  size_t next = 0;
  while (next < slots.size() && !evaluation.decision) {
    find_hoard();
    if (stale_) read();
    MailContext& mail = state_->mail;
    mail.facts = &facts;
    mail.evaluation = &evaluation;
    mail.stage = stage;
    mail.header.reset();
    next = run_from(next, slots, evaluation);
    mail.facts = nullptr;
    mail.evaluation = nullptr;
    mail.header.reset();
  }
}

Host::Host(RuleSetPtr rules, Observer* observer)
    : rules_(std::move(rules)), impl_(std::make_unique<Impl>(*rules_, observer)) {}
Host::~Host() = default;

void Host::run(Stage stage, const Facts& facts, Evaluation& evaluation) {
  impl_->run(stage, facts, evaluation);
}
bool Host::has_rules(Stage stage) const {
  return impl_->has_rules(stage);
}

}  // namespace postern::rules
