// The fields of an example's table: one row each, named as in `mail`.
#include "lua/example_fields.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace postern::rules {

namespace {

// RFC 5737 and RFC 2606: addresses and names that belong to nobody.
constexpr std::string_view kPlainFrom = "sender@example.net";
constexpr std::string_view kPlainRecipient = "recipient@example.org";

}  // namespace

void ExampleFields::read_strings(std::vector<std::string>& out) {
  if (lua_type(lua_, -1) != LUA_TTABLE) return wrong("a list of strings");
  int table = lua_gettop(lua_);
  lua_pushnil(lua_);
  while (lua_next(lua_, table) != 0) {
    bool listed = lua_isinteger(lua_, -2) != 0;
    lua_settop(lua_, listed ? table + 1 : table);
    if (!listed) return problem(fmt::format("'{}' must be a list of strings", field_));
  }
  std::string where = field_;
  std::vector<std::string> values;
  auto count = static_cast<lua_Integer>(lua_rawlen(lua_, -1));
  for (lua_Integer i = 1; i <= count; ++i) {
    field_ = fmt::format("{}[{}]", where, i);
    lua_rawgeti(lua_, -1, i);
    std::string value;
    read(value);
    values.push_back(std::move(value));
    lua_pop(lua_, 1);
  }
  field_ = where;
  out = std::move(values);
}

void ExampleFields::read_text(std::string& out, std::string_view name) {
  read(out);
  if (!is_utf8(out)) problem(fmt::format("'{}' must be UTF-8", name));
}

bool ExampleFields::is_list_of_tables() const {
  if (lua_type(lua_, -1) != LUA_TTABLE) return false;
  int table = lua_gettop(lua_);
  lua_pushnil(lua_);
  while (lua_next(lua_, table) != 0) {
    bool listed = lua_isinteger(lua_, -2) != 0 && lua_type(lua_, -1) == LUA_TTABLE;
    lua_settop(lua_, listed ? table + 1 : table);
    if (!listed) return false;
  }
  return true;
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

void ExampleFields::parse() {
  using ExampleRow = Row<Example>;
  static constexpr std::array<ExampleRow, 29> kRows = {{
      {"hit", [](ExampleFields& self, Example& e) { self.read_bool(e.hit); }},
      {"detail", [](ExampleFields& self, Example& e) { self.read(e.detail.emplace()); }},
      {"score",
       [](ExampleFields& self, Example& e) {
         if (lua_type(self.lua_, -1) != LUA_TNUMBER || !is_score(lua_tonumber(self.lua_, -1))) {
           return self.wrong("a number from -1000 to 1000");
         }
         e.score = lua_tonumber(self.lua_, -1);
       }},
      {"hits", [](ExampleFields& self, Example& e) { self.read_strings(e.hits.emplace()); }},
      {"client", [](ExampleFields& self, Example&) { self.read_client(); }},
      {"helo", [](ExampleFields& self, Example& e) { self.read(e.facts.helo); }},
      {"helo_is", [](ExampleFields& self, Example&) { self.read_helo_is(); }},
      {"from", [](ExampleFields& self, Example& e) { self.read(e.facts.from); }},
      {"rcpts", [](ExampleFields& self, Example& e) { self.read_strings(e.facts.rcpts); }},
      {"spf", [](ExampleFields& self, Example& e) { self.read_spf(e.facts.spf); }},
      {"helo_spf", [](ExampleFields& self, Example& e) { self.read_spf(e.facts.helo_spf); }},
      {"dkim", [](ExampleFields& self, Example&) { self.read_dkim(); }},
      {"dkim_ignored", [](ExampleFields& self, Example& e) { self.read_number(e.facts.dkim_ignored, 1e6); }},
      {"dmarc", [](ExampleFields& self, Example&) { self.read_dmarc(); }},
      {"arc", [](ExampleFields& self, Example&) { self.read_arc(); }},
      {"size",
       [](ExampleFields& self, Example& e) {
         self.read_number(e.facts.size, 1e15);
         self.has_size_ = true;
       }},
      {"truncated", [](ExampleFields& self, Example& e) { self.read_bool(e.facts.truncated); }},
      {"subject", [](ExampleFields& self, Example&) { self.read(self.subject_.emplace()); }},
      {"header", [](ExampleFields& self, Example&) { self.read_header(); }},
      {"text", [](ExampleFields& self, Example&) { self.read_text(self.body_.text.emplace(), "text"); }},
      {"html", [](ExampleFields& self, Example&) { self.read_text(self.body_.html.emplace(), "html"); }},
      {"urls", [](ExampleFields& self, Example&) { self.read_strings(self.body_.urls.emplace()); }},
      {"attachments", [](ExampleFields& self, Example&) { self.read_attachments(); }},
      {"message", [](ExampleFields& self, Example&) { self.read(self.message_.emplace()); }},
      {"lists", [](ExampleFields& self, Example&) { self.read_lists(); }},
      {"bulk", [](ExampleFields& self, Example&) { self.read_bulk(); }},
      {"classifier", [](ExampleFields& self, Example&) { self.read_classifier(); }},
      {"dns", [](ExampleFields& self, Example&) { self.read_dns(); }},
      {"maps", [](ExampleFields& self, Example&) { self.read_maps(); }},
  }};
  read_table("", kRows, example_);
  if (!example_.hit && problems_.empty()) problem("it says neither hit = true nor hit = false");
  finish_message();
  finish_helo();
  finish_lists();
}

void set_plain(Example& example) {
  example.facts = Facts();
  example.facts.client.ip = IpAddress::v4({192, 0, 2, 1});
  example.facts.helo = "mail.example.net";
  example.facts.helo_is.qualified = true;
  example.facts.helo_is.resolves = example.facts.helo_is.matches = true;
  example.facts.from = kPlainFrom;
  example.facts.rcpts = {std::string(kPlainRecipient)};
  example.facts.spf = spf::Outcome();
  example.facts.helo_spf = spf::Outcome();
  example.facts.arc = arc::Outcome();
  example.facts.dmarc = dmarc::Outcome();
  example.facts.dmarc->from = example.facts.dmarc->domain = "example.net";
  example.text = fmt::format(
      "From: {}\r\nTo: {}\r\nSubject: hello\r\nDate: Thu, 1 Jan 2026 12:00:00 +0000\r\n"
      "Message-ID: <1@example.net>\r\n\r\nHow are you?\r\n",
      kPlainFrom, kPlainRecipient);
  example.facts.message = example.text;
  example.facts.size = example.text.size();
}

void parse_example(lua_State* lua, const lists::Lists& lists, Example& example, std::vector<std::string>& problems) {
  ExampleFields(lua, lists, example, problems).parse();
}

}  // namespace postern::rules
