#include "lua/isolation.h"

#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "lua/api.h"
#include "lua/source_lexer.h"

namespace postern::rules {

namespace {

// In the metatable of a read-only table: what is behind it. Its address is a key that no rule can name.
char behind_key = 0;

int refuse_write(lua_State* lua) {
  raise(lua, "what was made while the file was read cannot be changed: nothing may stay for the next message");
}

int length(lua_State* lua) {
  lua_pushinteger(lua, static_cast<lua_Integer>(lua_rawlen(lua, lua_upvalueindex(1))));
  return 1;
}

int next_behind(lua_State* lua) {
  lua_settop(lua, 2);
  return lua_next(lua, lua_upvalueindex(1)) != 0 ? 2 : (lua_pushnil(lua), 1);
}

int pairs(lua_State* lua) {
  lua_pushvalue(lua, lua_upvalueindex(1));
  lua_pushcclosure(lua, next_behind, 1);
  lua_pushvalue(lua, 1);
  lua_pushnil(lua);
  return 3;
}

// The function, with the table on top of the stack as its upvalue, into the metatable below it.
void set_method(lua_State* lua, const char* name, lua_CFunction function) {
  lua_pushvalue(lua, -1);
  lua_pushcclosure(lua, function, 1);
  lua_setfield(lua, -3, name);
}

// Replaces the table on top of the stack by one that reads the same.
void make_read_only(lua_State* lua) {
  lua_newtable(lua);
  lua_createtable(lua, 0, 6);
  lua_pushvalue(lua, -3);  // table, proxy, metatable, table
  set_method(lua, "__len", length);
  set_method(lua, "__pairs", pairs);
  lua_pushvalue(lua, -1);
  lua_setfield(lua, -3, "__index");
  lua_rawsetp(lua, -2, &behind_key);
  lua_pushcfunction(lua, refuse_write);
  lua_setfield(lua, -2, "__newindex");
  lua_pushboolean(lua, 0);
  lua_setfield(lua, -2, "__metatable");
  lua_setmetatable(lua, -2);
  lua_remove(lua, -2);
}

}  // namespace

namespace {

/// Where the walk over the words of a text stands: in which function, within which brackets.
class Nesting {
 public:
  void take(const source::Token& token) {
    using Kind = source::Token::Kind;
    if (token.kind == Kind::Word) {
      if (token.text == "function" || token.text == "do" || token.text == "if" || token.text == "repeat") {
        open_.push_back(token.text == "function" ? 'f' : 'b');
      } else if (token.text == "end" || token.text == "until") {
        close();
      }
    } else if (token.kind == Kind::Sign && token.text.size() == 1) {
      if (token.text == "{" || token.text == "(" || token.text == "[") open_.push_back('(');
      if (token.text == "}" || token.text == ")" || token.text == "]") close();
    }
  }
  [[nodiscard]] bool in_function() const { return open_.find('f') != std::string::npos; }
  [[nodiscard]] bool in_brackets() const { return !open_.empty() && open_.back() == '('; }

