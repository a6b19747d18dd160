// What the journal counted of shadow rules: how often each hit, and which verdicts it would have changed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "filters/base/result.h"
#include "lua/verdict.h"

namespace postern::cli {

struct ShadowCount {
  uint64_t hits = 0;
  std::map<std::pair<rules::Verdict, rules::Verdict>, uint64_t> would_change;  // from, to
};

struct ShadowCounts {
  std::map<std::string, ShadowCount, std::less<>> rules;
  std::optional<int64_t> since_ms;  // the oldest message; nullopt: there was none
};

/// Reads a whole journal, which a gateway may be writing meanwhile. Rows that cannot be read are passed over.
[[nodiscard]] Result<ShadowCounts> count_shadows(const std::string& journal);

/// "shadow: 12 hits since 2026-11-20 22:05 UTC, would have changed accept -> reject: 3": a line for people.
[[nodiscard]] std::string shadow_text(const ShadowCount& count, const std::optional<int64_t>& since_ms);

}  // namespace postern::cli
