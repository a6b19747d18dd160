// bulk_campaign: measures filters/bulk on mails of the corpora and beside other methods. See README.md beside it.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "tests/bench/campaign/corpus.h"
#include "tests/bench/campaign/joined.h"
#include "tests/bench/campaign/recall.h"
#include "tests/bench/campaign/stream.h"

namespace postern::campaign {
namespace {

constexpr std::string_view kUsage =
    "usage: bulk_campaign --corpora FOLDER [--recall] [--joined [--all]] [--ours] [--campaigns N] [--copies N]\n"
    "       bulk_campaign --stream MESSAGES [--memory SIZE] [--days N]\n";

struct Options {
  std::string corpora;
  bool recall = false;
  bool joined = false;
  bool all = false;
  bool stream = false;
  RecallOptions recall_options;
  StreamOptions stream_options;
};

// "256MiB", "1GiB", "10000000".
std::optional<uint64_t> number(std::string_view text) {
  uint64_t unit = 1;
  if (text.ends_with("MiB")) unit = 1U << 20U;
  if (text.ends_with("GiB")) unit = 1U << 30U;
  if (unit > 1) text.remove_suffix(3);
  uint64_t value = 0;
  if (text.empty() || text.size() > 12) return std::nullopt;
  for (char c : text) {
    if (!ascii_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value * unit;
}

bool set_flag(Options& options, std::string_view name) {
  if (name == "--recall") return options.recall = true;
  if (name == "--joined") return options.joined = true;
  if (name == "--all") return options.all = true;
  if (name == "--ours") return options.recall_options.ours_alone = true;
  return false;
}

bool set_value(Options& options, std::string_view name, std::string_view text) {
  if (name == "--corpora") {
    options.corpora = text;
    return true;
  }
  const std::optional<uint64_t> value = number(text);
  if (!value || *value == 0) return false;
  struct Row {
    std::string_view name;
    uint64_t* to;
  };
  const std::array<Row, 5> rows{{{"--campaigns", &options.recall_options.campaigns},
                                 {"--copies", &options.recall_options.copies},
                                 {"--stream", &options.stream_options.messages},
                                 {"--memory", &options.stream_options.memory},
                                 {"--days", &options.stream_options.days}}};
  const auto* row = std::find_if(rows.begin(), rows.end(), [&](const Row& known) { return known.name == name; });
  if (row == rows.end()) return false;
  *row->to = *value;
  options.stream = options.stream || name == "--stream";
  return true;
}

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  for (int at = 1; at < argc; ++at) {
    if (set_flag(options, argv[at])) continue;
    if (at + 1 >= argc || !set_value(options, argv[at], argv[at + 1])) return std::nullopt;
    ++at;
  }
  if (options.corpora.empty() && !options.stream) return std::nullopt;
  return options;
}

int run(const Options& options) {
  if (options.stream) print_stream(options.stream_options);
  if (options.corpora.empty()) return EXIT_SUCCESS;
  const std::vector<Mail> mails = load(options.corpora);
  if (mails.empty()) {
    fmt::print(stderr, "no *.eml in {}\n", options.corpora);
    return EXIT_FAILURE;
  }
  if (options.recall || !options.joined) print_recall(mails, options.recall_options);
  if (options.joined || !options.recall) print_joined(mails, options.recall_options.ours_alone, options.all);
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace postern::campaign

int main(int argc, char** argv) {
  static_cast<void>(std::setvbuf(stdout, nullptr, _IOLBF, 0));  // tables grow while it works
  const auto options = postern::campaign::parse(argc, argv);
  if (!options) {
    fmt::print(stderr, "{}", postern::campaign::kUsage);
    return EXIT_FAILURE;
  }
  return postern::campaign::run(*options);
}
