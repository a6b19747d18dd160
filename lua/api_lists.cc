// list and enable: what a file says of DNS lists while it is read.
#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "lua/api.h"
#include "lua/registry.h"
#include "lua/sandbox.h"

namespace postern::rules {

namespace {

// list "ZEN" {...}: upvalues name, ticket.
int list_table(lua_State* lua) {
  Registry& rules = registry_of(lua, "list");
  std::string name(text_at(lua, lua_upvalueindex(1)));
  rules.close_call(static_cast<size_t>(lua_tointeger(lua, lua_upvalueindex(2))));
  int line = calling_line(lua);
  if (lua_type(lua, 1) != LUA_TTABLE) {
    rules.leave_out(name);
    rules.problem(line,
                  fmt::format("list {} wants a table, not a {}", escape_for_log(name, 64), luaL_typename(lua, 1)));
    return 0;
  }
  // A rule of it has its name, '_' and one more.
  if (!is_rule_name(name) || name.size() > 60) {
    rules.problem(line, fmt::format("'{}' is no name for a list: capitals, digits and '_' only, at most 60",
                                    escape_for_log(name, 80)));
    return 0;
  }
  lua_settop(lua, 1);
  lists::List list;
  list.name = std::move(name);
  parse_list_table(lua, rules, std::move(list), line);
  return 0;
}

int list(lua_State* lua) {
  Registry& rules = registry_of(lua, "list");
  std::string name = name_argument(lua, "list");
  if (is_one_call(lua, "list", name, "{ ... }")) {
    rules.not_declared(name);
    return 0;
  }
  size_t ticket = rules.open_call("list", escape_for_log(name, 64), calling_line(lua));
  push(lua, name);
  lua_pushinteger(lua, static_cast<lua_Integer>(ticket));
  lua_pushcclosure(lua, list_table, 2);
  return 1;
}

// enable "ZEN" {...}: upvalue name.
int enable_table(lua_State* lua) {
  Registry& rules = registry_of(lua, "enable");
  std::string name(text_at(lua, lua_upvalueindex(1)));
  int line = calling_line(lua);
  if (lua_type(lua, 1) != LUA_TTABLE) {
    rules.problem(line, fmt::format("enable {} takes a table or nothing, not a {}", escape_for_log(name, 64),
                                    luaL_typename(lua, 1)));
    return 0;
  }
  lua_settop(lua, 1);
  rules.change_list(name, parse_list_change(lua, rules, name, line), line);
  return 0;
}

int enable(lua_State* lua) {
  Registry& rules = registry_of(lua, "enable");
  std::string name = name_argument(lua, "enable");
  if (lua_type(lua, 2) == LUA_TTABLE && is_one_call(lua, "enable", name, "{ zone = \"...\" }")) return 0;
  if (lua_gettop(lua) > 1) raise(lua, "enable takes one name: enable \"A\"");
  rules.enable(name, calling_line(lua));
  push(lua, name);
  lua_pushcclosure(lua, enable_table, 1);
  return 1;
}

}  // namespace

void open_lists(lua_State* lua) {
  constexpr std::array<luaL_Reg, 3> kFunctions = {{{"list", list}, {"enable", enable}, {nullptr, nullptr}}};
  luaL_setfuncs(lua, kFunctions.data(), 0);
}

}  // namespace postern::rules
