// The library functions that a rule may use. What is missing is missing on purpose: see README.md, "The sandbox".
#include <algorithm>
#include <array>
#include <new>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "lua/api.h"
#include "lua/isolation.h"
#include "lua/registry.h"
#include "lua/sandbox.h"

namespace postern::rules {

namespace {

// Lua's sort works in C, where no hook stops it, when there is no comparator to call.
constexpr lua_Integer kMaxSort = 10'000;

int refuse_change(lua_State* lua) {
  raise(lua, fmt::format("'{}' must not be changed", lua_tostring(lua, lua_upvalueindex(1))));
}

int sort(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  if (luaL_len(lua, 1) > kMaxSort) raise(lua, fmt::format("table.sort takes at most {} values", kMaxSort));
  lua_pushvalue(lua, lua_upvalueindex(1));
  lua_insert(lua, 1);
  lua_call(lua, lua_gettop(lua) - 1, 0);
  return 0;
}

// Lua's own shows the address of what has no text. Rules must say the same in every worker, and tell nobody where
// things lie in our memory.
int to_string(lua_State* lua) {
  luaL_checkany(lua, 1);
  push_shown(lua, 1);
  return 1;
}

// Sees into read-only tables too.
int next(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  lua_settop(lua, 2);
  push_behind(lua, 1);
  lua_replace(lua, 1);
  if (lua_next(lua, 1) != 0) return 2;
  lua_pushnil(lua);
  return 1;
}

// Copies the named fields of the library on top of the stack into a fresh table, which replaces it.
template <size_t N>
void keep(lua_State* lua, const std::array<const char*, N>& names) {
  lua_newtable(lua);
  for (const char* name : names) {
    lua_getfield(lua, -2, name);
    lua_setfield(lua, -2, name);
  }
  lua_remove(lua, -2);
}

template <size_t N>
void add_library(lua_State* lua, const char* name, lua_CFunction opener, const std::array<const char*, N>& names) {
  lua_pushcfunction(lua, opener);
  lua_call(lua, 0, 1);
  keep(lua, names);
  if (std::string_view(name) == LUA_TABLIBNAME) {
    lua_getfield(lua, -1, "sort");
    lua_pushcclosure(lua, sort, 1);
    lua_setfield(lua, -2, "sort");
  }
  protect(lua, name);
  lua_setfield(lua, -2, name);
}

// Adds the keys of what the environments of all files share, which lies where open_all() left it.
int list_names(lua_State* lua) {
  auto& names = *static_cast<std::vector<std::string>*>(lua_touserdata(lua, 1));
  lua_rawgetp(lua, LUA_REGISTRYINDEX, &State::of(lua).views);
  lua_getfield(lua, -1, "__index");
  lua_pushnil(lua);
  while (lua_next(lua, -2) != 0) {
    lua_pop(lua, 1);
    names.emplace_back(text_at(lua, -1));
  }
  return 0;
}

// Sorted: of two names that are equally near to a misspelt one the same is always shown.
std::vector<std::string> names_of_environment() {
  std::vector<std::string> names;
  State state(0);  // as little as a state may have
  lua_pushcfunction(state.lua(), list_names);
  lua_pushlightuserdata(state.lua(), &names);
  if (state.call(1, 0).failure != Failure::None) throw std::bad_alloc();
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::string refusal_of_name(std::string_view name) {
  static const std::vector<std::string> names = names_of_environment();
  if (std::binary_search(names.begin(), names.end(), name)) return {};
  return fmt::format("unknown name '{}'{}", escape_for_log(name, 60), did_you_mean(name, names));
}

void raise(lua_State* lua, const std::string& message) {
  luaL_where(lua, 1);
  push(lua, message);
  lua_concat(lua, 2);
  lua_error(lua);
  std::abort();  // lua_error does not return; its declaration does not say so
}

void push_shown(lua_State* lua, int index) {
  switch (lua_type(lua, index)) {
    case LUA_TSTRING:
    case LUA_TNUMBER:
    case LUA_TBOOLEAN:
    case LUA_TNIL: luaL_tolstring(lua, index, nullptr); break;
    default: push(lua, luaL_typename(lua, index)); break;
  }
}

void push(lua_State* lua, std::string_view text) {
  lua_pushlstring(lua, text.data(), text.size());
}

void protect(lua_State* lua, const char* name) {
  lua_newtable(lua);
  lua_newtable(lua);
  lua_pushvalue(lua, -3);
  lua_setfield(lua, -2, "__index");
  lua_pushstring(lua, name);
  lua_pushcclosure(lua, refuse_change, 1);
  lua_setfield(lua, -2, "__newindex");
  lua_pushboolean(lua, 0);
  lua_setfield(lua, -2, "__metatable");
  lua_setmetatable(lua, -2);
  lua_remove(lua, -2);
}

void open_base(lua_State* lua) {
  // luaopen_base fills the state's own table of globals, which no rule file ever sees.
  lua_pushcfunction(lua, luaopen_base);
  lua_call(lua, 0, 1);
  constexpr std::array<const char*, 8> kBase = {"assert", "error",    "ipairs", "pairs",
                                                "select", "tonumber", "type",   "_VERSION"};
  for (const char* name : kBase) {
    lua_getfield(lua, -1, name);
    lua_setfield(lua, -3, name);
  }
  lua_pop(lua, 1);
  lua_pushcfunction(lua, to_string);
  lua_setfield(lua, -2, "tostring");
  lua_pushcfunction(lua, next);
  lua_setfield(lua, -2, "next");
  // No random: two workers must give one message the same verdict.
  add_library(lua, LUA_MATHLIBNAME, luaopen_math,
              std::array<const char*, 22>{"abs",   "acos", "asin", "atan", "ceil",       "cos",        "deg", "exp",
                                          "floor", "fmod", "huge", "log",  "maxinteger", "mininteger", "max", "min",
                                          "modf",  "pi",   "rad",  "sin",  "sqrt",       "tointeger"});
  // No move: it counts in C as far as it is told.
  add_library(lua, LUA_TABLIBNAME, luaopen_table,
              std::array<const char*, 6>{"concat", "insert", "pack", "remove", "sort", "unpack"});
  add_library(lua, LUA_UTF8LIBNAME, luaopen_utf8,
              std::array<const char*, 5>{"char", "codepoint", "codes", "len", "offset"});
}

}  // namespace postern::rules
