// postern check, rules, version: what can be said without serving.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/cli/cli.h"
#include "proxy/cli/counted.h"
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

/// Whether a file in this place would be read by whoever reads it there now: the directory is there, and is ours.
bool is_own_place(const std::string& file) {
  struct stat status {};
  std::string directory = std::filesystem::path(file).parent_path().string();
  return !file.empty() && ::stat(directory.empty() ? "." : directory.c_str(), &status) == 0 &&
         status.st_uid == ::geteuid();
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
  if (report->faults.empty()) std::cout << "ok: the resolver, and " << counted(report->lists, "DNS list") << '\n';
  return report->faults.empty();
}

/// Why a damper of a group lowers nothing; empty: it does.
std::string idle_damper(const rules::RuleSet& set, const rules::Group& group, const std::string& rule, double most) {
  if (most >= group.max) {
    return fmt::format("{} = {} lowers nothing, for 'max' is {}", rule, rules::format_score(most),
                       rules::format_score(group.max));
  }
  const auto& all = set.rules();
  auto info = std::find_if(all.begin(), all.end(), [&rule](const auto& each) { return each.name == rule; });
  if (info == all.end() || (!info->disabled && !info->shadow)) return {};
  return fmt::format("{} lowers nothing, for it is {}", rule, info->disabled ? "disabled" : "in shadow mode");
}

/// What is allowed, and hardly meant.
std::vector<std::string> warnings_of(const rules::RuleSet& set) {
  std::vector<std::string> all;
  for (const auto& [name, group] : set.groups()) {
    for (const auto& [rule, most] : group.dampers) {
      std::string why = idle_damper(set, group, rule, most);
      if (why.empty()) continue;
      all.push_back(fmt::format("{}:{}: group '{}': 'dampers': {}", group.file, group.line, name, why));
    }
  }
  return all;
}

/// Rules of which nothing has shown that they hit what they should, on one line; empty: there are none. Answers of DNS
/// lists have none: it is --live that tries these.
std::string untried(const rules::RuleSet& set) {
  constexpr size_t kMostNamed = 10;
  std::vector<std::string> names;
  size_t more = 0;
  for (const rules::RuleInfo& rule : set.rules()) {
    if (rule.disabled || rule.examples > 0 || rule.kind == rules::RuleInfo::Kind::List) continue;
    if (names.size() == kMostNamed) {
      ++more;
    } else {
      names.push_back(fmt::format("{} ({}:{})", rule.name, rule.file, rule.line));
    }
  }
  if (names.empty()) return {};
  std::string text = fmt::format("{} without an example, so not tried: {}", counted(names.size() + more, "rule"),
                                 fmt::join(names, ", "));
  return more > 0 ? fmt::format("{} and {} more", text, more) : text;
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
  options.write_cache =
      cache == PatternCache::Keep || (cache == PatternCache::KeepOwn && is_own_place((*config)->pattern_cache));
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
  // What was compiled now, seconds of work, need not be again at the reload that comes next.
  auto loaded = load_or_complain(config_file, Examples::Run, PatternCache::KeepOwn);
  if (!loaded) return kBadInput;
  for (const auto& note : loaded->rules->notes()) std::cerr << "note: " << note << '\n';
  for (const auto& warning : warnings_of(*loaded->rules)) std::cerr << "note: " << warning << '\n';
  if (live && !live_is_good(*loaded)) return kBadInput;
  size_t examples = 0;
  for (const auto& rule : loaded->rules->rules()) examples += rule.examples;
  std::cout << "ok: " << counted(loaded->rules->rules().size(), "rule") << ", " << counted(examples, "example")
            << ", version " << loaded->rules->version() << '\n';
  if (std::string line = untried(*loaded->rules); !line.empty()) std::cout << line << '\n';
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
