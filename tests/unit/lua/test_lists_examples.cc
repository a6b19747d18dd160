// What examples say of DNS lists, of the name in HELO and of early talkers; and who reads lists where.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lua/source.h"
#include "tests/unit/lua/support.h"

namespace postern::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const char* const kLists =
    "list 'ZEN' { zone = 'zen.example.org', of = 'client', answers = { ['127.0.0.2-3'] = { 'SBL', 4 }, ['&64'] = { "
    "'XBL', 3 } } }\n"
    "list 'DBL' { zone = 'dbl.example.org', of = 'url', answers = { ['127.0.1.2'] = { 'SPAM', 4 } } }\n"
    "list 'HELOS' { zone = 'h.example.org', of = 'helo', enabled = false, answers = { ['127.0.0.2'] = { 'A', 1 } } }\n";

/// A rule with this body and this one example behind the three lists: from line 4 on.
std::string with_example(const std::string& body, const std::string& example, const std::string& more = "") {
  return kLists + fmt::format("rule 'R' {{ about = 'x', {} when = function(mail) {} end,\nexamples = {{ {{ {} }} }} }}",
                              more, body, example);
}

TEST(ListExamples, SayWhatAListAnswered) {
  const std::string first = "local l = mail.lists.ZEN return l and true, l and l.answers[1] .. ' ' .. l.names[1]";
  EXPECT_THAT(problems_of(with_example(first,
                                       "hit = true, detail = '127.0.0.2 SBL', lists = { ZEN = { answers = { "
                                       "'127.0.0.2' } } }")),
              IsEmpty());
  EXPECT_THAT(
      problems_of(with_example(first, "hit = true, detail = '127.0.0.3 SBL', lists = { ZEN = { '127.0.0.3' } }")),
      IsEmpty());
  EXPECT_THAT(problems_of(with_example(first,
                                       "hit = true, detail = '127.0.0.64 XBL', lists = { ZEN = { names = { "
                                       "'XBL' } } }")),
              IsEmpty());
  EXPECT_THAT(problems_of(with_example(first, "hit = false, lists = { DBL = { '127.0.1.2' } }")), IsEmpty());
  EXPECT_THAT(problems_of(with_example(first, "hit = false")), IsEmpty());
  EXPECT_THAT(
      problems_of(with_example("return #mail.lists.ZEN.names == 2 and #mail.lists.ZEN.answers == 2",
                               "hit = true, lists = { ZEN = { answers = { '127.0.0.2' }, names = { 'XBL', 'SBL' "
                               "} } }")),
      ElementsAre(HasSubstr("R on a plain message: attempt to index a nil value")));
}

TEST(ListExamples, TheSubjectIsWhatTheExampleSaysOrTheMessageHas) {
  const std::string subject = "local l = mail.lists.ZEN return l and true, l and l.subjects[1]";
  EXPECT_THAT(problems_of(with_example(subject,
                                       "hit = true, detail = '198.51.100.9', client = { ip = '198.51.100.9' }, "
                                       "lists = { ZEN = { '127.0.0.2' } }")),
              IsEmpty());
  EXPECT_THAT(problems_of(with_example(subject,
                                       "hit = true, detail = 'x', lists = { ZEN = { names = { 'SBL' }, subjects "
                                       "= { 'x' } } }")),
              IsEmpty());
}

// An admin's own choice of lists must not break a shipped example.
TEST(ListExamples, SpeakOfListsThatAreOffToo) {
  EXPECT_THAT(
      problems_of(with_example("return mail.lists.HELOS ~= nil", "hit = true, lists = { HELOS = { '127.0.0.2' } }")),
      IsEmpty());
  EXPECT_THAT(
      problems_of(with_example("return mail:hit('HELOS_A')", "hit = true, lists = { HELOS = { '127.0.0.2' } }") +
                  " disable 'ZEN'"),
      IsEmpty());
}

TEST(ListExamples, RulesOfListsHaveHitForThoseWhoAskForThem) {
  EXPECT_THAT(
      problems_of(with_example("return mail:hit('ZEN_XBL')", "hit = true, lists = { ZEN = { names = { 'XBL' } } }")),
      IsEmpty());
  EXPECT_THAT(problems_of(with_example("return mail:hit('ZEN_XBL')", "hit = false, lists = { ZEN = { '127.0.0.2' } }")),
              IsEmpty());
  EXPECT_THAT(
      problems_of(std::string(kLists) +
                  "rule 'BOTH' { about = 'x', expression = 'ZEN_SBL and DBL_SPAM', examples = { { hit = true, "
                  "lists = { ZEN = { '127.0.0.2' }, DBL = { '127.0.1.2' } } }, { hit = false, lists = { ZEN = { "
                  "'127.0.0.2' } } }, { hit = true, hits = { 'ZEN_SBL', 'DBL_SPAM' } } } }"),
      IsEmpty());
}

