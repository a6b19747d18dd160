// Judges what the journal kept of a message by another rule set, as far as what was kept tells.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lua/rules.h"
#include "proxy/cli/replay_tally.h"
#include "proxy/ops/config.h"
#include "proxy/ops/journal_entry.h"

namespace postern::cli {

/// As the gateway would have judged mail to these recipients.
[[nodiscard]] rules::Thresholds thresholds_for(const session::VerdictPolicy& policy,
                                               const std::vector<std::string>& recipients);

/// What was said when the message came.
[[nodiscard]] Opinion recorded_opinion(const ops::JournalEntry& entry);

/// One set. A rule is judged again where all that it reads was kept. One that reads more, but hits by the very same
/// condition as in the set that judged then, keeps what it said then. Of any other it is not known. One thread.
class RecordedJudge {
 public:
  RecordedJudge(ops::ConfigPtr config, rules::RuleSetPtr rules);
  RecordedJudge(const RecordedJudge&) = delete;
  RecordedJudge& operator=(const RecordedJudge&) = delete;
  ~RecordedJudge();

  struct Result {
    Opinion opinion;
    std::vector<std::string> unknown;  // names of rules, in the order of the set
  };
  /// `then`: the set that judged; null: it is not known.
  [[nodiscard]] Result judge(const ops::JournalEntry& entry, const ops::JournalRuleSet* then);

  [[nodiscard]] const CpuTimes& cpu() const;
  /// Of rules that were unknown for some message: the first reason.
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& reasons() const { return reasons_; }

 private:
  enum class Source : uint8_t { Judged, Recorded, Unknown };
  class Watch;
  struct Working;
  /// What a rule reads, as far as it matters here.
  struct Needs {
    std::string never;          // facts that no journal keeps, "body, dns"; empty: none
    std::vector<size_t> lists;  // places in RuleSet::lists()
  };

  [[nodiscard]] bool can_be_judged(size_t rule, const Working& work) const;
  [[nodiscard]] bool is_as_it_was(size_t rule, const Working& work) const;
  [[nodiscard]] bool is_same_rule(size_t rule, const Working& work) const;
  [[nodiscard]] bool was_asked(const rules::RuleInfo& rule, const Working& work) const;
  [[nodiscard]] std::string why(size_t rule, const Working& work) const;
  void find_sources(Working& work);
  void run_rules(Working& work);
  void take_hits(Working& work);
  void take_decision(Working& work);
  void find_range(const Working& work, Result& result) const;

  ops::ConfigPtr config_;
  rules::RuleSetPtr rules_;
  std::unique_ptr<Watch> watch_;
  rules::Host host_;
  std::map<std::string, size_t, std::less<>> places_;  // of rules, by name
  std::vector<Needs> needs_;                           // by rule
  std::map<std::string, std::string, std::less<>> reasons_;
};

}  // namespace postern::cli
