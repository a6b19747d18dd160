#include "lua/source.h"

#include <utility>

#include "lua/source_lexer.h"
#include "lua/source_names.h"
#include "lua/source_parser.h"
#include "lua/source_reads.h"

namespace postern::rules {

namespace {

using namespace source;

// Events and branches that are looked at for all rules of a file together. A thousand rules with long helpers take a
// hundred thousand; beyond this nothing more is said.
constexpr size_t kMaxWork = 500'000;

void add_fields(const Syntax& syntax, const Table& table, RuleOutline& rule) {
  for (const Table::Field& field : table.fields) {
    rule.fields[std::string(field.name)] = field.line;
    if (field.name != "examples" || field.value.kind != Value::Kind::Table) continue;
    const Table& examples = syntax.tables[field.value.index];
    // { [1] = ..., ... } is legal and nobody's habit: which example is which cannot be seen then.
    if (!examples.computed && examples.fields.empty()) rule.examples = examples.elements;
  }
}

// The function that is the rule's `when`; kNone: not to be seen.
size_t when_of(const Meanings& meanings, const Table& table) {
  if (table.computed) return kNone;
  size_t found = kNone;
  for (const Table::Field& field : table.fields) {
    if (field.name != "when") continue;
    Meaning meaning = meanings.of(field.value);
    found = meaning.kind == Meaning::Kind::Function ? meaning.index : kNone;
  }
  return found;
}

void add_map(const Meanings& meanings, const Event& event, Outline& outline) {
  if (event.kind != Event::Kind::Call || event.arguments.empty() || !meanings.is_global(event.value, "map")) return;
  Meaning name = meanings.of(event.arguments[0]);
  if (name.kind != Meaning::Kind::Text) return;
  std::string kind;
  if (event.arguments.size() >= 2) {
    Meaning second = meanings.of(event.arguments[1]);
    if (second.kind != Meaning::Kind::Text) return;
    kind = second.text;
  }
  outline.maps.push_back({std::string(name.text), name.line});
  outline.map_kinds.push_back(std::move(kind));
}

}  // namespace

Outline outline_of(std::string_view text) {
  Lexer lexer(text);
  Syntax syntax;
  Parser(lexer, syntax).file();
  Meanings meanings(syntax);
  Outline outline;
  size_t work = kMaxWork;
  std::vector<size_t> tables;
  for (const Declaration& declared : syntax.declarations) {
    Value word;
    word.kind = Value::Kind::Variable;
    word.index = declared.word;
    if (!meanings.is_global(word, "rule")) continue;
    RuleOutline& rule = outline.rules.emplace_back();
    rule.name = declared.name;
    rule.line = declared.line;
    rule.last_line = declared.last_line;
    if (declared.value.kind != Value::Kind::Table) continue;
    tables.push_back(declared.value.index);
    const Table& table = syntax.tables[declared.value.index];
    add_fields(syntax, table, rule);
    size_t when = when_of(meanings, table);
    if (when != kNone) Follower(syntax, meanings, work).follow(when, rule);
  }
  for (const Event& event : syntax.events) add_map(meanings, event, outline);
  add_names(syntax, tables, outline);
  return outline;
}

int line_of(const RuleOutline& rule, std::string_view field) {
  auto found = rule.fields.find(std::string(field));
  return found == rule.fields.end() ? 0 : found->second;
}

int line_of_example(const RuleOutline& rule, size_t number) {
  return number >= 1 && number <= rule.examples.size() ? rule.examples[number - 1] : 0;
}

}  // namespace postern::rules
