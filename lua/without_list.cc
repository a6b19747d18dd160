// What a message would have been without one of the DNS lists: which lists decide, and which only cost.
#include <algorithm>
#include <deque>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "lua/expression.h"
#include "lua/hits.h"
#include "lua/plan.h"
#include "lua/rules.h"

namespace postern::rules {

namespace {

bool owes_to(const Hit& hit, const std::string& list) {
  return std::find(hit.lists.begin(), hit.lists.end(), list) != hit.lists.end();
}

/// What there is of a set and of a message judged by it; outlives who uses it.
struct Trial {
  const std::vector<RuleInfo>& rules;
  const Plan& plan;
  const std::vector<std::shared_ptr<const Expression>>& expressions;
  const lists::Lists& lists;
  const Facts& facts;
  const Evaluation& before;
};

/// Goes once through the rules in their order. For one call.
class Retrial {
 public:
  /// Without the list of this place.
  Retrial(const Trial& trial, size_t list)
      : rules_(trial.rules),
        plan_(trial.plan),
        expressions_(trial.expressions),
        lists_(trial.lists),
        facts_(trial.facts),
        before_(trial.before),
        list_(list) {
    for (size_t rule = 0; rule < rules_.size(); ++rule) by_name_.emplace(rules_[rule].name, rule);
    was_.resize(rules_.size());
    now_.resize(rules_.size());
    changed_.resize(rules_.size());
    unknown_.resize(rules_.size());
    for (const Hit& hit : before_.hits) {
      auto rule = by_name_.find(hit.rule);
      if (rule != by_name_.end()) was_[rule->second] = &hit;
    }
  }

  Evaluation run() {
    Evaluation after = before_;
    after.hits.clear();
    for (size_t rule : plan_.order) {
      // What was known when another stage would have begun is not said here.
      if (gone_ && rules_[rule].stage > *gone_) break;
      now_[rule] = gone_ ? behind(rule) : judged(rule);
      changed_[rule] = (was_[rule] != nullptr) != (now_[rule] != nullptr);
      bool decided = before_.decision && before_.decision->rule == rules_[rule].name;
      if (decided && changed_[rule]) after.decision.reset();
      if (now_[rule] != nullptr) {
        after.hits.push_back(*now_[rule]);
        if (changed_[rule] && rules_[rule].action && !rules_[rule].shadow) {
          after.decision = decision_of(rule);
          break;
        }
      }
      if (!decided) continue;
      if (!changed_[rule]) break;  // what is behind it did not run
      gone_ = rules_[rule].stage;
    }
    return after;
  }

 private:
  /// Of a rule that ran.
  const Hit* judged(size_t rule) {
    if (expressions_[rule] && (asks_for(rule, changed_) || asks_for(rule, unknown_))) return again(rule);
    const Hit* hit = was_[rule];
    unknown_[rule] = hit == nullptr && could_not_say(rules_[rule], before_);
    // Of an expression the rules that it asks for say whether it is left.
    return hit != nullptr && !expressions_[rule] && owes_to(*hit, lists_[list_].name) ? nullptr : hit;
  }

  /// Of a rule behind the decision that is gone: it did not run.
  const Hit* behind(size_t rule) {
    const RuleInfo& info = rules_[rule];
    if (info.disabled) return nullptr;
    if (info.kind == RuleInfo::Kind::List) {
      const lists::List& list = lists_[info.list];
      return info.list == list_ || !list.enabled ? nullptr : keep(list_hit(info, list, facts_));
    }
    unknown_[rule] = !expressions_[rule] || asks_for(rule, unknown_);
    return unknown_[rule] ? nullptr : again(rule);
  }

  [[nodiscard]] bool asks_for(size_t rule, const std::vector<bool>& those) const {
    const auto& inputs = plan_.inputs[rule];
    return !rules_[rule].disabled &&
           std::any_of(inputs.begin(), inputs.end(), [&those](size_t input) { return those[input]; });
  }

  const Hit* again(size_t rule) {
    auto find = [this](std::string_view name) -> const Hit* {
      auto input = by_name_.find(name);
      return input == by_name_.end() ? nullptr : now_[input->second];
    };
    Truth truth = expressions_[rule]->weigh([this, rule](size_t name) {
      auto input = by_name_.find(expressions_[rule]->names()[name]);
      if (input == by_name_.end()) return Truth::No;
      if (now_[input->second] != nullptr) return Truth::Yes;
      return unknown_[input->second] ? Truth::Unknown : Truth::No;
    });
    unknown_[rule] = truth == Truth::Unknown;
    if (truth != Truth::Yes) return nullptr;
    return keep(expression_hit(rules_[rule], *expressions_[rule], find));
  }

  const Hit* keep(std::optional<Hit> hit) { return hit ? &made_.emplace_back(std::move(*hit)) : nullptr; }

  [[nodiscard]] Decision decision_of(size_t rule) const {
    const RuleInfo& info = rules_[rule];
    Decision decision{*info.action, info.name, info.reply, "", ""};
    if (info.kind == RuleInfo::Kind::List) {
      decision.reason = list_reason(info, lists_[info.list], facts_);
      decision.list = lists_[info.list].name;
    }
    return decision;
  }

  const std::vector<RuleInfo>& rules_;
  const Plan& plan_;
  const std::vector<std::shared_ptr<const Expression>>& expressions_;
  const lists::Lists& lists_;
  const Facts& facts_;
  const Evaluation& before_;
  size_t list_;
  std::optional<Stage> gone_;  // the stage of the decision, once that is gone
  std::unordered_map<std::string_view, size_t> by_name_;
  std::vector<const Hit*> was_;  // by rule
  std::vector<const Hit*> now_;
  std::vector<bool> changed_;
  std::vector<bool> unknown_;  // it could not say, or is behind the decision and only it could say what it would have
  std::deque<Hit> made_;       // a deque: they stay in place
};

}  // namespace

Evaluation RuleSet::without_list(const Evaluation& evaluation, const Facts& facts, size_t list) const {
  if (list >= lists_->size()) return evaluation;
  auto reads_it = [&name = (*lists_)[list].name](const Hit& hit) { return owes_to(hit, name); };
  if (std::none_of(evaluation.hits.begin(), evaluation.hits.end(), reads_it)) return evaluation;
  Evaluation without = Retrial({rules_, *plan_, expression_, *lists_, facts, evaluation}, list).run();
  without.score = sum(without.hits, groups_);
  return without;
}

}  // namespace postern::rules
