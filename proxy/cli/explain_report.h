// What `postern explain` prints of one row of the journal.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "lua/rules.h"
#include "proxy/ops/journal_entry.h"

namespace postern::cli {

/// What is known beside the row.
struct Around {
  rules::RuleSetPtr now;                                   // the rules of --config; null: they cannot be read
  std::optional<rules::Groups> groups;                     // of the rules that judged; none: not known
  std::map<std::string, double, std::less<>> scores = {};  // of these, by name, as far as they are known
  int64_t wall_ms = 0;                                     // now
};

/// For people, in about 96 columns: the verdict and its reason first. Untrusted text is escaped and cut.
[[nodiscard]] std::string terminal_text(const ops::JournalEntry& entry, const Around& around);
/// One object; its text is as it was recorded.
[[nodiscard]] nlohmann::ordered_json explain_json(const ops::JournalEntry& entry, const Around& around);

/// Of terminal_text(): who said what of the message, what is in it, and the steps it took.
[[nodiscard]] std::string facts_text(const ops::JournalEntry& entry, const Around& around);
[[nodiscard]] std::string content_text(const ops::JournalEntry& entry);
[[nodiscard]] std::string timeline_text(const ops::JournalEntry& entry);
/// "subject     Hello": a label in a column of its own; nothing for no value.
[[nodiscard]] std::string labelled(std::string_view label, const std::string& value);

/// The decoded Subject; none: there is no such field.
[[nodiscard]] std::optional<std::string> subject_of(const ops::JournalEntry& entry);
/// The rule of this name; null: there is none, or the rules are not known.
[[nodiscard]] const rules::RuleInfo* find_rule(const Around& around, std::string_view name);
/// Whether the rules of --config are those that judged; nothing: not known.
[[nodiscard]] std::optional<bool> same_rules(const ops::JournalEntry& entry, const Around& around);

}  // namespace postern::cli