 private:
  void close() {
    if (!open_.empty()) open_.pop_back();
  }
  std::string open_;
};

// The names before a '=' that stand alone or before ',': "a, b.c, d =" assigns a and d. A declaration assigns none, and
// what stands in front of "t[x], a =" is taken for a name too many.
void take_assigned(const std::vector<source::Token>& statement, std::set<std::string, std::less<>>& names) {
  using Kind = source::Token::Kind;
  std::vector<std::string_view> found;
  for (size_t i = statement.size(); i-- > 0;) {
    const source::Token& token = statement[i];
    if (token.kind == Kind::Word) {
      if (token.text == "local" || token.text == "for") return;
      break;
    }
    bool last = i + 1 == statement.size();
    bool joins = token.kind == Kind::Sign && (token.text == "," || token.text == "." || token.text == ":");
    if (!last && statement[i + 1].kind == Kind::Name && !joins) break;  // the statement before
    bool field = i > 0 && statement[i - 1].text == ".";
    if (token.kind == Kind::Name && !field && (last || statement[i + 1].text == ",")) found.push_back(token.text);
  }
  names.insert(found.begin(), found.end());
}

}  // namespace

void add_assigned_names(std::string_view text, std::set<std::string, std::less<>>& names) {
  using Kind = source::Token::Kind;
  source::Lexer lexer(text);
  Nesting nesting;
  std::vector<source::Token> before;  // since the last word of Lua's own that is none of a value
  for (source::Token token = lexer.next(); token.kind != Kind::End && token.kind != Kind::Bad; token = lexer.next()) {
    bool sign = token.kind == Kind::Sign;
    if (nesting.in_function() && !nesting.in_brackets() && sign && token.text == "=") take_assigned(before, names);
    bool named = nesting.in_function() && before.size() > 1 && before.back().kind == Kind::Word &&
                 before.back().text == "function";
    if (named && token.kind == Kind::Name && before[before.size() - 2].text != "local") names.emplace(token.text);
    nesting.take(token);
    if (sign && token.text == "=") before.clear();
    before.push_back(token);
    if (before.size() > 1000) before.erase(before.begin(), before.begin() + 500);
  }
}

/// Everything that the rules' functions reach. Stack while it runs: 1 tables to read-only ones, 2 what is still to be
/// walked, an array. Under State::call().
class Isolation::Walk {
 public:
  Walk(lua_State* lua, Isolation& isolation, const std::set<std::string, std::less<>>& assigned)
      : lua_(lua), isolation_(isolation), assigned_(assigned) {}

  void run(const std::vector<int>& whens) {
    lua_settop(lua_, 0);
    lua_newtable(lua_);
    lua_newtable(lua_);
    for (int when : whens) {
      if (lua_rawgeti(lua_, LUA_REGISTRYINDEX, when) == LUA_TFUNCTION) {
        push_left();
      } else {
        lua_pop(lua_, 1);
      }
    }
    while (left_ > 0) {
      lua_rawgeti(lua_, kLeft, left_);
      lua_pushnil(lua_);
      lua_rawseti(lua_, kLeft, left_--);
      if (lua_type(lua_, -1) == LUA_TFUNCTION) {
        walk_function();
      } else {
        walk_table();
      }
      lua_pop(lua_, 1);
    }
  }

 private:
  static constexpr int kReadOnly = 1;
  static constexpr int kLeft = 2;

  // Takes the value on top of the stack; each is walked once.
  void push_left() {
    if (seen_.insert(lua_topointer(lua_, -1)).second) {
      lua_rawseti(lua_, kLeft, ++left_);
    } else {
      lua_pop(lua_, 1);
    }
  }

  // What stands in place of the value on top of the stack, pushed in its place; true when it is another one.
  bool replace() {
    int type = lua_type(lua_, -1);
    if (type == LUA_TFUNCTION) {
      lua_pushvalue(lua_, -1);
      push_left();
    }
    if (type != LUA_TTABLE) return false;
    if (lua_getmetatable(lua_, -1) != 0) {
      replace_known();
      return false;
    }
    lua_pushvalue(lua_, -1);
    if (lua_rawget(lua_, kReadOnly) == LUA_TNIL) {
      lua_pop(lua_, 1);
      lua_pushvalue(lua_, -1);
      push_left();
      lua_pushvalue(lua_, -1);
      make_read_only(lua_);
      lua_pushvalue(lua_, -2);
      lua_pushvalue(lua_, -2);
      lua_rawset(lua_, kReadOnly);
    }
    lua_remove(lua_, -2);
    return true;
  }

  // A table with a metatable (on top) is protected already; what is behind it, the store of a file's environment, has
  // values of the file.
  void replace_known() {
    push(lua_, "__index");
    if (lua_rawget(lua_, -2) == LUA_TTABLE) {
      push_left();
    } else {
      lua_pop(lua_, 1);
    }
    lua_pop(lua_, 1);
  }

  void walk_function() {
    int function = lua_gettop(lua_);
    bool iterator = is_iterator(lua_, function);
    bool ours = lua_iscfunction(lua_, function) != 0;
    for (int i = 1;; ++i) {
      const char* name = lua_getupvalue(lua_, function, i);
      if (name == nullptr) return;
      if (replace()) {
        lua_pushvalue(lua_, -1);
        lua_setupvalue(lua_, function, i);
      }
      if (iterator || (!ours && assigned_.count(std::string_view(name)) != 0)) keep(function, i, iterator ? "" : name);
      lua_pop(lua_, 1);
    }
  }

