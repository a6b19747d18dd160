// What the `when` of each rule reads of `mail`, as far as its text tells: nobody asks the DNS for what no rule reads.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lua/rules.h"
#include "lua/source.h"

namespace postern::rules {

/// "spf" for mail.spf and all below it; "lists.ZEN" for mail.lists.ZEN and all below it, "lists" where it is not known
/// which list; kAnyFact where it is not known which fact.
using FactNames = std::set<std::string, std::less<>>;
inline constexpr std::string_view kAnyFact = "*";

/// By rule. `outlines[i]` is of `files[i]`. Rather more than a rule reads than less: what is written in a file and
/// belongs to no rule that can be seen counts for each `when` of that file. Empty for rules without a `when`.
[[nodiscard]] std::vector<FactNames> reads_of(const std::vector<RuleSet::File>& files,
                                              const std::vector<Outline>& outlines, const std::vector<RuleInfo>& rules);

/// Whether mail.FACT, or anything below it, is among them.
[[nodiscard]] bool reads_fact(const FactNames& reads, std::string_view fact);
/// Whether mail.lists.NAME is.
[[nodiscard]] bool reads_list(const FactNames& reads, std::string_view list);

}  // namespace postern::rules
