// What a message would have been without one of the DNS lists: which lists decide, and which only cost.
#include <algorithm>
#include <deque>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "lua/expression.h"
#include "lua/hits.h"
#include "lua/plan.h"
#include "lua/rules.h"

namespace postern::rules {

namespace {

bool reads(const Hit& hit, const std::string& list) {
  return std::find(hit.lists.begin(), hit.lists.end(), list) != hit.lists.end();
}

/// Goes once through the rules in their order. Uses what it is made of; for one call.
class Retrial {
 public:
  Retrial(const std::vector<RuleInfo>& rules, const Plan& plan,
          const std::vector<std::shared_ptr<const Expression>>& expressions, const Evaluation& before)
      : rules_(rules), plan_(plan), expressions_(expressions), before_(before) {
    for (size_t rule = 0; rule < rules.size(); ++rule) by_name_.emplace(rules[rule].name, rule);
    was_.resize(rules.size());
    now_.resize(rules.size());
    changed_.resize(rules.size());
    for (const Hit& hit : before.hits) {
      auto rule = by_name_.find(hit.rule);
      if (rule != by_name_.end()) was_[rule->second] = &hit;
    }
  }

  Evaluation run(const std::string& list) {
    Evaluation after = before_;
    after.hits.clear();
    for (size_t rule : plan_.order) {
      now_[rule] = expressions_[rule] && asks_for_changed(rule) ? again(rule) : kept(rule, list);
      changed_[rule] = (was_[rule] != nullptr) != (now_[rule] != nullptr);
      const RuleInfo& info = rules_[rule];
      bool decided = before_.decision && before_.decision->rule == info.name;
      if (decided && changed_[rule]) after.decision.reset();
      if (now_[rule] != nullptr) {
        after.hits.push_back(*now_[rule]);
        if (changed_[rule] && info.action && !info.shadow) {
          after.decision = Decision{*info.action, info.name, info.reply, "", ""};
          break;
        }
      }
      if (decided) break;  // what is behind it did not run
    }
    return after;
  }

 private:
  [[nodiscard]] const Hit* kept(size_t rule, const std::string& list) const {
    const Hit* hit = was_[rule];
    // Of an expression the rules that it asks for say whether it is left.
    return hit != nullptr && !expressions_[rule] && reads(*hit, list) ? nullptr : hit;
  }

  [[nodiscard]] bool asks_for_changed(size_t rule) const {
    const auto& inputs = plan_.inputs[rule];
    return !rules_[rule].disabled &&
           std::any_of(inputs.begin(), inputs.end(), [this](size_t input) { return changed_[input]; });
  }

  const Hit* again(size_t rule) {
    auto find = [this](std::string_view name) -> const Hit* {
      auto input = by_name_.find(name);
      return input == by_name_.end() ? nullptr : now_[input->second];
    };
    auto hit = expression_hit(rules_[rule], *expressions_[rule], find);
    return hit ? &made_.emplace_back(std::move(*hit)) : nullptr;
  }

  const std::vector<RuleInfo>& rules_;
  const Plan& plan_;
  const std::vector<std::shared_ptr<const Expression>>& expressions_;
  const Evaluation& before_;
  std::unordered_map<std::string_view, size_t> by_name_;
  std::vector<const Hit*> was_;  // by rule
  std::vector<const Hit*> now_;
  std::vector<bool> changed_;
  std::deque<Hit> made_;  // a deque: they stay in place
};

}  // namespace

Evaluation RuleSet::without_list(const Evaluation& evaluation, size_t list) const {
  if (list >= lists_->size()) return evaluation;
  const std::string& name = (*lists_)[list].name;
  auto reads_it = [&name](const Hit& hit) { return reads(hit, name); };
  if (std::none_of(evaluation.hits.begin(), evaluation.hits.end(), reads_it)) return evaluation;
  Evaluation without = Retrial(rules_, *plan_, expression_, evaluation).run(name);
  without.score = sum(without.hits, group_caps_);
  return without;
}

}  // namespace postern::rules
