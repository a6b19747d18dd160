// postern check, rules, version: what can be said without serving.
#include <iostream>
#include <nlohmann/json.hpp>

#include "proxy/cli/cli.h"

namespace postern::cli {
namespace {

template <class Problems>
std::nullopt_t complain(const Problems& problems) {
  for (const auto& problem : problems) std::cerr << problem.to_string() << '\n';
  return std::nullopt;
}

rules::RuleSetPtr load_rules(const ops::Config& config) {
  auto loaded = rules::RuleSet::load(config.rules_directory, rules::Limits{});
  if (loaded) return *loaded;
  complain(loaded.error());
  return nullptr;
}

}  // namespace

std::optional<Loaded> load(const std::string& config_file) {
  auto config = ops::load_config(config_file);
  if (!config) return complain(config.error());
  auto rule_set = load_rules(**config);
  if (!rule_set) return std::nullopt;
  return Loaded{*config, rule_set};
}

std::optional<Loaded> load_and_try(const std::string& config_file) {
  auto loaded = load(config_file);
  if (!loaded) return std::nullopt;
  auto problems = loaded->rules->run_examples();
  if (!problems.empty()) return complain(problems);
  return loaded;
}

int check(const std::string& config_file) {
  auto loaded = load_and_try(config_file);
  if (!loaded) return kBadInput;
  size_t examples = 0;
  for (const auto& rule : loaded->rules->rules()) examples += rule.examples;
  std::cout << "ok: " << loaded->rules->rules().size() << " rules, " << examples << " examples, version "
            << loaded->rules->version() << '\n';
  return kDone;
}

int rules(const std::string& config_file, bool json) {
  auto loaded = load(config_file);
  if (!loaded) return kBadInput;
  for (const auto& rule : loaded->rules->rules()) {
    std::string mode = rule.disabled ? "disabled" : rule.shadow ? "shadow" : "on";
    std::string place = rule.file + ':' + std::to_string(rule.line);
    if (json) {
      nlohmann::ordered_json object = {{"name", rule.name},   {"stage", rules::to_string(rule.stage)},
                                       {"score", rule.score}, {"mode", mode},
                                       {"file", rule.file},   {"line", rule.line},
                                       {"about", rule.about}, {"group", rule.group}};
      if (rule.action) object["action"] = rules::to_string(*rule.action);
      std::cout << object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    } else {
      std::string score = rule.action ? std::string(rules::to_string(*rule.action)) : rules::format_score(rule.score);
      std::cout << rule.name << "  " << rules::to_string(rule.stage) << "  " << score << "  " << mode << "  " << place
                << "\n    " << rule.about << '\n';
    }
  }
  return kDone;
}

int version() {
  std::cout << "postern " << POSTERN_VERSION << '\n';
  return kDone;
}

}  // namespace postern::cli
