// What the answers of a DNS list mean: ["127.0.0.2"] = { "SBL", 4.0 }, each a rule of its own.
#include <algorithm>
#include <map>
#include <tuple>

#include "lua/list_fields.h"

namespace postern::rules {

namespace {

constexpr size_t kMaxAnswers = 250;

std::string_view words_of(lists::Subject subject) {
  using lists::Subject;
  switch (subject) {
    case Subject::Client: return "the client";
    case Subject::Rdns: return "the client's name";
    case Subject::Helo: return "the name in HELO";
    case Subject::From: return "the envelope sender's domain";
    case Subject::Author: return "the author's domain";
    case Subject::ReplyTo: return "the domain in Reply-To";
    case Subject::Dkim: return "the domain of a DKIM signature";
    case Subject::Url: return "the host of a URL";
    case Subject::Hash: return "an address in the message";
    case Subject::Received: return "an earlier hop";
  }
  return "the message";
}

class AnswerFields final : public TableFields {
 public:
  /// Of the entry `key`.
  AnswerFields(lua_State* lua, Registry& registry, const AnswerContext& context, Definition& rule,
               const std::string& key)
      : TableFields(lua, registry, rule.info, context.outline, context.line),
        context_(context),
        list_(*context.list),
        rule_(rule),
        key_(key) {}

  /// The answer's name; empty after a mistake in it.
  std::string parse();

 private:
  using AnswerRow = Row<AnswerFields>;
  static const std::array<AnswerRow, 7> kRows;

  void problem(const std::string& text) override {
    std::string whose = rule_.info.name.empty()
                            ? fmt::format("list {}: answers[\"{}\"]", list_.name, escape_for_log(key_, 60))
                            : fmt::format("rule {}", rule_.info.name);
    registry().problem(line_at(place_of(field())), fmt::format("{}: {}", whose, text));
  }
  [[nodiscard]] std::string where() const override {
    return rule_.info.name.empty() ? fmt::format(" in answers[\"{}\"] of list {}", escape_for_log(key_, 60), list_.name)
                                   : fmt::format(" in rule {}", rule_.info.name);
  }
  [[nodiscard]] std::string place_of(std::string_view name) const override {
    return fmt::format("answers/{}{}{}", key_, name.empty() ? "" : "/", name);
  }
  bool unnamed(lua_Integer number) override { return number == 1 || number == 2; }
  void read_name();
  void read_stage();
  void read_score();
  void set_stage();
  void check();
  [[nodiscard]] bool has(lua_Integer number) const;

