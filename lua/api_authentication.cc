// What mail says of who sent it: mail.spf, mail.helo_spf, mail.dkim, mail.dmarc, mail.arc. What was not judged reads as
// "none", never as an error, so that no rule needs to ask first.
#include <array>
#include <optional>
#include <string>

#include "lua/api.h"
#include "lua/api_view.h"

namespace postern::rules {

namespace {

template <class Outcome>
const Outcome& outcome_of(const std::optional<Outcome>& outcome) {
  static const Outcome none;
  return outcome ? *outcome : none;
}

void push_flag(lua_State* lua, bool value) {
  lua_pushboolean(lua, value ? 1 : 0);
}

// ---------------------------------------------------------------- SPF, for both identities

template <std::optional<spf::Outcome> Facts::*which>
constexpr std::array<ViewRow, 4> kSpf = {{
    {"result", Stage::Mail,
     [](lua_State* lua, MailContext& mail) { push(lua, spf::to_string(outcome_of(mail.facts->*which).result)); }},
    {"domain", Stage::Mail,
     [](lua_State* lua, MailContext& mail) { push(lua, outcome_of(mail.facts->*which).domain); }},
    {"explanation", Stage::Mail,
     [](lua_State* lua, MailContext& mail) { push(lua, outcome_of(mail.facts->*which).explanation); }},
    {"reason", Stage::Mail,
     [](lua_State* lua, MailContext& mail) { push(lua, outcome_of(mail.facts->*which).reason); }},
}};

// ---------------------------------------------------------------- DKIM

constexpr ViewArray kDkim = {
    "dkim", "mail", Stage::Message, [](MailContext& mail, size_t) { return mail.facts->dkim.size(); },
    [](lua_State* lua, MailContext&, size_t, size_t at) { push_element(lua, State::DkimSignatures, at); }};

// Null for an object that was kept from a message with more signatures.
const dkim::Outcome* signature_of(lua_State* lua, const MailContext& mail) {
  size_t at = element_place(lua);
  return at < mail.facts->dkim.size() ? &mail.facts->dkim[at] : nullptr;
}

template <std::string dkim::Outcome::*member>
void push_dkim_text(lua_State* lua, MailContext& mail) {
  const dkim::Outcome* signature = signature_of(lua, mail);
  push(lua, signature != nullptr ? std::string_view(signature->*member) : std::string_view());
}

template <bool dkim::Outcome::*member>
void push_dkim_flag(lua_State* lua, MailContext& mail) {
  const dkim::Outcome* signature = signature_of(lua, mail);
  push_flag(lua, signature != nullptr && signature->*member);
}

constexpr std::array<ViewRow, 9> kSignature = {{
    {"result", Stage::Message,
     [](lua_State* lua, MailContext& mail) {
       const dkim::Outcome* signature = signature_of(lua, mail);
       push(lua, signature != nullptr ? dkim::to_string(signature->result) : "none");
     }},
    {"domain", Stage::Message, push_dkim_text<&dkim::Outcome::domain>},
    {"selector", Stage::Message, push_dkim_text<&dkim::Outcome::selector>},
    {"identity", Stage::Message, push_dkim_text<&dkim::Outcome::identity>},
    {"algorithm", Stage::Message, push_dkim_text<&dkim::Outcome::algorithm>},
    {"reason", Stage::Message, push_dkim_text<&dkim::Outcome::reason>},
    {"bits", Stage::Message,
     [](lua_State* lua, MailContext& mail) {
       const dkim::Outcome* signature = signature_of(lua, mail);
       lua_pushinteger(lua, signature != nullptr ? signature->key_bits : 0);
     }},
    {"partial", Stage::Message, push_dkim_flag<&dkim::Outcome::partial>},
    {"testing", Stage::Message, push_dkim_flag<&dkim::Outcome::testing>},
}};

// ---------------------------------------------------------------- DMARC

template <std::string dmarc::Outcome::*member>
void push_dmarc_text(lua_State* lua, MailContext& mail) {
  push(lua, outcome_of(mail.facts->dmarc).*member);
}

constexpr ViewArray kAligned = {"aligned", "mail.dmarc", Stage::Message,
                                [](MailContext& mail, size_t) { return outcome_of(mail.facts->dmarc).aligned.size(); },
                                [](lua_State* lua, MailContext& mail, size_t, size_t at) {
                                  push(lua, name_of(outcome_of(mail.facts->dmarc).aligned[at]));
                                }};

constexpr std::array<ViewRow, 8> kDmarc = {{
    {"result", Stage::Message,
     [](lua_State* lua, MailContext& mail) { push(lua, dmarc::to_string(outcome_of(mail.facts->dmarc).result)); }},
    {"policy", Stage::Message,
     [](lua_State* lua, MailContext& mail) { push(lua, dmarc::to_string(outcome_of(mail.facts->dmarc).policy)); }},
    {"domain", Stage::Message, push_dmarc_text<&dmarc::Outcome::domain>},
    {"from", Stage::Message, push_dmarc_text<&dmarc::Outcome::from>},
    {"aligned", Stage::Message, row_of<State::DmarcAligned>},
    {"testing", Stage::Message,
     [](lua_State* lua, MailContext& mail) { push_flag(lua, outcome_of(mail.facts->dmarc).testing); }},
    {"reason", Stage::Message, push_dmarc_text<&dmarc::Outcome::reason>},
    // nil and not "", so that `not mail.dmarc.override` says what it seems to say.
    {"override", Stage::Message,
     [](lua_State* lua, MailContext& mail) {
       const std::string& sealer = outcome_of(mail.facts->dmarc).override_by;
       if (sealer.empty()) {
         lua_pushnil(lua);
       } else {
         push(lua, sealer);
       }
     }},
}};

// ---------------------------------------------------------------- ARC

constexpr ViewArray kSealers = {"sealers", "mail.arc", Stage::Message,
                                [](MailContext& mail, size_t) { return outcome_of(mail.facts->arc).sets.size(); },
                                [](lua_State* lua, MailContext& mail, size_t, size_t at) {
                                  push(lua, outcome_of(mail.facts->arc).sets[at].sealer);
                                }};

constexpr std::array<ViewRow, 4> kArc = {{
    {"result", Stage::Message,
     [](lua_State* lua, MailContext& mail) { push(lua, arc::to_string(outcome_of(mail.facts->arc).result)); }},
    {"reason", Stage::Message,
     [](lua_State* lua, MailContext& mail) { push(lua, outcome_of(mail.facts->arc).reason); }},
    {"sealers", Stage::Message, row_of<State::ArcSealers>},
    {"sets", Stage::Message,
     [](lua_State* lua, MailContext& mail) {
       lua_pushinteger(lua, static_cast<lua_Integer>(outcome_of(mail.facts->arc).sets.size()));
     }},
}};

}  // namespace

constinit const ViewTable kSpfTable = {"mail.spf", kSpf<&Facts::spf>.data(), kSpf<&Facts::spf>.size()};
constinit const ViewTable kHeloSpfTable = {"mail.helo_spf", kSpf<&Facts::helo_spf>.data(),
                                           kSpf<&Facts::helo_spf>.size()};
constinit const ViewTable kSignatureTable = {"mail.dkim[...]", kSignature.data(), kSignature.size()};
constinit const ViewTable kDmarcTable = {"mail.dmarc", kDmarc.data(), kDmarc.size()};
constinit const ViewTable kArcTable = {"mail.arc", kArc.data(), kArc.size()};

std::string_view name_of(dmarc::Identifier::Method method) {
  switch (method) {
    case dmarc::Identifier::Method::Spf: return "spf";
    case dmarc::Identifier::Method::Dkim: return "dkim";
  }
  return "none";
}

void open_authentication(lua_State* lua) {
  make_view(lua, State::Spf, kSpfTable);
  make_view(lua, State::HeloSpf, kHeloSpfTable);
  make_array(lua, State::Dkim, kDkim);
  make_elements(lua, State::DkimSignatures, kSignatureTable);
  make_view(lua, State::Dmarc, kDmarcTable);
  make_array(lua, State::DmarcAligned, kAligned);
  make_view(lua, State::Arc, kArcTable);
  make_array(lua, State::ArcSealers, kSealers);
}

}  // namespace postern::rules
