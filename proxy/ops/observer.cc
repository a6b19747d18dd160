#include "proxy/ops/observer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "lua/verdict.h"
#include "proxy/ops/journal_entry.h"
#include "proxy/session/message_id.h"

namespace postern::ops {
namespace {

rules::Thresholds thresholds_of(const session::VerdictPolicy& verdict, const std::vector<std::string>& recipients) {
  if (recipients.empty() || verdict.overrides.empty()) return verdict.thresholds;
  rules::Thresholds out = verdict.thresholds_for(recipients.front());
  if (verdict.mixed == session::VerdictPolicy::Mixed::Strictest) {
    for (const std::string& recipient : recipients) out = rules::strictest(out, verdict.thresholds_for(recipient));
  }
  return out;
}

bool has_shadow_hit(const session::MessageRecord& record) {
  if (record.evaluation == nullptr) return false;
  const auto& hits = record.evaluation->hits;
  return std::any_of(hits.begin(), hits.end(), [](const rules::Hit& hit) { return hit.shadow; });
}

std::optional<rules::Verdict> action_of(const rules::RuleSet& rules, const std::string& name) {
  auto found = std::find_if(rules.rules().begin(), rules.rules().end(),
                            [&](const rules::RuleInfo& rule) { return rule.name == name; });
  return found == rules.rules().end() ? std::nullopt : found->action;
}

/// The names of all lists that had a part in what hit, each once.
std::vector<std::string_view> lists_of(const rules::Evaluation& evaluation) {
  std::vector<std::string_view> names;
  auto add = [&names](const std::string& name) {
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const rules::Hit& hit : evaluation.hits) {
    for (const std::string& list : hit.lists) add(list);
  }
  if (evaluation.decision) add(evaluation.decision->list);
  return names;
}

bool any_listed(const std::vector<lists::Outcome>& outcomes) {
  return std::any_of(outcomes.begin(), outcomes.end(),
                     [](const lists::Outcome& outcome) { return outcome.state == lists::Outcome::State::Listed; });
}

/// Nothing, or not all, is known of it: it failed, was suspended, or was asked less than there was to ask.
bool is_incomplete(const lists::Outcome& outcome) {
  using State = lists::Outcome::State;
  return outcome.state == State::Failed || outcome.state == State::Suspended || !outcome.reason.empty();
}

/// Null: not known.
const lists::Lists* lists_in(const rules::RuleSetPtr& set) {
  return set ? set->lists().get() : nullptr;
}

/// The names of those.
std::vector<std::string> list_errors(const lists::Lists* lists, const std::vector<lists::Outcome>& outcomes) {
  std::vector<std::string> names;
  if (lists == nullptr) return names;
  size_t count = std::min(lists->size(), outcomes.size());
  names.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    if (is_incomplete(outcomes[i])) names.push_back((*lists)[i].name);
  }
  return names;
}

}  // namespace

std::vector<ShadowChange> shadow_changes(const session::MessageRecord& record, const rules::Thresholds& thresholds,
                                         const rules::RuleSet& rules) {
  std::vector<ShadowChange> changes;
  if (!has_shadow_hit(record)) return changes;
  rules::Evaluation supposed = *record.evaluation;
  for (rules::Hit& hit : supposed.hits) {
    if (!hit.shadow) continue;
    hit.shadow = false;
    supposed.score = rules::sum(supposed.hits, rules.groups());
    supposed.decision = record.evaluation->decision;
    auto action = action_of(rules, hit.rule);
    // Behind the rule that decided none has run: a shadow rule that hit would have decided before it.
    if (action) supposed.decision = rules::Decision{*action, hit.rule, "", "", ""};
    rules::Verdict to = rules::judge(supposed, thresholds).verdict;
    if (to != record.judgement.verdict) changes.push_back({hit.rule, record.judgement.verdict, to});
    hit.shadow = true;
  }
  return changes;
}

std::vector<std::string> decisive_lists(const Facts& facts, const rules::Evaluation& evaluation, rules::Verdict verdict,
                                        const rules::Thresholds& thresholds, const rules::RuleSet& rules) {
  std::vector<std::string> decisive;
  std::vector<std::string_view> names = lists_of(evaluation);
  if (names.empty() || !rules.lists()) return decisive;
  const lists::Lists& lists = *rules.lists();
  for (size_t i = 0; i < lists.size(); ++i) {
    if (std::find(names.begin(), names.end(), lists[i].name) == names.end()) continue;
    if (rules::judge(rules.without_list(evaluation, facts, i), thresholds).verdict != verdict) {
      decisive.push_back(lists[i].name);
    }
  }
  return decisive;
}

rules::RuleSetPtr Operations::InForce::set_of(std::string_view version) const {
  if (!rules || rules->version() == version) return rules;
  for (const auto& older : before) {
    if (rules::RuleSetPtr set = older.lock(); set && set->version() == version) return set;
  }
  return nullptr;
}

std::shared_ptr<const Operations::InForce> Operations::now() const {
  std::lock_guard lock(now_mutex_);
  return now_;
}

void Operations::in_force(session::PolicyPtr policy, rules::RuleSetPtr rules) {
  if (rules) {
    metrics_.rules_loaded(*rules);
    list_statistics_.in_force(rules->lists());
    if (Journal* journal = journal_.load(std::memory_order_acquire)) journal->put(journal_rules(*rules));
  }
  auto next = std::make_shared<InForce>();
  next->policy = std::move(policy);
  next->rules = std::move(rules);
  if (auto last = now(); last && last->rules && next->rules) {
    auto keep = [&next](const std::weak_ptr<const rules::RuleSet>& set) {
      auto alive = set.lock();
      if (alive && alive->version() != next->rules->version()) next->before.push_back(set);
    };
    for (const auto& older : last->before) keep(older);
    keep(last->rules);
  }
  std::lock_guard lock(now_mutex_);
  now_ = std::move(next);
}

