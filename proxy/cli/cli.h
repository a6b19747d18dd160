// The command line: one file a subcommand. Data goes to stdout, messages to stderr.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lua/rules.h"
#include "proxy/ops/config.h"

namespace postern::cli {

/// Exit statuses (design, section 2).
enum Exit : int { kDone = 0, kBadInput = 1, kUsage = 2, kOurFault = 70 };

inline constexpr const char* kDefaultConfig = "/etc/postern/postern.toml";

/// Parses the arguments and runs the subcommand.
int run(int argc, char** argv);

struct ScanOptions {
  std::string config;
  std::string ip;
  std::string helo;
  std::optional<std::string> from;
  std::vector<std::string> rcpts;
  std::optional<int64_t> at;  // seconds since 1970
  bool json = false;
  std::vector<std::string> inputs;
};

/// `postern bulk`: what is asked of the running gateway about clusters of alike messages.
struct BulkOptions {
  enum class What { List, Show, Allow } what = What::List;
  std::string config;
  std::string cluster;               // as it was typed; for Show and Allow
  std::optional<uint64_t> at_least;  // List: messages; without it those that reached [bulk] limit
  bool undo = false;                 // Allow
  bool json = false;
};

struct ExplainOptions {
  std::string config;
  std::string id;  // as it was typed
  bool json = false;
};

struct ReplayOptions {
  std::string config;   // what is in force
  std::string against;  // what would take its place: a postern.toml, a directory of rules, or a local.lua; empty: none
  std::vector<std::string> ham;      // files and directories, as `scan` takes them;
  std::vector<std::string> spam;     // neither: the journal
  std::optional<std::string> since;  // of the journal, "24h"
  std::string state;                 // a file that an interrupted run goes on from; empty: none
  unsigned jobs = 0;                 // 0: one a core
  bool json = false;
};

struct LearnOptions {
  std::string config;
  std::vector<std::string> ham;
  std::vector<std::string> spam;
  bool forget = false;  // what was learned of these messages
  bool fresh = false;   // also where the model in force was made of far more, which is lost
};

struct TuneOptions {
  std::string config;
  std::vector<std::string> ham;  // each is reported on for itself
  std::vector<std::string> spam;
  std::string output = "local.lua.proposed";  // never one that exists
  bool alone = false;                         // a single content rule may refuse
  unsigned jobs = 0;
};

int serve(const std::string& config_file);
/// `live`: asks the network too, see live.h.
int check(const std::string& config_file, bool live);
int scan(const ScanOptions& options);
int rules(const std::string& config_file, bool json);
int lists(const std::string& config_file, bool json);
int bulk(const BulkOptions& options);
int explain(const ExplainOptions& options);
int replay(const ReplayOptions& options);
int learn(const LearnOptions& options);
int tune(const TuneOptions& options);
int version();

/// Configuration and rules as `serve` would use them.
struct Loaded {
  ops::ConfigPtr config;
  rules::RuleSetPtr rules;
};
/// Every problem, one a line: "FILE:LINE: reason".
using Problems = std::vector<std::string>;
enum class Examples { Skip, Run };
/// Who serves keeps what was compiled for the next start; whoever else looks at the rules, perhaps as another user,
/// only reads it. KeepOwn: kept where the gateway runs as this user, which is whose the directory is.
enum class PatternCache { Read, Keep, KeepOwn };
/// Any thread.
[[nodiscard]] tl::expected<Loaded, Problems> load(const std::string& config_file, Examples examples,
                                                  PatternCache cache = PatternCache::Read);
/// The same; problems go to stderr.
[[nodiscard]] std::optional<Loaded> load_or_complain(const std::string& config_file, Examples examples,
                                                     PatternCache cache = PatternCache::Read);

}  // namespace postern::cli
