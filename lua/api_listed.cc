// mail.lists: what the DNS lists say. mail.lists.ZEN is nil, or a table of its own each time: rules may do with it what
// they like.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "lua/api.h"
#include "lua/api_view.h"
#include "lua/hits.h"
#include "lua/registry.h"

namespace postern::rules {

namespace {

const std::vector<lists::List>& lists_of(const MailContext& mail) {
  static const std::vector<lists::List> none;
  return mail.lists != nullptr ? *mail.lists : none;
}

size_t find_list(const std::vector<lists::List>& all, std::string_view name) {
  auto found = std::find_if(all.begin(), all.end(), [name](const lists::List& list) { return list.name == name; });
  return static_cast<size_t>(found - all.begin());
}

template <class Values>
void set_array(lua_State* lua, const char* field, const Values& values) {
  lua_createtable(lua, static_cast<int>(values.size()), 0);
  lua_Integer at = 0;
  for (const auto& value : values) {
    push(lua, value);
    lua_rawseti(lua, -2, ++at);
  }
  lua_setfield(lua, -2, field);
}

void push_listings(lua_State* lua, const lists::List& list, const lists::Outcome& outcome) {
  std::vector<std::string> answers;
  std::vector<std::string_view> names;
  std::vector<std::string_view> subjects;
  subjects.reserve(outcome.listings.size());
  for (const lists::Outcome::Listing& listing : outcome.listings) {
    subjects.push_back(listing.subject);
    for (const IpAddress& address : listing.answers) {
      std::string answer = address.to_string();
      if (std::find(answers.begin(), answers.end(), answer) == answers.end()) answers.push_back(std::move(answer));
    }
  }
  for (size_t answer = 0; answer < list.answers.size(); ++answer) {
    if (outcome.has(answer)) names.push_back(list.answers[answer].name);
  }
  lua_createtable(lua, 0, 3);
  set_array(lua, "answers", answers);
  set_array(lua, "names", names);
  set_array(lua, "subjects", subjects);
}

int read_list(lua_State* lua) {
  MailContext& mail = context(lua);
  const auto& all = lists_of(mail);
  std::string_view name = lua_type(lua, 2) == LUA_TSTRING ? text_at(lua, 2) : std::string_view("?");
  size_t at = find_list(all, name);
  if (at == all.size()) {
    std::vector<std::string_view> known;
    known.reserve(all.size());
    for (const lists::List& list : all) known.push_back(list.name);
    raise(lua, fmt::format("mail.lists: there is no list {}{}", escape_for_log(name, 60), did_you_mean(name, known)));
  }
  require_stage(lua, mail, "mail.lists", name, known_from(all[at].of));
  const lists::Outcome* outcome = listed(*mail.facts, at);
  if (outcome == nullptr) {
    lua_pushnil(lua);
  } else {
    note_listed(mail, all[at].name);
    push_listings(lua, all[at], *outcome);
  }
  return 1;
}

// pairs(mail.lists): those that have listed something. The list behind the one named by the last key; the object that
// it is called with holds nothing, so it may be anything.
int next_list(lua_State* lua) {
  MailContext& mail = context(lua);
  const auto& all = lists_of(mail);
  lua_settop(lua, 2);
  size_t at = 0;
  if (!lua_isnil(lua, 2)) {
    at = find_list(all, lua_type(lua, 2) == LUA_TSTRING ? text_at(lua, 2) : std::string_view("?"));
    at = std::min(at + 1, all.size());
  }
  for (; at < all.size(); ++at) {
    const lists::Outcome* outcome = mail.stage < known_from(all[at].of) ? nullptr : listed(*mail.facts, at);
    if (outcome == nullptr) continue;
    note_listed(mail, all[at].name);
    push(lua, all[at].name);
    push_listings(lua, all[at], *outcome);
    return 2;
  }
  lua_pushnil(lua);
  return 1;
}

int list_pairs(lua_State* lua) {
  lua_pushcfunction(lua, next_list);
  lua_pushvalue(lua, 1);
  lua_pushnil(lua);
  return 3;
}

int refuse_length(lua_State* lua) {
  raise(lua, "mail.lists has no length: its fields are the names of lists, mail.lists.NAME");
}

int refuse_write(lua_State* lua) {
  raise(lua, "'mail' and what belongs to it cannot be changed");
}

}  // namespace

void note_listed(MailContext& mail, const std::string& list) {
  if (std::find(mail.listed.begin(), mail.listed.end(), list) == mail.listed.end()) mail.listed.push_back(list);
}

void open_listed(lua_State* lua) {
  lua_newuserdatauv(lua, 0, 0);
  lua_createtable(lua, 0, 5);
  for (const luaL_Reg& method : {luaL_Reg{"__index", read_list}, luaL_Reg{"__pairs", list_pairs},
                                 luaL_Reg{"__len", refuse_length}, luaL_Reg{"__newindex", refuse_write}}) {
    lua_pushcfunction(lua, method.func);
    lua_setfield(lua, -2, method.name);
  }
  lua_pushboolean(lua, 0);
  lua_setfield(lua, -2, "__metatable");
  lua_setmetatable(lua, -2);
  State::of(lua).views[State::Lists] = luaL_ref(lua, LUA_REGISTRYINDEX);
}

}  // namespace postern::rules
