#include "lua/source_names.h"

#include <string>

namespace postern::rules::source {

namespace {

/// Which functions run once the files are read, and only then.
class Times {
 public:
  Times(const Syntax& syntax, const std::vector<size_t>& rules);
  [[nodiscard]] bool is_late(size_t function) const { return late_[function] != 0 && early_[function] == 0; }

 private:
  void hold_functions();
  void find_whens(const std::vector<size_t>& rules);
  void find_callers();
  [[nodiscard]] std::vector<char> reached_from(std::vector<size_t> functions) const;

  const Syntax& syntax_;
  std::vector<size_t> held_;                // variable -> the function that it is and stays; kNone
  std::vector<char> kept_;                  // functions that nobody can call but through what is known of them
  std::vector<size_t> whens_;               // functions that are a rule's `when`
  std::vector<char> is_when_;               // mentions that hand a function to a rule, which calls it later
  std::vector<std::vector<size_t>> calls_;  // function -> those that may run when it does
  std::vector<char> early_;
  std::vector<char> late_;
};

Times::Times(const Syntax& syntax, const std::vector<size_t>& rules)
    : syntax_(syntax),
      held_(syntax.variables.size(), kNone),
      kept_(syntax.functions.size(), 0),
      is_when_(syntax.mentions.size(), 0),
      calls_(syntax.functions.size()) {
  hold_functions();
  find_whens(rules);
  find_callers();
  early_ = reached_from({0});
  late_ = reached_from(whens_);
}

void Times::hold_functions() {
  for (size_t i = 0; i < syntax_.variables.size(); ++i) {
    const Variable& variable = syntax_.variables[i];
    if (variable.value.kind != Value::Kind::Function) continue;
    if (variable.assignments != (variable.given ? 0U : 1U)) continue;
    held_[i] = variable.value.index;
    kept_[variable.value.index] = 1;
  }
}

void Times::find_whens(const std::vector<size_t>& rules) {
  for (size_t rule : rules) {
    if (syntax_.tables[rule].computed) continue;
    for (const Table::Field& field : syntax_.tables[rule].fields) {
      if (field.name != "when") continue;
      if (field.value.kind == Value::Kind::Function) {
        kept_[field.value.index] = 1;
        whens_.push_back(field.value.index);
      } else if (field.value.kind == Value::Kind::Variable && field.value.path.empty() &&
                 field.value.mention != kNone && held_[field.value.index] != kNone) {
        is_when_[field.value.mention] = 1;
        whens_.push_back(held_[field.value.index]);
      }
    }
  }
}

// A function that is written in another one may run when that does, unless it is kept: then where it is named.
void Times::find_callers() {
  std::vector<size_t> around;
  for (size_t i = 0; i < syntax_.functions.size(); ++i) {
    while (!around.empty() && syntax_.functions[around.back()].last < i) around.pop_back();
    if (!around.empty() && kept_[i] == 0) calls_[around.back()].push_back(i);
    around.push_back(i);
  }
  for (size_t i = 0; i < syntax_.mentions.size(); ++i) {
    const Mention& mention = syntax_.mentions[i];
    size_t function = held_[mention.variable];
    if (function != kNone && !mention.written && is_when_[i] == 0) calls_[mention.function].push_back(function);
  }
}

std::vector<char> Times::reached_from(std::vector<size_t> functions) const {
  std::vector<char> reached(syntax_.functions.size(), 0);
  while (!functions.empty()) {
    size_t function = functions.back();
    functions.pop_back();
    if (reached[function] != 0) continue;
    reached[function] = 1;
    functions.insert(functions.end(), calls_[function].begin(), calls_[function].end());
  }
  return reached;
}

/// Adds each name once a line.
class Uses {
 public:
  Uses(const Syntax& syntax, std::vector<NameUse>& uses)
      : syntax_(syntax), uses_(uses), last_line_(syntax.variables.size(), 0) {}
  void add(const Mention& mention) {
    if (last_line_[mention.variable] == mention.line) return;
    last_line_[mention.variable] = mention.line;
    uses_.push_back({std::string(syntax_.variables[mention.variable].name), mention.line});
  }

 private:
  const Syntax& syntax_;
  std::vector<NameUse>& uses_;
  std::vector<int> last_line_;
};

}  // namespace

void add_names(const Syntax& syntax, const std::vector<size_t>& rules, Outline& outline) {
  // Of a text that was not read to its end nobody knows which names the rest of it makes.
  if (!syntax.complete || syntax.environment) return;
  Times times(syntax, rules);
  Uses read(syntax, outline.free_names);
  Uses made(syntax, outline.late_globals);
  for (const Mention& mention : syntax.mentions) {
    const Variable& variable = syntax.variables[mention.variable];
    if (variable.origin != Variable::Origin::Global) continue;
    if (mention.written && times.is_late(mention.function)) made.add(mention);
    if (!mention.written && variable.assignments == 0) read.add(mention);
  }
}

}  // namespace postern::rules::source
