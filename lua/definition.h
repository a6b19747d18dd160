// What decides whether a rule hits: its definition as a number, and what it reads of a message. So that what a rule
// said yesterday can be compared with what another version of it says today.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lua/plan.h"
#include "lua/reads.h"
#include "lua/registry.h"
#include "lua/rules.h"

namespace postern::rules {

/// What the text of one file says of the conditions of its rules, by Lua's words: spaces, lines and comments are
/// nothing. Linear in the text.
class FileConditions {
 public:
  struct Condition {
    uint64_t hash = 0;
    bool asks_dns = false;  // names `dns`, itself or where anything of the file may call it
  };
  explicit FileConditions(std::string_view text);
  /// Of `when`, `all`, `any` or `expression` of the rule and all of the file but what other rules, score, group and the
  /// like say. Of a rule that the text does not show plainly: of the whole file.
  [[nodiscard]] Condition of(const std::string& rule) const;

 private:
  std::map<std::string, Condition, std::less<>> rules_;
  Condition whole_;
};

/// By rule; see RuleInfo::definition and RuleSet::reads().
struct Conditions {
  std::vector<uint64_t> definitions;
  std::vector<FactNames> reads;
};

/// The vectors but `files` and `outlines` have one element a rule. `when_reads`: as reads_of() says.
struct ConditionInput {
  const std::vector<RuleSet::File>& files;
  const std::vector<Outline>& outlines;
  const std::vector<RuleInfo>& infos;
  const std::vector<Definition>& rules;
  const lists::Lists& lists;
  const Plan& plan;
  const std::vector<FactNames>& when_reads;
  std::string_view version;  // of the set
};
[[nodiscard]] Conditions conditions_of(const ConditionInput& input);

}  // namespace postern::rules
