// postern explain: everything known of one recent message, from the journal.
#include <chrono>
#include <iostream>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "filters/base/bytes.h"
#include "proxy/cli/cli.h"
#include "proxy/cli/explain_id.h"
#include "proxy/cli/explain_report.h"
#include "proxy/cli/open_journal.h"
#include "proxy/cli/terminal_text.h"
#include "proxy/ops/journal.h"
#include "proxy/ops/journal_entry.h"
#include "proxy/session/message_id.h"

namespace postern::cli {
namespace {

using nlohmann::ordered_json;

constexpr size_t kMostFound = 100;  // JournalReader::find()

int complain(std::string_view what) {
  std::cerr << "postern explain: " << what << '\n';
  return kBadInput;
}

/// A row appears within a second of its reply, and who asks may be quick.
Result<std::vector<ops::JournalRow>> find_rows(ops::JournalReader& journal, const std::string& id) {
  constexpr auto kPause = std::chrono::milliseconds(100);
  constexpr int kTries = 12;
  for (int i = 1;; ++i) {
    auto rows = journal.find(id);
    if (!rows || !rows->empty() || i == kTries) return rows;
    std::this_thread::sleep_for(kPause);
  }
}

/// Where the id may have gone.
std::string not_found(ops::JournalReader& journal, const std::string& id, const ops::Config& config, int64_t now) {
  std::optional<int64_t> oldest;
  auto read = journal.read(0, 0, [&oldest](int64_t /*place*/, const ops::JournalRow& row) {
    oldest = row.wall_ms;
    return false;
  });
  std::string text = fmt::format("{} is not in the journal {}", id, config.journal_path);
  if (!read) return text + " (" + read.error().message + ')';
  if (!oldest)
    return text +
           ", which is empty: all may be older than [journal] keep, or the gateway was told of another path, or of "
           "none";
  int64_t given = session::time_of_message_id(id);
  text += fmt::format(", which reaches back to {}", local_time(*oldest));
  if (given < *oldest) return text + fmt::format("; the id is of {}: it is older", local_time(given));
  if (given > now + 60'000) return text + "; the id is of the future: is it mistyped?";
  return text +
         fmt::format(
             "; the id is of {}. A message is written within a second of its answer. Missing are those that were "
             "never answered, because the client left, and those that the disk did not take "
             "(postern_journal_dropped_total): the log has them. An id that a connection was told again and again for "
             "many refusals is written when it ends",
             local_time(given));
}

Around around_of(ops::JournalReader& journal, const std::string& version, const rules::RuleSetPtr& now) {
  Around around;
  around.now = now;
  around.wall_ms = SystemClock().wall_ms();
  if (now && now->version() == version) {
    around.groups = now->groups();
    for (const rules::RuleInfo& rule : now->rules()) around.scores.emplace(rule.name, rule.score);
  } else if (auto recorded = journal.rules(version); recorded && *recorded) {
    if (auto rules = ops::read_rules(**recorded)) {
      around.groups = std::move(rules->groups);
      for (const auto& [name, rule] : rules->rules) around.scores.emplace(name, rule.score);
    }
  }
  return around;
}

/// The rules as they are on disk; a message of last week can be explained without.
rules::RuleSetPtr rules_now(const ops::Config& config) {
  rules::RuleSet::Options options;
  options.pattern_cache = config.pattern_cache;
  options.write_cache = false;
  auto loaded = rules::RuleSet::load(config.rules_directory, std::move(options));
  if (loaded) return *loaded;
  std::cerr << "note: the rules cannot be read, so what they mean is not said: " << loaded.error().front().to_string()
            << '\n';
  return nullptr;
}

int print(ops::JournalReader& journal, const std::vector<ops::JournalRow>& rows, const rules::RuleSetPtr& now,
          const ExplainOptions& options) {
  int status = kDone;
  ordered_json answers = ordered_json::array();
  std::string text;
  for (const ops::JournalRow& row : rows) {
    auto entry = ops::read_entry(row);
    if (!entry) {
      status = complain("a row of the journal cannot be read: " + entry.error().message);
      continue;
    }
    Around around = around_of(journal, entry->rules_version, now);
    if (options.json) {
      answers.push_back(explain_json(*entry, around));
    } else {
      if (!text.empty()) text += '\n' + std::string(96, '=') + "\n\n";
      text += terminal_text(*entry, around);
    }
  }
  if (options.json) {
    // As ASCII: a terminal may show it, whatever a subject holds.
    ordered_json object = {{"id", rows.front().id}, {"answers", std::move(answers)}};
    std::cout << object.dump(-1, ' ', true, ordered_json::error_handler_t::replace) << '\n';
    return status;
  }
  if (rows.size() > 1) {
    std::cout << (rows.size() < kMostFound ? "" : "at least ") << rows.size()
              << " answers were given under this id, the last one first\n\n";
  }
  std::cout << text;
  return status;
}

}  // namespace

int explain(const ExplainOptions& options) {
  std::string id = id_in(options.id);
  if (id.empty()) {
    return complain(
        fmt::format("there is no id in '{}': it has 26 letters and digits, and stands in the reply (\"[id 01J...]\"), "
                    "in the header "
                    "(\"X-Postern-Id: 01J...\") and in the log (\"id=01J...\")",
                    shown(options.id, 100)));
  }
  auto config = ops::load_config(options.config);
  if (!config) {
    for (const auto& problem : config.error()) std::cerr << problem.to_string() << '\n';
    return kBadInput;
  }
  const std::string& path = (*config)->journal_path;
  if (path.empty()) return complain("[journal] path is empty in " + options.config + ": nothing is recorded");
  auto journal = open_journal(path);
  if (!journal) return complain(journal.error().message);
  auto rows = find_rows(**journal, id);
  if (!rows) return complain(rows.error().message);
  if (rows->empty()) return complain(not_found(**journal, id, **config, SystemClock().wall_ms()));
  return print(**journal, *rows, rules_now(**config), options);
}

}  // namespace postern::cli
