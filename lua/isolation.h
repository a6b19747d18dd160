// Nothing of one message stays for the next: what rule files made while they were read cannot be changed by their
// rules.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <lua.hpp>

#include "lua/rules.h"
#include "lua/sandbox.h"

namespace postern::rules {

/// Names of variables that functions of the text may assign: more than they do, never fewer.
void add_assigned_names(std::string_view text, std::set<std::string, std::less<>>& names);

/// Over one state, once its files are read. Tables that rules can reach are put behind read-only ones; variables of
/// files (upvalues) cannot be, so those that some function may assign are looked at when a rule has run, which costs
/// nothing where there are none. One thread.
class Isolation {
 public:
  /// `whens`: references of the rules' functions. Failure::Memory: nothing may run in this state.
  CallResult seal(State& state, const std::vector<int>& whens, const std::set<std::string, std::less<>>& assigned);
  /// Gives each variable its value back. The name of one that had another; empty: none had.
  [[nodiscard]] std::string restore(State& state) const;

 private:
  struct Variable {
    std::string name;
    int function = LUA_NOREF;  // references
    int value = LUA_NOREF;
    int upvalue = 0;
  };
  class Walk;
  std::vector<Variable> variables_;
};

/// For `next`: pushes the table behind the read-only one at `index`, or that one itself.
void push_behind(lua_State* lua, int index);

}  // namespace postern::rules
