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

constexpr int kMaxPlaces = 3;       // tables in each other: list, answers, one answer
constexpr size_t kMaxPlace = 1000;  // bytes of a name: no list has one as long

// `path`: of the table, with '/' behind it unless it is the outermost.
void add_places(const Syntax& syntax, const Table& table, const std::string& path, int depth, TableOutline& outline) {
  auto inside = [&](const Value& value, const std::string& place) {
    if (value.kind != Value::Kind::Table || depth >= kMaxPlaces) return;
    add_places(syntax, syntax.tables[value.index], place + '/', depth + 1, outline);
  };
  for (size_t i = 0; i < table.elements.size(); ++i) {
    outline.places[path + std::to_string(i + 1)] = table.elements[i];
  }
  for (const Table::Field& field : table.fields) {
    if (field.name.size() > kMaxPlace) continue;
    std::string place = path + std::string(field.name);
    outline.places[place] = field.line;
    inside(field.value, place);
  }
}

void add_table(const Syntax& syntax, const Declaration& declared, std::vector<TableOutline>& outlines) {
  TableOutline& outline = outlines.emplace_back();
  outline.name = declared.name;
  outline.line = declared.line;
  outline.last_line = declared.last_line;
  if (declared.value.kind != Value::Kind::Table) return;
  add_places(syntax, syntax.tables[declared.value.index], "", 1, outline);
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
    if (meanings.is_global(word, "list")) add_table(syntax, declared, outline.lists);
    if (meanings.is_global(word, "enable")) add_table(syntax, declared, outline.enables);
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

int line_of(const TableOutline& table, std::string_view place) {
  for (;;) {
    auto found = table.places.find(std::string(place));
    if (found != table.places.end()) return found->second;
    size_t slash = place.rfind('/');
    if (slash == std::string_view::npos) return 0;
    place = place.substr(0, slash);
  }
}

int line_of_example(const RuleOutline& rule, size_t number) {
  return number >= 1 && number <= rule.examples.size() ? rule.examples[number - 1] : 0;
}

}  // namespace postern::rules
