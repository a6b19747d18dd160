// Running the examples of a rule set: what `postern check` does, and every reload before it takes the set.
#include "lua/examples.h"

#include <algorithm>
#include <new>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "lua/engine.h"
#include "lua/registry.h"
#include "lua/sandbox.h"
#include "lua/source.h"

namespace postern::rules {

namespace {

/// The last failure of the rule that is tried.
class Failures final : public Observer {
 public:
  void watch(const RuleInfo& rule) {
    rule_ = &rule;
    message_.reset();
  }
  [[nodiscard]] const std::optional<std::string>& message() const { return message_; }

  void rule_hit(const RuleInfo& /*rule*/) override {}
  void rule_ran(const RuleInfo& /*rule*/, std::chrono::nanoseconds /*cpu*/) override {}
  void rule_failed(const RuleInfo& rule, std::string_view /*reason*/, const std::string& message) override {
    if (&rule == rule_ && !message_) message_ = message;
  }

 private:
  const RuleInfo* rule_ = nullptr;
  std::optional<std::string> message_;
};

struct Outcome {
  std::optional<std::string> failure;
  std::optional<Hit> hit;
};

class Runner {
 public:
  Runner(const RuleSet& rules, const std::vector<RuleSet::File>& files)
      : rules_(rules), engine_(rules, &failures_), tables_(rules.limits().memory), registry_(true) {
    for (const RuleSet::File& file : files) outlines_.push_back(outline_of(file.text));
    read_files(tables_, registry_, files, &outlines_);
  }

  std::vector<Problem> run();

 private:
  struct Parse {
    const Definition* rule;
    size_t number;
    const lists::Lists* lists;
    Example* example;
    std::vector<std::string>* problems;
  };
  static int parse_protected(lua_State* lua);

  void run_rule_examples(size_t index);
  void run_plain(size_t index);
  void run_example(size_t index, size_t number);
  void add_inputs(size_t rule, std::set<size_t>& positions) const;
  Outcome evaluate(size_t index, const Example& example);
  void compare(const Definition& rule, size_t number, const Example& example, const Outcome& outcome);
  void problem(const Definition& rule, size_t number, const std::string& text);
  void failure(const Definition& rule, int line, const std::string& name, const std::string& message);

