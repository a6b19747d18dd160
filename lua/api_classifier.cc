// mail.classifier: what was learned from sorted mail says of this message.
#include <array>

#include "filters/classifier/facts.h"
#include "lua/api.h"
#include "lua/api_view.h"

namespace postern::rules {

namespace {

// Counts stay below what a lua_Integer holds: there were never so many messages.
template <uint64_t classifier::Outcome::*member>
void push_count(lua_State* lua, MailContext& mail) {
  lua_pushinteger(lua, static_cast<lua_Integer>(mail.facts->classifier.*member));
}

constexpr std::array<ViewRow, 4> kClassifier = {{
    {"spam", Stage::Message,
     [](lua_State* lua, MailContext& mail) { lua_pushnumber(lua, mail.facts->classifier.spam); }},
    {"ready", Stage::Message,
     [](lua_State* lua, MailContext& mail) { lua_pushboolean(lua, mail.facts->classifier.ready ? 1 : 0); }},
    {"ham_learned", Stage::Message, push_count<&classifier::Outcome::ham_learned>},
    {"spam_learned", Stage::Message, push_count<&classifier::Outcome::spam_learned>},
}};

}  // namespace

constinit const ViewTable kClassifierTable = {"mail.classifier", kClassifier.data(), kClassifier.size()};

void open_classifier(lua_State* lua) {
  make_view(lua, State::Classifier, kClassifierTable);
}

}  // namespace postern::rules
