// postern replay: what other rules would have done, before they act.
#include "proxy/cli/replay.h"

#include <filesystem>
#include <iostream>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "proxy/cli/cli.h"
#include "proxy/cli/corpora.h"
#include "proxy/cli/counted.h"
#include "proxy/cli/long_work.h"
#include "proxy/ops/values.h"

namespace postern::cli {

namespace {

/// A set without rules accepts everything, and a report on that helps nobody: more likely the path is another one.
bool has_rules(const rules::RuleSet& rules, const std::string& path) {
  if (!rules.rules().empty()) return true;
  std::cerr << "postern replay: --against " << path
            << ": there is no rule in it (a directory of rules has *.lua files)\n";
  return false;
}

/// What --against names: a configuration, a directory of rules, or a file in the place of local.lua.
std::optional<Loaded> load_against(const Loaded& in_force, const std::string& path) {
  std::error_code error;
  bool directory = std::filesystem::is_directory(path, error);
  // "local.lua.proposed", as `tune` writes it, is one too.
  bool local = std::filesystem::path(path).filename().string().find(".lua") != std::string::npos;
  if (!directory && !local) {
    auto loaded = load_or_complain(path, Examples::Run);
    return loaded && has_rules(*loaded->rules, path) ? loaded : std::nullopt;
  }
  rules::RuleSet::Options options;
  options.pattern_cache = in_force.config->pattern_cache;
  options.write_cache = false;
  if (!directory) options.local = path;
  auto rules = rules::RuleSet::load(directory ? path : in_force.config->rules_directory, std::move(options));
  // What no reload would take is not worth a report.
  std::vector<rules::Problem> problems = rules ? (*rules)->run_examples() : rules.error();
  if (problems.empty()) {
    if (!has_rules(**rules, path)) return std::nullopt;
    return Loaded{in_force.config, *rules};
  }
  for (const auto& problem : problems) std::cerr << problem.to_string() << '\n';
  return std::nullopt;
}

/// Both sides, or the complaint is on stderr.
std::optional<std::vector<ReplaySide>> find_sides(const ReplayOptions& options, bool corpus, ops::ConfigPtr& config) {
  auto in_force = load_or_complain(options.config, Examples::Skip);
  if (!in_force) return std::nullopt;
  config = in_force->config;
  std::vector<ReplaySide> sides;
  if (!corpus && options.against.empty()) sides.push_back({"recorded", nullptr, nullptr});
  sides.push_back({"in force", in_force->config, in_force->rules});
  if (options.against.empty()) return sides;
  auto proposed = load_against(*in_force, options.against);
  if (!proposed) return std::nullopt;
  sides.push_back({"proposed", proposed->config, proposed->rules});
  return sides;
}

std::string how_to_go_on(const ReplayOptions& options, bool corpus) {
  if (!corpus) return "the figures are those of the messages so far";
  if (options.state.empty()) return "with --state FILE it could be gone on with";
  return "the same command goes on from here";
}

/// What does not go together, or says nothing.
std::optional<std::string> usage_mistake(const ReplayOptions& options, bool corpus) {
  if (corpus && options.since) return "--since is of the journal, not of --ham and --spam";
  if (!corpus && !options.state.empty()) return "--state is for --ham and --spam; the journal is judged anew";
  if (options.since && !ops::parse_duration(*options.since)) {
    return fmt::format("--since {}: not a time like 24h or 90m", *options.since);
  }
  return std::nullopt;
}

int stopped() {
  std::cerr << "postern replay: interrupted before a message was judged\n";
  return kBadInput;
}

}  // namespace

int replay(const ReplayOptions& options) {
  bool corpus = !options.ham.empty() || !options.spam.empty();
  if (auto mistake = usage_mistake(options, corpus)) {
    std::cerr << "postern replay: " << *mistake << '\n';
    return kUsage;
  }
  if (auto distinct = check_distinct(options.ham, options.spam); !distinct) {
    std::cerr << "postern replay: " << distinct.error().message << '\n';
    return kBadInput;
  }
  Interruptible interruptible;
  ops::ConfigPtr config;
  auto sides = find_sides(options, corpus, config);
  if (Interruptible::interrupted()) return stopped();
  if (!sides) return kBadInput;
  std::vector<ReplayInput> inputs;
  inputs.reserve(options.ham.size() + options.spam.size());
  for (const std::string& path : options.ham) inputs.push_back({path, Label::Ham});
  for (const std::string& path : options.spam) inputs.push_back({path, Label::Spam});
  auto replayed = corpus ? replay_corpus(options, std::move(*sides), std::move(inputs))
                         : replay_journal(options, *config, std::move(*sides));
  if (!replayed) {
    std::cerr << "postern replay: " << replayed.error().message << '\n';
    return replayed.error().code == Code::Internal ? kOurFault : kBadInput;
  }
  if (options.json) {
    std::cout << replay_json(*replayed).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  } else {
    std::cout << replay_text(*replayed);
  }
  for (const std::string& note : replayed->notes) std::cerr << "note: " << note << '\n';
  for (const std::string& bad : replayed->bad) std::cerr << "postern replay: " << bad << '\n';
  if (!replayed->complete) {
    std::cerr << "postern replay: interrupted after " << counted(replayed->tally.messages(), "message") << "; "
              << how_to_go_on(options, corpus) << '\n';
  }
  return replayed->complete && replayed->bad.empty() ? kDone : kBadInput;
}

}  // namespace postern::cli
