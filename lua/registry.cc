#include "lua/registry.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

namespace postern::rules {

namespace {

// Reading files is no work for the mail path, but a file must not hold up a start or a reload for ever.
constexpr std::chrono::nanoseconds kFileCpu = std::chrono::seconds(2);

bool all_of(std::string_view text, bool (*good)(char)) {
  return std::all_of(text.begin(), text.end(), good);
}

}  // namespace

bool is_rule_name(std::string_view name) {
  if (name == "AND" || name == "OR" || name == "NOT") return false;  // words of expressions
  return !name.empty() && name.size() <= 64 && name[0] >= 'A' && name[0] <= 'Z' &&
         all_of(name, [](char c) { return (c >= 'A' && c <= 'Z') || ascii_digit(c) || c == '_'; });
}

bool is_group_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         all_of(name, [](char c) { return ascii_alnum(c) || c == '_' || c == '-'; });
}

bool is_score(double score) {
  return std::isfinite(score) && std::fabs(score) <= 1000;
}

std::string one_line(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size() && out.size() < 500;) {
    size_t length = utf8_sequence(text, i);
    bool good = length != 0 && static_cast<unsigned char>(text[i]) >= 0x20 && text[i] != 0x7f;
    out.append(good ? text.substr(i, length) : std::string_view(text[i] == '\n' ? " " : "?"));
    i += length == 0 ? 1 : length;
  }
  return out;
}

