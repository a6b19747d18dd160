// The reader of one example's table. Private to example_*.cc; others use examples.h.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "filters/bulk/facts.h"
#include "lua/api.h"
#include "lua/examples.h"
#include "lua/registry.h"

namespace postern::rules {

/// One of `attachments`.
struct ExampleFile {
  std::string name;
  std::string type = "application/octet-stream";
  std::optional<std::string> content;
  std::optional<std::vector<std::string>> names;  // it is a ZIP archive of these
  bool encrypted = false;
};

/// What an example says of the message's content.
struct ExampleBody {
  std::optional<std::string> text;
  std::optional<std::string> html;
  std::optional<std::vector<std::string>> urls;
  std::optional<std::vector<ExampleFile>> files;

  [[nodiscard]] bool given() const { return text || html || urls || files; }
};

/// What an example says of one DNS list.
struct ExampleList {
  std::string name;
  std::vector<std::string> answers;
  std::vector<std::string> names;
  std::vector<std::string> subjects;
};

/// What an example says of the name in HELO; what it does not say follows from the name.
struct ExampleHelo {
  /// nullopt: not said; else whether it is known, and what it is.
  struct Answer {
    bool known = false;
    bool value = false;
  };
  std::optional<bool> literal;
  std::optional<bool> own;
  std::optional<bool> qualified;
  std::optional<Answer> resolves;
  std::optional<Answer> matches;
};

/// Reads the table on top of the stack into `example`; mistakes go to `problems`. All outlive it. Under State::call().
class ExampleFields {
 public:
  ExampleFields(lua_State* lua, const lists::Lists& lists, Example& example, std::vector<std::string>& problems)
      : lua_(lua), lists_(lists), example_(example), problems_(problems) {}

  void parse();

 private:
  template <class Target>
  struct Row {
    std::string_view name;
    void (*read)(ExampleFields& self, Target& target);
  };
  // The value of each string key of the table on top of the stack goes to its row.
  template <class Target, size_t N>
  void read_table(std::string_view where, const std::array<Row<Target>, N>& rows, Target& target);

  void problem(std::string text) { problems_.push_back(std::move(text)); }
  void wrong(std::string_view wanted) {
    problem(fmt::format("'{}' must be {}, not a {}", field_, wanted, luaL_typename(lua_, -1)));
  }
  void read(std::string& out) {
    if (lua_type(lua_, -1) != LUA_TSTRING) return wrong("a string");
    out = text_at(lua_, -1);
  }
  template <class Bool>
  void read_bool(Bool& out) {
    if (lua_type(lua_, -1) != LUA_TBOOLEAN) return wrong("true or false");
    out = lua_toboolean(lua_, -1) != 0;
  }
  template <class Number>
  void read_number(Number& out, lua_Number most) {
    if (lua_type(lua_, -1) != LUA_TNUMBER) return wrong(fmt::format("a number from 0 to {}", most));
    if (!(lua_tonumber(lua_, -1) >= 0 && lua_tonumber(lua_, -1) <= most)) {
      return problem(fmt::format("'{}' must be a number from 0 to {}", field_, most));
    }
    out = static_cast<Number>(lua_tonumber(lua_, -1));
  }
  // A part of a message cannot be counted, and half a sender is a slip of the pen.
  template <class Integer>
  void read_whole(Integer& out, lua_Number least, lua_Number most) {
    lua_Number number = lua_type(lua_, -1) == LUA_TNUMBER ? lua_tonumber(lua_, -1) : -1;
    if (!(number >= least && number <= most && std::floor(number) == number)) {
      return problem(fmt::format("'{}' must be a whole number from {} to {}", field_, least, most));
    }
    out = static_cast<Integer>(number);
  }
  // The name of one of `values`; `what` follows "is no" where it is none.
  template <class Enum, size_t N>
  void read_choice(Enum& out, const std::array<Enum, N>& values, std::string_view (*name)(Enum), std::string_view what);
  void read_strings(std::vector<std::string>& out);
  // Whether the value on top of the stack is a list of tables.
  [[nodiscard]] bool is_list_of_tables() const;
  // For each key of the table on top of the stack, whose value is on top then. A key that is no string is a problem;
  // `wanted` says what the table must be.
  template <class Each>
  void read_named(std::string_view wanted, Each each);

