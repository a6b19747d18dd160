// mail: the facts of one message as rules read them. Objects are views that look into the facts when asked: nothing is
// built for a rule that does not ask, nothing can be changed, and an object kept for later shows the message of later.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "filters/mime/mime.h"
#include "lua/api.h"
#include "lua/api_view.h"
#include "lua/registry.h"

namespace postern::rules {

namespace {

constexpr size_t kMaxFieldsOfName = 1000;  // that mail:header returns

const message::Header& header_of(MailContext& mail) {
  if (!mail.header) mail.header = message::parse_header(mail.facts->message);
  return *mail.header;
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
    push(lua, mime::decode_header(field.value));
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

constexpr std::array<ViewRow, 5> kClient = {{
    {"ip", Stage::Connect, [](lua_State* lua, MailContext& mail) { push(lua, mail.facts->client.ip.to_string()); }},
    {"name", Stage::Connect, [](lua_State* lua, MailContext& mail) { push(lua, mail.facts->client.name); }},
    {"reverse", Stage::Connect,
     [](lua_State* lua, MailContext& mail) {
       const auto& reverse = mail.facts->client.reverse;
       push(lua, reverse ? dns::to_string(*reverse) : "none");
     }},
    {"port", Stage::Connect, [](lua_State* lua, MailContext& mail) { lua_pushinteger(lua, mail.facts->client.port); }},
    {"tls", Stage::Connect,
     [](lua_State* lua, MailContext& mail) { lua_pushboolean(lua, mail.facts->client.tls ? 1 : 0); }},
}};
constexpr ViewTable kClientView = {"mail.client", kClient.data(), kClient.size()};

constexpr ViewArray kRcpts = {"rcpts", "mail", Stage::Rcpt, [](const Facts& facts) { return facts.rcpts.size(); },
                              [](lua_State* lua, MailContext& mail, size_t at) { push(lua, mail.facts->rcpts[at]); }};

void push_subject(lua_State* lua, MailContext& mail) {
  for (const message::Field& field : header_of(mail).fields) {
    if (equal_nocase(field.name, "subject")) {
      push(lua, mime::decode_header(field.value));
      return;
    }
  }
  push(lua, "");
}

constexpr std::array<ViewRow, 23> kMail = {{
    {"client", Stage::Connect, row_of<State::Client>},
    {"spf", Stage::Mail, row_of<State::Spf>},
    {"helo_spf", Stage::Mail, row_of<State::HeloSpf>},
    {"dmarc", Stage::Message, row_of<State::Dmarc>},
    {"dkim", Stage::Message, row_of<State::Dkim>},
    {"dkim_ignored", Stage::Message,
     [](lua_State* lua, MailContext& mail) {
       lua_pushinteger(lua, static_cast<lua_Integer>(mail.facts->dkim_ignored));
     }},
    {"arc", Stage::Message, row_of<State::Arc>},
    {"header", Stage::Connect, [](lua_State* lua, MailContext&) { lua_pushcfunction(lua, header); }},
    {"match", Stage::Connect, [](lua_State* lua, MailContext&) { lua_pushcfunction(lua, match); }},
    {"hit", Stage::Connect, [](lua_State* lua, MailContext&) { lua_pushcfunction(lua, hit); }},
    {"helo", Stage::Helo, [](lua_State* lua, MailContext& mail) { push(lua, mail.facts->helo); }},
    {"from", Stage::Mail, [](lua_State* lua, MailContext& mail) { push(lua, mail.facts->from); }},
    {"rcpts", Stage::Rcpt, row_of<State::Rcpts>},
    {"size", Stage::Message,
     [](lua_State* lua, MailContext& mail) { lua_pushinteger(lua, static_cast<lua_Integer>(mail.facts->size)); }},
    {"subject", Stage::Message, push_subject},
    {"score", Stage::Connect, [](lua_State* lua, MailContext& mail) { lua_pushnumber(lua, mail.evaluation->score); }},
    {"truncated", Stage::Message,
     [](lua_State* lua, MailContext& mail) { lua_pushboolean(lua, mail.facts->truncated ? 1 : 0); }},
    {"lists", Stage::Connect, nullptr},
    {"bulk", Stage::Message, nullptr},
    {"text", Stage::Message, nullptr},
    {"urls", Stage::Message, nullptr},
    {"attachments", Stage::Message, nullptr},
    {"parts", Stage::Message, nullptr},
}};
constexpr ViewTable kMailView = {"mail", kMail.data(), kMail.size()};

}  // namespace

void open_mail(lua_State* lua) {
  make_view(lua, State::Mail, kMailView);
  make_view(lua, State::Client, kClientView);
  make_array(lua, State::Rcpts, kRcpts);
  open_authentication(lua);
}

}  // namespace postern::rules
