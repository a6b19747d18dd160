#include "lua/rules.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <system_error>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <xxhash.h>

#include "filters/base/bytes.h"
#include "lua/definition.h"
#include "lua/expression.h"
#include "lua/isolation.h"
#include "lua/patterns.h"
#include "lua/plan.h"
#include "lua/reads.h"
#include "lua/registry.h"
#include "lua/sandbox.h"
#include "lua/source.h"
#include "lua/source_check.h"

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

bool is_local(const std::filesystem::path& path) {
  return path.filename() == "local.lua";
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
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) {
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

constexpr size_t kNoPattern = static_cast<size_t>(-1);

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

void sort_problems(std::vector<Problem>& problems) {
  auto place = [](const Problem& each) { return std::tie(each.file, each.line, each.text); };
  std::stable_sort(problems.begin(), problems.end(),
                   [&place](const Problem& a, const Problem& b) { return place(a) < place(b); });
  problems.erase(std::unique(problems.begin(), problems.end(),
                             [&place](const Problem& a, const Problem& b) { return place(a) == place(b); }),
                 problems.end());
}

std::string Problem::to_string() const {
  return line > 0 ? fmt::format("{}:{}: {}", file, line, text) : fmt::format("{}: {}", file, text);
}

tl::expected<RuleSetPtr, std::vector<Problem>> RuleSet::load(const std::string& directory, Options options) {
  std::error_code error;
  std::vector<std::filesystem::path> paths = rule_files(directory, error);
  if (error) {
    return tl::unexpected(
        std::vector<Problem>{{directory, 0, fmt::format("cannot read the rule directory: {}", error.message())}});
  }
  if (paths.size() > kMaxFiles) {
    return tl::unexpected(std::vector<Problem>{{directory, 0, fmt::format("more than {} rule files", kMaxFiles)}});
  }
  // What stands for local.lua is read as if it had that name: only there may a file change what others declare.
  std::string local = options.local.empty() ? std::string() : (std::filesystem::path(directory) / "local.lua").string();
  if (!local.empty() && (paths.empty() || !is_local(paths.back()))) paths.emplace_back(local);
  std::vector<File> files;
  std::vector<Problem> problems;
  for (const auto& path : paths) {
    std::string from = path.string() == local ? options.local : path.string();
    auto text = read_text(from);
    if (!text) {
      problems.push_back({from, 0, "cannot read the file"});
    } else if (text->size() > kMaxFileSize) {
      problems.push_back({from, 0, fmt::format("the file has more than {} bytes", kMaxFileSize)});
    } else {
      files.push_back({path.string(), std::move(*text)});
    }
  }
  // The other files' mistakes are shown too; a set with a file missing is refused whatever they say.
  options.directory = directory;
  auto rules = from_texts(std::move(files), options);
  if (!rules) problems.insert(problems.end(), rules.error().begin(), rules.error().end());
  if (problems.empty()) return rules;
  for (Problem& problem : problems) {
    if (!local.empty() && problem.file == local) problem.file = options.local;
  }
  return tl::unexpected(std::move(problems));
}

// ---------------------------------------------------------------- building

/// What lies between texts and a set: each step adds to the set and to the problems.
struct RuleSet::Building {
  RuleSet& set;
  std::vector<Outline> outlines;
  Registry registry{false};
  std::vector<Problem> problems;
  lists::Lists lists;

  void read();
  void plan();
  void find_needed_lists();
  void define();
  void add_maps();
  void compile(const Options& options);
  [[nodiscard]] int line_of_name(const Definition& rule, const std::string& name) const;
  void add_map(const std::string& name, Map::Kind kind, const std::string& file, int line);
};

void RuleSet::Building::read() {
  outlines.reserve(set.files_.size());
  for (const File& file : set.files_) {
    outlines.push_back(outline_of(file.text));
    add_assigned_names(file.text, set.assigned_);
  }
  {
    State state(set.limits_.memory / 2);
    read_files(state, registry, set.files_, &outlines);
  }
  problems = registry.problems();
  for (const Definition& rule : registry.rules()) set.rules_.push_back(rule.info);
  lists = registry.lists();
  registry.apply_to(set.rules_, lists);
  set.groups_ = registry.groups();
}

// A list may go over several lines.
int RuleSet::Building::line_of_name(const Definition& rule, const std::string& name) const {
  int line = rule.line_of(rule.condition);
  auto same = [&rule](const File& file) { return file.name == rule.info.file; };
  auto file = std::find_if(set.files_.begin(), set.files_.end(), same);
  if (rule.outline == nullptr || file == set.files_.end()) return line;
  int found = find_text(file->text, name, line, rule.outline->last_line);
  return found > 0 ? found : line;
}

void RuleSet::Building::plan() {
  std::vector<Asks> asks;
  for (const Definition& rule : registry.rules()) {
    Asks& ask = asks.emplace_back();
    if (rule.expression) {
      for (const std::string& name : rule.expression->names()) ask.names.push_back({name, line_of_name(rule, name)});
    }
    if (rule.outline != nullptr) {
      for (const Literal& hit : rule.outline->hits) ask.names.push_back({hit.text, hit.line});
    }
    for (const std::string& name : rule.repeated) {
      set.notes_.push_back(fmt::format("{}:{}: rule {}: '{}' names {} more than once: it counts once", rule.info.file,
                                       line_of_name(rule, name), rule.info.name, rule.condition,
                                       escape_for_log(name, 64)));
    }
    set.expression_.push_back(rule.expression ? std::make_shared<const Expression>(*rule.expression) : nullptr);
  }
  std::vector<Problem> found;
  set.plan_ = std::make_unique<const Plan>(make_plan(set.rules_, asks, found, lists));
  // A list that is not found may be in a file that could not be read.
  std::vector<Problem> reads = check_source(set.files_, outlines, set.rules_, registry.incomplete() ? nullptr : &lists);
  // What a file that could not be read to its end would have declared is not known.
  if (!registry.incomplete()) problems.insert(problems.end(), found.begin(), found.end());
  problems.insert(problems.end(), reads.begin(), reads.end());
}

// A list that only rules which are disabled speak of need not be asked.
void RuleSet::Building::find_needed_lists() {
  set.reads_ = reads_of(set.files_, outlines, set.rules_);
  std::vector<bool> needed(lists.size(), false);
  for (size_t i = 0; i < set.rules_.size(); ++i) {
    const RuleInfo& info = set.rules_[i];
    if (info.disabled) continue;
    if (info.kind == RuleInfo::Kind::List) needed[info.list] = true;
    if (info.kind != RuleInfo::Kind::When || set.reads_[i].empty()) continue;
    for (size_t list = 0; list < lists.size(); ++list) {
      if (reads_list(set.reads_[i], lists[list].name)) needed[list] = true;
    }
  }
  for (size_t list = 0; list < lists.size(); ++list) lists[list].enabled = lists[list].enabled && needed[list];
  set.lists_ = std::make_shared<const lists::Lists>(std::move(lists));
}

void RuleSet::Building::define() {
  Conditions conditions = conditions_of(
      {set.files_, outlines, set.rules_, registry.rules(), *set.lists_, *set.plan_, set.reads_, set.version_});
  for (size_t i = 0; i < set.rules_.size(); ++i) set.rules_[i].definition = conditions.definitions[i];
  set.all_reads_ = std::move(conditions.reads);
}

void RuleSet::Building::add_map(const std::string& name, Map::Kind kind, const std::string& file, int line) {
  if (set.maps_->find(name, kind)) return;
  for (const std::string& problem : set.maps_->add(name, kind)) {
    // "FILE:LINE: reason" is a place of its own; "FILE: reason" is a mistake of whoever named the file.
    size_t colon = problem.find(": ");
    std::string_view place = std::string_view(problem).substr(0, colon);
    size_t number = place.rfind(':');
    auto [at, reason] = split_position(problem, place.substr(0, number));
    if (number != std::string_view::npos && at > 0) {
      problems.push_back({std::string(place.substr(0, number)), at, std::move(reason)});
    } else {
      problems.push_back({file, line, fmt::format("map(\"{}\"): {}", escape_for_log(name, 100), problem)});
    }
  }
}

void RuleSet::Building::add_maps() {
  for (const Registry::UsedMap& used : registry.used_maps()) add_map(used.name, used.kind, used.file, used.line);
  for (size_t i = 0; i < outlines.size(); ++i) {
    for (size_t j = 0; j < outlines[i].maps.size(); ++j) {
      auto kind = outlines[i].map_kinds[j].empty() ? Map::Kind::Auto : Map::parse_kind(outlines[i].map_kinds[j]);
      const Literal& map = outlines[i].maps[j];
      if (kind) add_map(map.text, *kind, set.files_[i].name, map.line);
    }
  }
}

void RuleSet::Building::compile(const Options& options) {
  std::vector<Pattern> patterns;
  std::vector<const Definition*> owners;
  for (const Definition& rule : registry.rules()) {
    set.pattern_of_.push_back(rule.pattern ? patterns.size() : kNoPattern);
    if (!rule.pattern) continue;
    patterns.push_back(*rule.pattern);
    owners.push_back(&rule);
  }
  if (patterns.empty()) return;
  auto compiled = PatternSet::compile(std::move(patterns),
                                      {problems.empty() ? options.pattern_cache : "", options.write_cache}, set.notes_);
  if (compiled) {
    set.patterns_ = *compiled;
    for (auto [pattern, octets] : set.patterns_->searched_alone()) {
      const RuleInfo& info = owners[pattern]->info;
      set.notes_.push_back(
          fmt::format("{}:{}: rule {}: its expression is searched on its own, in the first {} octets of "
                      "a text",
                      info.file, owners[pattern]->line_of(owners[pattern]->condition), info.name, octets));
    }
    return;
  }
  for (const auto& refusal : compiled.error()) {
    const Definition& owner = *owners[refusal.pattern];
    problems.push_back({owner.info.file, owner.line_of(owner.condition),
                        fmt::format("rule {}: '{}': {}", owner.info.name, owner.condition, refusal.reason)});
  }
}

RuleSet::RuleSet()
    : maps_(std::make_shared<Maps>("")),
      plan_(std::make_unique<const Plan>()),
      lists_(std::make_shared<const lists::Lists>()) {}
RuleSet::~RuleSet() = default;

tl::expected<RuleSetPtr, std::vector<Problem>> RuleSet::from_texts(std::vector<File> files, const Options& options) {
  std::shared_ptr<RuleSet> set(new RuleSet());
  set->files_ = std::move(files);
  set->limits_ = options.limits;
  set->version_ = hash_of(set->files_);
  set->maps_ = std::make_shared<Maps>(options.directory);
  Building building{*set, {}, Registry(false), {}, {}};
  try {
    building.read();
  } catch (const std::bad_alloc&) {
    return tl::unexpected(std::vector<Problem>{{"rules", 0, "out of memory"}});
  }
  building.plan();
  building.find_needed_lists();
  building.define();
  building.add_maps();
  building.compile(options);
  if (building.problems.empty()) return set;
  sort_problems(building.problems);
  return tl::unexpected(std::move(building.problems));
}

RuleSetPtr RuleSet::empty() {
  static const RuleSetPtr none = [] {
    std::shared_ptr<RuleSet> set(new RuleSet());
    set->version_ = hash_of({});
    return set;
  }();
  return none;
}

}  // namespace postern::rules
