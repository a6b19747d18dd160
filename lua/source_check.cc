#include "lua/source_check.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "lua/api.h"
#include "lua/regex_cache.h"
#include "lua/registry.h"

namespace postern::rules {

namespace {

// The rows of these give a function at every stage; it is the call that needs the message.
struct Method {
  std::string_view name;
  Stage since;
};
constexpr std::array<Method, 2> kMethods = {{{"header", Stage::Message}, {"match", Stage::Message}}};

// "mail.dkim[...]": what the elements of an array have.
bool is_element(const ViewTable& table) {
  return !table.path.empty() && table.path.back() == ']';
}

const ViewRow* find_row(const ViewTable& table, std::string_view name) {
  const ViewRow* end = table.rows + table.count;
  const ViewRow* row = std::find_if(table.rows, end, [name](const ViewRow& each) { return each.name == name; });
  return row == end ? nullptr : row;
}

std::string no_field(const ViewTable& table, std::string_view name) {
  std::vector<std::string_view> known;
  known.reserve(table.count);
  for (size_t i = 0; i < table.count; ++i) known.push_back(table.rows[i].name);
  return fmt::format("{} has no field '{}'{}", table.path, escape_for_log(name, 60), did_you_mean(name, known));
}

std::string not_yet(const RuleInfo& rule, std::string_view what, Stage since) {
  return fmt::format("rule {}: {} is known from stage \"{}\" on; this rule runs at stage \"{}\"", rule.name, what,
                     to_string(since), to_string(rule.stage));
}

class Check {
 public:
  Check(const ViewTable& root, const lists::Lists* lists, std::vector<Problem>& problems)
      : root_(root), lists_(lists), problems_(problems) {}
  void begin_file(const std::string& name) { file_ = name; }
  void rule(const RuleInfo& info, const RuleOutline& outline);
  void names(const Outline& outline);
  /// Adds what was found in this file.
  void end_file();

 private:
  [[nodiscard]] std::optional<std::string> mistake(const RuleInfo& info, const FactRead& read) const;
  [[nodiscard]] std::optional<std::string> mistake_of_list(const RuleInfo& info, const FactRead& read) const;
  [[nodiscard]] static std::optional<std::string> mistake_of_call(const RuleInfo& info, const FactRead& read);
  void expression(const Literal& literal);