struct ExampleMistake {
  const char* example;
  const char* problem;  // behind "rules/test.lua:5: example 1 of R: "
};

class ListExampleMistakes : public testing::TestWithParam<ExampleMistake> {};

TEST_P(ListExampleMistakes, AreShown) {
  EXPECT_THAT(problems_of(with_example("return false", std::string("hit = false, ") + GetParam().example)),
              ElementsAre(std::string("rules/test.lua:5: example 1 of R: ") + GetParam().problem));
}

INSTANTIATE_TEST_SUITE_P(
    Examples, ListExampleMistakes,
    testing::Values(
        ExampleMistake{"lists = { ZNE = { '127.0.0.2' } }", "'lists': there is no list ZNE (did you mean 'ZEN'?)"},
        ExampleMistake{"lists = { ZEN = { '127.0.0.9' } }",
                       "'lists.ZEN': 127.0.0.9 is no answer that the list declares"},
        ExampleMistake{"lists = { ZEN = { 'x' } }", "'lists.ZEN': x is no answer that the list declares"},
        ExampleMistake{"lists = { ZEN = { names = { 'SBI' } } }",
                       "'lists.ZEN': the list has no answer of the name SBI (did you mean 'SBL'?)"},
        ExampleMistake{"lists = { ZEN = { anwers = { '127.0.0.2' } } }",
                       "unknown field 'anwers' in lists.ZEN (did you mean 'answers'?)"},
        ExampleMistake{"lists = { ZEN = {} }",
                       "'lists.ZEN' must name answers, or be left out: { answers = { \"127.0.0.2\" } }"},
        ExampleMistake{"lists = { ZEN = '127.0.0.2' }", "'lists.ZEN' must be a table, not a string"},
        ExampleMistake{"lists = { 'ZEN' }",
                       "'lists' must be a table of lists: lists = { ZEN = { answers = { \"127.0.0.2\" } } }"},
        ExampleMistake{"helo_is = { resolves = 'no' }",
                       "'helo_is.resolves' must be true, false or \"unknown\", not a string"},
        ExampleMistake{"helo_is = { quallified = true }",
                       "unknown field 'quallified' in helo_is (did you mean 'qualified'?)"},
        ExampleMistake{"client = { early = 1 }", "'client.early' must be true or false, not a number"}));

// ---------------------------------------------------------------- the client

const char* const kHeloIs =
    "local h = mail.helo_is return true, tostring(h.literal) .. ' ' .. tostring(h.own) .. ' ' .. "
    "tostring(h.qualified) .. ' ' .. tostring(h.resolves) .. ' ' .. tostring(h.matches)";

std::vector<std::string> helo_example(const std::string& example, const std::string& detail) {
  return problems_of(with_example(kHeloIs, fmt::format("hit = true, detail = '{}', {}", detail, example)));
}

TEST(HeloExamples, WhatIsNotSaidFollowsFromTheName) {
  EXPECT_THAT(helo_example("", "false false true true true"), IsEmpty());
  EXPECT_THAT(helo_example("helo = '[192.0.2.1]'", "true false false nil true"), IsEmpty());
  EXPECT_THAT(helo_example("helo = '[192.0.2.9]'", "true false false nil false"), IsEmpty());
  EXPECT_THAT(helo_example("helo = 'localhost'", "false false false nil nil"), IsEmpty());
}

TEST(HeloExamples, WhatIsSaidIsSo) {
  EXPECT_THAT(helo_example("helo_is = { resolves = false, matches = 'unknown' }", "false false true false nil"),
              IsEmpty());
  EXPECT_THAT(helo_example("helo_is = { own = true }", "false true true true true"), IsEmpty());
  EXPECT_THAT(helo_example("helo_is = { literal = true, matches = false }", "true false false nil false"), IsEmpty());
  EXPECT_THAT(helo_example("helo_is = { qualified = false }", "false false false nil nil"), IsEmpty());
}

TEST(ClientExamples, MayTalkTooEarly) {
  const std::string early = "return mail.client.early";
  EXPECT_THAT(problems_of(with_example(early, "hit = true, client = { early = true }")), IsEmpty());
  EXPECT_THAT(problems_of(with_example(early, "hit = false")), IsEmpty());
}

// ---------------------------------------------------------------- who reads lists

std::vector<std::string> reading(const std::string& body, const std::string& more = "") {
  return problems_of(kLists + rule_text("R", body, more));
}