std::string_view basename(std::string_view path) {
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::pair<int, std::string> split_position(std::string_view message, std::string_view chunk_name) {
  std::string_view rest = message;
  if (rest.substr(0, chunk_name.size()) != chunk_name) return {0, std::string(message)};
  rest.remove_prefix(chunk_name.size());
  if (rest.empty() || rest[0] != ':') return {0, std::string(message)};
  rest.remove_prefix(1);
  int line = 0;
  size_t digits = 0;
  while (digits < rest.size() && digits < 8 && ascii_digit(rest[digits])) line = line * 10 + (rest[digits++] - '0');
  if (digits == 0 || rest.substr(digits, 2) != ": ") return {0, std::string(message)};
  return {line, std::string(rest.substr(digits + 2))};
}

int Definition::line_of(std::string_view field) const {
  int line = outline == nullptr ? 0 : rules::line_of(*outline, field);
  return line > 0 ? line : info.line;
}

int Definition::line_of_example(size_t number) const {
  int line = outline == nullptr ? 0 : rules::line_of_example(*outline, number);
  return line > 0 ? line : info.line;
}

void Registry::begin_file(const std::string& file, const Outline* outline) {
  file_ = file;
  outline_ = outline;
}

void Registry::file_failed() {
  incomplete_ = true;
  for (Call& call : calls_) {
    if (call.file == file_) call.closed = true;  // its table may be what failed
  }
  if (outline_ == nullptr) return;
  for (const RuleOutline& rule : outline_->rules) left_out_.insert(rule.name);
}

const RuleOutline* Registry::outline(std::string_view name, int line) const {
  if (outline_ == nullptr) return nullptr;
  const RuleOutline* best = nullptr;
  for (const RuleOutline& rule : outline_->rules) {
    if (rule.name == name && rule.line <= line && line <= rule.last_line) best = &rule;
  }
  return best;
}

void Registry::use_map(const std::string& name, Map::Kind kind, int line) {
  if (used_maps_.size() < kMaxRules) used_maps_.push_back({name, kind, file_, line});
}

void Registry::problem_at(const std::string& file, int line, std::string text) {
  if (problems_.size() < kMaxProblems) problems_.push_back({file, line, std::move(text)});
}

void Registry::problem(int line, std::string text) {
  problem_at(file_, line, std::move(text));
}

size_t Registry::open_call(std::string what, std::string name, int line) {
  calls_.push_back({std::move(what), std::move(name), file_, line, false});
  return calls_.size() - 1;
}

void Registry::close_call(size_t ticket) {
  if (ticket < calls_.size()) calls_[ticket].closed = true;
}

void Registry::add(Definition rule) {
  const auto& info = rule.info;
  auto known = by_name_.find(info.name);
  if (known != by_name_.end()) {
    const RuleInfo& first = rules_[known->second].info;
    problem(info.line, fmt::format("rule {} is already declared at {}:{}", info.name, first.file, first.line));
    return;
  }
  if (rules_.size() >= kMaxRules) {
    problem(info.line, fmt::format("there are more than {} rules", kMaxRules));
    return;
  }
  by_name_.emplace(info.name, rules_.size());
  rules_.push_back(std::move(rule));
}

void Registry::set_group(const std::string& name, double cap, int line) {
  auto known = group_places_.find(name);
  if (known != group_places_.end() && basename(file_) != "local.lua") {
    return problem(line, fmt::format("group '{}' is already declared at {}:{} (only local.lua may change it)", name,
                                     known->second.first, known->second.second));
  }
  group_caps_[name] = cap;
  group_places_[name] = {file_, line};
}

void Registry::set_score(const std::string& name, double score, int line) {
  overrides_.push_back({name, score, file_, line});
}

void Registry::disable(const std::string& name, int line) {
  overrides_.push_back({name, std::nullopt, file_, line});
}

// A group without a cap may be meant to have none. But one that a single rule has, and that is spelt nearly as one that
// is declared, is taken for that one: its rule would escape the cap.
std::set<std::string> Registry::find_misspelt_groups() {
  constexpr size_t kShortest = 4;  // of names that are no mere letters and numbers
  std::map<std::string, std::vector<const Definition*>> members;
  for (const Definition& rule : rules_) members[rule.info.group].push_back(&rule);
  std::vector<std::string> declared;
  for (const auto& [name, place] : group_places_) {
    // What local.lua says of a group that nobody is in is a mistake there.
    if (members.count(name) != 0 || basename(place.first) != "local.lua") declared.push_back(name);
  }
  std::set<std::string> meant;
  for (const auto& [name, rules] : members) {
    if (name.size() < kShortest || rules.size() > 1 || group_places_.count(name) != 0) continue;
    std::string best = nearest(name, declared);
    if (best.empty()) continue;
    meant.insert(best);
    const Definition& rule = *rules.front();
    problem_at(rule.info.file, rule.line_of("group"),
               fmt::format("rule {}: there is no group '{}' (did you mean '{}'?)", rule.info.name, name, best));
  }
  return meant;
}

void Registry::finish() {
  for (const Call& call : calls_) {
    if (call.closed) continue;
    problem_at(call.file, call.line,
               call.what == "rule" ? fmt::format("rule \"{0}\" has no table: rule \"{0}\" {{ ... }}", call.name)
                                   : fmt::format("score \"{0}\" has no number: score \"{0}\" (4.0)", call.name));
  }
  std::vector<std::string> names;
  std::set<std::string> groups;
  for (const Definition& rule : rules_) {
    names.push_back(rule.info.name);
    groups.insert(rule.info.group);
  }
  groups.erase("");
  std::set<std::string> mistaken = find_misspelt_groups();
  for (const Override& change : overrides_) {
    if (by_name_.count(change.name) != 0 || left_out_.count(change.name) != 0) continue;
    problem_at(change.file, change.line,
               fmt::format("{}: there is no rule {}{}", change.score ? "score" : "disable",
                           escape_for_log(change.name, 64), did_you_mean(change.name, names)));
  }
  for (const auto& [group, place] : group_places_) {
    if (incomplete_ || groups.count(group) != 0 || mistaken.count(group) != 0) continue;
    problem_at(place.first, place.second,
               fmt::format("group: no rule is in group '{}'{}", group, did_you_mean(group, groups)));
  }
  // Lua walks tables in no order that people know.
  sort_problems(problems_);
}

void Registry::apply_to(std::vector<RuleInfo>& rules) const {
  for (const Override& change : overrides_) {
    auto found = by_name_.find(change.name);
    if (found == by_name_.end() || found->second >= rules.size()) continue;
    RuleInfo& rule = rules[found->second];
    rule.disabled = !change.score;
    if (change.score) rule.score = *change.score;
  }
}

void read_files(State& state, Registry& registry, const std::vector<RuleSet::File>& files,
                const std::vector<Outline>* outlines) {
  state.registry = &registry;
  for (size_t i = 0; i < files.size(); ++i) {
    registry.begin_file(files[i].name, outlines == nullptr ? nullptr : &(*outlines)[i]);
    std::string chunk_name(basename(files[i].name));
    CallResult result = state.run_file(chunk_name, files[i].text, kFileCpu);
    if (result.failure == Failure::None) continue;
    auto [line, text] = split_position(result.message, chunk_name);
    registry.problem(line, one_line(text));
    registry.file_failed();
    if (result.failure == Failure::Memory) break;
  }
  registry.finish();
  state.registry = nullptr;
  state.collect();
}

}  // namespace postern::rules
