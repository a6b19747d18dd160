// The fields that rules and the answers of DNS lists have in common.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <lua.hpp>

#include "lua/rules.h"

namespace postern::rules {

/// Reads values that lie on top of the stack into a RuleInfo. Runs under State::call().
class SharedFields {
 public:
  SharedFields(lua_State* lua, RuleInfo& info) : lua_(lua), info_(info) {}
  SharedFields(const SharedFields&) = delete;
  SharedFields& operator=(const SharedFields&) = delete;
  virtual ~SharedFields() = default;

 protected:
  /// Says whose mistake it is, at the line of field_.
  virtual void problem(const std::string& text) = 0;

  [[nodiscard]] lua_State* lua() const { return lua_; }
  void at(std::string_view field) { field_ = field; }
  [[nodiscard]] const std::string& field() const { return field_; }
  /// The string on top of the stack, or a problem.
  std::optional<std::string> text(std::string_view name);
  void about();
  void stage();
  void score();
  void group();
  void action();
  void reply();
  void mode();
  /// Once all fields are read: whether action and reply fit.
  void check_reply();

 private:
  lua_State* lua_;
  RuleInfo& info_;
  std::string field_;  // whose value is looked at; empty: the whole
  bool bad_action_ = false;
};

}  // namespace postern::rules
