// postern check, rules, version: what can be said without serving.
#include <iostream>

#include <nlohmann/json.hpp>

#include "proxy/cli/cli.h"
#include "proxy/cli/live.h"

namespace postern::cli {
namespace {

template <class List>
tl::unexpected<Problems> lines(const List& problems) {
  Problems texts;
  for (const auto& problem : problems) texts.push_back(problem.to_string());
  return tl::unexpected(std::move(texts));
}

/// Whether all was well; what was not is on stderr.
bool live_is_good(const Loaded& loaded) {
  auto report = check_live(loaded);
  if (!report) {
    std::cerr << "[dns] servers: " << report.error().message << '\n';
    return false;
  }
  for (const auto& note : report->notes) std::cerr << "note: " << note << '\n';
  for (const auto& fault : report->faults) std::cerr << fault << '\n';
  if (report->faults.empty()) std::cout << "ok: the resolver, and " << report->lists << " DNS lists\n";
  return report->faults.empty();
}

}  // namespace

tl::expected<Loaded, Problems> load(const std::string& config_file, Examples examples, PatternCache cache) {
  auto config = ops::load_config(config_file);
  if (!config) return lines(config.error());
  rules::RuleSet::Options options;
  options.pattern_cache = (*config)->pattern_cache;
  options.write_cache = cache == PatternCache::Keep;
  auto rule_set = rules::RuleSet::load((*config)->rules_directory, std::move(options));
  if (!rule_set) return lines(rule_set.error());
  if (examples == Examples::Run) {
    auto failed = (*rule_set)->run_examples();
    if (!failed.empty()) return lines(failed);
  }
  return Loaded{*config, *rule_set};
}

std::optional<Loaded> load_or_complain(const std::string& config_file, Examples examples, PatternCache cache) {
  auto loaded = load(config_file, examples, cache);
  if (loaded) return *loaded;
  for (const auto& problem : loaded.error()) std::cerr << problem << '\n';
  return std::nullopt;
}

int check(const std::string& config_file, bool live) {
  auto loaded = load_or_complain(config_file, Examples::Run);
  if (!loaded) return kBadInput;
  for (const auto& note : loaded->rules->notes()) std::cerr << "note: " << note << '\n';
  if (live && !live_is_good(*loaded)) return kBadInput;
  size_t examples = 0;
  for (const auto& rule : loaded->rules->rules()) examples += rule.examples;
  std::cout << "ok: " << loaded->rules->rules().size() << " rules, " << examples << " examples, version "
            << loaded->rules->version() << '\n';
  return kDone;
}

int rules(const std::string& config_file, bool json) {
  auto loaded = load_or_complain(config_file, Examples::Skip);
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
