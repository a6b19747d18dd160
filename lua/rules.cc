#include "lua/rules.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <xxhash.h>

#include "lua/registry.h"
#include "lua/sandbox.h"

namespace postern::rules {

namespace {

constexpr size_t kMaxFiles = 1000;
constexpr size_t kMaxFileSize = 4U << 20U;  // bytes

constexpr std::array<std::pair<Stage, std::string_view>, 5> kStages = {{{Stage::Connect, "connect"},
                                                                        {Stage::Helo, "helo"},
                                                                        {Stage::Mail, "mail"},
                                                                        {Stage::Rcpt, "rcpt"},
                                                                        {Stage::Message, "message"}}};

// Sizes go in too, so that moving a line from one file to the next is another set.
std::string hash_of(const std::vector<RuleSet::File>& files) {
  std::string all;
  for (const auto& file : files) {
    std::string_view name = basename(file.name);
    all += fmt::format("{}:{}:{}:", name.size(), name, file.text.size());
    all += file.text;
  }
  return fmt::format("{:016x}", XXH3_64bits(all.data(), all.size())).substr(0, 12);
}

std::vector<std::filesystem::path> rule_files(const std::string& directory, std::error_code& error) {
  std::vector<std::filesystem::path> files;
  std::filesystem::directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (name[0] != '.' && entry->path().extension() == ".lua" && !entry->is_directory(ignored)) {
      files.push_back(entry->path());
    }
  }
  auto is_local = [](const std::filesystem::path& path) { return path.filename() == "local.lua"; };
  std::sort(files.begin(), files.end(), [&is_local](const auto& a, const auto& b) {
    bool local_a = is_local(a);
    return local_a != is_local(b) ? !local_a : a.filename().string() < b.filename().string();
  });
  return files;
}

// At most one byte more than a rule file may have.
std::optional<std::string> read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string text(kMaxFileSize + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (in.fail() && !in.eof())) return std::nullopt;
  text.resize(static_cast<size_t>(in.gcount()));
  return text;
}

}  // namespace

std::string_view to_string(Stage stage) {
  for (const auto& row : kStages) {
    if (row.first == stage) return row.second;
  }
  return "message";
}

std::optional<Stage> parse_stage(std::string_view name) {
  for (const auto& row : kStages) {
    if (row.second == name) return row.first;
  }
  return std::nullopt;
}

std::string Problem::to_string() const {
  return line > 0 ? fmt::format("{}:{}: {}", file, line, text) : fmt::format("{}: {}", file, text);
}

tl::expected<RuleSetPtr, std::vector<Problem>> RuleSet::load(const std::string& directory, const Limits& limits) {
  std::error_code error;
  std::vector<std::filesystem::path> paths = rule_files(directory, error);
  if (error) {
    return tl::unexpected(
        std::vector<Problem>{{directory, 0, fmt::format("cannot read the rule directory: {}", error.message())}});
  }
  if (paths.size() > kMaxFiles) {
    return tl::unexpected(std::vector<Problem>{{directory, 0, fmt::format("more than {} rule files", kMaxFiles)}});
  }
  std::vector<File> files;
  std::vector<Problem> problems;
  for (const auto& path : paths) {
    auto text = read_text(path);
    if (!text) {
      problems.push_back({path.string(), 0, "cannot read the file"});
    } else if (text->size() > kMaxFileSize) {
      problems.push_back({path.string(), 0, fmt::format("the file has more than {} bytes", kMaxFileSize)});
    } else {
      files.push_back({path.string(), std::move(*text)});
    }
  }
  // The other files' mistakes are shown too; a set with a file missing is refused whatever they say.
  auto rules = from_texts(std::move(files), limits);
  if (!rules) problems.insert(problems.end(), rules.error().begin(), rules.error().end());
  if (!problems.empty()) return tl::unexpected(std::move(problems));
  return rules;
}

tl::expected<RuleSetPtr, std::vector<Problem>> RuleSet::from_texts(std::vector<File> files, const Limits& limits) {
  auto set = std::make_shared<RuleSet>();
  set->files_ = std::move(files);
  set->limits_ = limits;
  set->version_ = hash_of(set->files_);
  Registry registry(false);
  try {
    State state(limits.memory / 2);
    read_files(state, registry, set->files_);
  } catch (const std::bad_alloc&) {
    return tl::unexpected(std::vector<Problem>{{"rules", 0, "out of memory"}});
  }
  if (!registry.problems().empty()) return tl::unexpected(registry.problems());
  for (const Definition& rule : registry.rules()) set->rules_.push_back(rule.info);
  registry.apply_to(set->rules_);
  set->group_caps_ = registry.group_caps();
  return set;
}

RuleSetPtr RuleSet::empty() {
  static const RuleSetPtr none = [] {
    auto set = std::make_shared<RuleSet>();
    set->version_ = hash_of({});
    return set;
  }();
  return none;
}

}  // namespace postern::rules
