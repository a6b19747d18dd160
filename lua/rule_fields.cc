// The fields of a rule's table: one row each. A new kind of rule is a new row here.
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "lua/api.h"
#include "lua/registry.h"
#include "lua/shared_fields.h"

namespace postern::rules {

namespace {

constexpr lua_Integer kMaxExamples = 1000;

class Fields final : public SharedFields {
 public:
  Fields(lua_State* lua, Registry& registry, Definition& rule)
      : SharedFields(lua, rule.info), lua_(lua), registry_(registry), rule_(rule) {}

  void parse();

 private:
  struct Row {
    std::string_view name;
    void (Fields::*parse)();  // the value is on top of the stack
  };
  static const std::array<Row, 17> kRows;

  // At the line of the field that is being read, else of the rule.
  void problem(const std::string& text) override {
    registry_.problem(rule_.line_of(field()), fmt::format("rule {}: {}", rule_.info.name, text));
  }
  void read(std::string_view name);
  void when();
  void examples();
  void header();
  template <Target target>
  void pattern();
  void all();
  void any();
  void expression();
  void condition(std::string_view name);
  void set_pattern(Target target, std::string field, std::string_view text);
  std::optional<std::vector<std::string>> rule_names();
  void find_repeated(const std::vector<std::string>& names);
  void check();

  lua_State* lua_;
  Registry& registry_;
  Definition& rule_;
  bool unknown_field_ = false;  // which may have been meant for the condition
};

const std::array<Fields::Row, 17> Fields::kRows = {{{"about", &Fields::about},
                                                    {"stage", &Fields::stage},
                                                    {"score", &Fields::score},
                                                    {"group", &Fields::group},
                                                    {"when", &Fields::when},
                                                    {"action", &Fields::action},
                                                    {"reply", &Fields::reply},
                                                    {"mode", &Fields::mode},
                                                    {"examples", &Fields::examples},
                                                    {"header", &Fields::header},
                                                    {"body", &Fields::pattern<Target::Body>},
                                                    {"url", &Fields::pattern<Target::Url>},
                                                    {"attachment", &Fields::pattern<Target::Attachment>},
                                                    {"raw", &Fields::pattern<Target::Raw>},
                                                    {"all", &Fields::all},
                                                    {"any", &Fields::any},
                                                    {"expression", &Fields::expression}}};

void Fields::read(std::string_view name) {
  at(name);
  for (const Row& row : kRows) {
    if (row.name == name) return (this->*row.parse)();
  }
  unknown_field_ = true;
  std::vector<std::string_view> known;
  known.reserve(kRows.size());
  for (const Row& row : kRows) known.push_back(row.name);
  registry_.problem(rule_.line_of(name), fmt::format("unknown field '{}' in rule {}{}", escape_for_log(name, 60),
                                                     rule_.info.name, did_you_mean(name, known)));
}

// A rule has one condition.
void Fields::condition(std::string_view name) {
  if (rule_.condition.empty()) {
    rule_.condition = name;
    return;
  }
  // Lua walks tables in no order that people know: the two are named as they are written.
  std::string first = rule_.condition;
  std::string second(name);
  int first_line = rule_.line_of(first);
  int second_line = rule_.line_of(second);
  if (first_line > second_line || (first_line == second_line && first > second)) {
    std::swap(first, second);
    std::swap(first_line, second_line);
  }
  registry_.problem(second_line,
                    fmt::format("rule {}: it has '{}' and '{}': a rule has one of when, header, body, url, "
                                "attachment, raw, all, any, expression",
                                rule_.info.name, first, second));
}

void Fields::set_pattern(Target target, std::string name, std::string_view text) {
  if (text.empty()) return problem(fmt::format("'{}' is an empty expression, which matches everything", field()));
  rule_.info.kind = RuleInfo::Kind::Pattern;
  rule_.pattern = Pattern{target, std::move(name), std::string(text)};
}

// RFC 5322, 2.2: a field's name is printable ASCII without colon.
bool is_field_name(std::string_view name) {
  return !name.empty() && name.size() <= 100 && printable_ascii(name, 100) == name &&
         name.find_first_of(": ") == std::string_view::npos;
}

// header = { "Subject", "expression" }.
void Fields::header() {
  condition("header");
  if (lua_type(lua_, -1) != LUA_TTABLE || lua_rawlen(lua_, -1) != 2) {
    return problem("'header' must be a field's name and an expression: header = { \"Subject\", \"(?i)lottery\" }");
  }
  std::array<std::string, 2> values;
  for (lua_Integer i = 1; i <= 2; ++i) {
    bool is_text = lua_rawgeti(lua_, -1, i) == LUA_TSTRING;
    if (is_text) values[static_cast<size_t>(i) - 1] = text_at(lua_, -1);
    lua_pop(lua_, 1);
    if (!is_text) return problem("'header' must be two strings: header = { \"Subject\", \"(?i)lottery\" }");
  }
  if (!is_field_name(values[0])) {
    return problem(fmt::format("'{}' is no name of a header field", escape_for_log(values[0], 60)));
  }
  set_pattern(Target::Header, to_lower(values[0]), values[1]);
}

template <Target target>
void Fields::pattern() {
  condition(field());
  if (auto value = text(field())) set_pattern(target, "", *value);
}

std::optional<std::vector<std::string>> Fields::rule_names() {
  std::vector<std::string> names;
  size_t count = lua_type(lua_, -1) == LUA_TTABLE ? lua_rawlen(lua_, -1) : 0;
  for (size_t i = 1; i <= count && i <= Expression::kMaxNames; ++i) {
    if (lua_rawgeti(lua_, -1, static_cast<lua_Integer>(i)) == LUA_TSTRING) names.emplace_back(text_at(lua_, -1));
    lua_pop(lua_, 1);
  }
  if (count > 0 && names.size() == count) {
    find_repeated(names);
    return names;
  }
  problem(fmt::format("'{0}' must be a list of at most {1} rules: {0} = {{ \"A\", \"B\" }}", field(),
                      Expression::kMaxNames));
  return std::nullopt;
}

// Allowed, since it changes nothing; but whoever wrote it meant another rule, or thinks that it counts twice.
void Fields::find_repeated(const std::vector<std::string>& names) {
  std::set<std::string_view> seen;
  std::set<std::string> again;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) again.insert(name);
  }
  rule_.repeated.assign(again.begin(), again.end());
}

