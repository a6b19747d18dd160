// What rule files say of rules and lists that are declared elsewhere: score, disable, enable, group. The other half of
// Registry.
#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "lua/registry.h"

namespace postern::rules {

void Registry::set_score(const std::string& name, double score, int line) {
  overrides_.push_back({name, Override::What::Score, score, {}, file_, line});
}

void Registry::disable(const std::string& name, int line) {
  overrides_.push_back({name, Override::What::Disable, 0, {}, file_, line});
}

void Registry::enable(const std::string& name, int line) {
  overrides_.push_back({name, Override::What::Enable, 0, {}, file_, line});
}

void Registry::change_list(const std::string& name, ListChange change, int line) {
  overrides_.push_back({name, Override::What::Change, 0, std::move(change), file_, line});
}

// A group without a cap may be meant to have none. But one that a single rule has, and that is spelt nearly as one that
// is declared, is taken for that one: its rule would escape the cap.
std::set<std::string> Registry::find_misspelt_groups() {
  constexpr size_t kShortest = 4;  // of names that are no mere letters and numbers
  std::map<std::string, std::vector<const Definition*>> members;
  for (const Definition& rule : rules_) members[rule.info.group].push_back(&rule);
  std::vector<std::string> declared;
  for (const auto& [name, place] : group_places_) {
    // What local.lua says of a group that nobody is in is a mistake there.
    if (members.count(name) != 0 || basename(place.first) != "local.lua") declared.push_back(name);
  }
  std::set<std::string> meant;
  for (const auto& [name, rules] : members) {
    if (name.size() < kShortest || rules.size() > 1 || group_places_.count(name) != 0) continue;
    std::string best = nearest(name, declared);
    if (best.empty()) continue;
    meant.insert(best);
    const Definition& rule = *rules.front();
    problem_at(rule.info.file, rule.line_of("group"),
               fmt::format("rule {}: there is no group '{}' (did you mean '{}'?)", rule.info.name, name, best));
  }
  return meant;
}

void Registry::check_calls() {
  for (const Call& call : calls_) {
    if (call.closed) continue;
    problem_at(call.file, call.line,
               call.what == "score"
                   ? fmt::format("score \"{0}\" has no number: score \"{0}\" (4.0)", call.name)
                   : fmt::format("{0} \"{1}\" has no table: {0} \"{1}\" {{ ... }}", call.what, call.name));
  }
}

void Registry::check_groups() {
  std::set<std::string> groups;
  for (const Definition& rule : rules_) groups.insert(rule.info.group);
  groups.erase("");
  std::set<std::string> mistaken = find_misspelt_groups();
  for (const auto& [group, place] : group_places_) {
    if (incomplete_ || groups.count(group) != 0 || mistaken.count(group) != 0) continue;
    problem_at(place.first, place.second,
               fmt::format("group: no rule is in group '{}'{}", group, did_you_mean(group, groups)));
  }
}

void Registry::check_dampers() {
  if (incomplete_) return;
  std::vector<std::string> names;
  names.reserve(rules_.size());
  for (const Definition& rule : rules_) names.push_back(rule.info.name);
  for (const auto& [name, group] : groups_) {
    for (const auto& [rule, most] : group.dampers) {
      if (by_name_.find(rule) != by_name_.end() || is_left_out(rule)) continue;
      const auto& [file, line] = group_places_.at(name);
      problem_at(file, line, fmt::format("group '{}': there is no rule {}{}", name, rule, did_you_mean(rule, names)));
    }
  }
}

// Of a list that could not be read its rules are not known either.
bool Registry::is_left_out(const std::string& name) const {
  if (left_out_.count(name) != 0 || left_out_lists_.count(name) != 0) return true;
  return std::any_of(left_out_lists_.begin(), left_out_lists_.end(), [&name](const std::string& list) {
    return name.size() > list.size() && name[list.size()] == '_' && name.compare(0, list.size(), list) == 0;
  });
}

std::string_view Registry::word_of(Override::What what) {
  switch (what) {
    case Override::What::Score: return "score";
    case Override::What::Disable: return "disable";
    case Override::What::Enable:
    case Override::What::Change: break;
  }
  return "enable";
}

// Empty: none.
std::string Registry::mistake_of(const Override& change, const std::vector<std::string>& names) const {
  using What = Override::What;
  auto rule = by_name_.find(change.name);
  auto list = list_by_name_.find(change.name);
  std::string_view word = word_of(change.what);
  if (rule == by_name_.end() && list == list_by_name_.end()) {
    if (is_left_out(change.name)) return {};
    bool or_list = !lists_.empty() && change.what != What::Score;
    return fmt::format("{}: there is no rule {}{}{}", word, or_list ? "or list " : "", escape_for_log(change.name, 64),
                       did_you_mean(change.name, names));
  }
  if (list != list_by_name_.end()) {
    if (change.what != What::Score) return {};
    const auto& answers = lists_[list->second].answers;
    return fmt::format("score: {0} is a list; its rules have scores: score \"{0}_{1}\" (4.0)", change.name,
                       answers.empty() ? "ANSWER" : answers.front().name);
  }
  if (change.what == What::Change) {
    return fmt::format("enable: {0} is no list: what it is, only a list can be told: enable \"{0}\"", change.name);
  }
  const RuleInfo& info = rules_[rule->second].info;
  if (change.what == What::Score && change.score > 0 && info.kind == RuleInfo::Kind::List && lists_[info.list].allow) {
    return fmt::format("score: {} is a rule of {}, a list of good senders (allow = true): its score is at most 0",
                       change.name, lists_[info.list].name);
  }
  return {};
}

void Registry::check_overrides() {
  std::vector<std::string> names;
  names.reserve(rules_.size() + lists_.size());
  for (const Definition& rule : rules_) names.push_back(rule.info.name);
  for (const lists::List& list : lists_) names.push_back(list.name);
  for (const Override& change : overrides_) {
    std::string text = mistake_of(change, names);
    if (!text.empty()) problem_at(change.file, change.line, std::move(text));
  }
}

void Registry::check_enabled_answers() {
  if (incomplete_) return;  // what is not known may enable them
  using What = Override::What;
  std::vector<bool> on;
  on.reserve(lists_.size());
  for (const lists::List& list : lists_) on.push_back(list.enabled);
  std::vector<std::vector<const Override*>> unheard(lists_.size());  // by list; until it is enabled
  for (const Override& change : overrides_) {
    auto list = list_by_name_.find(change.name);
    auto rule = by_name_.find(change.name);
    if (list != list_by_name_.end()) {
      if (change.what == What::Score) continue;
      on[list->second] = change.what != What::Disable;
      if (on[list->second]) unheard[list->second].clear();
    } else if (change.what == What::Enable && rule != by_name_.end()) {
      const RuleInfo& info = rules_[rule->second].info;
      if (info.kind == RuleInfo::Kind::List && !on[info.list]) unheard[info.list].push_back(&change);
    }
  }
  for (size_t list = 0; list < unheard.size(); ++list) {
    for (const Override* change : unheard[list]) {
      problem_at(change->file, change->line,
                 fmt::format("enable {0}: list {1} is off: enable \"{1}\" first", change->name, lists_[list].name));
    }
  }
}

void Registry::finish() {
  check_calls();
  check_overrides();
  check_enabled_answers();
  check_groups();
  check_dampers();
  // Lua walks tables in no order that people know.
  sort_problems(problems_);
}

void Registry::apply_to(std::vector<RuleInfo>& rules, lists::Lists& lists) const {
  using What = Override::What;
  for (const Override& change : overrides_) {
    auto list = list_by_name_.find(change.name);
    if (list != list_by_name_.end() && list->second < lists.size()) {
      lists::List& changed = lists[list->second];
      if (change.what != What::Score) changed.enabled = change.what != What::Disable;
      if (change.change.zone) changed.zone = *change.change.zone;
      if (change.change.title) changed.title = *change.change.title;
    }
    auto rule = by_name_.find(change.name);
    if (rule == by_name_.end() || rule->second >= rules.size()) continue;
    RuleInfo& changed = rules[rule->second];
    changed.disabled = change.what == What::Disable;
    if (change.what == What::Score) changed.score = change.score;
  }
  for (RuleInfo& rule : rules) {
    if (rule.kind == RuleInfo::Kind::List && rule.list < lists.size() && !lists[rule.list].enabled) {
      rule.disabled = true;
    }
  }
}

}  // namespace postern::rules
