// The fields of a rule's table: one row each. A new kind of rule is a new row here.
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "lua/api.h"
#include "lua/registry.h"

namespace postern::rules {

namespace {

constexpr size_t kMaxAbout = 300;
constexpr size_t kMaxReply = 400;  // with code and CRLF still a legal line (RFC 5321, 4.5.3.1.5: 512 octets)
constexpr lua_Integer kMaxExamples = 1000;

class Fields {
 public:
  Fields(lua_State* lua, Registry& registry, Definition& rule) : lua_(lua), registry_(registry), rule_(rule) {}

  void parse();

 private:
  struct Row {
    std::string_view name;
    void (Fields::*parse)();  // the value is on top of the stack
  };
  static const std::array<Row, 17> kRows;

  // At the line of the field that is being read, else of the rule.
  void problem(const std::string& text) {
    registry_.problem(rule_.line_of(field_), fmt::format("rule {}: {}", rule_.info.name, text));
  }
  // The string on top of the stack, or a problem.
  std::optional<std::string> text(const char* field);
  void field(std::string_view name);
  void about();
  void stage();
  void score();
  void group();
  void when();
  void action();
  void reply();
  void mode();
  void examples();
  void header();
  template <Target target>
  void pattern();
  void all();
  void any();
  void expression();
  void condition(std::string_view name);
  void set_pattern(Target target, std::string field, std::string_view text);
  std::optional<std::vector<std::string>> rule_names();
  void check();
  void check_reply();

