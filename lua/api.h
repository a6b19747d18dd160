// The bindings: what rule files find in Lua, one file a subject. Every function here runs under State::call().
#pragma once

#include <string>
#include <string_view>

#include <lua.hpp>

#include "filters/dmarc/dmarc.h"
#include "filters/dns/dns.h"

namespace postern::rules {

class Registry;

/// Sets fields of the table on top of the stack.
void open_base(lua_State* lua);     // api_base.cc: functions without a prefix, math, table, utf8
void open_string(lua_State* lua);   // api_string.cc: string, and the methods of strings
void open_declare(lua_State* lua);  // api_declare.cc: rule, group, score, disable; calls the next
void open_lists(lua_State* lua);    // api_lists.cc: list, enable
/// Makes the objects of State::views.
void open_mail(lua_State* lua);            // api_mail.cc: mail, mail.client, mail.rcpts; calls the next
void open_authentication(lua_State* lua);  // api_authentication.cc: mail.spf, .helo_spf, .dkim, .dmarc, .arc
void open_content(lua_State* lua);         // api_content.cc: mail.text, .hidden, .urls, .attachments, .parts
void open_dns(lua_State* lua);             // api_dns.cc: dns.txt and its like
void open_map(lua_State* lua);             // api_map.cc: map("file")

/// As rules read them and examples write them.
[[nodiscard]] std::string_view name_of(dmarc::Identifier::Method method);

/// What dns.TYPE(name) asks: any case, a final dot or none, U-labels; for PTR an address too.
[[nodiscard]] dns::Question question_of(dns::Type type, std::string_view name);

/// `return wait_for_earlier(lua, then)`: the rule waits until all rules before it have ended; `then` answers.
int wait_for_earlier(lua_State* lua, lua_KFunction then);

/// Whether the function at `index` is an iterator that gmatch made: it remembers where it is.
[[nodiscard]] bool is_iterator(lua_State* lua, int index);
/// The line of the file's code that called us, 0: not known; a tail call has left no trace of itself, so its caller's.
[[nodiscard]] int calling_line(lua_State* lua);

/// For functions that declare: where they do; an error when no files are read. `what`: the function's name.
[[nodiscard]] Registry& registry_of(lua_State* lua, const char* what);
/// Their first argument, at most 200 bytes of it.
[[nodiscard]] std::string name_argument(lua_State* lua, const char* what);

/// Says how it is written where the call has more than a name: rule("A", { ... }), which would do nothing. Whether it
/// had. `behind`: what follows the name as it should be, "{ ... }".
[[nodiscard]] bool is_one_call(lua_State* lua, const char* what, const std::string& name, std::string_view behind);

/// Why a rule file cannot read the global variable `name`, in the words of the error at run time; "" when every file
/// has it. What every file has is looked up once in a state of its own. Any thread.
[[nodiscard]] std::string refusal_of_name(std::string_view name);

/// Raises `message`, with file and line of the Lua code that called. (Errors are C++ exceptions in this build of Lua:
/// destructors run.)
[[noreturn]] void raise(lua_State* lua, const std::string& message);
void push(lua_State* lua, std::string_view text);
/// What is at `index` as text; of what has none, its type.
void push_shown(lua_State* lua, int index);
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
