// map("file") and map("file", "kind"): an object whose :has(value) looks into a list kept in a file.
#include <array>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "lua/api.h"
#include "lua/api_view.h"
#include "lua/registry.h"
#include "lua/sandbox.h"

namespace postern::rules {

namespace {

/// What stands in the userdata, and behind it the name's octets. It needs no finalizer.
struct Reference {
  Map::Kind kind;
  size_t size;
};

// Addresses of the registry's places for the metatable and the method.
constexpr char kMetatable = 0;

Map::Kind kind_argument(lua_State* lua) {
  if (lua_isnoneornil(lua, 2)) return Map::Kind::Auto;
  if (lua_type(lua, 2) != LUA_TSTRING) {
    raise(lua, fmt::format("map: the kind is a text, \"domain\" for example, not a {}", luaL_typename(lua, 2)));
  }
  std::string_view kind = text_at(lua, 2);
  if (auto known = Map::parse_kind(kind)) return *known;
  raise(lua, fmt::format("map: there is no kind '{}'{}; there are auto, exact, domain, cidr and regex",
                         escape_for_log(kind, 60), did_you_mean(kind, Map::kind_names())));
}

int map(lua_State* lua) {
  if (lua_type(lua, 1) != LUA_TSTRING) {
    raise(lua, fmt::format("'map' wants the name of a file in quotes, not a {}", luaL_typename(lua, 1)));
  }
  std::string_view name = text_at(lua, 1);
  if (name.empty() || name.size() > Maps::kMaxName) {
    raise(lua, fmt::format("'{}' is no name of a file", escape_for_log(name, 80)));
  }
  Map::Kind kind = kind_argument(lua);
  if (Registry* registry = State::of(lua).registry) registry->use_map(std::string(name), kind, calling_line(lua));
  auto* place = static_cast<char*>(lua_newuserdatauv(lua, sizeof(Reference) + name.size(), 0));
  new (place) Reference{kind, name.size()};
  name.copy(place + sizeof(Reference), name.size());
  lua_rawgetp(lua, LUA_REGISTRYINDEX, &kMetatable);
  lua_setmetatable(lua, -2);
  return 1;
}

bool is_map(lua_State* lua, int index) {
  if (lua_type(lua, index) != LUA_TUSERDATA || lua_getmetatable(lua, index) == 0) return false;
  lua_rawgetp(lua, LUA_REGISTRYINDEX, &kMetatable);
  bool same = lua_rawequal(lua, -1, -2) != 0;
  lua_pop(lua, 2);
  return same;
}

// The version that this message sees, taken when it asks first.
const Map& map_of(lua_State* lua, MailContext& mail, const Reference& reference) {
  std::pair<std::string, Map::Kind> key(std::string(reinterpret_cast<const char*>(&reference + 1), reference.size),
                                        reference.kind);
  auto& seen_maps = mail.seen_maps->maps;
  auto seen = seen_maps.find(key);
  if (seen != seen_maps.end()) return *seen->second;
  MapPtr found = mail.maps == nullptr ? nullptr : mail.maps->find(key.first, key.second);
  if (found != nullptr) return *seen_maps.emplace(std::move(key), std::move(found)).first->second;
  std::vector<std::string> known;
  if (mail.maps != nullptr) known = mail.maps->names();
  size_t number = static_cast<size_t>(reference.kind);
  std::string kind = reference.kind == Map::Kind::Auto ? "" : fmt::format(" of kind \"{}\"", Map::kind_names()[number]);
  raise(lua, fmt::format("there is no map '{}'{}{}; a map is read with the rules if its name stands there in quotes",
                         escape_for_log(key.first, 80), kind, did_you_mean(key.first, known)));
}

int has(lua_State* lua) {
  if (!is_map(lua, 1)) raise(lua, "has is asked with a colon: map(\"file\"):has(value)");
  MailContext* mail = State::of(lua).mail;
  if (mail == nullptr) raise(lua, "a map can be asked only while a message is judged");
  int type = lua_type(lua, 2);
  if (type != LUA_TSTRING && type != LUA_TNUMBER) {
    raise(lua, fmt::format("has() wants a text or a number, not {}",
                           type <= LUA_TNIL ? "nil" : fmt::format("a {}", luaL_typename(lua, 2))));
  }
  const Map& list = map_of(lua, *mail, *static_cast<const Reference*>(lua_touserdata(lua, 1)));
  lua_pushboolean(lua, list.has(text_at(lua, 2), [lua] { Watchdog::poll(lua); }) ? 1 : 0);
  return 1;
}

int no_such_field(lua_State* lua) {
  if (lua_type(lua, 2) == LUA_TSTRING && text_at(lua, 2) == "has") {
    lua_pushvalue(lua, lua_upvalueindex(1));
    return 1;
  }
  std::string_view key = lua_type(lua, 2) == LUA_TSTRING ? text_at(lua, 2) : std::string_view("?");
  raise(lua, fmt::format("a map has no field '{}': there is only :has(value)", escape_for_log(key, 60)));
}

int refuse_write(lua_State* lua) {
  raise(lua, "a map cannot be changed by a rule");
}

}  // namespace

void open_map(lua_State* lua) {
  lua_newtable(lua);
  lua_pushcfunction(lua, has);
  lua_pushcclosure(lua, no_such_field, 1);
  lua_setfield(lua, -2, "__index");
  lua_pushcfunction(lua, refuse_write);
  lua_setfield(lua, -2, "__newindex");
  lua_pushboolean(lua, 0);
  lua_setfield(lua, -2, "__metatable");
  lua_rawsetp(lua, LUA_REGISTRYINDEX, &kMetatable);
  lua_pushcfunction(lua, map);
  lua_setfield(lua, -2, "map");
}

}  // namespace postern::rules
