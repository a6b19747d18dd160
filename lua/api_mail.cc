// mail: the facts of one message as rules read them. Objects are views that look into the facts when asked: nothing is
// built for a rule that does not ask, nothing can be changed, and an object kept for later shows the message of later.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "lua/api.h"
#include "lua/api_view.h"
#include "lua/content.h"
#include "lua/registry.h"

namespace postern::rules {

namespace {

// What mail:header returns: a message of nothing but Subject fields must not fill the memory of the rules.
constexpr size_t kMaxFieldsOfName = 1000;
constexpr size_t kMaxOctetsOfName = 1U << 20U;

// mail:header(name): the first value or nil, then an array of all.
int header(lua_State* lua) {
  MailContext& mail = context(lua);
  std::string_view name = text_at(lua, 2);
  require_stage(lua, mail, "", "mail:header", Stage::Message);
  lua_settop(lua, 2);
  lua_newtable(lua);
  lua_Integer count = 0;
  size_t octets = 0;
  const auto& fields = header_of(mail).fields;
  for (size_t at = 0; at < fields.size() && static_cast<size_t>(count) < kMaxFieldsOfName; ++at) {
    if (fields[at].name.empty() || !equal_nocase(fields[at].name, name)) continue;
    const std::string& value = field_text(mail, at);
    octets += value.size();
    if (octets > kMaxOctetsOfName) break;
    push(lua, value);
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

int hit(lua_State* lua);

int hit_again(lua_State* lua, int /*status*/, lua_KContext /*context*/) {
  return hit(lua);
}

// mail:hit(rule): whether a rule that runs before has hit; it may still wait for the DNS, then this one waits for it. A
// rule that runs later would always read as false, so asking for it is an error.
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
    if (mail.progress != nullptr && mail.progress->is_open(found->second)) {
      lua_settop(lua, 2);
      return wait_for_earlier(lua, hit_again);
    }
  }
  const Hit* found = mail.progress != nullptr ? mail.progress->find(name) : nullptr;
  if (found != nullptr) {
    for (const std::string& list : found->lists) note_listed(mail, list);
  }
  lua_pushboolean(lua, found != nullptr ? 1 : 0);
  return 1;
}

constexpr std::array<ViewRow, 6> kClient = {{
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
    {"early", Stage::Connect,
     [](lua_State* lua, MailContext& mail) { lua_pushboolean(lua, mail.facts->client.early ? 1 : 0); }},
}};
constexpr ViewTable kClientTable = {"mail.client", kClient.data(), kClient.size()};

template <bool dns::HeloName::*member>
void push_helo_flag(lua_State* lua, MailContext& mail) {
  lua_pushboolean(lua, mail.facts->helo_is.*member ? 1 : 0);
}

// nil: not known, and not asked, so that `== false` says what it seems to say.
template <std::optional<bool> dns::HeloName::*member>
void push_helo_answer(lua_State* lua, MailContext& mail) {
  const std::optional<bool>& answer = mail.facts->helo_is.*member;
  if (answer) {
    lua_pushboolean(lua, *answer ? 1 : 0);
  } else {
    lua_pushnil(lua);
  }
}

constexpr std::array<ViewRow, 5> kHeloIs = {{
    {"literal", Stage::Helo, push_helo_flag<&dns::HeloName::literal>},
    {"own", Stage::Helo, push_helo_flag<&dns::HeloName::own>},
    {"qualified", Stage::Helo, push_helo_flag<&dns::HeloName::qualified>},
    {"resolves", Stage::Helo, push_helo_answer<&dns::HeloName::resolves>},
    {"matches", Stage::Helo, push_helo_answer<&dns::HeloName::matches>},
}};
constexpr ViewTable kHeloIsTable = {"mail.helo_is", kHeloIs.data(), kHeloIs.size()};

constexpr ViewArray kRcpts = {
    "rcpts", "mail", Stage::Rcpt, [](MailContext& mail, size_t) { return mail.facts->rcpts.size(); },
    [](lua_State* lua, MailContext& mail, size_t, size_t at) { push(lua, mail.facts->rcpts[at]); }};

void push_subject(lua_State* lua, MailContext& mail) {
  const auto& fields = header_of(mail).fields;
  auto subject = std::find_if(fields.begin(), fields.end(),
                              [](const message::Field& field) { return equal_nocase(field.name, "subject"); });
  if (subject == fields.end()) return push(lua, "");
  push(lua, field_text(mail, static_cast<size_t>(subject - fields.begin())));
}

void push_score(lua_State* lua, MailContext& mail) {
  lua_pushnumber(lua, mail.progress != nullptr ? mail.progress->score_before(mail.position) : 0);
}

constexpr std::array<ViewRow, 27> kMail = {{
    {"client", Stage::Connect, row_of<State::Client>, &kClientTable},
    {"spf", Stage::Mail, row_of<State::Spf>, &kSpfTable},
    {"helo_spf", Stage::Mail, row_of<State::HeloSpf>, &kHeloSpfTable},
    {"dmarc", Stage::Message, row_of<State::Dmarc>, &kDmarcTable},
    {"dkim", Stage::Message, row_of<State::Dkim>, &kSignatureTable},
    {"dkim_ignored", Stage::Message,
     [](lua_State* lua, MailContext& mail) {
       lua_pushinteger(lua, static_cast<lua_Integer>(mail.facts->dkim_ignored));
     }},
    {"arc", Stage::Message, row_of<State::Arc>, &kArcTable},
    {"header", Stage::Connect, [](lua_State* lua, MailContext&) { lua_pushcfunction(lua, header); }},
    {"match", Stage::Connect, [](lua_State* lua, MailContext&) { lua_pushcfunction(lua, match); }},
    {"hit", Stage::Connect, [](lua_State* lua, MailContext&) { lua_pushcfunction(lua, hit); }},
    {"helo", Stage::Helo, [](lua_State* lua, MailContext& mail) { push(lua, mail.facts->helo); }},
    {"helo_is", Stage::Helo, row_of<State::HeloIs>, &kHeloIsTable},
    {"from", Stage::Mail, [](lua_State* lua, MailContext& mail) { push(lua, mail.facts->from); }},
    {"rcpts", Stage::Rcpt, row_of<State::Rcpts>},
    {"size", Stage::Message,
     [](lua_State* lua, MailContext& mail) { lua_pushinteger(lua, static_cast<lua_Integer>(mail.facts->size)); }},
    {"subject", Stage::Message, push_subject},
    {"text", Stage::Message, push_text},
    {"hidden", Stage::Message, push_hidden},
    {"urls", Stage::Message, row_of<State::Urls>, &kUrlTable},
    {"attachments", Stage::Message, row_of<State::Attachments>, &kAttachmentTable},
    {"parts", Stage::Message, row_of<State::Parts>, &kPartTable},
    {"defects", Stage::Message, row_of<State::Defects>, &kDefectsTable},
    {"truncated", Stage::Message, push_truncated},
    {"score", Stage::Connect, push_score, nullptr, true},
    {"lists", Stage::Connect, row_of<State::Lists>},
    {"bulk", Stage::Message, row_of<State::Bulk>, &kBulkTable},
    {"classifier", Stage::Message, row_of<State::Classifier>, &kClassifierTable},
}};
constexpr ViewTable kMailTable = {"mail", kMail.data(), kMail.size()};

}  // namespace

const ViewTable& mail_table() {
  return kMailTable;
}

void open_mail(lua_State* lua) {
  make_view(lua, State::Mail, kMailTable);
  make_view(lua, State::Client, kClientTable);
  make_view(lua, State::HeloIs, kHeloIsTable);
  make_array(lua, State::Rcpts, kRcpts);
  open_listed(lua);
  open_bulk(lua);
  open_classifier(lua);
  open_authentication(lua);
  open_content(lua);
}

}  // namespace postern::rules
