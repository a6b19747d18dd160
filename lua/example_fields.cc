// The fields of an example's table: one row each, named as in `mail`.
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "lua/api.h"
#include "lua/examples.h"
#include "lua/registry.h"

namespace postern::rules {

namespace {

// RFC 5737 and RFC 2606: addresses and names that belong to nobody.
constexpr std::string_view kPlainFrom = "sender@example.net";
constexpr std::string_view kPlainRecipient = "recipient@example.org";

std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 20);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) out.push_back('\r');
    out.push_back(text[i]);
  }
  return out;
}

class ExampleFields {
 public:
  ExampleFields(lua_State* lua, Example& example, std::vector<std::string>& problems)
      : lua_(lua), example_(example), problems_(problems) {}

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
    if (lua_type(lua_, -1) != LUA_TNUMBER || !(lua_tonumber(lua_, -1) >= 0 && lua_tonumber(lua_, -1) <= most)) {
      return wrong(fmt::format("a number from 0 to {}", most));
    }
    out = static_cast<Number>(lua_tonumber(lua_, -1));
  }
  void read_strings(std::vector<std::string>& out);
  void read_client();
  void read_spf(std::optional<spf::Outcome>& out);
  void read_header();
  void finish_message();

  lua_State* lua_;
  Example& example_;
  std::vector<std::string>& problems_;
  std::string field_;
  std::vector<std::pair<std::string, std::string>> header_;
  std::optional<std::string> subject_;
  std::optional<std::string> message_;
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

void ExampleFields::read_strings(std::vector<std::string>& out) {
  if (lua_type(lua_, -1) != LUA_TTABLE) return wrong("a list of strings");
  std::vector<std::string> values;
  auto count = static_cast<lua_Integer>(lua_rawlen(lua_, -1));
  for (lua_Integer i = 1; i <= count; ++i) {
    lua_rawgeti(lua_, -1, i);
    std::string value;
    read(value);
    values.push_back(std::move(value));
    lua_pop(lua_, 1);
  }
  out = std::move(values);
}

void ExampleFields::read_client() {
  using ClientRow = Row<ClientFacts>;
  static constexpr std::array<ClientRow, 4> kRows = {
      {{"ip",
        [](ExampleFields& self, ClientFacts& client) {
          std::string text;
          self.read(text);
          if (auto ip = IpAddress::parse(text)) {
            client.ip = *ip;
          } else {
            self.problem(fmt::format("'client.ip': '{}' is no address", escape_for_log(text, 60)));
          }
        }},
       {"name", [](ExampleFields& self, ClientFacts& client) { self.read(client.name); }},
       {"port", [](ExampleFields& self, ClientFacts& client) { self.read_number(client.port, 65535); }},
       {"tls", [](ExampleFields& self, ClientFacts& client) { self.read_bool(client.tls); }}}};
  read_table("client", kRows, example_.facts.client);
}

void read_result(std::string_view text, spf::Outcome& outcome, std::vector<std::string>& problems) {
  constexpr std::array<spf::Result, 7> kResults = {spf::Result::None,     spf::Result::Neutral,  spf::Result::Pass,
                                                   spf::Result::Fail,     spf::Result::SoftFail, spf::Result::TempError,
                                                   spf::Result::PermError};
  std::vector<std::string_view> known;
  for (spf::Result result : kResults) {
    known.push_back(spf::to_string(result));
    if (known.back() != text) continue;
    outcome.result = result;
    return;
  }
  problems.push_back(fmt::format("'{}' is no result of SPF{}", escape_for_log(text, 60), did_you_mean(text, known)));
}

void ExampleFields::read_spf(std::optional<spf::Outcome>& out) {
  using SpfRow = Row<spf::Outcome>;
  static constexpr std::array<SpfRow, 4> kRows = {
      {{"result",
        [](ExampleFields& self, spf::Outcome& outcome) {
          std::string text;
          self.read(text);
          read_result(text, outcome, self.problems_);
        }},
       {"domain", [](ExampleFields& self, spf::Outcome& outcome) { self.read(outcome.domain); }},
       {"explanation", [](ExampleFields& self, spf::Outcome& outcome) { self.read(outcome.explanation); }},
       {"reason", [](ExampleFields& self, spf::Outcome& outcome) { self.read(outcome.reason); }}}};
  spf::Outcome outcome;
  read_table(std::string(field_), kRows, outcome);
  out = std::move(outcome);
}

