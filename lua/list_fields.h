// The tables of `list` and `enable`. Private to list_*.cc; others use registry.h.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "lua/api.h"
#include "lua/registry.h"
#include "lua/shared_fields.h"

namespace postern::rules {

/// Fields of a table, one row each. They are read in the order of the rows: a Lua table has none.
class TableFields : public SharedFields {
 public:
  /// `outline`: the table as written, or null. All outlive it.
  TableFields(lua_State* lua, Registry& registry, RuleInfo& info, const TableOutline* outline, int line)
      : SharedFields(lua, info), registry_(registry), outline_(outline), line_(line) {}

 protected:
  template <class Fields>
  struct Row {
    std::string_view name;
    void (Fields::*read)();  // the value is on top of the stack
  };

  /// The table at `index`. Values without names are for who overrides unnamed(); `elsewhere` may say where an unknown
  /// field belongs.
  template <class Fields, size_t N>
  void read_rows(Fields& self, int index, const std::array<Row<Fields>, N>& rows);
  /// The value without a name in place `number`, which is on top of the stack; whether it may stand there.
  virtual bool unnamed(lua_Integer number);
  /// What follows "unknown field 'x'": " in list ZEN".
  [[nodiscard]] virtual std::string where() const = 0;
  /// Where an unknown field belongs: ": ...", or nothing.
  [[nodiscard]] virtual std::string hint(std::string_view name) const;

  /// The line of what stands at `place`, or around it.
  [[nodiscard]] int line_at(std::string_view place) const;
  [[nodiscard]] Registry& registry() const { return registry_; }
  [[nodiscard]] const TableOutline* outline() const { return outline_; }
  /// Where in the outline a field of this table stands.
  [[nodiscard]] virtual std::string place_of(std::string_view name) const { return std::string(name); }

  void flag(bool& out);
  std::optional<std::string> zone();
  std::optional<std::string> title();

 private:
  Registry& registry_;
  const TableOutline* outline_;
  int line_;
};

template <class Fields, size_t N>
void TableFields::read_rows(Fields& self, int index, const std::array<Row<Fields>, N>& rows) {
  luaL_checkstack(lua(), 8, "a list");
  lua_pushnil(lua());
  while (lua_next(lua(), index) != 0) {
    if (lua_type(lua(), -2) == LUA_TSTRING) {
      std::string name(text_at(lua(), -2));
      std::vector<std::string_view> known;
      known.reserve(N);
      bool found = false;
      for (const auto& row : rows) {
        known.push_back(row.name);
        found = found || row.name == name;
      }
      if (!found) {
        std::string more = hint(name);
        registry_.problem(line_at(place_of(name)),
                          fmt::format("unknown field '{}'{}{}", escape_for_log(name, 60), where(),
                                      more.empty() ? did_you_mean(name, known) : more));
      }
    } else if (lua_isinteger(lua(), -2) == 0 || !unnamed(lua_tointeger(lua(), -2))) {
      at("");
      problem("a value without a name: fields are written name = value");
    }
    lua_pop(lua(), 1);
  }
  for (const auto& row : rows) {
    push(lua(), row.name);
    at(row.name);
    if (lua_rawget(lua(), index) != LUA_TNIL) (self.*row.read)();
    lua_pop(lua(), 1);
  }
  at("");
}

/// One entry of `answers`; the rule of it.
struct ListAnswer {
  lists::Answer answer;
  Definition rule;
};

/// What its list says to all answers.
struct AnswerContext {
  const lists::List* list = nullptr;
  bool of_known = false;             // list->of is what was written
  const RuleInfo* common = nullptr;  // about, group, mode and stage unless they are given with the answer
  bool stage_given = false;
  const TableOutline* outline = nullptr;
  int line = 0;
};

/// The table `answers` on top of the stack: the answers in the order of their addresses, bit masks last.
[[nodiscard]] std::vector<ListAnswer> parse_answers(lua_State* lua, Registry& registry, const AnswerContext& context);

/// Those of `answers` that can never count, since all that they mean are `errors` of the list (`texts`: as written).
/// Valid as long as `answers`.
[[nodiscard]] std::vector<const lists::Answer*> lost_answers(const std::vector<lists::Match>& errors,
                                                             const std::vector<std::string>& texts,
                                                             const std::vector<ListAnswer>& answers);

}  // namespace postern::rules
