// What rules read, ask and match through the functions that their files have for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lua/source_support.h"

namespace postern::rules {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// ---------------------------------------------------------------- helpers

TEST(Source, HelpersReadThroughTheParameterThatTheyAreHandedMailIn) {
  RuleOutline rule = only_rule(R"(
local function weight(factor, m)
  return m.dmarc.result, factor.x
end
rule "X" { when = function(mail) return weight(2, mail), mail.helo end })");
  EXPECT_THAT(reads(rule), ElementsAre("5 helo", "3 dmarc.result"));
}

TEST(Source, HelpersAreFollowedThroughEachOtherAndInCircles) {
  RuleOutline rule = only_rule(R"(
local odd
local function even(n, m) return n == 0 or odd(m, n - 1), m.helo end
odd = function(m, n) return even(n, m), m.from end
local function unused(m) return m.subject end
rule "X" { when = function(mail) return even(mail.size, mail) end })");
  EXPECT_THAT(reads(rule), ElementsAre("6 size", "3 helo", "4 from"));
}

TEST(Source, HelpersAreHandedPartsOfMailToo) {
  RuleOutline rule = only_rule(R"(
local function failed(outcome) return outcome.result == "fail" end
local function any(list, test) for _, each in ipairs(list) do if test(each) then return true end end end
rule "X" { when = function(mail)
  return failed(mail.spf) or failed(mail.helo_spf)
    or any(mail.urls, function(url) return url.host == mail.helo end)
end })");
  EXPECT_THAT(reads(rule), ElementsAre("5 spf", "5 helo_spf", "6 urls", "6 helo", "2 spf.result", "2 helo_spf.result",
                                       "6 urls.[].host"));
}

TEST(Source, InnerFunctionsSeeTheVariablesAroundThem) {
  EXPECT_THAT(
      reads_of("local s = mail.spf\nlocal function g(x) return s.result, x.helo, mail.from end\nreturn g(mail)"),
      ElementsAre("1 spf", "2 spf.result", "2 from", "2 helo"));
  EXPECT_THAT(reads_of("return (function() return mail.helo end)(), (function(m) return m.from end)(mail)"),
              ElementsAre("1 helo", "1 from"));
}

TEST(Source, HelpersOfOneRuleAreNotThoseOfAnother) {
  Outline outline = outline_of(
      "local function f(m) return m.helo end\n"
      "rule 'A' { when = function(m) return f(m) end }\n"
      "rule 'B' { when = function(m) return f() end }\n");
  ASSERT_EQ(outline.rules.size(), 2U);
  EXPECT_THAT(reads(outline.rules[0]), ElementsAre("1 helo"));
  EXPECT_THAT(reads(outline.rules[1]), IsEmpty());
}

// One helper for two stages is right, as long as each rule takes the branch that it may.
TEST(Source, BranchesOfHelpersThatDependOnAnotherArgumentAreDoubtful) {
  auto through = [](const std::string& body) {
    RuleOutline rule = only_rule("local function f(m, early) " + body +
                                 " end rule 'X' { when = function(mail) return f(mail, true) end }");
    return reads(rule);
  };
  EXPECT_THAT(through("if early then return m.helo end return m.subject"), ElementsAre("1 helo ?", "1 subject ?"));
  EXPECT_THAT(through("if early then return m.helo else return m.from end"), ElementsAre("1 helo ?", "1 from ?"));
  EXPECT_THAT(through("return early and m.helo or m.from"), ElementsAre("1 helo ?", "1 from ?"));
  EXPECT_THAT(through("while early do x(m.helo) end return m.from"), ElementsAre("1 helo ?", "1 from"));
  EXPECT_THAT(through("if m.helo then return m.from end return m.subject"),
              ElementsAre("1 helo", "1 from", "1 subject"));
  EXPECT_THAT(through("local l = not early if l then x(m.helo) end return m.from"), ElementsAre("1 helo ?", "1 from"));
  EXPECT_THAT(through("for i = 1, early do if i then break end x(m.helo) end return m.from"),
              ElementsAre("1 helo ?", "1 from ?"));
  EXPECT_THAT(through("if early then goto out end x(m.helo) ::out:: return m.helo == early"), ElementsAre("1 helo ?"));
  EXPECT_THAT(through("if early then x = 1 end return m.helo"), ElementsAre("1 helo"));
}

TEST(Source, WhatADoubtfulBranchCallsIsDoubtful) {
  RuleOutline rule = only_rule(
      "local function g(m) return m.subject end\n"
      "local function f(m, late) if late then return g(m) end return m.helo end\n"
      "rule 'X' { when = function(mail) return f(mail) end }");
  EXPECT_THAT(reads(rule), ElementsAre("2 helo ?", "1 subject ?"));
  rule = only_rule(
      "local function g(m) return m.subject end\n"
      "local function f(m, late) if late then return g(m) end end\n"
      "rule 'X' { when = function(mail) return f(mail), g(mail) end }");
  EXPECT_THAT(reads(rule), ElementsAre("1 subject"));
}

TEST(Source, BranchesOfWhenAreNotDoubtful) {
  EXPECT_THAT(reads_of("local found if x then found = 1 end\nif found then return mail.helo end return mail.from"),
              ElementsAre("2 helo", "2 from"));
  EXPECT_THAT(reads_of("local function g(early) if early then return mail.helo end end\nreturn g(true), mail.from"),
              ElementsAre("1 helo ?", "2 from"));
}

// ---------------------------------------------------------------- names and expressions

TEST(Source, HitsHaveTheLineOfTheName) {
  RuleOutline rule = only_rule(R"(
local OTHER = "C"
local function both(m, a, b) return m:hit(a) and m:hit(b) end
rule "X" { when = function(mail)
  return mail:hit("A") or mail:hit 'B' or
    mail:hit(OTHER) or both(mail, "D",
      [[E]]) or mail:hit("F" .. x) or mail:hit(name) or other:hit("G") or mail.client:hit("H")
end })");
  EXPECT_THAT(literals(rule.hits), ElementsAre("5 A", "5 B", "2 C", "6 D", "7 E"));
}

TEST(Source, ExpressionsAreThoseHandedToTheMatchers) {
  RuleOutline rule = of_body(
      "local t = mail:header('X') or ''\n"
      "for w in t:gmatch('b') do x(w) end\n"
      "return t:match('a'), mail:match [[c]], (t:gsub('d', 'e')), string.match(t, 'f'), ('x'):match('g')\n"
      ", t:find('h'), t:match('i' .. 'j'), t:match(k), mail.subject:lower():match('l', 2), string.gsub(t, 'm', '')");
  EXPECT_THAT(literals(rule.expressions), ElementsAre("2 b", "3 a", "3 c", "3 d", "3 f", "3 g", "4 l", "4 m"));
}

TEST(Source, WhatAHelperIsHandedMayBeMeantForAnotherBranch) {
  RuleOutline rule = only_rule(R"(
local function has(text, what, plain)
  if plain then return text:find(what) end
  return text:match(what) or text:match("own")
end
local function either(m, name, other) return m:hit(name) or other and m:hit(other) or other and m:hit("OWN") end
rule "X" { when = function(mail)
  return has(mail.subject, "(:", true) or either(mail, "A", "B") or either(mail, "A", "no rule")
end })");
  EXPECT_THAT(literals(rule.expressions), ElementsAre("4 own"));
  EXPECT_THAT(literals(rule.hits), ElementsAre("8 A", "8 B", "6 OWN"));
}

TEST(Source, ATableWithAMatchOfItsOwnTakesWhatItLikes) {
  EXPECT_THAT(literals(of_body("local t = { match = f } return t:match('('), mail.subject:match('a')").expressions),
              ElementsAre("1 a"));
  EXPECT_THAT(literals(of_body("local t = {} function t:match() end return t:match('(')").expressions), IsEmpty());
  EXPECT_THAT(literals(of_body("local t = {} t['match'] = f return t:match('('), t:gsub('b', '')").expressions),
              ElementsAre("1 b"));
  EXPECT_THAT(literals(of_body("local string = {} return string.match(t, '(')").expressions), IsEmpty());
}

}  // namespace
}  // namespace postern::rules
