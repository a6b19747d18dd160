// What `postern scan` prints of one message.
#pragma once

#include <string>
#include <vector>

#include "filters/base/clock.h"
#include "filters/facts.h"
#include "lua/rules.h"
#include "lua/verdict.h"

namespace postern::cli {

struct RuleFailure {
  std::string rule;
  std::string reason;   // "error", "cpu", "memory", "suspended"
  std::string message;  // with its place in the rule file
};

/// Everything known of one message once it is judged.
struct Judged {
  std::string file;
  std::string id;
  Facts facts;
  rules::RuleSetPtr rules;  // that judged it
  lists::ListsPtr lists;    // what facts.lists is about
  rules::Evaluation evaluation;
  rules::Judgement judgement;
  std::vector<RuleFailure> failures;
  std::string auth_results;  // the Authentication-Results field that serve would add
  Duration dns{};
  Duration lists_time{};  // until the last list had answered, from the beginning; much of it the same as `dns`
  Duration rules_time{};
};

/// To stdout: one JSON object on one line (design, section 2), or some lines for people. Untrusted text is escaped.
void print_json(const Judged& judged);
void print_text(const Judged& judged);

}  // namespace postern::cli