  // The upvalue, whose value is on top of the stack, must be what it is now whenever a rule has run.
  void keep(int function, int upvalue, const char* name) {
    Variable variable;
    variable.name = *name == '\0' ? "an iterator of gmatch" : fmt::format("'{}'", name);
    variable.upvalue = upvalue;
    lua_pushvalue(lua_, -1);
    variable.value = luaL_ref(lua_, LUA_REGISTRYINDEX);
    lua_pushvalue(lua_, function);
    variable.function = luaL_ref(lua_, LUA_REGISTRYINDEX);
    isolation_.variables_.push_back(std::move(variable));
  }

  void walk_table() {
    int table = lua_gettop(lua_);
    lua_newtable(lua_);  // keys that are tables, with their values: changed behind the walk
    int odd = lua_gettop(lua_);
    lua_Integer count = 0;
    lua_pushnil(lua_);
    while (lua_next(lua_, table) != 0) {
      if (replace()) {
        lua_pushvalue(lua_, -2);
        lua_pushvalue(lua_, -2);
        lua_rawset(lua_, table);  // an existing field: allowed while it is walked
      }
      lua_pop(lua_, 1);
      if (lua_type(lua_, -1) != LUA_TTABLE && lua_type(lua_, -1) != LUA_TFUNCTION) continue;
      lua_pushvalue(lua_, -1);
      lua_rawseti(lua_, odd, ++count);
    }
    for (lua_Integer i = 1; i <= count; ++i) replace_key(table, odd, i);
    lua_settop(lua_, table);
  }

  void replace_key(int table, int odd, lua_Integer index) {
    lua_rawgeti(lua_, odd, index);
    lua_pushvalue(lua_, -1);
    lua_rawget(lua_, table);
    lua_pushvalue(lua_, -2);  // key, value, key
    if (replace()) {
      lua_pushvalue(lua_, -3);
      lua_pushnil(lua_);
      lua_rawset(lua_, table);
      lua_pushvalue(lua_, -2);
      lua_rawset(lua_, table);  // table[read-only key] = value
      lua_pop(lua_, 1);
    } else {
      lua_pop(lua_, 3);
    }
  }

  lua_State* lua_;
  Isolation& isolation_;
  const std::set<std::string, std::less<>>& assigned_;
  std::unordered_set<const void*> seen_;
  lua_Integer left_ = 0;
};

CallResult Isolation::seal(State& state, const std::vector<int>& whens,
                           const std::set<std::string, std::less<>>& assigned) {
  struct Arguments {
    Isolation* isolation;
    const std::vector<int>* whens;
    const std::set<std::string, std::less<>>* assigned;
  };
  Arguments arguments{this, &whens, &assigned};
  lua_pushcfunction(state.lua(), [](lua_State* lua) {
    const auto& given = *static_cast<const Arguments*>(lua_touserdata(lua, 1));
    Walk(lua, *given.isolation, *given.assigned).run(*given.whens);
    return 0;
  });
  lua_pushlightuserdata(state.lua(), &arguments);
  return state.call(1, 0);
}

std::string Isolation::restore(State& state) const {
  std::string changed;
  if (variables_.empty()) return changed;
  lua_State* lua = state.lua();
  for (const Variable& variable : variables_) {
    // References and upvalues: nothing here can raise an error.
    lua_rawgeti(lua, LUA_REGISTRYINDEX, variable.function);
    lua_getupvalue(lua, -1, variable.upvalue);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, variable.value);
    bool same = lua_rawequal(lua, -1, -2) != 0;
    if (!same) lua_setupvalue(lua, -3, variable.upvalue);
    lua_settop(lua, same ? -4 : -3);
    if (!same && changed.empty()) changed = variable.name;
  }
  return changed;
}

void push_behind(lua_State* lua, int index) {
  index = lua_absindex(lua, index);
  if (lua_type(lua, index) == LUA_TTABLE && lua_getmetatable(lua, index) != 0) {
    bool read_only = lua_rawgetp(lua, -1, &behind_key) == LUA_TTABLE;
    lua_remove(lua, -2);
    if (read_only) return;
    lua_pop(lua, 1);
  }
  lua_pushvalue(lua, index);
}

}  // namespace postern::rules