  const RuleSet& rules_;
  Failures failures_;
  Engine engine_;
  State tables_;  // where the examples' tables are
  std::vector<Outline> outlines_;
  Registry registry_;
  std::vector<Problem> problems_;
};

std::string name_of(const Definition& rule, size_t number) {
  return fmt::format("example {} of {}", number, rule.info.name);
}

void Runner::problem(const Definition& rule, size_t number, const std::string& text) {
  problems_.push_back(
      {rule.info.file, rule.line_of_example(number), fmt::format("{}: {}", name_of(rule, number), text)});
}

// An error of the rule's own code names a line of its own.
void Runner::failure(const Definition& rule, int line, const std::string& name, const std::string& message) {
  auto [own_line, text] = split_position(message, rule.info.file);
  problems_.push_back({rule.info.file, own_line > 0 ? own_line : line, fmt::format("{}: {}", name, one_line(text))});
}

int Runner::parse_protected(lua_State* lua) {
  const auto& parse = *static_cast<Parse*>(lua_touserdata(lua, 1));
  lua_rawgeti(lua, LUA_REGISTRYINDEX, parse.rule->examples);
  lua_rawgeti(lua, -1, static_cast<lua_Integer>(parse.number));
  parse_example(lua, *parse.lists, *parse.example, *parse.problems);
  return 0;
}

// The rules that `rule` asks for, and those that they ask for.
void Runner::add_inputs(size_t rule, std::set<size_t>& positions) const {
  std::vector<size_t> left = {rule};
  while (!left.empty()) {
    size_t next = left.back();
    left.pop_back();
    for (size_t input : engine_.inputs(next)) {
      if (positions.insert(engine_.slot(input).position).second) left.push_back(input);
    }
  }
}

// An admin's changes in local.lua must not break a shipped example: rules that are disabled run here too.
Outcome Runner::evaluate(size_t index, const Example& example) {
  const RuleInfo& info = rules_.rules()[index];
  Evaluation evaluation;
  std::set<size_t> positions = {engine_.slot(index).position};
  if (example.hits) {
    for (const std::string& name : *example.hits) {
      const RuleInfo& hit = rules_.rules()[engine_.rule_at(engine_.order().at(name))];
      evaluation.hits.push_back({name, hit.score, 1, "", hit.group, hit.shadow});
    }
    evaluation.score = sum(evaluation.hits, rules_.groups());
  } else {
    add_inputs(index, positions);
  }
  std::vector<Engine::Slot*> slots;
  for (size_t position : positions) {
    Engine::Slot& slot = engine_.slot(engine_.rule_at(position));
    slot.suspended = false;
    slots.push_back(&slot);
  }
  failures_.watch(info);
  Outcome outcome;
  {
    Judging judging(engine_, slots, example.facts, evaluation, {});
    judging.mail().example_dns = &example.dns;
    judging.mail().seen_maps = example.parsed_maps;
    POSTERN_CHECK(judging.advance());
  }
  outcome.failure = failures_.message();
  auto hit = std::find_if(evaluation.hits.begin(), evaluation.hits.end(),
                          [&info](const Hit& each) { return each.rule == info.name; });
  if (hit != evaluation.hits.end()) outcome.hit = std::move(*hit);
  return outcome;
}

void Runner::compare(const Definition& rule, size_t number, const Example& example, const Outcome& outcome) {
  if (outcome.failure) return failure(rule, rule.line_of_example(number), name_of(rule, number), *outcome.failure);
  if (outcome.hit.has_value() != *example.hit) {
    return problem(rule, number, *example.hit ? "expected a hit, got none" : "expected no hit, got one");
  }
  if (!outcome.hit) return;
  if (example.detail && *example.detail != outcome.hit->detail) {
    problem(rule, number,
            fmt::format("expected detail '{}', got '{}'", one_line(*example.detail), one_line(outcome.hit->detail)));
  }
  // The score as the rule declares it: an admin's change in local.lua must not break a shipped example.
  double score = round_score(rule.info.score * outcome.hit->factor);
  if (example.score && round_score(*example.score) != score) {
    problem(rule, number, fmt::format("expected score {}, got {}", format_score(*example.score), format_score(score)));
  }
}

// `maps` of an example, taken as each kind that the rule may ask for; what is of no kind is a mistake.
void parse_maps(Example& example, std::vector<std::string>& mistakes) {
  for (const auto& [name, entries] : example.maps) {
    std::string text;
    for (const std::string& entry : entries) text += entry + '\n';
    std::vector<Map::Mistake> wrong;
    bool taken = false;
    for (Map::Kind kind : {Map::Kind::Auto, Map::Kind::Exact, Map::Kind::Domain, Map::Kind::Cidr, Map::Kind::Regex}) {
      auto map = Map::parse(text, kind);
      if (map) {
        taken = true;
        example.parsed_maps->maps.emplace(std::pair(name, kind), std::move(*map));
      } else if (kind == Map::Kind::Auto) {
        wrong = map.error();
      }
    }
    for (const auto& mistake : taken ? std::vector<Map::Mistake>() : wrong) {
      mistakes.push_back(fmt::format("maps.{}: entry {}: {}", escape_for_log(name, 60), mistake.line, mistake.text));
    }
  }
}

void Runner::run_example(size_t index, size_t number) {
  const Definition& rule = registry_.rules()[index];
  Example example;
  set_plain(example);
  std::vector<std::string> mistakes;
  Parse parse{&rule, number, rules_.lists().get(), &example, &mistakes};
  lua_pushcfunction(tables_.lua(), parse_protected);
  lua_pushlightuserdata(tables_.lua(), &parse);
  CallResult parsed = tables_.call(1, 0);
  if (parsed.failure != Failure::None) mistakes.push_back(parsed.message);
  parse_maps(example, mistakes);
  for (const std::string& hit : example.hits.value_or(std::vector<std::string>())) {
    if (engine_.order().count(hit) == 0)
      mistakes.push_back(fmt::format("there is no rule {}", escape_for_log(hit, 64)));
  }
  std::sort(mistakes.begin(), mistakes.end());
  for (const std::string& mistake : mistakes) problem(rule, number, mistake);
  if (mistakes.empty()) compare(rule, number, example, evaluate(index, example));
}

// Finds what no example touches: a misspelt field, a fact that the stage does not have.
void Runner::run_plain(size_t index) {
  const Definition& rule = registry_.rules()[index];
  if (rule.info.kind != RuleInfo::Kind::When) return;
  Example example;
  set_plain(example);
  Outcome outcome = evaluate(index, example);
  if (outcome.failure) {
    failure(rule, rule.info.line, fmt::format("{} on a plain message", rule.info.name), *outcome.failure);
  }
}

void Runner::run_rule_examples(size_t index) {
  size_t before = problems_.size();
  const size_t count = registry_.rules()[index].info.examples;
  for (size_t number = 1; number <= count; ++number) run_example(index, number);
  if (problems_.size() == before) run_plain(index);
}

std::vector<Problem> Runner::run() {
  if (!registry_.problems().empty()) return registry_.problems();
  for (size_t index = 0; index < registry_.rules().size(); ++index) run_rule_examples(index);
  sort_problems(problems_);
  return std::move(problems_);
}

}  // namespace

std::vector<Problem> RuleSet::run_examples() const {
  try {
    return Runner(*this, files_).run();
  } catch (const std::bad_alloc&) {
    return {{"rules", 0, "out of memory"}};
  }
}

}  // namespace postern::rules
