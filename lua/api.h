// The bindings: what rule files find in Lua, one file a subject. Every function here runs under State::call().
#pragma once

#include <string>
#include <string_view>

#include <lua.hpp>

#include "filters/dmarc/dmarc.h"

namespace postern::rules {

/// Sets fields of the table on top of the stack.
void open_base(lua_State* lua);     // api_base.cc: functions without a prefix, math, table, utf8
void open_string(lua_State* lua);   // api_string.cc: string, and the methods of strings
void open_declare(lua_State* lua);  // api_declare.cc: rule, group, score, disable
/// Makes the objects of State::views.
void open_mail(lua_State* lua);            // api_mail.cc: mail, mail.client, mail.rcpts; calls the next
void open_authentication(lua_State* lua);  // api_authentication.cc: mail.spf, .helo_spf, .dkim, .dmarc, .arc

/// As rules read them and examples write them.
[[nodiscard]] std::string_view name_of(dmarc::Identifier::Method method);

/// Raises `message`, with file and line of the Lua code that called. (Errors are C++ exceptions in this build of Lua:
/// destructors run.)
[[noreturn]] void raise(lua_State* lua, const std::string& message);
void push(lua_State* lua, std::string_view text);
[[nodiscard]] inline std::string_view text_at(lua_State* lua, int index) {
  size_t size = 0;
  const char* data = luaL_checklstring(lua, index, &size);
  return {data, size};
}
/// Replaces the table on top of the stack by one that reads the same and refuses to be changed.
void protect(lua_State* lua, const char* name);
/// Pushes what an expression matched first at or after `from` (0-based): its groups, or all of it when it has none.
/// Returns how many values, 0 for no match. `end`: where the match ends.
int push_match(lua_State* lua, std::string_view pattern, std::string_view subject, size_t from);

}  // namespace postern::rules
