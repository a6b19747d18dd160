// Long texts of a message that rules read again and again, handed to Lua once.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <lua.hpp>

namespace postern::rules {

/// Keeps the last message's texts from being collected, so that reading one of a megabyte in a loop does not fill the
/// memory of the rules with copies of it. Part of a State. Forgotten ones cost memory only: they are of a message that
/// has a number of its own, and the next message's replace them.
class KeptTexts {
 public:
  enum Which { Text, Hidden, Count };

  /// Pushes the string; made from `text` when none of this message is kept. Under State::call().
  void push(lua_State* lua, uint64_t message, Which which, std::string_view text);
  /// `lua`: of the state whose part this is. Raises no error and needs no call.
  void drop(lua_State* lua);
  /// A number that no other message of this process has. Any thread.
  static uint64_t next_message();

 private:
  uint64_t message_ = 0;
  std::array<int, Count> references_ = {LUA_NOREF, LUA_NOREF};
};

}  // namespace postern::rules
