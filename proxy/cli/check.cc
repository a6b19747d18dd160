// postern check, rules, version: what can be said without serving.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <optional>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "proxy/cli/cli.h"
#include "proxy/cli/live.h"
#include "proxy/cli/shadow_counts.h"

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

/// nullopt: no rule is in shadow mode, or no journal can be read (nothing was recorded yet).
std::optional<ShadowCounts> shadows_of(const Loaded& loaded) {
  const auto& all = loaded.rules->rules();
  bool any = std::any_of(all.begin(), all.end(), [](const auto& rule) { return rule.shadow && !rule.disabled; });
  const std::string& journal = loaded.config->journal_path;
  std::error_code error;
  if (!any || journal.empty() || !std::filesystem::exists(journal, error)) return std::nullopt;
  auto counts = count_shadows(journal);
  if (counts) return std::move(*counts);
  std::cerr << "note: what shadow rules hit is not known: " << counts.error().message << '\n';
  return std::nullopt;
}

std::string mode_of(const rules::RuleInfo& rule) {
  return rule.disabled ? "disabled" : rule.shadow ? "shadow" : "on";
}

void print_rule_json(const rules::RuleInfo& rule, const ShadowCount* shadow) {
  nlohmann::ordered_json object = {{"name", rule.name},   {"stage", rules::to_string(rule.stage)},
                                   {"score", rule.score}, {"mode", mode_of(rule)},
                                   {"file", rule.file},   {"line", rule.line},
                                   {"about", rule.about}, {"group", rule.group}};
  if (rule.action) object["action"] = rules::to_string(*rule.action);
  if (shadow != nullptr) {
    auto changes = nlohmann::ordered_json::array();
    for (const auto& [verdicts, count] : shadow->would_change) {
      changes.push_back(
          {{"from", rules::to_string(verdicts.first)}, {"to", rules::to_string(verdicts.second)}, {"count", count}});
    }
    object["shadow"] = {{"hits", shadow->hits}, {"would_change", std::move(changes)}};
  }
  std::cout << object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

void print_rule(const rules::RuleInfo& rule, const std::string& shadow) {
  std::string score = rule.action ? std::string(rules::to_string(*rule.action)) : rules::format_score(rule.score);
  std::cout << rule.name << "  " << rules::to_string(rule.stage) << "  " << score << "  " << mode_of(rule) << "  "
            << rule.file << ':' << rule.line << "\n    " << rule.about << '\n';
  if (!shadow.empty()) std::cout << "    " << shadow << '\n';
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
  std::optional<ShadowCounts> shadows = shadows_of(*loaded);
  for (const auto& rule : loaded->rules->rules()) {
    const ShadowCount* count = nullptr;
    static const ShadowCount kNone;
    if (shadows && rule.shadow && !rule.disabled) {
      auto found = shadows->rules.find(rule.name);
      count = found == shadows->rules.end() ? &kNone : &found->second;
    }
    if (json) {
      print_rule_json(rule, count);
    } else {
      print_rule(rule, count == nullptr ? std::string() : shadow_text(*count, shadows->since_ms));
    }
  }
  return kDone;
}

int version() {
  std::cout << "postern " << POSTERN_VERSION << '\n';
  return kDone;
}

}  // namespace postern::cli
