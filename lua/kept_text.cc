#include "lua/kept_text.h"

#include <atomic>
#include <utility>

#include "lua/api.h"

namespace postern::rules {

void KeptTexts::push(lua_State* lua, uint64_t message, Which which, std::string_view text) {
  if (message != message_) drop(lua);
  message_ = message;
  int& reference = references_.at(which);
  if (reference != LUA_NOREF) {
    lua_rawgeti(lua, LUA_REGISTRYINDEX, reference);
    return;
  }
  rules::push(lua, text);
  lua_pushvalue(lua, -1);
  reference = luaL_ref(lua, LUA_REGISTRYINDEX);
}

// The registry has these keys already, so that nothing is allocated.
void KeptTexts::drop(lua_State* lua) {
  for (int& reference : references_) luaL_unref(lua, LUA_REGISTRYINDEX, std::exchange(reference, LUA_NOREF));
}

uint64_t KeptTexts::next_message() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

}  // namespace postern::rules