  const ViewTable& root_;
  const lists::Lists* lists_;
  std::vector<Problem>& problems_;
  std::string file_;
  std::set<std::pair<int, std::string>> found_;
  std::map<std::string, std::string, std::less<>> expressions_;  // -> what is wrong with it, or ""
  std::map<std::string, std::string, std::less<>> names_;        // the same of global variables
  RegexCache regexes_;
};

// The path is walked from `mail` down, as far as the tables know it.
std::optional<std::string> Check::mistake(const RuleInfo& info, const FactRead& read) const {
  const ViewTable* table = &root_;
  bool in_array = false;  // `table` is that of an array's elements, of which none has been taken
  std::string array;
  for (const std::string& step : read.path) {
    if (step == "[]") {
      // A computed index: which element it is makes no difference, which field it is does.
      if (!in_array) return std::nullopt;
      in_array = false;
      continue;
    }
    if (in_array) return fmt::format("{0} is an array: {0}[1], #{0}, ipairs({0})", array);
    const ViewRow* row = find_row(*table, step);
    if (row == nullptr) return no_field(*table, step);
    std::string name = fmt::format("{}.{}", table->path, row->name);
    if (row->push == nullptr) return fmt::format("{} is not available in this version", name);
    if (info.stage < row->since) return not_yet(info, name, row->since);
    if (row->fields == nullptr) break;
    table = row->fields;
    in_array = is_element(*table);
    array = std::move(name);
  }
  if (read.call) return mistake_of_call(info, read);
  return read.path.size() >= 2 && read.path[0] == "lists" ? mistake_of_list(info, read) : std::nullopt;
}

// mail.lists.NAME.FIELD: the names are those that rule files declare.
std::optional<std::string> Check::mistake_of_list(const RuleInfo& info, const FactRead& read) const {
  const std::string& name = read.path[1];
  if (lists_ == nullptr || name == "[]") return std::nullopt;
  auto same = [&name](const lists::List& each) { return each.name == name; };
  auto list = std::find_if(lists_->begin(), lists_->end(), same);
  if (list == lists_->end()) {
    std::vector<std::string_view> known;
    known.reserve(lists_->size());
    for (const lists::List& each : *lists_) known.push_back(each.name);
    return fmt::format("mail.lists: there is no list {}{}", escape_for_log(name, 64), did_you_mean(name, known));
  }
  if (info.stage < known_from(list->of)) return not_yet(info, "mail.lists." + name, known_from(list->of));
  constexpr std::array<std::string_view, 3> kFields = {"answers", "names", "subjects"};
  if (read.path.size() < 3 || read.path[2] == "[]") return std::nullopt;
  const std::string& field = read.path[2];
  if (std::find(kFields.begin(), kFields.end(), field) != kFields.end()) return std::nullopt;
  return fmt::format("mail.lists.{} has no field '{}'{}", name, escape_for_log(field, 60),
                     did_you_mean(field, kFields));
}

std::optional<std::string> Check::mistake_of_call(const RuleInfo& info, const FactRead& read) {
  for (const Method& method : kMethods) {
    if (read.path.size() != 1 || method.name != read.path[0] || info.stage >= method.since) continue;
    return not_yet(info, fmt::format("mail:{}", method.name), method.since);
  }
  return std::nullopt;
}

void Check::expression(const Literal& literal) {
  auto known = expressions_.find(literal.text);
  if (known == expressions_.end()) {
    auto regex = regexes_.find(literal.text);
    known = expressions_.emplace(literal.text, regex ? std::string() : regex.error().message).first;
  }
  if (!known->second.empty()) found_.emplace(literal.line, known->second);
}

void Check::rule(const RuleInfo& info, const RuleOutline& outline) {
  for (const FactRead& read : outline.reads) {
    if (read.maybe) continue;
    if (auto text = mistake(info, read)) found_.emplace(read.line, std::move(*text));
  }
  for (const Literal& literal : outline.expressions) expression(literal);
}

// No more than can be shown: a text that is no rule file may have a million of them.
void Check::names(const Outline& outline) {
  size_t shown = 0;
  for (const NameUse& use : outline.free_names) {
    auto known = names_.find(use.name);
    if (known == names_.end()) known = names_.emplace(use.name, refusal_of_name(use.name)).first;
    if (known->second.empty()) continue;
    if (++shown > Registry::kMaxProblems) break;
    found_.emplace(use.line, known->second);
  }
  shown = 0;
  for (const NameUse& use : outline.late_globals) {
    if (++shown > Registry::kMaxProblems) break;
    found_.emplace(
        use.line, fmt::format("a rule must not set the global '{0}': write 'local {0}'", escape_for_log(use.name, 60)));
  }
}

void Check::end_file() {
  for (const auto& [line, text] : found_) {
    if (problems_.size() < Registry::kMaxProblems) problems_.push_back({file_, line, text});
  }
  found_.clear();
}

/// The rules of a file by name, each name's in the order of lines.
using ByName = std::map<std::string_view, std::vector<const RuleOutline*>>;

ByName by_name(const Outline& outline) {
  ByName rules;
  for (const RuleOutline& rule : outline.rules) rules[rule.name].push_back(&rule);
  for (auto& [name, written] : rules) {
    std::stable_sort(written.begin(), written.end(), [](const auto* a, const auto* b) { return a->line < b->line; });
  }
  return rules;
}

// The rule as it is written; where a name is written several times the one that was declared, which its line shows.
const RuleOutline* find_outline(const ByName& rules, const RuleInfo& info) {
  auto found = rules.find(info.name);
  if (found == rules.end()) return nullptr;
  const auto& written = found->second;
  auto behind = std::upper_bound(written.begin(), written.end(), info.line,
                                 [](int line, const RuleOutline* rule) { return line < rule->line; });
  return behind == written.begin() ? written.front() : *(behind - 1);
}

}  // namespace

std::vector<Problem> check_source(const std::vector<RuleSet::File>& files, const std::vector<Outline>& outlines,
                                  const std::vector<RuleInfo>& rules, const lists::Lists* lists,
                                  const ViewTable& root) {
  std::vector<Problem> problems;
  Check check(root, lists, problems);
  for (size_t i = 0; i < files.size() && i < outlines.size(); ++i) {
    check.begin_file(files[i].name);
    ByName written = by_name(outlines[i]);
    for (const RuleInfo& info : rules) {
      if (info.file != files[i].name) continue;
      if (const RuleOutline* outline = find_outline(written, info)) check.rule(info, *outline);
    }
    check.names(outlines[i]);
    check.end_file();
  }
  return problems;
}

}  // namespace postern::rules
