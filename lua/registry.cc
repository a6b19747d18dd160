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

template <class Outlines>
auto find_outline(const Outlines& outlines, std::string_view name, int line) -> const typename Outlines::value_type* {
  const typename Outlines::value_type* best = nullptr;
  for (const auto& each : outlines) {
    if (each.name == name && each.line <= line && line <= each.last_line) best = &each;
  }
  return best;
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
  if (list != nullptr) {
    // What an answer does not say itself is the list's.
    auto own = list->places.find(fmt::format("{}/{}", place, field));
    auto common = list->places.find(std::string(field));
    line = own != list->places.end()      ? own->second
           : common != list->places.end() ? common->second
                                          : rules::line_of(*list, place);
  }
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
  for (const TableOutline& list : outline_->lists) left_out_lists_.insert(list.name);
}

const RuleOutline* Registry::outline(std::string_view name, int line) const {
  return outline_ == nullptr ? nullptr : find_outline(outline_->rules, name, line);
}

const TableOutline* Registry::list_outline(std::string_view name, int line) const {
  return outline_ == nullptr ? nullptr : find_outline(outline_->lists, name, line);
}

const TableOutline* Registry::enable_outline(std::string_view name, int line) const {
  return outline_ == nullptr ? nullptr : find_outline(outline_->enables, name, line);
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
  auto list = list_by_name_.find(info.name);
  if (list != list_by_name_.end()) {
    const Place& place = list_places_[list->second];
    problem(info.line,
            fmt::format("rule {}: there is a list of this name at {}:{}", info.name, place.file, place.line));
    return;
  }
  if (rules_.size() >= kMaxRules) {
    problem(info.line, fmt::format("there are more than {} rules", kMaxRules));
    return;
  }
  by_name_.emplace(info.name, rules_.size());
  rules_.push_back(std::move(rule));
}

void Registry::add_list(lists::List list, std::vector<Definition> answers, int line) {
  auto known = list_by_name_.find(list.name);
  if (known != list_by_name_.end()) {
    const Place& first = list_places_[known->second];
    return problem(line, fmt::format("list {0} is already declared at {1}:{2} (enable \"{0}\" {{ zone = \"...\" }} "
                                     "changes its zone)",
                                     list.name, first.file, first.line));
  }
  auto rule = by_name_.find(list.name);
  if (rule != by_name_.end()) {
    const RuleInfo& first = rules_[rule->second].info;
    return problem(line,
                   fmt::format("list {}: there is a rule of this name at {}:{}", list.name, first.file, first.line));
  }
  if (lists_.size() >= kMaxLists) return problem(line, fmt::format("there are more than {} lists", kMaxLists));
  list_by_name_.emplace(list.name, lists_.size());
  list_places_.push_back({file_, line});
  for (size_t i = 0; i < answers.size(); ++i) {
    answers[i].info.list = lists_.size();
    answers[i].info.answer = i;
    add(std::move(answers[i]));
  }
  lists_.push_back(std::move(list));
}

void Registry::set_group(const std::string& name, double max,
                         std::optional<std::map<std::string, double, std::less<>>> dampers, int line) {
  auto known = group_places_.find(name);
  if (known != group_places_.end() && basename(file_) != "local.lua") {
    return problem(line, fmt::format("group '{}' is already declared at {}:{} (only local.lua may change it)", name,
                                     known->second.first, known->second.second));
  }
  Group& group = groups_[name];
  group.max = max;
  group.file = file_;
  group.line = line;
  if (dampers) group.dampers = std::move(*dampers);
  group_places_[name] = {file_, line};
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