void Fields::all() {
  condition("all");
  rule_.info.kind = RuleInfo::Kind::Expression;
  if (auto names = rule_names()) rule_.expression = Expression::all_of(std::move(*names));
}

void Fields::any() {
  condition("any");
  rule_.info.kind = RuleInfo::Kind::Expression;
  if (auto names = rule_names()) rule_.expression = Expression::any_of(std::move(*names));
}

void Fields::expression() {
  condition("expression");
  rule_.info.kind = RuleInfo::Kind::Expression;
  auto value = text("expression");
  if (!value) return;
  auto parsed = Expression::parse(*value);
  if (!parsed) return problem(fmt::format("'expression': {}", parsed.error().message));
  rule_.expression = std::move(*parsed);
}

void Fields::when() {
  condition("when");
  if (lua_type(lua_, -1) != LUA_TFUNCTION) {
    return problem(fmt::format("'when' must be a function, not a {}", luaL_typename(lua_, -1)));
  }
  lua_pushvalue(lua_, -1);
  rule_.when = luaL_ref(lua_, LUA_REGISTRYINDEX);
}

void Fields::examples() {
  if (lua_type(lua_, -1) != LUA_TTABLE) {
    problem("'examples' must be a list of tables");
    return;
  }
  auto count = static_cast<lua_Integer>(lua_rawlen(lua_, -1));
  lua_pushnil(lua_);
  while (lua_next(lua_, -2) != 0) {
    lua_pop(lua_, 1);
    if (lua_type(lua_, -1) != LUA_TSTRING) continue;
    lua_pop(lua_, 1);
    return problem("'examples' must be a list of tables, each in braces of its own: { { hit = true, ... }, ... }");
  }
  if (count > kMaxExamples) {
    problem(fmt::format("there are more than {} examples", kMaxExamples));
    return;
  }
  for (lua_Integer i = 1; i <= count; ++i) {
    bool good = lua_rawgeti(lua_, -1, i) == LUA_TTABLE;
    lua_pop(lua_, 1);
    if (!good) {
      registry_.problem(rule_.line_of_example(static_cast<size_t>(i)),
                        fmt::format("rule {}: example {} is not a table", rule_.info.name, i));
    }
  }
  rule_.info.examples = static_cast<size_t>(count);
  if (!registry_.keeps_examples()) return;
  lua_pushvalue(lua_, -1);
  rule_.examples = luaL_ref(lua_, LUA_REGISTRYINDEX);
}

void Fields::check() {
  auto missing = [this](const char* name) {
    lua_pushstring(lua_, name);
    bool is_missing = lua_rawget(lua_, 1) == LUA_TNIL;
    lua_pop(lua_, 1);
    return is_missing;
  };
  at("");
  if (missing("about")) problem("'about' is missing: one sentence that says what the rule found");
  if (rule_.condition.empty() && !unknown_field_) {
    problem(
        "'when' is missing: the function that decides (or header, body, url, attachment, raw, all, any, expression)");
  }
  if (rule_.pattern && rule_.info.stage != Stage::Message) {
    at("stage");
    problem(fmt::format("'{}' looks into the message: it is for rules of stage \"message\"", rule_.condition));
  }
  check_reply();
}

void Fields::parse() {
  lua_pushnil(lua_);
  while (lua_next(lua_, 1) != 0) {
    if (lua_type(lua_, -2) == LUA_TSTRING) {
      read(text_at(lua_, -2));
    } else {
      at("");
      problem("a value without a name: fields are written name = value");
    }
    lua_pop(lua_, 1);
  }
  check();
}

}  // namespace

void parse_rule_table(lua_State* lua, Registry& registry, Definition& rule) {
  Fields(lua, registry, rule).parse();
}

}  // namespace postern::rules
