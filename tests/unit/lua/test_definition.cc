// What a rule is: when two versions of it hit alike, and what each reads of a message.
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/unit/lua/support.h"

namespace postern::rules {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;
using testing::UnorderedElementsAre;

size_t place_of(const RuleSet& set, const std::string& name) {
  for (size_t i = 0; i < set.rules().size(); ++i) {
    if (set.rules()[i].name == name) return i;
  }
  ADD_FAILURE() << "no rule " << name;
  return 0;
}

uint64_t definition(const std::string& text, const std::string& rule = "A") {
  RuleSetPtr set = load(text);
  return set->rules().empty() ? 0 : set->rules()[place_of(*set, rule)].definition;
}

std::vector<std::string> reads(const std::string& text, const std::string& rule = "A") {
  RuleSetPtr set = load(text);
  if (set->rules().empty()) return {};
  const auto& facts = set->reads(place_of(*set, rule));
  return {facts.begin(), facts.end()};
}

std::string rule_a(const std::string& fields) {
  return "rule 'A' { about = 'a', " + fields + " }\n";
}

const std::string kWhen = "when = function(mail) return mail.helo == 'x' end";

TEST(Definition, ScoreAndWordsAreNotPartOfIt) {
  uint64_t plain = definition(rule_a("score = 1, " + kWhen));
  EXPECT_EQ(definition(rule_a("score = 7, " + kWhen)), plain);
  EXPECT_EQ(definition(rule_a("score = 1, group = 'g', mode = 'shadow', " + kWhen) + "group('g', { max = 3 })"), plain);
  EXPECT_EQ(definition("rule 'A' { about = 'other', " + kWhen + ",\n  examples = { { hit = true, helo = 'x' } } }"),
            plain);
  EXPECT_EQ(definition(rule_a("when = function(mail) -- why\n  return mail.helo == \"x\"\nend")), plain);
  EXPECT_EQ(definition(rule_a(kWhen) + "score 'A' (3) disable 'A'"), plain);
}

TEST(Definition, ConditionAndStageArePartOfIt) {
  uint64_t plain = definition(rule_a(kWhen));
  EXPECT_NE(definition(rule_a("when = function(mail) return mail.helo == 'y' end")), plain);
  EXPECT_NE(definition(rule_a("stage = 'helo', " + kWhen)), plain);
  EXPECT_NE(definition(rule_a("body = 'x'")), plain);
}

TEST(Definition, WhatTheFileOffersToItIs) {
  std::string helper = "local names = { 'x' }\nlocal function known(m) return m.helo == names[1] end\n";
  std::string rule = rule_a("when = function(mail) return known(mail) end");
  uint64_t plain = definition(helper + rule);
  EXPECT_NE(definition("local names = { 'y' }\n" + helper.substr(helper.find('\n') + 1) + rule), plain);
  EXPECT_EQ(definition(helper + rule + rule_text("B", "return mail.from == 'b'")), plain);
  EXPECT_EQ(definition(helper + rule_text("B", "local t = { 1, 2 }; if t[1] then return true end return false") + rule),
            plain);
}

// Commas and the ends of blocks inside of a `when` end nothing.
TEST(Definition, AConditionIsReadToItsEnd) {
  auto body = [](const std::string& last) {
    return rule_a(
        "when = function(mail) for i, v in ipairs({ 1, 2 }) do if v then local a, b = 1, 2 end end "
        "while false do end repeat local c, d = 1 until true return mail.helo == '" +
        last + "' end, score = 2");
  };
  EXPECT_NE(definition(body("x")), definition(body("y")));
  EXPECT_EQ(definition(body("x")), definition("\n" + body("x")));
}

TEST(Definition, OfARuleThatTheTextDoesNotShowTheWholeFileCounts) {
  auto text = [](const std::string& more) {
    return "for _, n in ipairs({ 'A', 'B' }) do rule(n) { about = 'a', when = function(mail) return mail.helo == n end "
           "} "
           "end\n" +
           more;
  };
  EXPECT_EQ(definition(text("")), definition(text("-- nothing")));
  EXPECT_NE(definition(text("")), definition(text("score 'B' (2)")));
  EXPECT_NE(definition(text(""), "A"), definition(text(""), "B"));
  std::string own = "local function rule2(n) return rule(n) end\nlocal plain = rule\nplain 'A' { about = 'a', when = ";
  EXPECT_NE(definition(own + "function(mail) return mail.helo == 'x' end }"),
            definition(own + "function(mail) return mail.helo == 'y' end }"));
}

TEST(Definition, PatternsAndListsAreWhatTheyMean) {
  EXPECT_EQ(definition("local p = 'x'\n" + rule_a("body = p")), definition(rule_a("body = 'x', score = 3")));
  EXPECT_NE(definition(rule_a("body = 'x'")), definition(rule_a("raw = 'x'")));
  EXPECT_NE(definition(rule_a("header = { 'Subject', 'x' }")), definition(rule_a("header = { 'From', 'x' }")));
  auto list = [](const std::string& zone, const std::string& score) {
    return "list 'ZEN' { zone = '" + zone + "', of = 'client', answers = { ['127.0.0.2'] = { 'SBL', " + score +
           " }, ['127.0.0.3'] = { 'CSS', 1 } } }";
  };
  EXPECT_EQ(definition(list("zen.example", "4"), "ZEN_SBL"), definition(list("zen.example", "5"), "ZEN_SBL"));
  EXPECT_NE(definition(list("zen.example", "4"), "ZEN_SBL"), definition(list("sbl.example", "4"), "ZEN_SBL"));
  EXPECT_NE(definition(list("zen.example", "4"), "ZEN_SBL"), definition(list("zen.example", "4"), "ZEN_CSS"));
}

TEST(Definition, WhoeverAsksForARuleIsAsThatOneIs) {
  std::string asks = rule_text("A", "return mail:hit('B')");
  std::string other = "rule 'C' { about = 'c', any = { 'B' } }\n";
  auto text = [&](const std::string& body) {
    return "rule 'B' { about = 'b', body = '" + body + "' }\n" + asks + other;
  };
  EXPECT_EQ(definition(text("x")), definition(text("x")));
  EXPECT_NE(definition(text("x")), definition(text("y")));
  EXPECT_NE(definition(text("x"), "C"), definition(text("y"), "C"));
  EXPECT_NE(definition(text("x"), "C"), definition(text("x") + "disable 'B'", "C"));
  // What looks at the score depends on all before it.
  std::string score = rule_text("A", "return mail.score > 3");
  EXPECT_NE(definition(score), definition(score + rule_text("B", "return true")));
}

TEST(Reads, EachKindSaysWhatItLooksAt) {
  EXPECT_THAT(reads(rule_a("body = 'x'")), ElementsAre("body"));
  EXPECT_THAT(reads(rule_a("header = { 'Subject', 'x' }")), ElementsAre("header"));
  EXPECT_THAT(reads(rule_a("url = 'x'")), ElementsAre("urls"));
  EXPECT_THAT(reads(rule_a("attachment = 'x'")), ElementsAre("attachments"));
  EXPECT_THAT(reads(rule_a("raw = 'x'")), ElementsAre("raw"));
  EXPECT_THAT(reads(rule_text("A", "return mail.spf.result == 'fail' and mail:header('X')")),
              ElementsAre("header", "spf"));
  EXPECT_THAT(reads("list 'ZEN' { zone = 'zen.example', of = 'client', answers = { ['127.0.0.2'] = { 'SBL', 1 } } }",
                    "ZEN_SBL"),
              ElementsAre("lists.ZEN"));
}

TEST(Reads, WhoeverAsksForARuleReadsWhatItReads) {
  std::string text = "rule 'B' { about = 'b', body = 'x' }\n" + rule_text("C", "return mail.helo == 'x'") +
                     rule_text("A", "return mail:hit('B') and mail.from == ''") +
                     "rule 'D' { about = 'd', expression = 'A and not C' }\n";
  EXPECT_THAT(reads(text, "A"), UnorderedElementsAre("body", "from", "hit"));
  EXPECT_THAT(reads(text, "D"), UnorderedElementsAre("body", "from", "helo", "hit"));
}

TEST(Reads, WhoeverMayAskTheDnsIsKnown) {
  EXPECT_THAT(reads(rule_text("A", "return #dns.txt(mail.helo) > 0", "stage = 'helo',")), Contains("dns"));
  std::string helper = "local function ask(name) return dns.a(name) end\n";
  EXPECT_THAT(reads(helper + rule_text("A", "return ask(mail.helo)")), Contains("dns"));
  std::string other = rule_text("B", "return #dns.txt(mail.helo) > 0");
  EXPECT_THAT(reads(other + rule_text("A", "return mail.helo == 'x'")), Not(Contains("dns")));
}

// A worker works out and waits for what a `when` of its own stage reads, not for what patterns search.
TEST(Reads, WhatAStageNeedsIsAsBefore) {
  RuleSetPtr set = load("rule 'B' { about = 'b', body = 'x' }\n" + rule_text("A", "return mail:hit('B')"));
  Host host(set, nullptr);
  EXPECT_FALSE(host.reads(Stage::Message, "body"));
  EXPECT_TRUE(host.reads(Stage::Message, "hit"));
}

TEST(LocalFile, AnotherOneStandsForTheDirectorysOwn) {
  std::string directory = testing::TempDir() + "postern_local_" + std::to_string(::getpid());
  std::filesystem::create_directories(directory);
  std::ofstream(directory + "/10.lua") << rule_text("A", "return true");
  std::ofstream(directory + "/local.lua") << "score 'A' (2)";
  std::ofstream(directory + "/proposed.txt") << "score 'A' (5)";
  std::ofstream(directory + "/wrong.txt") << "\nscore 'NOBODY' (5)";
  RuleSet::Options options;
  auto own = RuleSet::load(directory, options);
  options.local = directory + "/proposed.txt";
  auto proposed = RuleSet::load(directory, options);
  options.local = directory + "/wrong.txt";
  auto wrong = RuleSet::load(directory, options);
  std::ofstream(directory + "/local.lua") << "score 'A' (5)";
  auto installed = RuleSet::load(directory, {});
  std::filesystem::remove_all(directory);
  ASSERT_TRUE(own && proposed && installed);
  EXPECT_EQ((*own)->rules()[0].score, 2);
  EXPECT_EQ((*proposed)->rules()[0].score, 5);
  EXPECT_EQ((*proposed)->version(), (*installed)->version());
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error()[0].to_string(), testing::StartsWith(directory + "/wrong.txt:2: "));
}

}  // namespace
}  // namespace postern::rules
