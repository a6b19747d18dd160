// A message as the journal keeps it: what rules read of it but its body, what they said, and what was answered.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/facts.h"
#include "lua/rules.h"
#include "lua/verdict.h"
#include "proxy/ops/journal.h"
#include "proxy/ops/log.h"
#include "proxy/session/observer.h"

namespace postern::ops {

/// Of JournalRow::data and JournalRules::data.
inline constexpr int kJournalFormat = 1;

/// Facts that are not kept: a rule that reads one of them cannot be judged again from the journal. Names as in
/// RuleSet::reads(): "text", "parts", "raw", ...
[[nodiscard]] const std::vector<std::string_view>& facts_not_kept();

/// One row of the journal, in the memory of `row`. `changes`: what shadow rules would have done. On a worker: appends
/// to a few strings, some microseconds. Everything untrusted is bounded here (the header at kMaxHeader octets).
[[nodiscard]] JournalRow journal_row(const session::MessageRecord& record, const std::vector<ShadowChange>& changes,
                                     const lists::Lists* lists, JournalRow row = {});
/// `thresholds`: for one that no rule decided. Its verdict is "error" where the backend could not be asked; with
/// another cause "reject" or "defer", as the reply says.
[[nodiscard]] JournalRow journal_row(const session::RefusalRecord& record, const lists::Lists* lists,
                                     const rules::Thresholds& thresholds = {});
/// What a refusal that no rule decided was: "550 5.7.1 ..." rejects, any other defers.
[[nodiscard]] rules::Verdict answered_with(std::string_view reply);
[[nodiscard]] JournalRules journal_rules(const rules::RuleSet& rules);
inline constexpr size_t kMaxHeader = 16U << 10U;

/// What was kept of a rule in JournalRules.
struct JournalRule {
  uint64_t definition = 0;  // RuleInfo::definition
  double score = 0;
  std::string group;
  bool shadow = false;
  bool disabled = false;
};
struct JournalRuleSet {
  std::map<std::string, JournalRule, std::less<>> rules;
  rules::Groups groups;
};
[[nodiscard]] Result<JournalRuleSet> read_rules(const JournalRules& rules);

/// One step of the timeline, relative to the moment of the answer (so negative before it).
struct JournalMoment {
  std::string what;  // as session::to_string says it
  Duration begin{};
  Duration took{};
  std::string text;
};

/// What was read back. `facts->message` is the header alone, and `facts->content` knows what was kept of the rest:
/// links and attachments; asking it for text gives nothing. Recipients, links and attachments are those that were kept:
/// how many more there were is told beside. In `lists`, Listing::matched are places in the set that judged; `answers`
/// can be matched anew with those of another.
struct JournalEntry {
  std::string id;
  int64_t wall_ms = 0;
  std::string stage;    // "message", or where it was refused before there was one: "connect", "helo", "mail", "rcpt"
  std::string verdict;  // as in MessageRecord
  rules::Judgement judgement;
  rules::Thresholds thresholds;
  rules::Evaluation evaluation;
  std::vector<ShadowChange> shadow;
  std::string rules_version;
  std::string backend;
  std::string backend_reply;
  std::string reply;
  session::Cause cause = session::Cause::None;
  uint64_t times = 1;         // of a refusal before the message: so often, as RefusalRecord has it
  bool repeated = false;      // and all of them after another entry of this id,
  uint64_t transactions = 0;  // or of so many transactions of the connection; 0: of the one of this id
  bool client_gone = false;
  bool duplicate = false;
  Duration total{};
  Duration final_dot{};
  Duration dns{};
  Duration rules_time{};
  uint64_t bare_newlines = 0;
  bool header_cut = false;
  size_t urls_left_out = 0;  // beyond those that were kept
  size_t urls_cut = 0;       // of those that were kept: not as long as they were
  size_t attachments_left_out = 0;
  size_t rcpts_left_out = 0;
  /// Facts that nobody had worked out for this message, as in RuleSet::reads(): "urls", "attachments". What is read of
  /// them here says nothing.
  std::vector<std::string> unknown;
  /// By name, in no order; in facts->lists nothing. Unasked: there was nothing to ask about. One that was not asked for
  /// another reason is missing.
  std::vector<std::pair<std::string, lists::Outcome>> lists;
  std::vector<JournalMoment> timeline;
  size_t timeline_left_out = 0;
  std::shared_ptr<const std::string> header;  // facts->message is a view of it
  std::shared_ptr<Facts> facts;
};
/// Fails where the row is not one of ours (or of a later version).
[[nodiscard]] Result<JournalEntry> read_entry(const JournalRow& row);

}  // namespace postern::ops
