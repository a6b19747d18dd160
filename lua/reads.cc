#include "lua/reads.h"

#include <array>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "lua/api_view.h"
#include "lua/source_lexer.h"

namespace postern::rules {

namespace {

using Place = std::pair<std::string, int>;  // a word, and its line

// Where the text names a fact: as a field, .lists or ["lists"], of whatever it is, or as what a variable is compared
// with. `all`: it walks over all of them, pairs(mail).
std::set<Place> mentions_of(std::string_view text, bool& all) {
  using Kind = source::Token::Kind;
  std::set<std::string_view> facts;
  const ViewTable& mail = mail_table();
  for (size_t i = 0; i < mail.count; ++i) facts.insert(mail.rows[i].name);
  std::set<Place> places;
  source::Lexer lexer(text);
  std::array<source::Token, 2> before;
  for (source::Token token = lexer.next(); token.kind != Kind::End; token = lexer.next()) {
    std::string_view sign = before[1].kind == Kind::Sign ? before[1].text : std::string_view();
    bool names_it = token.kind == Kind::Name && sign == ".";
    names_it = names_it || (token.kind == Kind::Text && (sign == "[" || sign == "==" || sign == "~="));
    if (names_it && facts.count(token.text) > 0) places.emplace(token.text, token.line);
    all = all || (token.text == "mail" && sign == "(" && before[0].text == "pairs");
    before = {before[1], token};
  }
  return places;
}

// The facts of which the file speaks where no rule is seen to read them: after `local t = {mail}` anything may.
FactNames unfollowed(std::string_view text, const Outline& outline) {
  bool all = false;
  std::set<Place> places = mentions_of(text, all);
  for (const RuleOutline& rule : outline.rules) {
    for (const FactRead& read : rule.reads) {
      for (const std::string& step : read.path) places.erase({step, read.line});
    }
  }
  FactNames facts;
  if (all) facts.emplace(kAnyFact);
  for (const Place& place : places) facts.insert(place.first);
  return facts;
}

void add(const FactRead& read, FactNames& facts) {
  if (read.path.empty()) return;
  const std::string& first = read.path[0];
  if (first == "[]") {
    facts.emplace(kAnyFact);
  } else if (first == "lists" && read.path.size() > 1 && read.path[1] != "[]") {
    facts.insert(fmt::format("lists.{}", read.path[1]));
  } else {
    facts.insert(first);
  }
}

}  // namespace

std::vector<FactNames> reads_of(const std::vector<RuleSet::File>& files, const std::vector<Outline>& outlines,
                                const std::vector<RuleInfo>& rules) {
  struct OfFile {
    FactNames unfollowed;
    std::multimap<std::string_view, const RuleOutline*> rules;
  };
  std::map<std::string_view, OfFile> by_file;
  for (size_t i = 0; i < files.size() && i < outlines.size(); ++i) {
    OfFile& file = by_file[files[i].name];
    file.unfollowed.merge(unfollowed(files[i].text, outlines[i]));
    for (const RuleOutline& rule : outlines[i].rules) file.rules.emplace(rule.name, &rule);
  }
  std::vector<FactNames> reads(rules.size());
  for (size_t i = 0; i < rules.size(); ++i) {
    auto file = by_file.find(rules[i].file);
    if (rules[i].kind != RuleInfo::Kind::When || file == by_file.end()) continue;
    reads[i] = file->second.unfollowed;
    // A name that is written twice is one rule all the same; which of the two makes little difference here.
    auto [begin, end] = file->second.rules.equal_range(rules[i].name);
    for (auto outline = begin; outline != end; ++outline) {
      for (const FactRead& read : outline->second->reads) add(read, reads[i]);
    }
  }
  return reads;
}

bool reads_fact(const FactNames& reads, std::string_view fact) {
  if (reads.count(kAnyFact) > 0 || reads.count(fact) > 0) return true;
  std::string below = fmt::format("{}.", fact);
  auto found = reads.lower_bound(below);
  return found != reads.end() && found->starts_with(below);
}

bool reads_list(const FactNames& reads, std::string_view list) {
  return reads.count(kAnyFact) > 0 || reads.count(std::string_view("lists")) > 0 ||
         reads.count(fmt::format("lists.{}", list)) > 0;
}

// design: a list is asked as soon as its subject is known.
Stage known_from(lists::Subject subject) {
  switch (subject) {
    case lists::Subject::Client:
    case lists::Subject::Rdns: return Stage::Connect;
    case lists::Subject::Helo: return Stage::Helo;
    case lists::Subject::From: return Stage::Mail;
    case lists::Subject::Author:
    case lists::Subject::ReplyTo:
    case lists::Subject::Dkim:
    case lists::Subject::Url:
    case lists::Subject::Hash:
    case lists::Subject::Received: break;
  }
  return Stage::Message;
}

}  // namespace postern::rules
