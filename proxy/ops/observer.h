// Operations: what sessions, rules and DNS lists report becomes metrics and log lines.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "filters/lists/check.h"
#include "lua/rules.h"
#include "proxy/ops/journal.h"
#include "proxy/ops/list_statistics.h"
#include "proxy/ops/log.h"
#include "proxy/ops/metrics.h"
#include "proxy/session/observer.h"
#include "proxy/session/policy.h"

namespace postern::ops {

/// One for all workers, any thread. `metrics` and `log` outlive it.
class Operations final : public session::Observer, public rules::Observer, public lists::Observer {
 public:
  Operations(Metrics& metrics, Log& log) : metrics_(metrics), log_(log) {}

  /// What is in force from now on: thresholds and rules, to say what shadow rules would have changed and which lists
  /// decided. Also tells metrics and statistics of rules and lists. At start and after each reload.
  void in_force(session::PolicyPtr policy, rules::RuleSetPtr rules);
  /// Everything is recorded there from now on; null: nowhere. It outlives the calls of sessions. After in_force(), on
  /// its thread.
  void set_journal(Journal* journal);
  [[nodiscard]] const ListStatistics& list_statistics() const { return list_statistics_; }
  /// Whether a list is believed now: after in_force() of each enabled list, and whenever its zone changes.
  void list_state(const std::string& list, bool up) { metrics_.list_state(list, up); }

  void connection_opened(const std::string& listener) override { metrics_.connection_opened(listener); }
  void connection_closed(const std::string& listener) override { metrics_.connection_closed(listener); }
  void replied(int code) override { metrics_.replied(code); }
  void recipient(std::string_view result) override { metrics_.recipient(result); }
  void message(const session::MessageRecord& record) override;
  void filter(std::string_view filter, std::string_view result, Duration time) override {
    metrics_.filter(filter, result, time);
  }
  void backend_replied(const std::string& backend, int code, Duration time) override {
    metrics_.backend_replied(backend, code, time);
  }
  /// Logged when it changes.
  void backend_state(const std::string& backend, bool up) override;
  /// A line of its own in the log; counted for the lists that it hung on. Where the reply named no id but there is a
  /// journal, one is made up, for the line and the journal. Without a rule's decision it is there for another cause, or
  /// a deferral because the backend cannot be asked.
  void refused(const session::RefusalRecord& record) override;
  void note(std::string_view level, const std::string& text) override { log_.note(level, text); }

  void rule_hit(const rules::RuleInfo& rule) override { metrics_.rule_hit(rule.name); }
  void rule_ran(const rules::RuleInfo& rule, std::chrono::nanoseconds cpu) override {
    metrics_.rule_ran(rule.name, cpu);
  }
  void filter_ran(std::string_view name, std::string_view result, std::chrono::nanoseconds time) override {
    metrics_.filter(name, result, std::chrono::duration_cast<Duration>(time));
  }
  /// A rule that fails with every message must not fill the log: failure number 1, 2, 4, 8... of a rule is logged.
  void rule_failed(const rules::RuleInfo& rule, std::string_view reason, const std::string& message) override;

  void list_asked(const lists::List& list, std::string_view result, Duration time) override;
  /// Like rule_failed(): a list that refuses us must not fill the log.
  void list_error(const lists::List& list, const std::string& reason) override;

 private:
  /// Immutable. A session may be judged by an older set for as long as it lives.
  struct InForce {
    session::PolicyPtr policy;
    rules::RuleSetPtr rules;
    std::vector<std::weak_ptr<const rules::RuleSet>> before;  // of other versions

    /// The set of this version; null when it is gone.
    [[nodiscard]] rules::RuleSetPtr set_of(std::string_view version) const;
  };
  [[nodiscard]] std::shared_ptr<const InForce> now() const;
  void log_refusal(const session::RefusalRecord& record);
  void count_lists(const Facts& facts, const rules::Evaluation& evaluation, rules::Verdict verdict,
                   const rules::Thresholds& thresholds, const rules::RuleSet& rules);

  Metrics& metrics_;
  Log& log_;
  ListStatistics list_statistics_;
  std::atomic<Journal*> journal_ = nullptr;
  mutable std::mutex now_mutex_;  // held to copy or change the pointer, no longer; not for a message without lists
  std::shared_ptr<const InForce> now_;
  std::mutex mutex_;  // over all below
  std::map<std::string, bool> backend_up_;
  std::map<std::string, uint64_t> rule_failures_;
};

/// For each shadow rule that hit: the verdict if that rule alone had been scored (or its action obeyed), where it is
/// another one. `caps` are the rules' groups; `thresholds` those that judged the message.
[[nodiscard]] std::vector<ShadowChange> shadow_changes(const session::MessageRecord& record,
                                                       const rules::Thresholds& thresholds,
                                                       const rules::RuleSet& rules);

/// The lists without which the verdict would have been another one than `verdict`. `rules` and `thresholds` are those
/// that judged, `facts` what they saw. Costs nothing where no list had a part in the hits.
[[nodiscard]] std::vector<std::string> decisive_lists(const Facts& facts, const rules::Evaluation& evaluation,
                                                      rules::Verdict verdict, const rules::Thresholds& thresholds,
                                                      const rules::RuleSet& rules);

}  // namespace postern::ops