void Operations::set_journal(Journal* journal) {
  auto current = now();
  if (journal != nullptr && current && current->rules) journal->put(journal_rules(*current->rules));
  journal_.store(journal, std::memory_order_release);
}

void Operations::message(const session::MessageRecord& record) {
  static const Facts no_facts;
  const Facts& facts = record.facts != nullptr ? *record.facts : no_facts;
  bool shadow = has_shadow_hit(record);
  std::vector<ShadowChange> changes;
  std::vector<std::string> errors;
  if (record.evaluation != nullptr) list_statistics_.judged();
  Journal* journal = journal_.load(std::memory_order_acquire);
  std::shared_ptr<const InForce> current;
  if (shadow || !facts.lists.empty()) current = now();
  rules::RuleSetPtr set = current ? current->set_of(record.rules_version) : nullptr;
  if (shadow || any_listed(facts.lists) || std::any_of(facts.lists.begin(), facts.lists.end(), is_incomplete)) {
    if (current && current->policy && current->rules) {
      rules::Thresholds thresholds = thresholds_of(current->policy->verdict, facts.rcpts);
      if (shadow) changes = shadow_changes(record, thresholds, set ? *set : *current->rules);
      if (set && record.evaluation != nullptr) {
        count_lists(facts, *record.evaluation, record.judgement.verdict, thresholds, *set);
      }
    }
    errors = list_errors(lists_in(set), facts.lists);
  }
  metrics_.message(record);
  for (const ShadowChange& change : changes) metrics_.rule_would_change(change.rule, change.from, change.to);
  log_.message(record, changes, errors);
  if (journal != nullptr) {
    journal->put(journal_row(record, changes, lists_in(set), journal->blank()));
  }
}

void Operations::refused(const session::RefusalRecord& record) {
  static const Facts no_facts;
  const Facts& facts = record.facts != nullptr ? *record.facts : no_facts;
  bool decided = record.evaluation != nullptr && record.evaluation->decision.has_value();
  Journal* journal = journal_.load(std::memory_order_acquire);
  std::shared_ptr<const InForce> current;
  if (!facts.lists.empty() || !decided) current = now();
  rules::RuleSetPtr set = current ? current->set_of(record.rules_version) : nullptr;
  rules::Thresholds thresholds;
  if (current && current->policy) thresholds = thresholds_of(current->policy->verdict, facts.rcpts);
  session::RefusalRecord named = record;
  if (journal != nullptr && named.id.empty()) named.id = session::make_message_id(record.wall_ms);
  log_refusal(named);
  if (journal != nullptr) journal->put(journal_row(named, lists_in(set), thresholds));
  // Lists had no part in it.
  if (!decided) return;
  list_statistics_.judged();
  if (!any_listed(facts.lists) || !set || !current->policy) return;
  count_lists(facts, *record.evaluation, record.evaluation->decision->verdict, thresholds, *set);
}

/// The line says what was done, where no rule decided too.
void Operations::log_refusal(const session::RefusalRecord& record) {
  if (record.evaluation == nullptr || record.evaluation->decision) return log_.refused(record);
  rules::Evaluation answered = *record.evaluation;
  answered.decision = rules::Decision{answered_with(record.reply), "", "", "", ""};
  session::RefusalRecord told = record;
  told.evaluation = &answered;
  log_.refused(told);
}

void Operations::count_lists(const Facts& facts, const rules::Evaluation& evaluation, rules::Verdict verdict,
                             const rules::Thresholds& thresholds, const rules::RuleSet& rules) {
  if (!rules.lists() || !any_listed(facts.lists)) return;
  list_statistics_.said(*rules.lists(), facts.lists);
  for (const std::string& list : decisive_lists(facts, evaluation, verdict, thresholds, rules)) {
    list_statistics_.decisive(list);
    metrics_.list_decisive(list);
  }
}

void Operations::list_asked(const lists::List& list, std::string_view result, Duration time) {
  metrics_.list_asked(list.name, result, time);
  list_statistics_.asked(list.name, list_result(result), time);
}

void Operations::list_error(const lists::List& list, const std::string& reason) {
  uint64_t count = list_statistics_.failed(list.name);
  if ((count & (count - 1)) != 0) return;
  log_.note("warning",
            fmt::format("list {} gave no answer that counts ({} times since start): {}", list.name, count, reason));
}

void Operations::backend_state(const std::string& backend, bool up) {
  metrics_.backend_state(backend, up);
  {
    std::lock_guard lock(mutex_);
    auto [known, added] = backend_up_.try_emplace(backend, up);
    if (!added && known->second == up) return;
    known->second = up;
  }
  log_.note(up ? "info" : "warning", "backend " + backend + (up ? " answers" : " does not answer"));
}

void Operations::rule_failed(const rules::RuleInfo& rule, std::string_view reason, const std::string& message) {
  metrics_.rule_failed(rule.name, reason);
  uint64_t count = 0;
  {
    std::lock_guard lock(mutex_);
    count = ++rule_failures_[rule.name + " " + std::string(reason)];
  }
  if ((count & (count - 1)) != 0) return;
  log_.note(reason == "suspended" ? "error" : "warning",
            fmt::format("rule {} failed ({}, {} times since start): {}", rule.name, reason, count, message));
}

}  // namespace postern::ops