  const AnswerContext& context_;
  const lists::List& list_;
  Definition& rule_;
  const std::string& key_;
  std::string name_;
  bool scored_ = false;
  bool acts_ = false;
  bool stage_given_ = false;
};

const std::array<AnswerFields::AnswerRow, 7> AnswerFields::kRows = {{{"about", &AnswerFields::about},
                                                                     {"stage", &AnswerFields::read_stage},
                                                                     {"score", &AnswerFields::read_score},
                                                                     {"group", &AnswerFields::group},
                                                                     {"action", &AnswerFields::action},
                                                                     {"reply", &AnswerFields::reply},
                                                                     {"mode", &AnswerFields::mode}}};

void AnswerFields::read_name() {
  at("1");
  if (lua_rawgeti(lua(), -1, 1) != LUA_TSTRING) {
    lua_pop(lua(), 1);
    return problem("it has no name: [\"127.0.0.2\"] = { \"NAME\", 4.0 }");
  }
  std::string name(text_at(lua(), -1));
  lua_pop(lua(), 1);
  std::string rule = fmt::format("{}_{}", list_.name, name.substr(0, 100));
  if (name.empty() || !is_rule_name(rule)) {
    return problem(fmt::format("'{}' is no name for an answer: capitals, digits and '_' only, at most {}",
                               escape_for_log(name, 80), 63 - list_.name.size()));
  }
  name_ = std::move(name);
  rule_.info.name = std::move(rule);
}

void AnswerFields::read_score() {
  if (scored_) return problem("it has two scores: { \"NAME\", 4.0 } says it once");
  scored_ = true;
  score();
}

void AnswerFields::read_stage() {
  stage_given_ = true;
  stage();
}

bool AnswerFields::has(lua_Integer number) const {
  bool found = lua_rawgeti(lua(), -1, number) != LUA_TNIL;
  lua_pop(lua(), 1);
  return found;
}

// Nobody waits for what is only weighed; what decides does so as soon as its subject is known.
void AnswerFields::set_stage() {
  RuleInfo& info = rule_.info;
  if (!stage_given_ && context_.stage_given) return;  // the list's
  if (!context_.of_known) return;
  Stage known = known_from(list_.of);
  if (!stage_given_) {
    info.stage = info.action ? known : Stage::Message;
  } else if (info.stage < known) {
    at("stage");
    problem(fmt::format("'stage': what a list of {} asks about is known from stage \"{}\" on", to_string(list_.of),
                        to_string(known)));
    info.stage = known;
  }
}

void AnswerFields::check() {
  const RuleInfo& info = rule_.info;
  std::string good = fmt::format("{} is a list of good senders (allow = true)", list_.name);
  if (!scored_ && !acts_ && !name_.empty()) {
    at("");
    problem("it has neither a score nor an action: { \"NAME\", 4.0 } or { \"NAME\", action = \"reject\" }");
  }
  if (list_.allow && info.score > 0) {
    at(has(2) ? "2" : "score");
    problem(fmt::format("{}: its score is at most 0", good));
  }
  if (info.action && list_.allow != (*info.action == Verdict::Accept)) {
    at("action");
    problem(list_.allow ? fmt::format("{}: its action is accept, not {}", good, to_string(*info.action))
                        : "the action accept is for lists of good senders: allow = true");
  }
  check_reply();
}

// The table is on top of the stack.
std::string AnswerFields::parse() {
  int index = lua_gettop(lua());
  read_name();
  if (has(2)) {
    at("2");
    lua_rawgeti(lua(), -1, 2);
    read_score();
    lua_pop(lua(), 1);
  }
  lua_pushstring(lua(), "action");
  acts_ = lua_rawget(lua(), index) != LUA_TNIL;
  lua_pop(lua(), 1);
  read_rows(*this, index, kRows);
  set_stage();
  check();
  return name_;
}

/// The entries of one table.
class Answers {
 public:
  Answers(lua_State* lua, Registry& registry, const AnswerContext& context)
      : lua_(lua), registry_(registry), context_(context), list_(*context.list) {}

  std::vector<ListAnswer> parse();

 private:
  struct Key {
    std::string text;
    lists::Match match;
  };
  void problem(const std::string& key, const std::string& text) {
    int line = context_.outline == nullptr ? 0 : line_of(*context_.outline, key);
    registry_.problem(line > 0 ? line : context_.line, fmt::format("list {}: {}", list_.name, text));
  }
  [[nodiscard]] std::vector<Key> keys();
  void read(Key key);
  [[nodiscard]] bool is_new(const std::string& name, const std::string& place);
  [[nodiscard]] std::string default_about(const std::string& name) const;

