// The mistakes that the text of rules shows.
#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lua/source_check.h"
#include "tests/unit/lua/source_support.h"

namespace postern::rules {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

void pushed(lua_State* /*lua*/, MailContext& /*mail*/) {}

constexpr std::array<ViewRow, 2> kSpfRows = {{{"result", Stage::Mail, pushed}, {"domain", Stage::Mail, pushed}}};
constexpr ViewTable kSpf = {"mail.spf", kSpfRows.data(), kSpfRows.size()};
constexpr std::array<ViewRow, 2> kUrlRows = {{{"host", Stage::Message, pushed}, {"path", Stage::Message, pushed}}};
constexpr ViewTable kUrl = {"mail.urls[...]", kUrlRows.data(), kUrlRows.size()};
constexpr std::array<ViewRow, 11> kMailRows = {{{"client", Stage::Connect, pushed},
                                                {"helo", Stage::Helo, pushed},
                                                {"spf", Stage::Mail, pushed, &kSpf},
                                                {"rcpts", Stage::Rcpt, pushed},
                                                {"subject", Stage::Message, pushed},
                                                {"urls", Stage::Message, pushed, &kUrl},
                                                {"header", Stage::Connect, pushed},
                                                {"match", Stage::Connect, pushed},
                                                {"hit", Stage::Connect, pushed},
                                                {"size", Stage::Message, pushed},
                                                {"bulk", Stage::Message, nullptr}}};
constexpr ViewTable kMail = {"mail", kMailRows.data(), kMailRows.size()};

RuleInfo info(const std::string& name, Stage stage, int line = 1) {
  RuleInfo rule;
  rule.name = name;
  rule.stage = stage;
  rule.file = "rules/a.lua";
  rule.line = line;
  return rule;
}

/// "LINE: text" for a file with these rules.
std::vector<std::string> mistakes(const std::string& text, const std::vector<RuleInfo>& rules) {
  std::vector<std::string> out;
  for (const Problem& problem : check_source({{"rules/a.lua", text}}, {outline_of(text)}, rules, nullptr, kMail)) {
    EXPECT_EQ(problem.file, "rules/a.lua");
    out.push_back(std::to_string(problem.line) + ": " + problem.text);
  }
  return out;
}

std::vector<std::string> mistakes_of(const std::string& body, Stage stage = Stage::Message) {
  return mistakes("local name, i, x = '', 1, 2 rule 'X' { when = function(mail) " + body + "\nend }",
                  {info("X", stage)});
}

TEST(SourceCheck, UnknownFactsAreNamedWithTheirLine) {
  EXPECT_THAT(mistakes_of("if false then\nreturn mail.subjct == '' end"),
              ElementsAre("2: mail has no field 'subjct' (did you mean 'subject'?)"));
  EXPECT_THAT(mistakes_of("return mail.spf.reslt, mail.urls[1].hots\n, mail:heeder('X')"),
              ElementsAre("1: mail.spf has no field 'reslt' (did you mean 'result'?)",
                          "1: mail.urls[...] has no field 'hots' (did you mean 'host'?)",
                          "2: mail has no field 'heeder' (did you mean 'header'?)"));
  EXPECT_THAT(mistakes_of("for _, u in ipairs(mail.urls) do\nreturn u.domain end"),
              ElementsAre("2: mail.urls[...] has no field 'domain'"));
  EXPECT_THAT(mistakes_of("return mail['a\\0\\n']"), ElementsAre("1: mail has no field 'a\\x00\\x0a'"));
  EXPECT_THAT(mistakes_of("return mail.bulk.count"), ElementsAre("1: mail.bulk is not available in this version"));
  EXPECT_THAT(mistakes_of("return mail.urls.host"),
              ElementsAre("1: mail.urls is an array: mail.urls[1], #mail.urls, ipairs(mail.urls)"));
}

TEST(SourceCheck, FactsBeforeTheirStageAreNamed) {
  EXPECT_THAT(mistakes_of("return mail.client,\nmail.subject:lower()", Stage::Connect),
              ElementsAre("2: rule X: mail.subject is known from stage \"message\" on; this rule runs at stage "
                          "\"connect\""));
  EXPECT_THAT(mistakes_of("return mail.spf.result", Stage::Helo),
              ElementsAre("1: rule X: mail.spf is known from stage \"mail\" on; this rule runs at stage \"helo\""));
  EXPECT_THAT(
      mistakes_of("return mail:header('X')", Stage::Rcpt),
      ElementsAre("1: rule X: mail:header is known from stage \"message\" on; this rule runs at stage \"rcpt\""));
  EXPECT_THAT(mistakes_of("return mail.header, mail:hit('A'), mail.spf.result", Stage::Mail), IsEmpty());
}

TEST(SourceCheck, WrongExpressionsAreRefusedInTheWordsOfRe2) {
  EXPECT_THAT(mistakes_of("return mail.subject:match('ok') or\nmail:match('(a')"),
              ElementsAre("2: the regular expression '(a' is wrong: missing ): (a"));
  EXPECT_THAT(mistakes_of("return mail.subject:match('(?=a)')"), ElementsAre(testing::HasSubstr("(?=a)")));
  EXPECT_THAT(mistakes_of("return mail.subject:find('(a')"), IsEmpty());
}

TEST(SourceCheck, WhatCouldBeRightIsNoMistake) {
  EXPECT_THAT(mistakes_of("return mail[name], mail[name].x, mail.spf[name], mail.spf[name].x, mail.urls[i][name]"),
              IsEmpty());
  EXPECT_THAT(mistakes_of("return mail.client.anything, mail.subject.x, mail.rcpts[1], mail.rcpts.n"), IsEmpty());
  EXPECT_THAT(mistakes_of("local mail = {} return mail.subjct"), IsEmpty());
  EXPECT_THAT(mistakes("local function f(m, late) if late then return m.subject end return m.helo end\n"
                       "rule 'A' { when = function(m) return f(m, true) end }\n"
                       "rule 'B' { when = function(m) return f(m) end }",
                       {info("A", Stage::Message), info("B", Stage::Helo)}),
              IsEmpty());
}

TEST(SourceCheck, EachMistakeIsGivenOnce) {
  std::string text =
      "local function f(m) return m.subjct, m.helo end\n"
      "rule 'A' { when = function(m) return f(m) end }\n"
      "rule 'B' { when = function(m) return f(m) end }\n"
      "rule 'C' { when = function(m) return m.nothing end }\n";
  EXPECT_THAT(mistakes(text, {info("A", Stage::Connect), info("B", Stage::Message)}),
              ElementsAre("1: mail has no field 'subjct' (did you mean 'subject'?)",
                          "1: rule A: mail.helo is known from stage \"helo\" on; this rule runs at stage \"connect\""));
}

TEST(SourceCheck, OfRulesOfOneNameTheDeclaredOneCounts) {
  std::string text =
      "if {} then\nrule 'A' { when = function(m) return m.nothing end }\nelse\n"
      "rule 'A' { when = function(m) return m.helo end }\nend";
  EXPECT_THAT(mistakes(text, {info("A", Stage::Message, 4)}), IsEmpty());
  EXPECT_THAT(mistakes(text, {info("A", Stage::Message, 2)}), ElementsAre("2: mail has no field 'nothing'"));
  RuleInfo elsewhere = info("A", Stage::Message);
  elsewhere.file = "rules/b.lua";
  EXPECT_THAT(mistakes(text, {elsewhere}), IsEmpty());
}

}  // namespace
}  // namespace postern::rules
