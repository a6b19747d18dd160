#include "lua/definition.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <xxhash.h>

#include "lua/source_lexer.h"

namespace postern::rules {

namespace {

using source::Token;
using Kind = Token::Kind;

constexpr std::array<std::string_view, 6> kCalls = {"rule", "list", "enable", "score", "disable", "group"};
constexpr std::array<std::string_view, 4> kConditions = {"when", "all", "any", "expression"};
constexpr std::array<std::string_view, 5> kNotCalled = {".", ":", "function", "local", "goto"};

template <class Words>
bool among(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

uint64_t hash_of(std::string_view text) {
  return XXH3_64bits(text.data(), text.size());
}

// Sizes go in too, so that no two texts are written alike.
void append(std::string_view text, std::string& out) {
  out += fmt::format("{}:", text.size());
  out += text;
}

/// The words of one file, and the calls among them that only declare.
class Words {
 public:
  explicit Words(std::string_view text) : lexer_(text) {
    for (Token token = lexer_.next(); token.kind != Kind::End; token = lexer_.next()) tokens_.push_back(token);
    // Whoever gives these names another meaning is not followed.
    for (size_t at = 0; at < tokens_.size(); ++at) {
      if (tokens_[at].kind != Kind::Name || !among(kCalls, tokens_[at].text)) continue;
      bool made = at > 0 && tokens_[at - 1].kind == Kind::Word &&
                  (tokens_[at - 1].text == "local" || tokens_[at - 1].text == "function");
      plain_ = plain_ && !made && !(tokens_[at].text == "rule" && is(at + 1, "="));
    }
  }

  struct Call {
    std::string name;
    bool rule = false;
    size_t begin = 0;
    size_t end = 0;    // behind the last token
    size_t table = 0;  // of a rule: its "{"
  };

  [[nodiscard]] bool plain() const { return plain_; }
  [[nodiscard]] size_t size() const { return tokens_.size(); }
  [[nodiscard]] const Token& at(size_t place) const { return tokens_[place]; }
  [[nodiscard]] bool is(size_t place, std::string_view word) const {
    return place < tokens_.size() && (tokens_[place].kind == Kind::Sign || tokens_[place].kind == Kind::Word) &&
           tokens_[place].text == word;
  }

  /// What begins here; nullopt: something else, or one whose name or table is worked out.
  [[nodiscard]] std::optional<Call> call(size_t begin) const {
    const Token& word = tokens_[begin];
    if (word.kind != Kind::Name || !among(kCalls, word.text)) return std::nullopt;
    if (begin > 0 && tokens_[begin - 1].kind != Kind::Text && among(kNotCalled, tokens_[begin - 1].text)) {
      return std::nullopt;
    }
    Call call;
    call.rule = word.text == "rule";
    call.begin = begin;
    size_t name = is(begin + 1, "(") ? begin + 2 : begin + 1;
    if (name >= tokens_.size() || tokens_[name].kind != Kind::Text) return std::nullopt;
    call.name = tokens_[name].text;
    call.end = name == begin + 1 ? name + 1 : behind(begin + 1);
    if (call.rule) {
      call.table = is(call.end, "(") ? call.end + 1 : call.end;
      if (!is(call.table, "{")) return std::nullopt;
      size_t behind_table = behind(call.table);
      if (call.table != call.end && !is(behind_table, ")")) return std::nullopt;
    }
    while (is(call.end, "(") || is(call.end, "{") || is_text(call.end)) {
      call.end = is_text(call.end) ? call.end + 1 : behind(call.end);
    }
    return call;
  }

  /// Appends the fields of the table that say when the rule hits.
  void append_conditions(size_t table, std::string& out, bool& asks_dns) const {
    bool wanted = false;
    int depth = 0;
    for (size_t at = table; at < tokens_.size(); ++at) {
      depth += step(at);
      if (depth == 0) return;
      if (depth == 1 && (is(at, "{") || is(at, ",") || is(at, ";"))) {
        wanted = at + 1 < tokens_.size() && tokens_[at + 1].kind == Kind::Name &&
                 among(kConditions, tokens_[at + 1].text) && is(at + 2, "=");
      }
      if (wanted) append_token(at, out, asks_dns);
    }
  }

  void append_token(size_t at, std::string& out, bool& asks_dns) const {
    out += static_cast<char>('0' + static_cast<int>(tokens_[at].kind));
    append(tokens_[at].text, out);
    asks_dns = asks_dns || (tokens_[at].kind == Kind::Name && tokens_[at].text == "dns");
  }

 private:
  [[nodiscard]] bool is_text(size_t at) const { return at < tokens_.size() && tokens_[at].kind == Kind::Text; }

  // Brackets, and the blocks of Lua: those of `for` and `while` begin with their `do`.
  [[nodiscard]] int step(size_t at) const {
    for (std::string_view opens : {"(", "[", "{", "function", "do", "if", "repeat"}) {
      if (is(at, opens)) return 1;
    }
    for (std::string_view closes : {")", "]", "}", "end", "until"}) {
      if (is(at, closes)) return -1;
    }
    return 0;
  }

  [[nodiscard]] size_t behind(size_t bracket) const {
    int depth = 0;
    for (size_t at = bracket; at < tokens_.size(); ++at) {
      depth += step(at);
      if (depth == 0) return at + 1;
    }
    return tokens_.size();
  }

  source::Lexer lexer_;
  std::vector<Token> tokens_;
  bool plain_ = true;
};

std::string_view fact_of(Target target) {
  switch (target) {
    case Target::Header: return "header";
    case Target::Body: return "body";
    case Target::Url: return "urls";
    case Target::Attachment: return "attachments";
    case Target::Raw: return "raw";
  }
  return kAnyFact;
}

std::string text_of(const lists::List& list, size_t answer) {
  std::string text;
  for (std::string_view part : {std::string_view(list.name), std::string_view(list.zone), to_string(list.of),
                                std::string_view(list.answers[answer].text)}) {
    append(part, text);
  }
  return text + fmt::format("{}{}{}{}", static_cast<int>(list.digest), static_cast<int>(list.encoding), list.enabled,
                            list.errors.size());
}

/// One set, rule after rule.
class Conditioner {
 public:
  explicit Conditioner(const ConditionInput& input) : in_(input) {
    for (size_t i = 0; i < in_.files.size(); ++i) files_.emplace(in_.files[i].name, i);
  }

  Conditions run() {
    out_.definitions.resize(in_.infos.size());
    out_.reads.resize(in_.infos.size());
    for (size_t rule : in_.plan.order) define(rule);
    return std::move(out_);
  }

 private:
  void define(size_t rule) {
    const RuleInfo& info = in_.infos[rule];
    FactNames& reads = out_.reads[rule];
    std::string all;
    append(to_string(info.stage), all);
    all += own(rule, reads);
    // Rules that it asks for run before it, and the plan has them first.
    for (size_t input : in_.plan.inputs[rule]) {
      append(in_.infos[input].name, all);
      all += fmt::format("{}{:x};", in_.infos[input].disabled ? "off" : "on", out_.definitions[input]);
      reads.insert(out_.reads[input].begin(), out_.reads[input].end());
    }
    out_.definitions[rule] = hash_of(all);
  }

  std::string own(size_t rule, FactNames& reads) {
    const RuleInfo& info = in_.infos[rule];
    switch (info.kind) {
      case RuleInfo::Kind::Pattern:
        return in_.rules[rule].pattern ? of_pattern(*in_.rules[rule].pattern, reads) : std::string();
      case RuleInfo::Kind::List:
        reads.insert(fmt::format("lists.{}", in_.lists[info.list].name));
        return text_of(in_.lists[info.list], info.answer);
      case RuleInfo::Kind::Expression: return fmt::format("{:x}", text_condition(info).hash);
      case RuleInfo::Kind::When: break;
    }
    return of_when(rule, reads);
  }

  static std::string of_pattern(const Pattern& pattern, FactNames& reads) {
    reads.emplace(fact_of(pattern.target));
    std::string text;
    append(to_string(pattern.target), text);
    append(pattern.field, text);
    append(pattern.expression, text);
    return text;
  }

  std::string of_when(size_t rule, FactNames& reads) {
    reads = in_.when_reads[rule];
    FileConditions::Condition condition = text_condition(in_.infos[rule]);
    if (condition.asks_dns) reads.emplace("dns");
    std::string text = fmt::format("{:x}", condition.hash);
    // What depends on all rules before it is another one as soon as any of them is.
    if (reads.count(kAnyFact) > 0 || reads.count("score") > 0 || asks_for_unknown(in_.rules[rule], reads)) {
      append(in_.version, text);
    }
    return text;
  }

  // mail:hit(name) with a name that is worked out, or where it is not seen who calls it.
  static bool asks_for_unknown(const Definition& rule, const FactNames& reads) {
    if (reads.count("hit") == 0) return false;
    if (rule.outline == nullptr) return true;
    auto hits = std::count_if(rule.outline->reads.begin(), rule.outline->reads.end(),
                              [](const FactRead& read) { return !read.path.empty() && read.path[0] == "hit"; });
    return hits == 0 || static_cast<size_t>(hits) > rule.outline->hits.size();
  }

  FileConditions::Condition text_condition(const RuleInfo& info) {
    auto place = files_.find(info.file);
    if (place == files_.end()) return {hash_of(in_.version), true};
    auto [known, fresh] = conditions_.try_emplace(place->second, std::nullopt);
    if (fresh) known->second.emplace(in_.files[place->second].text);
    return known->second->of(info.name);
  }

  const ConditionInput& in_;
  std::map<std::string_view, size_t> files_;
  std::map<size_t, std::optional<FileConditions>> conditions_;
  Conditions out_;
};

}  // namespace

FileConditions::FileConditions(std::string_view text) {
  Words words(text);
  std::string base;
  bool base_asks = false;
  std::string whole;
  std::vector<Words::Call> found;
  for (size_t at = 0; at < words.size(); ++at) words.append_token(at, whole, whole_.asks_dns);
  whole_.hash = hash_of(whole);
  if (!words.plain()) return;
  for (size_t at = 0; at < words.size(); ++at) {
    std::optional<Words::Call> call = words.call(at);
    if (!call) {
      words.append_token(at, base, base_asks);
      continue;
    }
    at = call->end - 1;
    if (call->rule) found.push_back(std::move(*call));
  }
  std::string base_hash = fmt::format("{:x};", hash_of(base));
  for (const Words::Call& rule : found) {
    Condition condition;
    condition.asks_dns = base_asks;
    std::string own = base_hash;
    words.append_conditions(rule.table, own, condition.asks_dns);
    condition.hash = hash_of(own);
    rules_[rule.name] = condition;
  }
}

FileConditions::Condition FileConditions::of(const std::string& rule) const {
  auto found = rules_.find(rule);
  if (found != rules_.end()) return found->second;
  Condition condition = whole_;
  condition.hash = hash_of(fmt::format("{:x} {}", whole_.hash, rule));
  return condition;
}

Conditions conditions_of(const ConditionInput& input) {
  return Conditioner(input).run();
}

}  // namespace postern::rules
