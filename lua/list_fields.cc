// list "ZEN" { ... } and enable "ZEN" { ... }: the fields of their tables, one row each.
#include "lua/list_fields.h"

#include <algorithm>

#include "filters/base/domain.h"
#include "filters/base/ip.h"
#include "filters/dns/dns.h"

namespace postern::rules {

namespace {

// What is asked stands before it, 64 octets of an IPv6 address or a digest; a name has 253 (RFC 1035, 2.3.4).
constexpr size_t kMaxZone = 180;
constexpr size_t kMaxTitle = 200;  // it stands in replies, which have 512 octets
constexpr size_t kMaxErrors = 20;

/// A name of `labels` labels or more that may be asked: as the DNS has it, lower-case A-labels. RFC 5782, 2.1 has
/// names of hosts in mind; underscores are not rare.
std::optional<std::string> domain_name(std::string_view text, size_t labels) {
  auto name = to_ascii_domain(text);
  if (!name || !dns::is_valid_name(*name)) return std::nullopt;
  bool good = std::all_of(name->begin(), name->end(),
                          [](char c) { return ascii_alnum(c) || c == '-' || c == '_' || c == '.'; });
  size_t dots = static_cast<size_t>(std::count(name->begin(), name->end(), '.'));
  std::string_view last = std::string_view(*name).substr(name->rfind('.') + 1);
  if (!good || dots + 1 < labels || std::all_of(last.begin(), last.end(), ascii_digit)) return std::nullopt;
  return name;
}

}  // namespace

// ---------------------------------------------------------------- what both tables have

bool TableFields::unnamed(lua_Integer /*number*/) {
  return false;
}

std::string TableFields::hint(std::string_view /*name*/) const {
  return {};
}

int TableFields::line_at(std::string_view place) const {
  int line = outline_ == nullptr ? 0 : rules::line_of(*outline_, place);
  return line > 0 ? line : line_;
}

void TableFields::flag(bool& out) {
  if (lua_type(lua(), -1) != LUA_TBOOLEAN) {
    return problem(fmt::format("'{}' must be true or false, not a {}", field(), luaL_typename(lua(), -1)));
  }
  out = lua_toboolean(lua(), -1) != 0;
}

std::optional<std::string> TableFields::zone() {
  auto value = text("zone");
  if (!value) return std::nullopt;
  auto name = domain_name(*value, 2);
  if (name && name->size() <= kMaxZone) return name;
  problem(fmt::format("'zone': '{}' is no zone: a domain name like \"zen.spamhaus.org\", at most {} octets",
                      escape_for_log(*value, 80), kMaxZone));
  return std::nullopt;
}

std::optional<std::string> TableFields::title() {
  auto value = text("title");
  if (!value) return std::nullopt;
  if (!trim(*value).empty() && value->size() <= kMaxTitle && printable_ascii(*value, kMaxTitle) == *value) return value;
  problem(fmt::format("'title' must be one line of ASCII, since replies show it, at most {} octets", kMaxTitle));
  return std::nullopt;
}

// ---------------------------------------------------------------- list

namespace {

class ListFields final : public TableFields {
 public:
  ListFields(lua_State* lua, Registry& registry, lists::List& list, RuleInfo& common, int line)
      : TableFields(lua, registry, common, registry.list_outline(list.name, line), line),
        list_(list),
        common_(common),
        line_(line) {}

  std::vector<ListAnswer> parse();

 private:
  using ListRow = Row<ListFields>;
  static const std::array<ListRow, 15> kRows;

  void problem(const std::string& text) override {
    registry().problem(line_at(field()), fmt::format("list {}: {}", list_.name, text));
  }
  [[nodiscard]] std::string where() const override { return fmt::format(" in list {}", list_.name); }
  [[nodiscard]] std::string hint(std::string_view name) const override;
  void read_zone();
  void read_of();
  void read_allow() { flag(list_.allow); }
  void read_title();
  void read_txt() { flag(list_.txt); }
  void read_enabled() { flag(list_.enabled); }
  void read_stage();
  void read_hash();
  void read_encoding();
  void read_errors();
  void read_test();
  void read_point(const char* name, std::optional<std::string>& out);
  [[nodiscard]] std::optional<std::string> test_point(const std::string& text) const;
  void read_answers();
  void check();
  void check_errors();
  [[nodiscard]] bool has(const char* name) const;

