// Which lists must be known before the rules of a stage run, what rules read; and the facts that came with lists.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lua/reads.h"
#include "tests/unit/lua/support.h"

namespace postern::rules {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

const std::string kLists =
    "list 'CLIENT' { zone = 'c.example.org', of = 'client', answers = { ['127.0.0.2'] = { 'BAD', 4.0 } } }\n"
    "list 'BLOCK' { zone = 'b.example.org', of = 'client', answers = { ['127.0.0.2'] = { 'BAD', action = 'reject' } } "
    "}\n"
    "list 'HELO' { zone = 'h.example.org', of = 'helo', answers = { ['127.0.0.2'] = { 'BAD', 4.0 } } }\n"
    "list 'FROM' { zone = 'f.example.org', of = 'from', answers = { ['127.0.0.2'] = { 'BAD', 4.0 } } }\n"
    "list 'URL' { zone = 'u.example.org', of = 'url', answers = { ['127.0.0.2'] = { 'BAD', 4.0 } } }\n";

std::vector<std::string> needed(const std::string& more, Stage stage) {
  auto set = load(kLists + more);
  Host host(set, nullptr);
  std::vector<std::string> names;
  for (size_t place : host.lists_needed(stage)) names.push_back(set->lists()->at(place).name);
  return names;
}

TEST(ListsNeeded, ThoseWithARuleOfTheStageAndAllForTheMessage) {
  EXPECT_THAT(needed("", Stage::Connect), ElementsAre("BLOCK"));
  EXPECT_THAT(needed("", Stage::Helo), IsEmpty());
  EXPECT_THAT(needed("", Stage::Mail), IsEmpty());
  EXPECT_THAT(needed("", Stage::Message), ElementsAre("CLIENT", "BLOCK", "HELO", "FROM", "URL"));
}

TEST(ListsNeeded, ThoseThatAWhenReads) {
  const std::string reads = rule_text("R", "return mail.lists.HELO ~= nil", "stage = 'mail',");
  EXPECT_THAT(needed(reads, Stage::Mail), ElementsAre("HELO"));
  EXPECT_THAT(needed(reads, Stage::Rcpt), IsEmpty());
  EXPECT_THAT(needed(reads + "disable 'R'", Stage::Mail), IsEmpty());
  EXPECT_THAT(needed("local function bad(m) return m.lists.CLIENT end\n" +
                         rule_text("R", "return bad(mail) ~= nil", "stage = 'helo',"),
                     Stage::Helo),
              ElementsAre("CLIENT"));
}

TEST(ListsNeeded, AllThatAreKnownWhereItCannotBeToldWhich) {
  for (const char* body :
       {"local name = mail.helo; return mail.lists[name] ~= nil", "for _, e in pairs(mail.lists) do return #e > 0 end",
        "local l = {mail}; return l[1].lists.HELO ~= nil", "local l = {mail}; return l[1]['lists'].HELO ~= nil",
        "for name, value in pairs(mail) do if name == 'lists' then for n in pairs(value) do return n ~= '' end end end",
        "local m = mail for name, value in pairs(m) do if name == 'lists' then return value.HELO ~= nil end end",
        "local all = next; for name, value in pairs({mail}) do return value.lists.HELO ~= nil end",
        "local what = 'x' .. mail.helo; return mail[what] ~= nil"}) {
    EXPECT_THAT(needed(rule_text("R", body, "stage = 'helo',"), Stage::Helo), ElementsAre("CLIENT", "BLOCK", "HELO"))
        << body;
  }
}

TEST(ListsNeeded, NotThoseThatAreOff) {
  EXPECT_THAT(needed("disable 'BLOCK'", Stage::Connect), IsEmpty());
  EXPECT_THAT(needed("disable 'BLOCK' disable 'URL'", Stage::Message), ElementsAre("CLIENT", "HELO", "FROM"));
  Host host(load("list 'OFF' { zone = 'c.example.org', of = 'client', enabled = false,"
                 "answers = { ['127.0.0.2'] = { 'BAD', action = 'reject' } } }"),
            nullptr);
  EXPECT_FALSE(host.has_rules(Stage::Connect));
  EXPECT_THAT(host.lists_needed(Stage::Connect), IsEmpty());
  EXPECT_THAT(host.lists_needed(Stage::Message), IsEmpty());
  EXPECT_THAT(Host(RuleSet::empty(), nullptr).lists_needed(Stage::Message), IsEmpty());
}

TEST(FactsRead, OfEachStage) {
  Host host(load(kLists + rule_text("A", "return mail.helo_is.resolves == false", "stage = 'helo',") +
                 rule_text("B", "return mail.client.early", "stage = 'mail',") +
                 rule_text("C", "return mail.lists.HELO ~= nil", "stage = 'rcpt',") +
                 rule_text("D", "return mail.spf.result == 'fail'") + "disable 'D'"),
            nullptr);
  EXPECT_TRUE(host.reads(Stage::Helo, "helo_is"));
  EXPECT_FALSE(host.reads(Stage::Helo, "helo"));
  EXPECT_FALSE(host.reads(Stage::Mail, "helo_is"));
  EXPECT_TRUE(host.reads(Stage::Mail, "client"));
  EXPECT_TRUE(host.reads(Stage::Rcpt, "lists"));
  EXPECT_FALSE(host.reads(Stage::Mail, "lists"));
  EXPECT_FALSE(host.reads(Stage::Message, "spf"));
}

TEST(FactsRead, WhatAFileSaysAndNoRuleIsSeenToReadCountsForAllOfTheFile) {
  std::vector<RuleSet::File> files = {
      {"a.lua", rule_text("SEEN", "return mail.from == ''") +
                    "local function make(m) return function(mail) return "
                    "mail.helo_is.own end end\nrule 'MADE' { when = make() }"},
      {"b.lua", rule_text("OTHER", "return mail.subject == 'x'") + "-- mail.lists\nlocal t = { group = 'lists' }\n"}};
  std::vector<Outline> outlines;
  outlines.reserve(files.size());
  for (const auto& file : files) outlines.push_back(outline_of(file.text));
  auto rule = [](const std::string& name, const std::string& file, RuleInfo::Kind kind) {
    RuleInfo info;
    info.name = name;
    info.file = file;
    info.kind = kind;
    return info;
  };
  using Kind = RuleInfo::Kind;
  const std::vector<RuleInfo> rules = {rule("SEEN", "a.lua", Kind::When), rule("MADE", "a.lua", Kind::When),
                                       rule("OTHER", "b.lua", Kind::When), rule("PATTERN", "a.lua", Kind::Pattern)};
  auto reads = reads_of(files, outlines, rules);
  ASSERT_EQ(reads.size(), 4U);
  EXPECT_THAT(reads[0], ElementsAre("from", "helo_is"));
  EXPECT_THAT(reads[1], Contains("helo_is"));
  EXPECT_THAT(reads[2], ElementsAre("subject"));
  EXPECT_THAT(reads[3], IsEmpty());
}

// ---------------------------------------------------------------- client.early, helo_is

TEST(FactsRead, EarlyTalkersAreSeenAtConnect) {
  auto set = load(rule_text("EARLY", "return mail.client.early", "stage = 'connect',"));
  Host host(set, nullptr);
  Message message;
  Evaluation evaluation;
  host.run(Stage::Connect, message.facts, evaluation);
  EXPECT_THAT(evaluation.hits, IsEmpty());
  message.facts.client.early = true;
  host.run(Stage::Connect, message.facts, evaluation);
  EXPECT_EQ(evaluation.hits.size(), 1U);
}

TEST(FactsRead, WhatIsNotKnownOfTheHeloIsNil) {
  Judged run(rule_text("SHOW",
                       "local h = mail.helo_is; return true, tostring(h.literal) .. ' ' .. tostring(h.own) .. ' ' .. "
                       "tostring(h.qualified) .. ' ' .. tostring(h.resolves) .. ' ' .. tostring(h.matches)"));
  EXPECT_EQ(run.detail(), "false false false nil nil");
  run.message.facts.helo_is = {.literal = true, .own = true, .qualified = true, .resolves = false, .matches = true};
  run.all();
  EXPECT_EQ(run.detail(), "true true true false true");
  EXPECT_THAT(problems_of(rule_text("R", "return mail.helo_is.own", "stage = 'connect',")), Not(IsEmpty()));
  EXPECT_THAT(problems_of(rule_text("R", "return mail.helo_is.matched")), Not(IsEmpty()));
}

}  // namespace
}  // namespace postern::rules
