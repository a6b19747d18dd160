// string: Lua's own functions where they are bounded; find, match, gmatch, gsub and rep are ours. Lua's patterns
// backtrack without limit inside one C call (measured: 2,000 characters, more than 4 s), so no rule gets them.
#include <array>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "lua/api.h"
#include "lua/sandbox.h"

namespace postern::rules {

namespace {

constexpr size_t kMaxResult = 4U << 20U;  // bytes that gsub may make

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

std::string_view bounded(std::string_view text, const RE2& regex) {
  return text.substr(0, RegexCache::reach(regex));
}

std::shared_ptr<const RE2> compiled(lua_State* lua, std::string_view pattern) {
  auto regex = State::of(lua).regexes.find(pattern);
  if (!regex) raise(lua, regex.error().message);
  return *regex;
}

// The argument `init` of find and match (1-based; negative counts from the end), as a 0-based offset. May be behind the
// end.
size_t start_of(lua_State* lua, int index, size_t size) {
  lua_Integer init = luaL_optinteger(lua, index, 1);
  if (init > 0) return static_cast<size_t>(init) - 1;
  if (init == 0 || init < -static_cast<lua_Integer>(size)) return 0;
  return size - static_cast<size_t>(-init);
}

using Captures = std::array<re2::StringPiece, RegexCache::kMaxGroups + 1>;

int group_count(const RE2& regex) {
  return regex.NumberOfCapturingGroups() + 1;
}

bool match_at(const RE2& regex, std::string_view subject, size_t from, Captures& groups) {
  return from <= subject.size() &&
         regex.Match(piece(subject), from, subject.size(), RE2::UNANCHORED, groups.data(), group_count(regex));
}

void push_group(lua_State* lua, const re2::StringPiece& group) {
  if (group.data() == nullptr) {
    lua_pushnil(lua);
  } else {
    lua_pushlstring(lua, group.data(), group.size());
  }
}

// Groups, or the whole match when there are none.
int push_groups(lua_State* lua, const RE2& regex, const Captures& groups) {
  int count = group_count(regex);
  if (count == 1) {
    push_group(lua, groups[0]);
    return 1;
  }
  luaL_checkstack(lua, count, "too many groups");
  for (int i = 1; i < count; ++i) push_group(lua, groups[static_cast<size_t>(i)]);
  return count - 1;
}

// Where the search after a match goes on: an empty match must not be found again.
size_t after(std::string_view subject, const re2::StringPiece& match) {
  auto end = static_cast<size_t>(match.data() - subject.data()) + match.size();
  if (!match.empty()) return end;
  size_t step = end < subject.size() ? utf8_sequence(subject, end) : 1;
  return end + (step == 0 ? 1 : step);
}

// text:find(needle [, init]): plain, always; Lua's fourth argument is accepted and changes nothing.
int find(lua_State* lua) {
  std::string_view text = text_at(lua, 1);
  std::string_view needle = text_at(lua, 2);
  size_t from = start_of(lua, 3, text.size());
  if (from > text.size()) {
    lua_pushnil(lua);
    return 1;
  }
  // memmem takes linear time, std::string_view::find does not.
  const void* found = needle.empty() ? text.data() + from
                                     : ::memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
  if (found == nullptr) {
    lua_pushnil(lua);
    return 1;
  }
  auto at = static_cast<lua_Integer>(static_cast<const char*>(found) - text.data());
  lua_pushinteger(lua, at + 1);
  lua_pushinteger(lua, at + static_cast<lua_Integer>(needle.size()));
  return 2;
}

int match(lua_State* lua) {
  std::string_view text = text_at(lua, 1);
  int pushed = push_match(lua, text_at(lua, 2), text, start_of(lua, 3, text.size()));
  if (pushed == 0) {
    lua_pushnil(lua);
    return 1;
  }
  return pushed;
}

// Upvalues: text, expression, offset of the next search.
int gmatch_step(lua_State* lua) {
  auto regex = compiled(lua, text_at(lua, lua_upvalueindex(2)));
  std::string_view text = bounded(text_at(lua, lua_upvalueindex(1)), *regex);
  auto from = static_cast<size_t>(lua_tointeger(lua, lua_upvalueindex(3)));
  Captures groups;
  if (!match_at(*regex, text, from, groups)) {
    lua_pushinteger(lua, static_cast<lua_Integer>(text.size()) + 1);
    lua_replace(lua, lua_upvalueindex(3));
    lua_pushnil(lua);
    return 1;
  }
  lua_pushinteger(lua, static_cast<lua_Integer>(after(text, groups[0])));
  lua_replace(lua, lua_upvalueindex(3));
  return push_groups(lua, *regex, groups);
}

int gmatch(lua_State* lua) {
  (void)text_at(lua, 1);
  (void)compiled(lua, text_at(lua, 2));
  lua_settop(lua, 2);
  lua_pushinteger(lua, 0);
  lua_pushcclosure(lua, gmatch_step, 3);
  return 1;
}

void check_result(lua_State* lua, const std::string& out, size_t more) {
  if (out.size() + more > kMaxResult) raise(lua, fmt::format("gsub makes more than {} bytes", kMaxResult));
}

// A replacement text: %0 to %9 are groups, %% is a percent sign, as in Lua.
void expand(lua_State* lua, std::string_view replacement, const RE2& regex, const Captures& groups, std::string& out) {
  for (size_t i = 0; i < replacement.size(); ++i) {
    if (replacement[i] != '%') {
      out.push_back(replacement[i]);
      continue;
    }
    char which = ++i < replacement.size() ? replacement[i] : '\0';
    int number = which - '0';
    if (which == '%') {
      out.push_back('%');
    } else if (ascii_digit(which) && (number < group_count(regex) || number == 1)) {
      // %1 of an expression without groups is the whole match, as in Lua.
      const auto& group = groups[number < group_count(regex) ? static_cast<size_t>(number) : 0];
      check_result(lua, out, group.size());
      out.append(group.data() == nullptr ? "" : group.data(), group.size());
    } else {
      raise(lua, "a '%' in gsub's replacement must be followed by the number of a group or by '%'");
    }
  }
  check_result(lua, out, 0);
}

// A replacement by table or function: false and nil keep the match.
void replace_by_value(lua_State* lua, const RE2& regex, const Captures& groups, std::string& out) {
  if (lua_type(lua, 3) == LUA_TTABLE) {
    push_group(lua, groups[group_count(regex) > 1 ? 1 : 0]);
    if (lua_isnil(lua, -1)) {
      lua_pop(lua, 1);
      push(lua, "");
    }
    lua_rawget(lua, 3);
  } else {
    lua_pushvalue(lua, 3);
    lua_call(lua, push_groups(lua, regex, groups), 1);
  }
  std::string_view value(groups[0].data(), groups[0].size());
  if (lua_isstring(lua, -1) != 0) {
    value = text_at(lua, -1);
  } else if (lua_toboolean(lua, -1) != 0) {
    raise(lua, fmt::format("gsub's replacement is a {}: it must be a string", luaL_typename(lua, -1)));
  }
  check_result(lua, out, value.size());
  out.append(value);
  lua_pop(lua, 1);
}

// text:gsub(expression, replacement [, most]).
int gsub(lua_State* lua) {
  std::string_view whole = text_at(lua, 1);
  auto regex = compiled(lua, text_at(lua, 2));
  std::string_view text = bounded(whole, *regex);
  int kind = lua_type(lua, 3);
  if (kind != LUA_TSTRING && kind != LUA_TNUMBER && kind != LUA_TTABLE && kind != LUA_TFUNCTION) {
    raise(lua, "gsub's replacement must be a string, a table or a function");
  }
  lua_Integer most = luaL_optinteger(lua, 4, LUA_MAXINTEGER);
  lua_Integer count = 0;
  size_t copied = 0;
  size_t from = 0;
  std::string out;
  Captures groups;
  while (count < most && match_at(*regex, text, from, groups)) {
    Watchdog::poll(lua);  // each search is linear, but there may be one for every byte
    auto at = static_cast<size_t>(groups[0].data() - text.data());
    check_result(lua, out, at - copied);
    out.append(text.substr(copied, at - copied));
    if (kind == LUA_TSTRING || kind == LUA_TNUMBER) {
      expand(lua, text_at(lua, 3), *regex, groups, out);
    } else {
      replace_by_value(lua, *regex, groups, out);
    }
    copied = at + groups[0].size();
    from = after(text, groups[0]);
    ++count;
  }
  check_result(lua, out, whole.size() - copied);
  out.append(whole.substr(copied));
  push(lua, out);
  lua_pushinteger(lua, count);
  return 2;
}

// Lua's own loops once for each copy, also of nothing.
int rep(lua_State* lua) {
  std::string_view text = text_at(lua, 1);
  size_t separator = 0;
  (void)luaL_optlstring(lua, 3, "", &separator);
  if (text.empty() && separator == 0) {
    push(lua, "");
    return 1;
  }
  lua_pushvalue(lua, lua_upvalueindex(1));
  lua_insert(lua, 1);
  lua_call(lua, lua_gettop(lua) - 1, 1);
  return 1;
}

// Lua's own, without addresses: %p, and what %s makes of a table.
int format(lua_State* lua) {
  std::string_view text = text_at(lua, 1);
  for (size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at)) {
    at = text.find_first_not_of("-+ #0123456789.", at + 1);
    if (at == std::string_view::npos) break;
    if (text[at] == 'p') raise(lua, "there is no '%p' in a rule");
    ++at;
  }
  for (int index = 2; index <= lua_gettop(lua); ++index) {
    int type = lua_type(lua, index);
    if (type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TBOOLEAN || type == LUA_TNIL) continue;
    push_shown(lua, index);
    lua_replace(lua, index);
  }
  lua_pushvalue(lua, lua_upvalueindex(1));
  lua_insert(lua, 1);
  lua_call(lua, lua_gettop(lua) - 1, 1);
  return 1;
}

}  // namespace