  lists::List& list_;
  RuleInfo& common_;
  int line_;
  bool of_known_ = false;
  bool stage_given_ = false;
  std::vector<ListAnswer> answers_;
  std::vector<std::string> errors_;  // as written
};

const std::array<ListFields::ListRow, 15> ListFields::kRows = {{{"zone", &ListFields::read_zone},
                                                                {"of", &ListFields::read_of},
                                                                {"allow", &ListFields::read_allow},
                                                                {"title", &ListFields::read_title},
                                                                {"txt", &ListFields::read_txt},
                                                                {"enabled", &ListFields::read_enabled},
                                                                {"about", &ListFields::about},
                                                                {"group", &ListFields::group},
                                                                {"mode", &ListFields::mode},
                                                                {"stage", &ListFields::read_stage},
                                                                {"hash", &ListFields::read_hash},
                                                                {"encoding", &ListFields::read_encoding},
                                                                {"errors", &ListFields::read_errors},
                                                                {"test", &ListFields::read_test},
                                                                {"answers", &ListFields::read_answers}}};

std::string ListFields::hint(std::string_view name) const {
  constexpr std::array<std::string_view, 3> kOfAnswers = {"score", "action", "reply"};
  if (std::find(kOfAnswers.begin(), kOfAnswers.end(), name) == kOfAnswers.end()) return {};
  return fmt::format(": each answer has its own: answers = {{ [\"127.0.0.2\"] = {{ \"NAME\", {} }} }}",
                     name == "score" ? "4.0" : fmt::format("{} = \"...\"", name));
}

void ListFields::read_zone() {
  if (auto value = zone()) list_.zone = std::move(*value);
}

void ListFields::read_title() {
  if (auto value = title()) list_.title = std::move(*value);
}

void ListFields::read_of() {
  auto value = text("of");
  if (!value) return;
  auto subject = lists::parse_subject(*value);
  if (!subject) {
    return problem(fmt::format("unknown subject '{}'{}; lists are of {}", escape_for_log(*value, 60),
                               did_you_mean(*value, lists::subject_names()), fmt::join(lists::subject_names(), ", ")));
  }
  list_.of = *subject;
  of_known_ = true;
}

void ListFields::read_stage() {
  stage_given_ = true;
  stage();
  if (!of_known_ || common_.stage >= known_from(list_.of)) return;
  problem(fmt::format("'stage': what a list of {} asks about is known from stage \"{}\" on", to_string(list_.of),
                      to_string(known_from(list_.of))));
  common_.stage = known_from(list_.of);
}

void ListFields::read_hash() {
  auto value = text("hash");
  if (!value) return;
  constexpr std::array<std::string_view, 2> kDigests = {"sha1", "sha256"};
  if (*value != kDigests[0] && *value != kDigests[1]) {
    return problem(fmt::format("unknown hash '{}'{}; there are sha1 (the default) and sha256",
                               escape_for_log(*value, 60), did_you_mean(*value, kDigests)));
  }
  if (*value == kDigests[0]) return;
  list_.digest = lists::List::Digest::Sha256;
  list_.encoding = lists::List::Encoding::Base32;
}

void ListFields::read_encoding() {
  auto value = text("encoding");
  if (!value) return;
  constexpr std::array<std::string_view, 2> kEncodings = {"hex", "base32"};
  if (*value != kEncodings[0] && *value != kEncodings[1]) {
    return problem(fmt::format("unknown encoding '{}'{}; there are hex and base32", escape_for_log(*value, 60),
                               did_you_mean(*value, kEncodings)));
  }
  // RFC 1035, 2.3.4: labels have 63 octets or less.
  if (*value == kEncodings[0] && list_.digest == lists::List::Digest::Sha256) {
    return problem("'encoding': 64 hex digits of a sha256 do not fit into a label of 63: such lists use base32");
  }
  list_.encoding = *value == kEncodings[0] ? lists::List::Encoding::Hex : lists::List::Encoding::Base32;
}

void ListFields::read_errors() {
  size_t count = lua_type(lua(), -1) == LUA_TTABLE ? lua_rawlen(lua(), -1) : 0;
  if (count == 0 || count > kMaxErrors) {
    return problem(
        fmt::format("'errors' must be a list of at most {} answers: errors = {{ \"127.0.0.1\" }}", kMaxErrors));
  }
  for (size_t i = 1; i <= count; ++i) {
    at(fmt::format("errors/{}", i));
    if (lua_rawgeti(lua(), -1, static_cast<lua_Integer>(i)) != LUA_TSTRING) {
      problem("'errors' must be a list of strings: errors = { \"127.0.0.1\" }");
    } else if (auto match = lists::Match::parse(text_at(lua(), -1))) {
      list_.errors.push_back(std::move(*match));
      errors_.emplace_back(text_at(lua(), -1));
    } else {
      problem(fmt::format("errors: {}", match.error().message));
    }
    lua_pop(lua(), 1);
  }
}

// Of what the list is; empty: it is no such thing.
std::optional<std::string> ListFields::test_point(const std::string& text) const {
  if (text.size() > 253 || printable_ascii(text, 253) != text) return std::nullopt;
  using lists::Subject;
  bool address = list_.of == Subject::Client || list_.of == Subject::Received;
  if (list_.of == Subject::Hash) return text.find('@') != std::string::npos ? std::optional(text) : std::nullopt;
  if (auto ip = IpAddress::parse(text); ip && (address || list_.of == Subject::Url)) {
    // RFC 5782, 5: lists of IPv6 addresses have ::FFFF:7F00:2, which is not 127.0.0.2 to them.
    return ip->is_v4() && text.find(':') != std::string::npos ? text : ip->to_string();
  }
  return address ? std::nullopt : domain_name(text, 1);
}

void ListFields::read_point(const char* name, std::optional<std::string>& out) {
  lua_pushstring(lua(), name);
  int type = lua_rawget(lua(), -2);
  std::optional<std::string> value;
  if (type == LUA_TSTRING) value = text_at(lua(), -1);
  lua_pop(lua(), 1);
  if (type == LUA_TNIL) return;
  at(fmt::format("test/{}", name));
  if (value && of_known_) out = test_point(*value);
  if (!out && (of_known_ || !value)) {
    problem(fmt::format("'test.{}' must be something that a list of {} is asked about", name, to_string(list_.of)));
  }
}

// test = { listed = "...", unlisted = "..." }, or false: it has no test points.
void ListFields::read_test() {
  if (lua_type(lua(), -1) == LUA_TBOOLEAN) return flag(list_.probe);
  if (lua_type(lua(), -1) != LUA_TTABLE) {
    return problem("'test' must be a table, or false: test = { listed = \"...\", unlisted = \"...\" }");
  }
  constexpr std::array<std::string_view, 2> kPoints = {"listed", "unlisted"};
  lua_pushnil(lua());
  while (lua_next(lua(), -2) != 0) {
    lua_pop(lua(), 1);
    std::string name(lua_type(lua(), -1) == LUA_TSTRING ? text_at(lua(), -1) : std::string_view("?"));
    if (name == kPoints[0] || name == kPoints[1]) continue;
    at(fmt::format("test/{}", name));
    problem(fmt::format("'test': unknown field '{}'{}; there are listed and unlisted", escape_for_log(name, 60),
                        did_you_mean(name, kPoints)));
  }
  read_point("listed", list_.listed);
  read_point("unlisted", list_.unlisted);
}

void ListFields::read_answers() {
  AnswerContext context{&list_, of_known_, &common_, stage_given_, outline(), line_};
  answers_ = parse_answers(lua(), registry(), context);
}

bool ListFields::has(const char* name) const {
  lua_pushstring(lua(), name);
  bool found = lua_rawget(lua(), 1) != LUA_TNIL;
  lua_pop(lua(), 1);
  return found;
}

void ListFields::check() {
  if (!has("zone")) problem("'zone' is missing: zone = \"zen.spamhaus.org\"");
  if (!has("of")) {
    problem(fmt::format("'of' is missing: what it is asked about; one of {}", fmt::join(lists::subject_names(), ", ")));
  }
  if (!has("answers")) {
    problem("'answers' is missing: what its answers mean: answers = { [\"127.0.0.2\"] = { \"NAME\", 4.0 } }");
  }
  for (const char* name : {"hash", "encoding"}) {
    if (!of_known_ || list_.of == lists::Subject::Hash || !has(name)) continue;
    at(name);
    problem(fmt::format("'{}' is for lists of digests: of = \"hash\"", name));
  }
}

void ListFields::check_errors() {
  at("errors");
  for (const lists::Answer* answer : lost_answers(list_.errors, errors_, answers_)) {
    problem(fmt::format("'errors' take all of answers[\"{}\"] ({}): it could never count",
                        escape_for_log(answer->text, 60), answer->name));
  }
  at("");
}

std::vector<ListAnswer> ListFields::parse() {
  read_rows(*this, 1, kRows);
  check();
  check_errors();
  return std::move(answers_);
}

// ---------------------------------------------------------------- enable

class ChangeFields final : public TableFields {
 public:
  ChangeFields(lua_State* lua, Registry& registry, const std::string& name, RuleInfo& unused, int line)
      : TableFields(lua, registry, unused, registry.enable_outline(name, line), line), name_(name) {}

