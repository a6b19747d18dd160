// mail.bulk: what the stream of messages says of this one.
#include <array>
#include <string_view>

#include "filters/bulk/facts.h"
#include "lua/api.h"
#include "lua/api_view.h"

namespace postern::rules {

namespace {

// Counts stay below what a lua_Integer holds: there were never so many messages.
template <uint64_t bulk::Outcome::*member>
void push_count(lua_State* lua, MailContext& mail) {
  lua_pushinteger(lua, static_cast<lua_Integer>(mail.facts->bulk.*member));
}

template <int64_t bulk::Outcome::*member>
void push_seconds(lua_State* lua, MailContext& mail) {
  lua_pushinteger(lua, mail.facts->bulk.*member);
}

template <double bulk::Outcome::*member>
void push_share(lua_State* lua, MailContext& mail) {
  lua_pushnumber(lua, mail.facts->bulk.*member);
}

constexpr std::array<ViewRow, 13> kBulk = {{
    {"count", Stage::Message, push_count<&bulk::Outcome::count>},
    {"similarity", Stage::Message, push_share<&bulk::Outcome::similarity>},
    {"first_seen", Stage::Message, push_seconds<&bulk::Outcome::first_seen>},
    {"age", Stage::Message, push_seconds<&bulk::Outcome::age>},
    {"networks", Stage::Message, push_count<&bulk::Outcome::networks>},
    {"senders", Stage::Message, push_count<&bulk::Outcome::senders>},
    {"domains", Stage::Message, push_count<&bulk::Outcome::domains>},
    {"recipients", Stage::Message, push_count<&bulk::Outcome::recipients>},
    {"authenticated_share", Stage::Message, push_share<&bulk::Outcome::authenticated_share>},
    {"cluster", Stage::Message, [](lua_State* lua, MailContext& mail) { push(lua, mail.facts->bulk.cluster); }},
    {"evidence", Stage::Message,
     [](lua_State* lua, MailContext& mail) { push(lua, bulk::to_string(mail.facts->bulk.evidence)); }},
    {"of", Stage::Message,
     [](lua_State* lua, MailContext& mail) { push(lua, bulk::to_string(mail.facts->bulk.aspect)); }},
    {"allowed", Stage::Message,
     [](lua_State* lua, MailContext& mail) { lua_pushboolean(lua, mail.facts->bulk.allowed ? 1 : 0); }},
}};

}  // namespace

constinit const ViewTable kBulkTable = {"mail.bulk", kBulk.data(), kBulk.size()};

void open_bulk(lua_State* lua) {
  make_view(lua, State::Bulk, kBulkTable);
}

}  // namespace postern::rules