bool is_iterator(lua_State* lua, int index) {
  return lua_tocfunction(lua, index) == gmatch_step;
}

int push_match(lua_State* lua, std::string_view pattern, std::string_view subject, size_t from) {
  auto regex = compiled(lua, pattern);
  Captures groups;
  if (!match_at(*regex, bounded(subject, *regex), from, groups)) return 0;
  return push_groups(lua, *regex, groups);
}

void open_string(lua_State* lua) {
  lua_pushcfunction(lua, luaopen_string);
  lua_call(lua, 0, 1);
  lua_newtable(lua);
  for (const char* name : {"byte", "char", "len", "lower", "reverse", "sub", "upper"}) {
    lua_getfield(lua, -2, name);
    lua_setfield(lua, -2, name);
  }
  lua_getfield(lua, -2, "rep");
  lua_pushcclosure(lua, rep, 1);
  lua_setfield(lua, -2, "rep");
  lua_getfield(lua, -2, "format");
  lua_pushcclosure(lua, format, 1);
  lua_setfield(lua, -2, "format");
  constexpr std::array<luaL_Reg, 5> kOurs = {
      {{"find", find}, {"match", match}, {"gmatch", gmatch}, {"gsub", gsub}, {nullptr, nullptr}}};
  luaL_setfuncs(lua, kOurs.data(), 0);
  lua_remove(lua, -2);
  protect(lua, LUA_STRLIBNAME);
  // The methods of strings are these too.
  push(lua, "");
  lua_getmetatable(lua, -1);
  lua_pushvalue(lua, -3);
  lua_setfield(lua, -2, "__index");
  lua_pop(lua, 2);
  lua_setfield(lua, -2, LUA_STRLIBNAME);
}

}  // namespace postern::rules
