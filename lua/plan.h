// The order in which rules run: by stage, then accepting answers of allow lists, then as written, except that a rule
// comes after those whose hits it asks for.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "lua/rules.h"

namespace postern::rules {

/// What one rule asks of others, by name.
struct Asks {
  struct Name {
    std::string name;
    int line = 0;  // where it is written
  };
  std::vector<Name> names;
};

struct Plan {
  std::vector<size_t> order;                // indices of rules, in the order in which they run
  std::vector<std::vector<size_t>> inputs;  // for each rule the indices of those it asks for, each once
};

/// `asks[i]` belongs to `rules[i]`. Mistakes are added to `problems`, with the asking rule's file and the line where
/// the name stands: a name that no rule has (and the nearest that one has), a rule of a later stage, a rule that asks
/// for itself, a cycle (reported once, at its first rule as written: "rules ask for each other: A -> B -> A").
/// `lists`: those that RuleInfo::list means.
[[nodiscard]] Plan make_plan(const std::vector<RuleInfo>& rules, const std::vector<Asks>& asks,
                             std::vector<Problem>& problems, const lists::Lists& lists = {});

}  // namespace postern::rules