  lua_State* lua_;
  Registry& registry_;
  const AnswerContext& context_;
  const lists::List& list_;
  std::vector<ListAnswer> answers_;
  std::map<std::string, std::string> names_;  // -> the answer as written
};

// By the first address that each means, bit masks last.
std::vector<Answers::Key> Answers::keys() {
  std::vector<Key> found;
  lua_pushnil(lua_);
  while (lua_next(lua_, -2) != 0) {
    lua_pop(lua_, 1);
    if (lua_type(lua_, -1) != LUA_TSTRING) {
      problem("answers", "answers are written [\"127.0.0.2\"] = { \"NAME\", 4.0 }");
      continue;
    }
    std::string text(text_at(lua_, -1));
    auto match = lists::Match::parse(text);
    if (match) {
      found.push_back({std::move(text), std::move(*match)});
    } else {
      registry_.leave_out(list_.name);
      problem("answers/" + text, fmt::format("answers: {}", match.error().message));
    }
  }
  auto before = [](const Key& a, const Key& b) {
    bool mask_a = trim(a.text).starts_with('&');
    bool mask_b = trim(b.text).starts_with('&');
    IpAddress first_a = a.match.example();
    IpAddress first_b = b.match.example();
    return std::tie(mask_a, first_a, a.text) < std::tie(mask_b, first_b, b.text);
  };
  std::sort(found.begin(), found.end(), before);
  return found;
}

std::string Answers::default_about(const std::string& name) const {
  return fmt::format("{} is listed by {}{} ({})", words_of(list_.of), list_.allow ? "the good senders of " : "",
                     list_.name, name);
}

bool Answers::is_new(const std::string& name, const std::string& place) {
  auto [first, fresh] = names_.emplace(name, place.substr(place.find('/') + 1));
  if (fresh) return true;
  problem(place, fmt::format("two of its answers are {}: one entry may name several: [\"{}, {}\"]", name,
                             escape_for_log(first->second, 60), escape_for_log(place.substr(place.find('/') + 1), 60)));
  return false;
}

// The value is on top of the stack.
void Answers::read(Key key) {
  std::string place = "answers/" + key.text;
  if (lua_type(lua_, -1) != LUA_TTABLE) {
    registry_.leave_out(list_.name);
    return problem(place, fmt::format("answers[\"{}\"] must be a table, not a {}: {{ \"NAME\", 4.0 }}",
                                      escape_for_log(key.text, 60), luaL_typename(lua_, -1)));
  }
  ListAnswer made;
  Definition& rule = made.rule;
  rule.info = *context_.common;
  rule.info.kind = RuleInfo::Kind::List;
  rule.info.file = registry_.file();
  rule.list = context_.outline;
  rule.place = place;
  int line = context_.outline == nullptr ? 0 : line_of(*context_.outline, place);
  rule.info.line = line > 0 ? line : context_.line;
  std::string name = AnswerFields(lua_, registry_, context_, rule, key.text).parse();
  if (name.empty()) return registry_.leave_out(list_.name);
  if (!is_new(name, place)) return;
  if (rule.info.about.empty()) rule.info.about = default_about(name);
  made.answer = {std::move(key.text), std::move(key.match), std::move(name)};
  answers_.push_back(std::move(made));
}

std::vector<ListAnswer> Answers::parse() {
  if (lua_type(lua_, -1) != LUA_TTABLE) {
    problem("answers", fmt::format("'answers' must be a table, not a {}: answers = {{ [\"127.0.0.2\"] = {{ \"NAME\", "
                                   "4.0 }} }}",
                                   luaL_typename(lua_, -1)));
    return {};
  }
  luaL_checkstack(lua_, 8, "a list");
  lua_pushnil(lua_);
  if (lua_next(lua_, -2) == 0) {
    problem("answers", "'answers' is empty: only answers that are declared count");
    return {};
  }
  lua_pop(lua_, 2);
  std::vector<Key> found = keys();
  if (found.size() > kMaxAnswers) {
    problem("answers", fmt::format("there are more than {} answers", kMaxAnswers));
    found.resize(kMaxAnswers);
  }
  for (Key& key : found) {
    push(lua_, key.text);
    lua_rawget(lua_, -2);
    read(std::move(key));
    lua_pop(lua_, 1);
  }
  return std::move(answers_);
}

}  // namespace

std::vector<ListAnswer> parse_answers(lua_State* lua, Registry& registry, const AnswerContext& context) {
  return Answers(lua, registry, context).parse();
}

}  // namespace postern::rules