TEST(ListReads, NamesThatNoListHasAreMistakesInEveryBranch) {
  EXPECT_THAT(reading("if false then\nreturn mail.lists.ZNE end"),
              ElementsAre("rules/test.lua:5: mail.lists: there is no list ZNE (did you mean 'ZEN'?)"));
  EXPECT_THAT(reading("local l = mail.lists\nif false then return l['NONE'] end"),
              ElementsAre("rules/test.lua:5: mail.lists: there is no list NONE"));
  EXPECT_THAT(reading("local l = mail.lists.ZEN if l and\nl.anwers then return true end"),
              ElementsAre("rules/test.lua:5: mail.lists.ZEN has no field 'anwers' (did you mean 'answers'?)"));
  EXPECT_THAT(reading("local l = mail.lists.ZEN return l and l.names[1] == 'SBL' and l.answers and l.subjects"),
              IsEmpty());
}

TEST(ListReads, BeforeTheSubjectIsKnownAreMistakes) {
  EXPECT_THAT(reading("return mail.lists.DBL ~= nil", "stage = 'rcpt',"),
              ElementsAre("rules/test.lua:4: rule R: mail.lists.DBL is known from stage \"message\" on; this rule runs "
                          "at stage \"rcpt\""));
  EXPECT_THAT(reading("return mail.lists.HELOS ~= nil", "stage = 'connect',"),
              ElementsAre("rules/test.lua:4: rule R: mail.lists.HELOS is known from stage \"helo\" on; this rule runs "
                          "at stage \"connect\""));
  EXPECT_THAT(reading("return mail.lists.ZEN ~= nil", "stage = 'connect',"), IsEmpty());
}

TEST(ListReads, WhoAsksForALaterRuleOfAListIsToldWhatToDo) {
  EXPECT_THAT(problems_of(std::string(kLists) + "rule 'R' { about = 'x', stage = 'helo',\nexpression = 'ZEN_SBL' }"),
              ElementsAre("rules/test.lua:5: rule R runs at stage \"helo\" and asks for ZEN_SBL, which runs later, at "
                          "stage \"message\": write stage = \"helo\" in list ZEN"));
  EXPECT_THAT(reading("return mail:hit('DBL_SPAM')", "stage = 'mail',"),
              ElementsAre("rules/test.lua:4: rule R runs at stage \"mail\" and asks for DBL_SPAM, which runs later, at "
                          "stage \"message\": what DBL asks about is known from stage \"message\" on, so this rule "
                          "needs stage = \"message\""));
  EXPECT_THAT(problems_of("list 'ZEN' { zone = 'zen.example.org', of = 'client', stage = 'helo', answers = { "
                          "['127.0.0.2'] = { 'SBL', 4 } } }\n" +
                          rule_text("R", "return mail:hit('ZEN_SBL')", "stage = 'helo',")),
              IsEmpty());
}

// ---------------------------------------------------------------- the text of a list

TEST(ListOutline, KnowsWhereEverythingStands) {
  Outline outline = outline_of(
      "-- lists\nlist \"ZEN\" {\n  zone = 'z',\n  answers = {\n    ['127.0.0.2'] = {\n      'SBL',\n      4.0,\n      "
      "stage = 'rcpt' },\n    [computed] = 1,\n  },\n  errors = { 'a',\n 'b' },\n}\nenable 'ZEN' {\n zone = 'y' "
      "}\nenable "
      "'DBL'\n");
  ASSERT_EQ(outline.lists.size(), 1U);
  const TableOutline& list = outline.lists[0];
  EXPECT_EQ(list.name, "ZEN");
  EXPECT_EQ(list.line, 2);
  EXPECT_EQ(list.last_line, 13);
  EXPECT_EQ(line_of(list, "zone"), 3);
  EXPECT_EQ(line_of(list, "answers/127.0.0.2"), 5);
  EXPECT_EQ(line_of(list, "answers/127.0.0.2/1"), 6);
  EXPECT_EQ(line_of(list, "answers/127.0.0.2/2"), 7);
  EXPECT_EQ(line_of(list, "answers/127.0.0.2/stage"), 8);
  EXPECT_EQ(line_of(list, "answers/127.0.0.2/group"), 5);
  EXPECT_EQ(line_of(list, "answers/127.0.0.9/group"), 4);
  EXPECT_EQ(line_of(list, "errors/2"), 12);
  EXPECT_EQ(line_of(list, "title"), 0);
  ASSERT_EQ(outline.enables.size(), 1U);
  EXPECT_EQ(line_of(outline.enables[0], "zone"), 15);
}

TEST(ListOutline, IsNoneWhereTheFileGivesTheWordAnotherMeaning) {
  EXPECT_TRUE(outline_of("local function list(n) return function() end end list 'A' { zone = 'x' }").lists.empty());
}

}  // namespace
}  // namespace postern::rules