  void read_text(std::string& out, std::string_view name);
  void read_header();

  // example_content.cc
  void read_attachments();
  void read_file(ExampleFile& file);
  void check_file(const std::string& where, const ExampleFile& file);
  void read_dns();
  void read_answers(dns::Type type);
  void read_answer(dns::Type type, dns::Answer& answer);
  void read_maps();
  void finish_message();
  void finish_body();
  [[nodiscard]] bool has_field(std::string_view name) const;

  // example_lists.cc
  void read_lists();
  void read_list(ExampleList& list);
  void read_helo_is();
  void read_known(std::optional<ExampleHelo::Answer>& out);
  void finish_lists();
  void finish_list(const ExampleList& said, const lists::List& list, lists::Outcome& outcome);
  void finish_helo();

  // example_authentication.cc
  void read_client();
  void read_spf(std::optional<spf::Outcome>& out);
  void read_dkim();
  void read_signature(dkim::Outcome& out);
  void read_dmarc();
  void read_arc();

  // example_bulk.cc
  void read_bulk();
  template <uint64_t bulk::Outcome::*member>
  void read_bulk_count(bulk::Outcome& outcome);

  // example_classifier.cc
  void read_classifier();

  lua_State* lua_;
  const lists::Lists& lists_;
  Example& example_;
  std::vector<std::string>& problems_;
  std::string field_;
  std::vector<std::pair<std::string, std::string>> header_;
  std::optional<std::string> subject_;
  std::optional<std::string> message_;
  ExampleBody body_;
  std::vector<ExampleList> said_of_lists_;
  ExampleHelo helo_;
  bool has_size_ = false;
};

template <class Target, size_t N>
void ExampleFields::read_table(std::string_view where, const std::array<Row<Target>, N>& rows, Target& target) {
  if (lua_type(lua_, -1) != LUA_TTABLE) return wrong("a table");
  int table = lua_gettop(lua_);
  luaL_checkstack(lua_, 8, "an example");
  lua_pushnil(lua_);
  while (lua_next(lua_, table) != 0) {
    std::string key(lua_type(lua_, -2) == LUA_TSTRING ? text_at(lua_, -2) : std::string_view("?"));
    auto row = std::find_if(rows.begin(), rows.end(), [&key](const auto& each) { return each.name == key; });
    if (row != rows.end()) {
      field_ = where.empty() ? key : fmt::format("{}.{}", where, key);
      row->read(*this, target);
    } else {
      std::vector<std::string_view> known;
      known.reserve(rows.size());
      for (const auto& each : rows) known.push_back(each.name);
      problem(fmt::format("unknown field '{}'{}{}", escape_for_log(key, 60),
                          where.empty() ? "" : fmt::format(" in {}", where), did_you_mean(key, known)));
    }
    lua_settop(lua_, table + 1);
  }
}

template <class Each>
void ExampleFields::read_named(std::string_view wanted, Each each) {
  if (lua_type(lua_, -1) != LUA_TTABLE) return wrong(wanted);
  int table = lua_gettop(lua_);
  luaL_checkstack(lua_, 8, "an example");
  std::string where = field_;
  lua_pushnil(lua_);
  while (lua_next(lua_, table) != 0) {
    if (lua_type(lua_, -2) == LUA_TSTRING) {
      std::string key(text_at(lua_, -2));
      field_ = fmt::format("{}[\"{}\"]", where, escape_for_log(key, 60));
      each(std::move(key));
    } else {
      problem(fmt::format("'{}' must be {}", where, wanted));
    }
    lua_settop(lua_, table + 1);
  }
}

template <class Enum, size_t N>
void ExampleFields::read_choice(Enum& out, const std::array<Enum, N>& values, std::string_view (*name)(Enum),
                                std::string_view what) {
  if (lua_type(lua_, -1) != LUA_TSTRING) return wrong("a string");
  std::string_view text = text_at(lua_, -1);
  std::vector<std::string_view> known;
  for (Enum value : values) {
    known.push_back(name(value));
    if (known.back() != text) continue;
    out = value;
    return;
  }
  problem(fmt::format("'{}' is no {}{}", escape_for_log(text, 60), what, did_you_mean(text, known)));
}

}  // namespace postern::rules
