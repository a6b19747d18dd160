#include "lua/api_view.h"

#include <algorithm>
#include <array>
#include <string>
#include <type_traits>
#include <vector>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "lua/registry.h"

namespace postern::rules {

namespace {

template <class Table>
const Table& table_of(lua_State* lua) {
  return *static_cast<const Table*>(lua_touserdata(lua, lua_upvalueindex(1)));
}

bool must_wait(const MailContext& mail, const ViewRow& row) {
  return row.after_earlier && mail.progress != nullptr && mail.progress->waits_before(mail.position);
}

// `function` is done again once the rules before this one have ended; it has two arguments.
template <lua_CFunction function>
int again(lua_State* lua, int /*status*/, lua_KContext /*context*/) {
  lua_settop(lua, 2);
  return function(lua);
}

// The field that a view is asked for; raises an error for what there is not, and for what is not known yet.
int view_index(lua_State* lua) {
  const auto& view = table_of<ViewTable>(lua);
  MailContext& mail = context(lua);
  std::string_view key = lua_type(lua, 2) == LUA_TSTRING ? text_at(lua, 2) : std::string_view("?");
  const ViewRow* end = view.rows + view.count;
  const ViewRow* row = std::find_if(view.rows, end, [key](const ViewRow& candidate) { return candidate.name == key; });
  if (row == end) {
    std::vector<std::string_view> known;
    for (const ViewRow* each = view.rows; each != end; ++each) known.push_back(each->name);
    raise(lua, fmt::format("{} has no field '{}'{}", view.path, escape_for_log(key, 60), did_you_mean(key, known)));
  }
  if (row->push == nullptr) raise(lua, fmt::format("{}.{} is not available in this version", view.path, row->name));
  require_stage(lua, mail, view.path, row->name, row->since);
  if (must_wait(mail, *row)) return wait_for_earlier(lua, again<view_index>);
  row->push(lua, mail);
  return 1;
}

// Rules can call an iterator with anything; only an object of its own metatable (the second upvalue) holds a place.
void require_own_object(lua_State* lua) {
  if (lua_getmetatable(lua, 1) != 0) {
    bool own = lua_rawequal(lua, -1, lua_upvalueindex(2)) != 0;
    lua_pop(lua, 1);
    if (own) return;
  }
  raise(lua, "what pairs() gave must be called with the object that it was asked for");
}

// Behind the row of the last key: the next one that can be read now and is no method.
int view_next(lua_State* lua) {
  const auto& view = table_of<ViewTable>(lua);
  MailContext& mail = context(lua);
  require_own_object(lua);
  lua_settop(lua, 2);
  const ViewRow* end = view.rows + view.count;
  const ViewRow* row = view.rows;
  if (!lua_isnil(lua, 2)) {
    std::string_view key = lua_type(lua, 2) == LUA_TSTRING ? text_at(lua, 2) : std::string_view("?");
    row = std::find_if(row, end, [key](const ViewRow& candidate) { return candidate.name == key; });
    if (row != end) ++row;
  }
  for (; row != end; ++row) {
    if (row->push == nullptr || mail.stage < row->since) continue;
    if (must_wait(mail, *row)) return wait_for_earlier(lua, again<view_next>);
    push(lua, row->name);
    row->push(lua, mail);
    if (!lua_isfunction(lua, -1)) return 2;
    lua_pop(lua, 2);
  }
  lua_pushnil(lua);
  return 1;
}

int refuse_write(lua_State* lua) {
  raise(lua, "'mail' and what belongs to it cannot be changed");
}

MailContext& context_of(lua_State* lua, const ViewArray& array) {
  MailContext& mail = context(lua);
  require_stage(lua, mail, array.path, array.name, array.since);
  return mail;
}

// Every array holds the place of its owner. Rules never see a metatable, so what they call its functions with is the
// object itself; the iterator alone must look.
size_t owner_of(lua_State* lua) {
  return *static_cast<const size_t*>(lua_touserdata(lua, 1));
}

// Pushes the value of a 1-based index, or nil where there is none.
void push_at(lua_State* lua, MailContext& mail, const ViewArray& array, lua_Integer index) {
  size_t owner = owner_of(lua);
  if (index < 1 || static_cast<lua_Unsigned>(index) > array.size(mail, owner)) {
    lua_pushnil(lua);
  } else {
    array.push(lua, mail, owner, static_cast<size_t>(index) - 1);
  }
}

int array_index(lua_State* lua) {
  const auto& array = table_of<ViewArray>(lua);
  MailContext& mail = context_of(lua, array);
  if (lua_isinteger(lua, 2) == 0) {
    std::string name = fmt::format("{}.{}", array.path, array.name);
    raise(lua, fmt::format("{0} is an array: {0}[1], #{0}, ipairs({0})", name));
  }
  push_at(lua, mail, array, lua_tointeger(lua, 2));
  return 1;
}

int array_length(lua_State* lua) {
  const auto& array = table_of<ViewArray>(lua);
  MailContext& mail = context_of(lua, array);
  lua_pushinteger(lua, static_cast<lua_Integer>(array.size(mail, owner_of(lua))));
  return 1;
}

int array_next(lua_State* lua) {
  const auto& array = table_of<ViewArray>(lua);
  MailContext& mail = context_of(lua, array);
  require_own_object(lua);
  lua_Integer index = luaL_optinteger(lua, 2, 0);
  if (index < 0 || static_cast<lua_Unsigned>(index) >= array.size(mail, owner_of(lua))) {
    lua_pushnil(lua);
    return 1;
  }
  lua_pushinteger(lua, index + 1);
  push_at(lua, mail, array, index + 1);
  return 2;
}

// pairs(object): the iterator (the upvalue), the object, and what comes before the first.
int start_pairs(lua_State* lua) {
  lua_pushvalue(lua, lua_upvalueindex(1));
  lua_pushvalue(lua, 1);
  lua_pushvalue(lua, lua_upvalueindex(2));
  return 3;
}

// A metatable that shows nothing of itself and takes no writes, on top of the stack.
void new_metatable(lua_State* lua) {
  lua_newtable(lua);
  lua_pushcfunction(lua, refuse_write);
  lua_setfield(lua, -2, "__newindex");
  lua_pushboolean(lua, 0);
  lua_setfield(lua, -2, "__metatable");
}

// The function, with `table` as its upvalue, into the field of the metatable on top of the stack.
template <class Table>
void set_method(lua_State* lua, const char* name, lua_CFunction function, const Table& table) {
  lua_pushlightuserdata(lua, const_cast<Table*>(&table));
  lua_pushcclosure(lua, function, 1);
  lua_setfield(lua, -2, name);
}

// pairs() for the metatable on top of the stack, which becomes an upvalue of the iterator. The iterator is made here,
// not by every pairs().
template <class Table>
void set_pairs(lua_State* lua, lua_CFunction next, const Table& table) {
  lua_pushlightuserdata(lua, const_cast<Table*>(&table));
  lua_pushvalue(lua, -2);
  lua_pushcclosure(lua, next, 2);
  if constexpr (std::is_same_v<Table, ViewArray>) {
    lua_pushinteger(lua, 0);
  } else {
    lua_pushnil(lua);
  }
  lua_pushcclosure(lua, start_pairs, 2);
  lua_setfield(lua, -2, "__pairs");
}

// The metatable of all objects that read `table`, on top of the stack.
void new_metatable(lua_State* lua, const ViewTable& table) {
  new_metatable(lua);
  set_method(lua, "__index", view_index, table);
  set_pairs(lua, view_next, table);
}

void new_metatable(lua_State* lua, const ViewArray& array) {
  new_metatable(lua);
  set_method(lua, "__index", array_index, array);
  set_method(lua, "__len", array_length, array);
  set_pairs(lua, array_next, array);
}

// An object that holds `place`, on top of the stack.
void new_object(lua_State* lua, size_t place) {
  *static_cast<size_t*>(lua_newuserdatauv(lua, sizeof(size_t), 0)) = place;
}

void keep(lua_State* lua, State::View view) {
  State::of(lua).views[view] = luaL_ref(lua, LUA_REGISTRYINDEX);
}

}  // namespace

MailContext& context(lua_State* lua) {
  MailContext* mail = State::of(lua).mail;
  if (mail == nullptr || mail->facts == nullptr) raise(lua, "'mail' can be read only while a message is judged");
  return *mail;
}

void require_stage(lua_State* lua, const MailContext& mail, std::string_view path, std::string_view name, Stage since) {
  if (mail.stage >= since) return;
  raise(lua, fmt::format("{}{}{} is known from stage \"{}\" on; this rule runs at stage \"{}\"", path,
                         path.empty() ? "" : ".", name, to_string(since), to_string(mail.stage)));
}

void push_view(lua_State* lua, State::View view) {
  lua_rawgeti(lua, LUA_REGISTRYINDEX, State::of(lua).views[view]);
}

void make_view(lua_State* lua, State::View view, const ViewTable& table) {
  new_object(lua, 0);
  new_metatable(lua, table);
  lua_setmetatable(lua, -2);
  keep(lua, view);
}

void make_array(lua_State* lua, State::View view, const ViewArray& array) {
  new_object(lua, 0);
  new_metatable(lua, array);
  lua_setmetatable(lua, -2);
  keep(lua, view);
}

// The store: the metatable at 0, the objects from 1 on.
void make_elements(lua_State* lua, State::View view, const ViewTable& table) {
  lua_newtable(lua);
  new_metatable(lua, table);
  lua_rawseti(lua, -2, 0);
  keep(lua, view);
}

void make_element_arrays(lua_State* lua, State::View view, const ViewArray& array) {
  lua_newtable(lua);
  new_metatable(lua, array);
  lua_rawseti(lua, -2, 0);
  keep(lua, view);
}

void push_element(lua_State* lua, State::View view, size_t at) {
  auto index = static_cast<lua_Integer>(at) + 1;
  push_view(lua, view);
  if (lua_rawgeti(lua, -1, index) == LUA_TNIL) {
    lua_pop(lua, 1);
    new_object(lua, at);
    lua_rawgeti(lua, -2, 0);
    lua_setmetatable(lua, -2);
    lua_pushvalue(lua, -1);
    lua_rawseti(lua, -3, index);
  }
  lua_remove(lua, -2);
}

size_t element_place(lua_State* lua) {
  return owner_of(lua);
}

}  // namespace postern::rules
