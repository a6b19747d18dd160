#include "proxy/ops/observer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "lua/verdict.h"

namespace postern::ops {
namespace {

bool concerns(const session::RecipientThresholds& some, const std::string& recipient) {
  std::string lower = to_lower(recipient);
  size_t at = std::min(lower.rfind('@'), lower.size());
  std::string_view domain = std::string_view(lower).substr(at);
  return std::any_of(some.recipients.begin(), some.recipients.end(),
                     [&](const std::string& entry) { return entry == lower || entry == domain; });
}

const rules::Thresholds& thresholds_of(const session::VerdictPolicy& verdict, const std::string& recipient) {
  for (const auto& some : verdict.overrides) {
    if (concerns(some, recipient)) return some.thresholds;
  }
  return verdict.thresholds;
}

rules::Thresholds thresholds_of(const session::VerdictPolicy& verdict, const std::vector<std::string>& recipients) {
  if (recipients.empty() || verdict.overrides.empty()) return verdict.thresholds;
  rules::Thresholds out = thresholds_of(verdict, recipients.front());
  if (verdict.mixed == session::VerdictPolicy::Mixed::Strictest) {
    for (const std::string& recipient : recipients) out = rules::strictest(out, thresholds_of(verdict, recipient));
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

}  // namespace

std::vector<ShadowChange> shadow_changes(const session::MessageRecord& record, const rules::Thresholds& thresholds,
                                         const rules::RuleSet& rules) {
  std::vector<ShadowChange> changes;
  if (!has_shadow_hit(record)) return changes;
  rules::Evaluation supposed = *record.evaluation;
  for (rules::Hit& hit : supposed.hits) {
    if (!hit.shadow) continue;
    hit.shadow = false;
    supposed.score = rules::sum(supposed.hits, rules.group_caps());
    supposed.decision = record.evaluation->decision;
    auto action = action_of(rules, hit.rule);
    if (!supposed.decision && action) supposed.decision = rules::Decision{*action, hit.rule, ""};
    rules::Verdict to = rules::judge(supposed, thresholds).verdict;
    if (to != record.judgement.verdict) changes.push_back({hit.rule, record.judgement.verdict, to});
    hit.shadow = true;
  }
  return changes;
}

void Operations::in_force(session::PolicyPtr policy, rules::RuleSetPtr rules) {
  if (rules) metrics_.rules_loaded(*rules);
  std::lock_guard lock(mutex_);
  policy_ = std::move(policy);
  rules_ = std::move(rules);
}

void Operations::message(const session::MessageRecord& record) {
  std::vector<ShadowChange> changes;
  if (has_shadow_hit(record)) {
    session::PolicyPtr policy;
    rules::RuleSetPtr rules;
    {
      std::lock_guard lock(mutex_);
      policy = policy_;
      rules = rules_;
    }
    if (policy && rules) {
      static const std::vector<std::string> nobody;
      const auto& recipients = record.facts != nullptr ? record.facts->rcpts : nobody;
      changes = shadow_changes(record, thresholds_of(policy->verdict, recipients), *rules);
    }
  }
  metrics_.message(record);
  for (const ShadowChange& change : changes) metrics_.rule_would_change(change.rule, change.from, change.to);
  log_.message(record, changes);
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
