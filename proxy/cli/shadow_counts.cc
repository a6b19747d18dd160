#include "proxy/cli/shadow_counts.h"

#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "proxy/cli/counted.h"
#include "proxy/cli/open_journal.h"
#include "proxy/ops/journal.h"
#include "proxy/ops/journal_entry.h"

namespace postern::cli {

Result<ShadowCounts> count_shadows(const std::string& journal) {
  auto reader = open_journal(journal);
  if (!reader) return tl::unexpected(reader.error());
  ShadowCounts counts;
  auto read = (*reader)->read(0, 0, [&counts](int64_t /*place*/, const ops::JournalRow& row) {
    auto entry = ops::read_entry(row);
    if (!entry) return true;
    if (!counts.since_ms) counts.since_ms = entry->wall_ms;
    for (const rules::Hit& hit : entry->evaluation.hits) {
      if (hit.shadow) ++counts.rules[hit.rule].hits;
    }
    for (const ops::ShadowChange& change : entry->shadow) {
      ++counts.rules[change.rule].would_change[{change.from, change.to}];
    }
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return counts;
}

std::string shadow_text(const ShadowCount& count, const std::optional<int64_t>& since_ms) {
  if (!since_ms) return "shadow: the journal has no message yet";
  auto since = static_cast<std::time_t>(*since_ms / 1000);
  std::string out =
      fmt::format("shadow: {} since {:%Y-%m-%d %H:%M} UTC", counted(count.hits, "hit"), fmt::gmtime(since));
  if (count.would_change.empty()) return out + ", no verdict would have changed";
  out += ", would have changed";
  std::string_view separator = " ";
  for (const auto& [verdicts, times] : count.would_change) {
    out += fmt::format("{}{} -> {}: {}", separator, rules::to_string(verdicts.first), rules::to_string(verdicts.second),
                       times);
    separator = ", ";
  }
  return out;
}

}  // namespace postern::cli