  ListChange parse();

 private:
  using ChangeRow = Row<ChangeFields>;

  void problem(const std::string& text) override {
    registry().problem(line_at(field()), fmt::format("enable {}: {}", escape_for_log(name_, 64), text));
  }
  [[nodiscard]] std::string where() const override { return fmt::format(" in enable {}", escape_for_log(name_, 64)); }
  [[nodiscard]] std::string hint(std::string_view /*name*/) const override {
    return ": it can change the zone and the title of a list";
  }
  void read_zone() { change_.zone = zone(); }
  void read_title() { change_.title = title(); }

  const std::string& name_;
  ListChange change_;
};

ListChange ChangeFields::parse() {
  static constexpr std::array<ChangeRow, 2> kRows = {
      {{"zone", &ChangeFields::read_zone}, {"title", &ChangeFields::read_title}}};
  read_rows(*this, 1, kRows);
  return std::move(change_);
}

}  // namespace

void parse_list_table(lua_State* lua, Registry& registry, lists::List list, int line) {
  RuleInfo common;
  std::vector<ListAnswer> answers = ListFields(lua, registry, list, common, line).parse();
  std::vector<Definition> rules;
  rules.reserve(answers.size());
  list.answers.reserve(answers.size());
  for (ListAnswer& each : answers) {
    list.answers.push_back(std::move(each.answer));
    rules.push_back(std::move(each.rule));
  }
  registry.add_list(std::move(list), std::move(rules), line);
}

ListChange parse_list_change(lua_State* lua, Registry& registry, const std::string& name, int line) {
  RuleInfo unused;
  return ChangeFields(lua, registry, name, unused, line).parse();
}

}  // namespace postern::rules