  lua_State* lua_;
  Registry& registry_;
  Definition& rule_;
  std::string field_;  // whose value is looked at; empty: the rule as a whole
  bool bad_action_ = false;
  bool unknown_field_ = false;  // which may have been meant for the condition
};

const std::array<Fields::Row, 17> Fields::kRows = {{{"about", &Fields::about},
                                                    {"stage", &Fields::stage},
                                                    {"score", &Fields::score},
                                                    {"group", &Fields::group},
                                                    {"when", &Fields::when},
                                                    {"action", &Fields::action},
                                                    {"reply", &Fields::reply},
                                                    {"mode", &Fields::mode},
                                                    {"examples", &Fields::examples},
                                                    {"header", &Fields::header},
                                                    {"body", &Fields::pattern<Target::Body>},
                                                    {"url", &Fields::pattern<Target::Url>},
                                                    {"attachment", &Fields::pattern<Target::Attachment>},
                                                    {"raw", &Fields::pattern<Target::Raw>},
                                                    {"all", &Fields::all},
                                                    {"any", &Fields::any},
                                                    {"expression", &Fields::expression}}};

std::optional<std::string> Fields::text(const char* field) {
  if (lua_type(lua_, -1) != LUA_TSTRING) {
    problem(fmt::format("'{}' must be a string, not a {}", field, luaL_typename(lua_, -1)));
    return std::nullopt;
  }
  return std::string(text_at(lua_, -1));
}

void Fields::field(std::string_view name) {
  field_ = name;
  for (const Row& row : kRows) {
    if (row.name == name) return (this->*row.parse)();
  }
  unknown_field_ = true;
  std::vector<std::string_view> known;
  known.reserve(kRows.size());
  for (const Row& row : kRows) known.push_back(row.name);
  registry_.problem(rule_.line_of(name), fmt::format("unknown field '{}' in rule {}{}", escape_for_log(name, 60),
                                                     rule_.info.name, did_you_mean(name, known)));
}

void Fields::about() {
  auto value = text("about");
  if (!value) return;
  if (trim(*value).empty() || value->size() > kMaxAbout || !is_utf8(*value) ||
      value->find_first_of("\r\n") != std::string::npos) {
    problem(fmt::format("'about' must be one line of text, at most {} bytes", kMaxAbout));
    return;
  }
  rule_.info.about = *value;
}

void Fields::stage() {
  auto value = text("stage");
  if (!value) return;
  auto stage = parse_stage(*value);
  if (!stage) {
    constexpr std::array<std::string_view, 5> kStages = {"connect", "helo", "mail", "rcpt", "message"};
    problem(fmt::format("unknown stage '{}'{}; the stages are connect, helo, mail, rcpt, message",
                        escape_for_log(*value, 60), did_you_mean(*value, kStages)));
    return;
  }
  rule_.info.stage = *stage;
}

void Fields::score() {
  if (lua_type(lua_, -1) != LUA_TNUMBER || !is_score(lua_tonumber(lua_, -1))) {
    problem("'score' must be a number from -1000 to 1000");
    return;
  }
  rule_.info.score = round_score(lua_tonumber(lua_, -1));
}

void Fields::group() {
  auto value = text("group");
  if (!value) return;
  if (!is_group_name(*value)) {
    problem("'group' must be a name of letters, digits, '_' and '-', at most 64");
    return;
  }
  rule_.info.group = *value;
}

// A rule has one condition.
void Fields::condition(std::string_view name) {
  if (rule_.condition.empty()) {
    rule_.condition = name;
    return;
  }
  // Lua walks tables in no order that people know: the two are named as they are written.
  std::string first = rule_.condition;
  std::string second(name);
  int first_line = rule_.line_of(first);
  int second_line = rule_.line_of(second);
  if (first_line > second_line || (first_line == second_line && first > second)) {
    std::swap(first, second);
    std::swap(first_line, second_line);
  }
  registry_.problem(second_line,
                    fmt::format("rule {}: it has '{}' and '{}': a rule has one of when, header, body, url, "
                                "attachment, raw, all, any, expression",
                                rule_.info.name, first, second));
}

void Fields::set_pattern(Target target, std::string name, std::string_view text) {
  if (text.empty()) return problem(fmt::format("'{}' is an empty expression, which matches everything", field_));
  rule_.info.kind = RuleInfo::Kind::Pattern;
  rule_.pattern = Pattern{target, std::move(name), std::string(text)};
}

// RFC 5322, 2.2: a field's name is printable ASCII without colon.
bool is_field_name(std::string_view name) {
  return !name.empty() && name.size() <= 100 && printable_ascii(name, 100) == name &&
         name.find_first_of(": ") == std::string_view::npos;
}

// header = { "Subject", "expression" }.
void Fields::header() {
  condition("header");
  if (lua_type(lua_, -1) != LUA_TTABLE || lua_rawlen(lua_, -1) != 2) {
    return problem("'header' must be a field's name and an expression: header = { \"Subject\", \"(?i)lottery\" }");
  }
  std::array<std::string, 2> values;
  for (lua_Integer i = 1; i <= 2; ++i) {
    bool is_text = lua_rawgeti(lua_, -1, i) == LUA_TSTRING;
    if (is_text) values[static_cast<size_t>(i) - 1] = text_at(lua_, -1);
    lua_pop(lua_, 1);
    if (!is_text) return problem("'header' must be two strings: header = { \"Subject\", \"(?i)lottery\" }");
  }
  if (!is_field_name(values[0])) {
    return problem(fmt::format("'{}' is no name of a header field", escape_for_log(values[0], 60)));
  }
  set_pattern(Target::Header, to_lower(values[0]), values[1]);
}

template <Target target>
void Fields::pattern() {
  condition(field_);
  if (auto value = text(field_.c_str())) set_pattern(target, "", *value);
}

std::optional<std::vector<std::string>> Fields::rule_names() {
  std::vector<std::string> names;
  size_t count = lua_type(lua_, -1) == LUA_TTABLE ? lua_rawlen(lua_, -1) : 0;
  for (size_t i = 1; i <= count && i <= Expression::kMaxNames; ++i) {
    if (lua_rawgeti(lua_, -1, static_cast<lua_Integer>(i)) == LUA_TSTRING) names.emplace_back(text_at(lua_, -1));
    lua_pop(lua_, 1);
  }
  if (count > 0 && names.size() == count) return names;
  problem(fmt::format("'{0}' must be a list of at most {1} rules: {0} = {{ \"A\", \"B\" }}", field_,
                      Expression::kMaxNames));
  return std::nullopt;
}

void Fields::all() {
  condition("all");
  rule_.info.kind = RuleInfo::Kind::Expression;
  if (auto names = rule_names()) rule_.expression = Expression::all_of(std::move(*names));
}

void Fields::any() {
  condition("any");
  rule_.info.kind = RuleInfo::Kind::Expression;
  if (auto names = rule_names()) rule_.expression = Expression::any_of(std::move(*names));
}

void Fields::expression() {
  condition("expression");
  rule_.info.kind = RuleInfo::Kind::Expression;
  auto value = text("expression");
  if (!value) return;
  auto parsed = Expression::parse(*value);
  if (!parsed) return problem(fmt::format("'expression': {}", parsed.error().message));
  rule_.expression = std::move(*parsed);
}

void Fields::when() {
  condition("when");
  if (lua_type(lua_, -1) != LUA_TFUNCTION) {
    return problem(fmt::format("'when' must be a function, not a {}", luaL_typename(lua_, -1)));
  }
  lua_pushvalue(lua_, -1);
  rule_.when = luaL_ref(lua_, LUA_REGISTRYINDEX);
}

void Fields::action() {
  bad_action_ = true;
  auto value = text("action");
  if (!value) return;
  constexpr std::array<Verdict, 5> kActions = {Verdict::Reject, Verdict::Defer, Verdict::Accept, Verdict::Quarantine,
                                               Verdict::Discard};
  std::vector<std::string_view> known;
  for (Verdict verdict : kActions) {
    known.push_back(to_string(verdict));
    if (known.back() == *value) {
      rule_.info.action = verdict;
      bad_action_ = false;
      return;
    }
  }
  problem(fmt::format("unknown action '{}'{}; the actions are reject, defer, accept, quarantine, discard",
                      escape_for_log(*value, 60), did_you_mean(*value, known)));
}

void Fields::reply() {
  if (auto value = text("reply")) rule_.info.reply = *value;
}

void Fields::mode() {
  auto value = text("mode");
  if (!value) return;
  constexpr std::array<std::string_view, 2> kModes = {"live", "shadow"};
  if (*value != kModes[0] && *value != kModes[1]) {
    problem(fmt::format("unknown mode '{}'{}; the modes are live (the default) and shadow", escape_for_log(*value, 60),
                        did_you_mean(*value, kModes)));
  }
  rule_.info.shadow = *value == kModes[1];
}

void Fields::examples() {
  if (lua_type(lua_, -1) != LUA_TTABLE) {
    problem("'examples' must be a list of tables");
    return;
  }
  auto count = static_cast<lua_Integer>(lua_rawlen(lua_, -1));
  lua_pushnil(lua_);
  while (lua_next(lua_, -2) != 0) {
    lua_pop(lua_, 1);
    if (lua_type(lua_, -1) != LUA_TSTRING) continue;
    lua_pop(lua_, 1);
    return problem("'examples' must be a list of tables, each in braces of its own: { { hit = true, ... }, ... }");
  }
  if (count > kMaxExamples) {
    problem(fmt::format("there are more than {} examples", kMaxExamples));
    return;
  }
  for (lua_Integer i = 1; i <= count; ++i) {
    bool good = lua_rawgeti(lua_, -1, i) == LUA_TTABLE;
    lua_pop(lua_, 1);
    if (!good) {
      registry_.problem(rule_.line_of_example(static_cast<size_t>(i)),
                        fmt::format("rule {}: example {} is not a table", rule_.info.name, i));
    }
  }
  rule_.info.examples = static_cast<size_t>(count);
  if (!registry_.keeps_examples()) return;
  lua_pushvalue(lua_, -1);
  rule_.examples = luaL_ref(lua_, LUA_REGISTRYINDEX);
}

bool digits(std::string_view text, size_t most) {
  return !text.empty() && text.size() <= most && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// RFC 5321, 4.2: Reply-code = %x32-35 %x30-35 %x30-39; RFC 3463, 2: class "." subject "." detail, both 1*3DIGIT; a
// class says the same as the code's first digit.
bool is_reply(std::string_view reply, char wanted) {
  if (reply.size() > kMaxReply || reply.size() < 5 || printable_ascii(reply, kMaxReply) != reply) return false;
  if (!digits(reply.substr(0, 3), 3) || reply[0] != wanted || reply[1] > '5' || reply[3] != ' ') return false;
  reply.remove_prefix(4);
  size_t space = reply.find(' ');
  if (space == std::string_view::npos || trim(reply.substr(space)).empty()) return false;
  std::string_view status = reply.substr(0, space);
  if (status.size() < 5 || status[0] != wanted || status[1] != '.') return false;
  status.remove_prefix(2);
  size_t dot = status.find('.');
  return dot != std::string_view::npos && digits(status.substr(0, dot), 3) && digits(status.substr(dot + 1), 3);
}

void Fields::check_reply() {
  const RuleInfo& info = rule_.info;
  field_ = "reply";
  if (info.reply.empty() || bad_action_) return;
  if (!info.action) {
    problem("'reply' needs an 'action'");
  } else if (*info.action != Verdict::Reject && *info.action != Verdict::Defer) {
    problem(fmt::format("'reply' is for the actions reject and defer, not for {}", to_string(*info.action)));
  } else if (info.reply.substr(0, 3) == "421" || info.reply.substr(0, 3) == "521") {
    // RFC 5321, 3.8; RFC 7504, 3: these promise that the connection is closed.
    problem("'reply' must not begin with 421 or 521: they say that the connection is closed");
  } else if (*info.action == Verdict::Reject && !is_reply(info.reply, '5')) {
    problem("'reply' of a reject must look like \"550 5.7.1 reason\", in ASCII, at most 400 bytes");
  } else if (*info.action == Verdict::Defer && !is_reply(info.reply, '4')) {
    problem("'reply' of a defer must look like \"451 4.7.1 reason\", in ASCII, at most 400 bytes");
  }
}

void Fields::check() {
  auto missing = [this](const char* name) {
    lua_pushstring(lua_, name);
    bool is_missing = lua_rawget(lua_, 1) == LUA_TNIL;
    lua_pop(lua_, 1);
    return is_missing;
  };
  field_.clear();
  if (missing("about")) problem("'about' is missing: one sentence that says what the rule found");
  if (rule_.condition.empty() && !unknown_field_) {
    problem(
        "'when' is missing: the function that decides (or header, body, url, attachment, raw, all, any, expression)");
  }
  if (rule_.pattern && rule_.info.stage != Stage::Message) {
    field_ = "stage";
    problem(fmt::format("'{}' looks into the message: it is for rules of stage \"message\"", rule_.condition));
  }
  check_reply();
}

void Fields::parse() {
  lua_pushnil(lua_);
  while (lua_next(lua_, 1) != 0) {
    if (lua_type(lua_, -2) == LUA_TSTRING) {
      field(text_at(lua_, -2));
    } else {
      field_.clear();
      problem("a value without a name: fields are written name = value");
    }
    lua_pop(lua_, 1);
  }
  check();
}

}  // namespace

void parse_rule_table(lua_State* lua, Registry& registry, Definition& rule) {
  Fields(lua, registry, rule).parse();
}

}  // namespace postern::rules
