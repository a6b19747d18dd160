// Running the examples of a rule set: what `postern check` does, and every reload before it takes the set.
#include "lua/examples.h"

#include <algorithm>
#include <new>
#include <utility>

#include <fmt/format.h>

#include "lua/registry.h"
#include "lua/sandbox.h"
#include "lua/watchdog.h"

namespace postern::rules {

namespace {

class Runner {
 public:
  Runner(const std::vector<RuleSet::File>& files, const Limits& limits, std::map<std::string, double> caps)
      : limits_(limits), caps_(std::move(caps)), state_(limits.memory), registry_(true) {
    read_files(state_, registry_, files);
  }

  std::vector<Problem> run();

 private:
  struct Parse {
    const Definition* rule;
    size_t number;
    Example* example;
    std::vector<std::string>* problems;
  };
  static int parse_protected(lua_State* lua);

  void run_rule_examples(const Definition& rule);
  void run_plain(const Definition& rule);
  void run_example(const Definition& rule, size_t number);
  RuleOutcome evaluate(const Definition& rule, const Example& example);
  void compare(const Definition& rule, const Example& example, const RuleOutcome& outcome, const std::string& name);
  void problem(const Definition& rule, const std::string& name, const std::string& text);
  void failure(const Definition& rule, const std::string& name, const std::string& message);

  const Limits limits_;
  const std::map<std::string, double> caps_;
  State state_;
  Registry registry_;
  std::unordered_map<std::string, size_t> order_;
  std::vector<Problem> problems_;
};

void Runner::problem(const Definition& rule, const std::string& name, const std::string& text) {
  problems_.push_back({rule.info.file, rule.info.line, fmt::format("{}: {}", name, text)});
}

// An error of the rule's own code names a line of its own.
void Runner::failure(const Definition& rule, const std::string& name, const std::string& message) {
  auto [line, text] = split_position(message, basename(rule.info.file));
  problems_.push_back({rule.info.file, line > 0 ? line : rule.info.line, fmt::format("{}: {}", name, one_line(text))});
}

int Runner::parse_protected(lua_State* lua) {
  const auto& parse = *static_cast<Parse*>(lua_touserdata(lua, 1));
  lua_rawgeti(lua, LUA_REGISTRYINDEX, parse.rule->examples);
  lua_rawgeti(lua, -1, static_cast<lua_Integer>(parse.number));
  parse_example(lua, *parse.example, *parse.problems);
  return 0;
}

RuleOutcome Runner::evaluate(const Definition& rule, const Example& example) {
  Evaluation before;
  for (const std::string& name : example.hits) {
    const auto& rules = registry_.rules();
    auto found =
        std::find_if(rules.begin(), rules.end(), [&name](const Definition& each) { return each.info.name == name; });
    if (found == rules.end()) continue;
    before.hits.push_back({name, found->info.score, "", found->info.group, found->info.shadow});
  }
  before.score = sum(before.hits, caps_);
  MailContext& mail = state_.mail;
  mail.facts = &example.facts;
  mail.evaluation = &before;
  mail.stage = rule.info.stage;
  mail.position = order_.at(rule.info.name);
  mail.header.reset();
  RuleOutcome outcome;
  {
    Watchdog watchdog(state_.lua(), limits_.rule_cpu, limits_.message_cpu);
    std::chrono::nanoseconds cpu{0};
    outcome = run_rule(state_, rule.when, watchdog, cpu);
  }
  mail.facts = nullptr;
  mail.evaluation = nullptr;
  mail.header.reset();
  return outcome;
}

void Runner::compare(const Definition& rule, const Example& example, const RuleOutcome& outcome,
                     const std::string& name) {
  if (outcome.call.failure != Failure::None) {
    failure(rule, name, outcome.call.message);
    return;
  }
  if (outcome.hit != *example.hit) {
    problem(rule, name, *example.hit ? "expected a hit, got none" : "expected no hit, got one");
    return;
  }
  if (example.detail && outcome.hit && *example.detail != outcome.detail) {
    problem(
        rule, name,
        fmt::format("expected detail '{}', got '{}'", escape_for_log(*example.detail), escape_for_log(outcome.detail)));
  }
  // The score as the rule declares it: an admin's change in local.lua must not break a shipped example.
  double score = outcome.hit ? round_score(rule.info.score * outcome.factor) : 0;
  if (example.score && round_score(*example.score) != score) {
    problem(rule, name, fmt::format("expected score {}, got {}", format_score(*example.score), format_score(score)));
  }
}

void Runner::run_example(const Definition& rule, size_t number) {
  std::string name = fmt::format("example {} of {}", number, rule.info.name);
  Example example;
  set_plain(example);
  std::vector<std::string> mistakes;
  Parse parse{&rule, number, &example, &mistakes};
  lua_pushcfunction(state_.lua(), parse_protected);
  lua_pushlightuserdata(state_.lua(), &parse);
  CallResult parsed = state_.call(1, 0);
  if (parsed.failure != Failure::None) mistakes.push_back(parsed.message);
  for (const std::string& hit : example.hits) {
    if (order_.count(hit) == 0) mistakes.push_back(fmt::format("there is no rule {}", escape_for_log(hit, 64)));
  }
  std::sort(mistakes.begin(), mistakes.end());
  for (const std::string& mistake : mistakes) problem(rule, name, mistake);
  if (mistakes.empty()) compare(rule, example, evaluate(rule, example), name);
}

// Finds what no example touches: a misspelt field, a fact that the stage does not have.
void Runner::run_plain(const Definition& rule) {
  Example example;
  set_plain(example);
  RuleOutcome outcome = evaluate(rule, example);
  if (outcome.call.failure != Failure::None) {
    failure(rule, fmt::format("{} on a plain message", rule.info.name), outcome.call.message);
  }
}

void Runner::run_rule_examples(const Definition& rule) {
  size_t before = problems_.size();
  for (size_t number = 1; number <= rule.info.examples; ++number) run_example(rule, number);
  if (problems_.size() == before) run_plain(rule);
}

std::vector<Problem> Runner::run() {
  if (!registry_.problems().empty()) return registry_.problems();
  for (Stage stage : {Stage::Connect, Stage::Helo, Stage::Mail, Stage::Rcpt, Stage::Message}) {
    for (const Definition& rule : registry_.rules()) {
      if (rule.info.stage == stage) order_.emplace(rule.info.name, order_.size());
    }
  }
  state_.mail.order = &order_;
  for (const Definition& rule : registry_.rules()) run_rule_examples(rule);
  return std::move(problems_);
}

}  // namespace

std::vector<Problem> RuleSet::run_examples() const {
  try {
    return Runner(files_, limits_, group_caps_).run();
  } catch (const std::bad_alloc&) {
    return {{"rules", 0, "out of memory"}};
  }
}

}  // namespace postern::rules