// header = { ["List-Id"] = "…", Received = { "…", "…" } }: sorted by name, since a Lua table has no order.
void ExampleFields::read_header() {
  if (lua_type(lua_, -1) != LUA_TTABLE) return wrong("a table of fields");
  int table = lua_gettop(lua_);
  lua_pushnil(lua_);
  while (lua_next(lua_, table) != 0) {
    if (lua_type(lua_, -2) != LUA_TSTRING) {
      problem("'header' must name each field: header = { [\"List-Id\"] = \"...\" }");
    } else {
      std::string name(text_at(lua_, -2));
      std::vector<std::string> values(1);
      if (lua_type(lua_, -1) == LUA_TTABLE) {
        read_strings(values);
      } else {
        read(values[0]);
      }
      for (std::string& value : values) header_.emplace_back(name, std::move(value));
    }
    lua_settop(lua_, table + 1);
  }
  std::stable_sort(header_.begin(), header_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
}

void ExampleFields::finish_message() {
  if (message_ && (subject_ || !header_.empty())) {
    problem("give either 'message' or 'subject' and 'header'");
    return;
  }
  if (message_) {
    example_.text = with_crlf(*message_);
  } else if (subject_ || !header_.empty()) {
    example_.text.clear();
    for (const auto& [name, value] : header_) example_.text += fmt::format("{}: {}\r\n", name, value);
    if (subject_) example_.text += fmt::format("Subject: {}\r\n", *subject_);
    example_.text += "\r\n";
  }
  example_.facts.message = example_.text;
  if (!has_size_) example_.facts.size = example_.text.size();
}

void ExampleFields::parse() {
  using ExampleRow = Row<Example>;
  static constexpr std::array<ExampleRow, 15> kRows = {{
      {"hit", [](ExampleFields& self, Example& e) { self.read_bool(e.hit); }},
      {"detail", [](ExampleFields& self, Example& e) { self.read(e.detail.emplace()); }},
      {"score",
       [](ExampleFields& self, Example& e) {
         if (lua_type(self.lua_, -1) != LUA_TNUMBER || !is_score(lua_tonumber(self.lua_, -1))) {
           return self.wrong("a number from -1000 to 1000");
         }
         e.score = lua_tonumber(self.lua_, -1);
       }},
      {"hits", [](ExampleFields& self, Example& e) { self.read_strings(e.hits); }},
      {"client", [](ExampleFields& self, Example&) { self.read_client(); }},
      {"helo", [](ExampleFields& self, Example& e) { self.read(e.facts.helo); }},
      {"from", [](ExampleFields& self, Example& e) { self.read(e.facts.from); }},
      {"rcpts", [](ExampleFields& self, Example& e) { self.read_strings(e.facts.rcpts); }},
      {"spf", [](ExampleFields& self, Example& e) { self.read_spf(e.facts.spf); }},
      {"helo_spf", [](ExampleFields& self, Example& e) { self.read_spf(e.facts.helo_spf); }},
      {"size",
       [](ExampleFields& self, Example& e) {
         self.read_number(e.facts.size, 1e15);
         self.has_size_ = true;
       }},
      {"truncated", [](ExampleFields& self, Example& e) { self.read_bool(e.facts.truncated); }},
      {"subject", [](ExampleFields& self, Example&) { self.read(self.subject_.emplace()); }},
      {"header", [](ExampleFields& self, Example&) { self.read_header(); }},
      {"message", [](ExampleFields& self, Example&) { self.read(self.message_.emplace()); }},
  }};
  read_table("", kRows, example_);
  if (!example_.hit) problem("it says neither hit = true nor hit = false");
  finish_message();
}

}  // namespace

void set_plain(Example& example) {
  example.facts = Facts();
  example.facts.client.ip = IpAddress::v4({192, 0, 2, 1});
  example.facts.helo = "mail.example.net";
  example.facts.from = kPlainFrom;
  example.facts.rcpts = {std::string(kPlainRecipient)};
  example.facts.spf = spf::Outcome();
  example.facts.helo_spf = spf::Outcome();
  example.text = fmt::format(
      "From: {}\r\nTo: {}\r\nSubject: hello\r\nDate: Thu, 1 Jan 2026 12:00:00 +0000\r\n"
      "Message-ID: <1@example.net>\r\n\r\nHow are you?\r\n",
      kPlainFrom, kPlainRecipient);
  example.facts.message = example.text;
  example.facts.size = example.text.size();
}

void parse_example(lua_State* lua, Example& example, std::vector<std::string>& problems) {
  ExampleFields(lua, example, problems).parse();
}

}  // namespace postern::rules
