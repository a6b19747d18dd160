// dns.txt(name) and its like: a question that a rule may wait for while the worker serves others.
#include <array>
#include <string>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "filters/base/domain.h"
#include "lua/api.h"
#include "lua/api_view.h"
#include "lua/sandbox.h"

namespace postern::rules {

namespace {

using dns::Type;

// Of one message, so that a rule in a loop cannot fill the memory with answers.
constexpr size_t kMaxAnswers = 200;

struct Function {
  const char* name;
  Type type;
};
constexpr std::array<Function, 6> kFunctions = {
    {{"txt", Type::TXT}, {"a", Type::A}, {"aaaa", Type::AAAA}, {"ptr", Type::PTR}, {"mx", Type::MX}, {"ns", Type::NS}}};

Type type_of(lua_State* lua) {
  return static_cast<Type>(lua_tointeger(lua, lua_upvalueindex(1)));
}

std::vector<std::string> strings_of(const dns::Answer& answer) {
  std::vector<std::string> strings = answer.texts;
  strings.insert(strings.end(), answer.names.begin(), answer.names.end());
  for (const IpAddress& address : answer.addresses) strings.push_back(address.to_string());
  for (const dns::Mx& exchange : answer.exchanges) {
    strings.push_back(fmt::format("{} {}", exchange.preference, exchange.name));
  }
  return strings;
}

int push_temperror(lua_State* lua) {
  lua_pushnil(lua);
  push(lua, "temperror");
  return 2;
}

int push_answer(lua_State* lua, const dns::Answer& answer) {
  if (answer.status == dns::Status::TempFail) return push_temperror(lua);
  std::vector<std::string> strings = strings_of(answer);
  lua_createtable(lua, static_cast<int>(strings.size()), 0);
  for (size_t i = 0; i < strings.size(); ++i) {
    push(lua, strings[i]);
    lua_rawseti(lua, -2, static_cast<lua_Integer>(i) + 1);
  }
  return 1;
}

// What is known without asking anybody; null: it must be asked for.
const dns::Answer* known_answer(const MailContext& mail, const dns::Question& question) {
  static const dns::Answer kNothing = [] {
    dns::Answer nothing;
    nothing.status = dns::Status::NoName;
    return nothing;
  }();
  static const dns::Answer kFailed;
  if (!dns::is_valid_name(question.name)) return &kNothing;
  if (mail.example_dns != nullptr) {
    auto found = mail.example_dns->answers.find(question);
    return found == mail.example_dns->answers.end() ? &kNothing : &found->second;
  }
  auto found = mail.answers.find(question);
  if (found != mail.answers.end()) return &found->second;
  return mail.dns == nullptr || mail.answers.size() >= kMaxAnswers ? &kFailed : nullptr;
}

// The coroutine goes on here; the name is still the first argument.
int answered(lua_State* lua, int /*status*/, lua_KContext /*context*/) {
  const dns::Answer* answer = known_answer(context(lua), question_of(type_of(lua), text_at(lua, 1)));
  return answer == nullptr ? push_temperror(lua) : push_answer(lua, *answer);
}

int ask(lua_State* lua) {
  if (State::of(lua).mail == nullptr) raise(lua, "dns can be asked only while a message is judged");
  MailContext& mail = context(lua);
  dns::Question question = question_of(type_of(lua), text_at(lua, 1));
  if (const dns::Answer* answer = known_answer(mail, question)) return push_answer(lua, *answer);
  if (lua_isyieldable(lua) == 0) {
    raise(lua, "dns cannot be asked inside of a function that gsub or sort calls: ask before, keep the answer");
  }
  mail.wanted = std::move(question);
  return lua_yieldk(lua, 0, 0, answered);
}

}  // namespace

dns::Question question_of(Type type, std::string_view name) {
  if (type == Type::PTR) {
    if (auto address = IpAddress::parse(name)) return {address->reverse_name(), type};
  }
  if (name.ends_with('.')) name.remove_suffix(1);
  if (!is_ascii(name)) {
    if (auto ascii = to_ascii_domain(name)) return {std::move(*ascii), type};
  }
  return {to_lower(name), type};
}

int wait_for_earlier(lua_State* lua, lua_KFunction then) {
  if (lua_isyieldable(lua) == 0) {
    raise(lua,
          "this must wait for rules that ask the DNS, which it cannot inside of a function that gsub or sort calls");
  }
  return lua_yieldk(lua, 0, 0, then);
}

void open_dns(lua_State* lua) {
  lua_newtable(lua);
  for (const Function& function : kFunctions) {
    lua_pushinteger(lua, static_cast<lua_Integer>(function.type));
    lua_pushcclosure(lua, ask, 1);
    lua_setfield(lua, -2, function.name);
  }
  protect(lua, "dns");
  lua_setfield(lua, -2, "dns");
}

}  // namespace postern::rules
