// mail: the facts of one message as rules read them. Objects are views that look into the facts when asked: nothing is
// built for a rule that does not ask, nothing can be changed, and an object kept for later shows the message of later.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "lua/api.h"
#include "lua/registry.h"
#include "lua/sandbox.h"

namespace postern::rules {

namespace {

constexpr size_t kMaxFieldsOfName = 1000;  // that mail:header returns

using Push = void (*)(lua_State* lua, MailContext& mail);
struct Row {
  std::string_view name;
  Stage since;
  Push push;  // null: not available in this version
};

struct ViewTable {
  std::string_view path;
  const Row* rows;
  size_t count;
};

MailContext& context(lua_State* lua) {
  MailContext& mail = State::of(lua).mail;
  if (mail.facts == nullptr) raise(lua, "'mail' can be read only while a message is judged");
  return mail;
}

void require_stage(lua_State* lua, const MailContext& mail, std::string_view path, std::string_view name, Stage since) {
  if (mail.stage >= since) return;
  raise(lua, fmt::format("{}{}{} is known from stage \"{}\" on; this rule runs at stage \"{}\"", path,
                         path.empty() ? "" : ".", name, to_string(since), to_string(mail.stage)));
}

void push_view(lua_State* lua, State::View view) {
  lua_rawgeti(lua, LUA_REGISTRYINDEX, State::of(lua).views[view]);
}

const message::Header& header_of(MailContext& mail) {
  if (!mail.header) mail.header = message::parse_header(mail.facts->message);
  return *mail.header;
}

const spf::Outcome& outcome_of(const std::optional<spf::Outcome>& outcome) {
  static const spf::Outcome none;
  return outcome ? *outcome : none;
}

// The field that a view is asked for; raises an error for what there is not, and for what is not known yet.
int view_index(lua_State* lua) {
  const auto& view = *static_cast<const ViewTable*>(lua_touserdata(lua, lua_upvalueindex(1)));
  MailContext& mail = context(lua);
  std::string_view key = lua_type(lua, 2) == LUA_TSTRING ? text_at(lua, 2) : std::string_view("?");
  const Row* end = view.rows + view.count;
  const Row* row = std::find_if(view.rows, end, [key](const Row& candidate) { return candidate.name == key; });
  if (row == end) {
    std::vector<std::string_view> known;
    for (const Row* each = view.rows; each != end; ++each) known.push_back(each->name);
    raise(lua, fmt::format("{} has no field '{}'{}", view.path, escape_for_log(key, 60), did_you_mean(key, known)));
  }
  if (row->push == nullptr) raise(lua, fmt::format("{}.{} is not available in this version", view.path, row->name));
  require_stage(lua, mail, view.path, row->name, row->since);
  row->push(lua, mail);
  return 1;
}

int refuse_write(lua_State* lua) {
  raise(lua, "'mail' and what belongs to it cannot be changed");
}

// mail:header(name): the first value or nil, then an array of all.
int header(lua_State* lua) {
  MailContext& mail = context(lua);
  std::string_view name = text_at(lua, 2);
  require_stage(lua, mail, "", "mail:header", Stage::Message);
  lua_settop(lua, 2);
  lua_newtable(lua);
  lua_Integer count = 0;
  for (const message::Field& field : header_of(mail).fields) {
    if (static_cast<size_t>(count) >= kMaxFieldsOfName) break;
    if (field.name.empty() || !equal_nocase(field.name, name)) continue;
    push(lua, message::unfold(field.value));
    lua_rawseti(lua, 3, ++count);
  }
  lua_rawgeti(lua, 3, 1);
  lua_insert(lua, 3);
  return 2;
}

// mail:match(expression): on the whole text of the message as it is known, header included.
int match(lua_State* lua) {
  MailContext& mail = context(lua);
  std::string_view pattern = text_at(lua, 2);
  require_stage(lua, mail, "", "mail:match", Stage::Message);
  int pushed = push_match(lua, pattern, mail.facts->message, 0);
  if (pushed == 0) {
    lua_pushnil(lua);
    return 1;
  }
  return pushed;
}

// mail:hit(rule): whether a rule that ran before has hit. A rule that runs later would always read as false, so asking
// for it is an error.
int hit(lua_State* lua) {
  MailContext& mail = context(lua);
  std::string name(text_at(lua, 2));
  if (mail.order != nullptr) {
    auto found = mail.order->find(name);
    if (found == mail.order->end()) {
      std::vector<std::string> known;
      known.reserve(mail.order->size());
      for (const auto& row : *mail.order) known.push_back(row.first);
      std::sort(known.begin(), known.end());
      raise(lua, fmt::format("mail:hit: there is no rule {}{}", escape_for_log(name, 60), did_you_mean(name, known)));
    }
    if (found->second >= mail.position) raise(lua, fmt::format("mail:hit: {} does not run before this rule", name));
  }
  const auto& hits = mail.evaluation->hits;
  bool found = std::any_of(hits.begin(), hits.end(), [&name](const Hit& each) { return each.rule == name; });
  lua_pushboolean(lua, found ? 1 : 0);
  return 1;
}

constexpr std::array<Row, 4> kClient = {{
    {"ip", Stage::Connect, [](lua_State* lua, MailContext& mail) { push(lua, mail.facts->client.ip.to_string()); }},
    {"name", Stage::Connect, [](lua_State* lua, MailContext& mail) { push(lua, mail.facts->client.name); }},
    {"port", Stage::Connect, [](lua_State* lua, MailContext& mail) { lua_pushinteger(lua, mail.facts->client.port); }},
    {"tls", Stage::Connect,
     [](lua_State* lua, MailContext& mail) { lua_pushboolean(lua, mail.facts->client.tls ? 1 : 0); }},
}};

// The rows of an SPF outcome, for both identities.
template <std::optional<spf::Outcome> Facts::*Which>
constexpr std::array<Row, 4> kSpf = {{
    {"result", Stage::Mail,
     [](lua_State* lua, MailContext& mail) { push(lua, spf::to_string(outcome_of(mail.facts->*Which).result)); }},
    {"domain", Stage::Mail,
     [](lua_State* lua, MailContext& mail) { push(lua, outcome_of(mail.facts->*Which).domain); }},
    {"explanation", Stage::Mail,
     [](lua_State* lua, MailContext& mail) { push(lua, outcome_of(mail.facts->*Which).explanation); }},
    {"reason", Stage::Mail,
     [](lua_State* lua, MailContext& mail) { push(lua, outcome_of(mail.facts->*Which).reason); }},
}};

void push_subject(lua_State* lua, MailContext& mail) {
  for (const message::Field& field : header_of(mail).fields) {
    if (equal_nocase(field.name, "subject")) {
      push(lua, message::unfold(field.value));
      return;
    }
  }
  push(lua, "");
}

constexpr std::array<Row, 22> kMail = {{
    {"client", Stage::Connect, [](lua_State* lua, MailContext&) { push_view(lua, State::Client); }},
    {"spf", Stage::Mail, [](lua_State* lua, MailContext&) { push_view(lua, State::Spf); }},
    {"helo_spf", Stage::Mail, [](lua_State* lua, MailContext&) { push_view(lua, State::HeloSpf); }},
    {"header", Stage::Connect, [](lua_State* lua, MailContext&) { lua_pushcfunction(lua, header); }},
    {"match", Stage::Connect, [](lua_State* lua, MailContext&) { lua_pushcfunction(lua, match); }},
    {"hit", Stage::Connect, [](lua_State* lua, MailContext&) { lua_pushcfunction(lua, hit); }},
    {"helo", Stage::Helo, [](lua_State* lua, MailContext& mail) { push(lua, mail.facts->helo); }},
    {"from", Stage::Mail, [](lua_State* lua, MailContext& mail) { push(lua, mail.facts->from); }},
    {"rcpts", Stage::Rcpt, [](lua_State* lua, MailContext&) { push_view(lua, State::Rcpts); }},
    {"size", Stage::Message,
     [](lua_State* lua, MailContext& mail) { lua_pushinteger(lua, static_cast<lua_Integer>(mail.facts->size)); }},
    {"subject", Stage::Message, push_subject},
    {"score", Stage::Connect, [](lua_State* lua, MailContext& mail) { lua_pushnumber(lua, mail.evaluation->score); }},
    {"truncated", Stage::Message,
     [](lua_State* lua, MailContext& mail) { lua_pushboolean(lua, mail.facts->truncated ? 1 : 0); }},
    {"dkim", Stage::Message, nullptr},
    {"dmarc", Stage::Message, nullptr},
    {"arc", Stage::Message, nullptr},
    {"lists", Stage::Connect, nullptr},
    {"bulk", Stage::Message, nullptr},
    {"text", Stage::Message, nullptr},
    {"urls", Stage::Message, nullptr},
    {"attachments", Stage::Message, nullptr},
    {"parts", Stage::Message, nullptr},
}};

constexpr ViewTable kMailView = {"mail", kMail.data(), kMail.size()};
constexpr ViewTable kClientView = {"mail.client", kClient.data(), kClient.size()};
constexpr ViewTable kSpfView = {"mail.spf", kSpf<&Facts::spf>.data(), kSpf<&Facts::spf>.size()};
constexpr ViewTable kHeloSpfView = {"mail.helo_spf", kSpf<&Facts::helo_spf>.data(), kSpf<&Facts::helo_spf>.size()};

const std::vector<std::string>& recipients(lua_State* lua) {
  MailContext& mail = context(lua);
  require_stage(lua, mail, "mail", "rcpts", Stage::Rcpt);
  return mail.facts->rcpts;
}

int rcpts_index(lua_State* lua) {
  const auto& rcpts = recipients(lua);
  if (lua_isinteger(lua, 2) == 0) raise(lua, "mail.rcpts is an array: mail.rcpts[1], #mail.rcpts, ipairs(mail.rcpts)");
  lua_Integer at = lua_tointeger(lua, 2);
  if (at < 1 || static_cast<lua_Unsigned>(at) > rcpts.size()) {
    lua_pushnil(lua);
  } else {
    push(lua, rcpts[static_cast<size_t>(at) - 1]);
  }
  return 1;
}

int rcpts_length(lua_State* lua) {
  lua_pushinteger(lua, static_cast<lua_Integer>(recipients(lua).size()));
  return 1;
}

int rcpts_next(lua_State* lua) {
  const auto& rcpts = recipients(lua);
  lua_Integer at = luaL_optinteger(lua, 2, 0) + 1;
  if (at < 1 || static_cast<lua_Unsigned>(at) > rcpts.size()) {
    lua_pushnil(lua);
    return 1;
  }
  lua_pushinteger(lua, at);
  push(lua, rcpts[static_cast<size_t>(at) - 1]);
  return 2;
}

int rcpts_pairs(lua_State* lua) {
  lua_pushcfunction(lua, rcpts_next);
  lua_pushvalue(lua, 1);
  lua_pushinteger(lua, 0);
  return 3;
}

// Pushes an empty userdata with its metatable below: userdata, metatable.
void new_object(lua_State* lua) {
  lua_newuserdatauv(lua, 0, 0);
  lua_newtable(lua);
  lua_pushcfunction(lua, refuse_write);
  lua_setfield(lua, -2, "__newindex");
  lua_pushboolean(lua, 0);
  lua_setfield(lua, -2, "__metatable");
}

void finish_object(lua_State* lua, State::View view) {
  lua_setmetatable(lua, -2);
  State::of(lua).views[view] = luaL_ref(lua, LUA_REGISTRYINDEX);
}

void make_view(lua_State* lua, State::View view, const ViewTable& table) {
  new_object(lua);
  lua_pushlightuserdata(lua, const_cast<ViewTable*>(&table));
  lua_pushcclosure(lua, view_index, 1);
  lua_setfield(lua, -2, "__index");
  finish_object(lua, view);
}

}  // namespace

void open_mail(lua_State* lua) {
  make_view(lua, State::Mail, kMailView);
  make_view(lua, State::Client, kClientView);
  make_view(lua, State::Spf, kSpfView);
  make_view(lua, State::HeloSpf, kHeloSpfView);
  new_object(lua);
  constexpr std::array<luaL_Reg, 4> kMethods = {
      {{"__index", rcpts_index}, {"__len", rcpts_length}, {"__pairs", rcpts_pairs}, {nullptr, nullptr}}};
  luaL_setfuncs(lua, kMethods.data(), 0);
  finish_object(lua, State::Rcpts);
}

}  // namespace postern::rules
