// rule, group, score, disable: what a file says while it is read.
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "lua/api.h"
#include "lua/registry.h"
#include "lua/sandbox.h"

namespace postern::rules {

Registry& registry_of(lua_State* lua, const char* what) {
  Registry* found = State::of(lua).registry;
  if (found == nullptr) raise(lua, fmt::format("'{}' can be used only while rule files are read", what));
  return *found;
}

std::string name_argument(lua_State* lua, const char* what) {
  if (lua_type(lua, 1) != LUA_TSTRING) {
    raise(lua, fmt::format("'{}' wants a name in quotes, not a {}", what, luaL_typename(lua, 1)));
  }
  return std::string(text_at(lua, 1).substr(0, 200));
}

bool is_one_call(lua_State* lua, const char* what, const std::string& name, std::string_view behind) {
  if (lua_gettop(lua) < 2) return false;
  registry_of(lua, what).problem(calling_line(lua), fmt::format("{0} \"{1}\" {2} is how it is written: the name, then "
                                                                "what belongs to it, without a comma between",
                                                                what, escape_for_log(name, 64), behind));
  return true;
}

namespace {

// rule "NAME" {...}: upvalues name, ticket.
int rule_table(lua_State* lua) {
  Registry& rules = registry_of(lua, "rule");
  std::string name(text_at(lua, lua_upvalueindex(1)));
  rules.close_call(static_cast<size_t>(lua_tointeger(lua, lua_upvalueindex(2))));
  int line = calling_line(lua);
  if (lua_type(lua, 1) != LUA_TTABLE) {
    rules.problem(line,
                  fmt::format("rule {} wants a table, not a {}", escape_for_log(name, 64), luaL_typename(lua, 1)));
    return 0;
  }
  if (!is_rule_name(name)) {
    rules.problem(line, fmt::format("'{}' is no name for a rule: capitals, digits and '_' only, at most 64",
                                    escape_for_log(name, 80)));
    return 0;
  }
  Definition rule;
  rule.info.name = std::move(name);
  rule.info.file = rules.file();
  rule.info.line = line;
  rule.outline = rules.outline(rule.info.name, line);
  lua_settop(lua, 1);
  parse_rule_table(lua, rules, rule);
  rules.add(std::move(rule));
  return 0;
}

int rule(lua_State* lua) {
  Registry& rules = registry_of(lua, "rule");
  std::string name = name_argument(lua, "rule");
  if (is_one_call(lua, "rule", name, "{ ... }")) {
    rules.not_declared(name);
    return 0;
  }
  size_t ticket = rules.open_call("rule", escape_for_log(name, 64), calling_line(lua));
  push(lua, name);
  lua_pushinteger(lua, static_cast<lua_Integer>(ticket));
  lua_pushcclosure(lua, rule_table, 2);
  return 1;
}

// score "NAME" (4.0): upvalues name, ticket.
int score_number(lua_State* lua) {
  Registry& rules = registry_of(lua, "score");
  std::string name(text_at(lua, lua_upvalueindex(1)));
  rules.close_call(static_cast<size_t>(lua_tointeger(lua, lua_upvalueindex(2))));
  int line = calling_line(lua);
  if (lua_type(lua, 1) != LUA_TNUMBER || !is_score(lua_tonumber(lua, 1))) {
    rules.problem(line, fmt::format("score {}: a number from -1000 to 1000 is wanted", escape_for_log(name, 64)));
  } else {
    rules.set_score(name, round_score(lua_tonumber(lua, 1)), line);
  }
  return 0;
}

int score(lua_State* lua) {
  Registry& rules = registry_of(lua, "score");
  std::string name = name_argument(lua, "score");
  if (is_one_call(lua, "score", name, "(4.0)")) return 0;
  size_t ticket = rules.open_call("score", escape_for_log(name, 64), calling_line(lua));
  push(lua, name);
  lua_pushinteger(lua, static_cast<lua_Integer>(ticket));
  lua_pushcclosure(lua, score_number, 2);
  return 1;
}

int disable(lua_State* lua) {
  Registry& rules = registry_of(lua, "disable");
  if (lua_gettop(lua) > 1) raise(lua, "disable takes one name: disable \"A\"");
  rules.disable(name_argument(lua, "disable"), calling_line(lua));
  return 0;
}

bool is_cap(lua_State* lua) {
  return lua_type(lua, -1) == LUA_TNUMBER && is_score(lua_tonumber(lua, -1)) && lua_tonumber(lua, -1) >= 0;
}

// The fields of the table at index 2. False: a mistake, which is said.
bool check_group_fields(lua_State* lua, Registry& rules, const std::string& shown, int line) {
  lua_pushnil(lua);
  while (lua_next(lua, 2) != 0) {
    std::string key(lua_type(lua, -2) == LUA_TSTRING ? text_at(lua, -2) : std::string_view("?"));
    if (key != "max" && key != "dampers") {
      rules.problem(line, fmt::format("unknown field '{}' in group '{}': there are 'max' and 'dampers'",
                                      escape_for_log(key, 60), shown));
      return false;
    }
    lua_pop(lua, 1);
  }
  return true;
}

// dampers = { DMARC_PASS = 5 }, the table on top of the stack: the most while that rule hits.
std::optional<std::map<std::string, double, std::less<>>> read_dampers(lua_State* lua, Registry& rules,
                                                                       const std::string& shown, int line) {
  std::map<std::string, double, std::less<>> dampers;
  bool good = lua_type(lua, -1) == LUA_TTABLE;
  if (good) lua_pushnil(lua);
  while (good && lua_next(lua, -2) != 0) {
    good = lua_type(lua, -2) == LUA_TSTRING && is_rule_name(text_at(lua, -2)) && is_cap(lua);
    if (good) dampers.emplace(text_at(lua, -2), round_score(lua_tonumber(lua, -1)));
    lua_pop(lua, good ? 1 : 2);
  }
  if (good) return dampers;
  rules.problem(line, fmt::format("group '{}': 'dampers' must be a table of rules with the most that the group may add "
                                  "while they hit, dampers = {{ DMARC_PASS = 5 }}",
                                  shown));
  return std::nullopt;
}

// group("name", { max = 8, dampers = { DMARC_PASS = 5 } }).
int group(lua_State* lua) {
  Registry& rules = registry_of(lua, "group");
  std::string name = name_argument(lua, "group");
  int line = calling_line(lua);
  std::string shown = escape_for_log(name, 64);
  if (!is_group_name(name)) {
    rules.problem(line,
                  fmt::format("'{}' is no name for a group: letters, digits, '_' and '-' only, at most 64", shown));
    return 0;
  }
  if (lua_type(lua, 2) != LUA_TTABLE) {
    rules.problem(line, fmt::format("group '{0}' has no table: group(\"{0}\", {{ max = 8 }})", shown));
    return 0;
  }
  lua_settop(lua, 2);
  if (!check_group_fields(lua, rules, shown, line)) return 0;
  push(lua, "max");
  lua_rawget(lua, 2);
  if (!is_cap(lua)) {
    rules.problem(line, fmt::format("group '{}': 'max' must be a number from 0 to 1000", shown));
    return 0;
  }
  double max = round_score(lua_tonumber(lua, -1));
  std::optional<std::map<std::string, double, std::less<>>> dampers;
  push(lua, "dampers");
  if (lua_rawget(lua, 2) != LUA_TNIL) {
    dampers = read_dampers(lua, rules, shown, line);
    if (!dampers) return 0;
  }
  rules.set_group(name, max, std::move(dampers), line);
  return 0;
}

}  // namespace

int calling_line(lua_State* lua) {
  lua_Debug frame;
  for (int level = 1; level < 8 && lua_getstack(lua, level, &frame) != 0; ++level) {
    if (lua_getinfo(lua, "l", &frame) != 0 && frame.currentline > 0) return frame.currentline;
  }
  return 0;
}

void open_declare(lua_State* lua) {
  constexpr std::array<luaL_Reg, 5> kFunctions = {
      {{"rule", rule}, {"score", score}, {"disable", disable}, {"group", group}, {nullptr, nullptr}}};
  luaL_setfuncs(lua, kFunctions.data(), 0);
  open_lists(lua);
}

}  // namespace postern::rules
