// Names that a rule file reads without anybody having made them: found in its text, wherever they stand.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lua/api.h"
#include "tests/unit/lua/source_support.h"
#include "tests/unit/lua/support.h"

namespace postern::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> shown(const std::vector<NameUse>& uses) {
  std::vector<std::string> out;
  out.reserve(uses.size());
  for (const NameUse& use : uses) out.push_back(std::to_string(use.line) + " " + use.name);
  return out;
}

/// Those that are nobody's: "LINE NAME".
std::vector<std::string> unknown(const std::string& text) {
  std::vector<NameUse> uses;
  for (NameUse& use : outline_of(text).free_names) {
    if (!refusal_of_name(use.name).empty()) uses.push_back(std::move(use));
  }
  return shown(uses);
}

std::vector<std::string> late(const std::string& text) {
  return shown(outline_of(text).late_globals);
}

std::string in_when(const std::string& body) {
  return "rule 'X' { about = 'x', when = function(mail) " + body + "\nend }";
}

// ---------------------------------------------------------------- what is read

TEST(SourceNames, WhatNobodyMadeIsFoundInEveryBranch) {
  EXPECT_THAT(problems_of(in_when("if false then\nlenght(mail.helo) end return maill.spf\n, Math.floor(1)")),
              ElementsAre("rules/test.lua:2: unknown name 'lenght'", "rules/test.lua:2: unknown name 'maill'",
                          "rules/test.lua:3: unknown name 'Math' (did you mean 'math'?)"));
  EXPECT_THAT(problems_of("local function helper(m)\nreturn hepler(m) end\n" + in_when("return helper(mail)")),
              ElementsAre("rules/test.lua:2: unknown name 'hepler'"));
  EXPECT_THAT(problems_of("local function f()\nlocal function g() return m.helo end\nend"),
              ElementsAre("rules/test.lua:2: unknown name 'm'"));
}

TEST(SourceNames, EveryPlaceOfAReadCounts) {
  EXPECT_THAT(unknown("local t = { a, b = c, [d] = e }\nt[f].x = g\nh.x = i\nfunction j.x.y() end\n"
                      "for k = l, m, n do end\nfor o in p do end\nwhile q do end repeat until r\n"
                      "if s then elseif u then end\nreturn v, -w, not x, #y, z .. aa, (bb), cc:f(), dd'x', ee{}, "
                      "function() return ff end, gg.hh.ii, 'x' .. jj"),
              ElementsAre("1 a", "1 c", "1 d", "1 e", "2 f", "2 g", "3 h", "3 i", "4 j", "5 l", "5 m", "5 n", "6 p",
                          "7 q", "7 r", "8 s", "8 u", "9 v", "9 w", "9 x", "9 y", "9 z", "9 aa", "9 bb", "9 cc", "9 dd",
                          "9 ee", "9 ff", "9 gg", "9 jj"));
}

TEST(SourceNames, WhatIsNoGlobalVariableIsNoMistake) {
  EXPECT_THAT(unknown("local a <const>, b = 1, 2\nlocal function f(p, ...) return p, a, b, f, ... end\n"
                      "local t = { field = a, ['x'] = b }\nt.field, t.other = t.x.y, t:method()\n"
                      "function t.g.h:i(q) return self, q end\n"
                      "for i, v in ipairs(t) do f(i, v) end for n = 1, 2 do f(n) end\n"
                      "repeat local last = 1 until last == 1\ngoto out\n::out::\n"
                      "rule 'X' { when = function(mail) return mail.anything end }"),
              IsEmpty());
}

TEST(SourceNames, AVariableEndsWithItsBlock) {
  EXPECT_THAT(unknown("do local a = 1 end return a"), ElementsAre("1 a"));
  EXPECT_THAT(unknown("local a = a"), ElementsAre("1 a"));
  EXPECT_THAT(unknown("local f = function() return f end"), ElementsAre("1 f"));
  EXPECT_THAT(unknown("for i = i, 2 do end\nreturn i"), ElementsAre("1 i", "2 i"));
  EXPECT_THAT(unknown("if x then local y = 1 else\nreturn y end"), ElementsAre("1 x", "2 y"));
  EXPECT_THAT(unknown("local function f(p) end return p"), ElementsAre("1 p"));
}

TEST(SourceNames, WhatTheFileMakesItselfIsKnownAllOverIt) {
  EXPECT_THAT(unknown("limit, other = 5\nfunction helper() return limit, other, later end\nlater = helper()"),
              IsEmpty());
  EXPECT_THAT(unknown("if x then limit = 5 end\nreturn limit"), ElementsAre("1 x"));
  EXPECT_THAT(unknown("local function f() limit = 5 end f() return limit"), IsEmpty());
  EXPECT_THAT(unknown("limit.x = 5 return limit"), ElementsAre("1 limit"));
  EXPECT_THAT(problems_of("limit = 5\nfunction helper() return limit end\n" + in_when("return helper() == 5")),
              IsEmpty());
}

TEST(SourceNames, WhatTheSandboxLacksIsUnknown) {
  for (const char* name : {"io", "os", "package", "debug", "load", "require", "print", "coroutine", "setmetatable",
                           "getmetatable", "rawget", "rawset", "pcall", "xpcall", "_G", "collectgarbage"}) {
    EXPECT_THAT(problems_of(in_when(fmt::format("if false then\nreturn {} end", name))),
                ElementsAre(HasSubstr(fmt::format("rules/test.lua:2: unknown name '{}'", name))));
  }
  EXPECT_THAT(problems_of(in_when("if false then\nreturn lists 'A' end")),
              ElementsAre("rules/test.lua:2: unknown name 'lists' (did you mean 'list'?)"));
}

// Every name that a file may use is one: nothing here has to be kept in step with the sandbox.
TEST(SourceNames, WhatTheSandboxHasIsKnown) {
  for (const char* name :
       {"assert", "error", "ipairs", "next", "pairs", "select", "tonumber", "tostring", "type", "_VERSION", "math",
        "table",  "utf8",  "string", "rule", "group", "score",  "disable",  "dns",      "map",  "list",     "enable"}) {
    EXPECT_EQ(refusal_of_name(name), "");
    EXPECT_THAT(problems_of(in_when(fmt::format("if false then return {} end", name))), IsEmpty()) << name;
  }
}

TEST(SourceNames, TheWordsAreThoseOfTheErrorAtRunTime) {
  for (const char* name : {"tonumbr", "os", "lists", "a_name_that_is_near_to_nothing"}) {
    std::string text = value_of(fmt::format("_ENV.{}", name));
    EXPECT_THAT(text, HasSubstr(": " + refusal_of_name(name)));
  }
}

TEST(SourceNames, FilesThatSpeakOfTheirEnvironmentAreLeftAlone) {
  EXPECT_THAT(unknown("local _ENV = { x = 1 } return x"), IsEmpty());
  EXPECT_THAT(problems_of(in_when("if false then counter = nothing end return _ENV == nil")), IsEmpty());
}

TEST(SourceNames, OfATextThatIsNotLuaNothingIsSaid) {
  EXPECT_THAT(problems_of("local x = lenght or 1\nif"), ElementsAre(HasSubstr("rules/test.lua:2: unexpected symbol")));
  EXPECT_THAT(unknown("return lenght = 1"), IsEmpty());
}

TEST(SourceNames, EachNameIsShownOnceALine) {
  EXPECT_THAT(unknown("return a, b, a\n, a"), ElementsAre("1 a", "1 b", "2 a"));
  std::string text;
  for (int i = 0; i < 5000; ++i) text += fmt::format("string.format(name{})\n", i);
  EXPECT_LE(problems_of("if false then\n" + text + "end").size(), 200U);
}

// ---------------------------------------------------------------- what reading the file says too

class FileNames : public testing::TestWithParam<const char*> {};

// The run of the file errs with Lua's own line; the text shows the same one, and so one problem comes out of both.
TEST_P(FileNames, AreOneProblem) {
  std::vector<std::string> names;
  for (const std::string& problem : problems_of("local f, t = tostring, {}\n" + std::string(GetParam()))) {
    if (problem.find("unknown name") != std::string::npos) names.push_back(problem);
  }
  EXPECT_THAT(names, ElementsAre(HasSubstr(": unknown name 'lenght'")));
}

INSTANTIATE_TEST_SUITE_P(
    Source, FileNames,
    testing::Values("lenght()", "f(lenght\n)", "f(lenght\n,\n1)", "f(1,\nlenght\n\n)", "lenght\n(1)", "lenght\n{\n}",
                    "lenght\n'x'", "lenght\n.\nx()", "lenght\n:\nx()", "lenght\n[\n1\n]()", "t\n[\nlenght\n]\n= 1",
                    "t.x\n=\nlenght\n", "local x\n=\nlenght\n\n", "local x, y =\nlenght\n,\n1", "return\nlenght\n",
                    "return\nlenght\n,\n1", "if\nlenght\nthen\nend", "if f == t then elseif\nlenght\nthen\nend",
                    "while\nlenght\ndo\nend", "repeat\nuntil\nlenght\n", "for i =\nlenght\n,\n2\ndo\nend",
                    "for i = 1\n,\nlenght\n,\n3 do end", "for i in\nlenght\ndo\nend", "for i in\nlenght\n,\nt do end",
                    "t = {\nlenght\n}", "t = {\nlenght\n,\n}", "t = {\nlenght\n,\n1\n}", "t = {\nlenght\n;\nx = 1\n}",
                    "t = {\nx\n=\nlenght\n,\n}", "t = {\n[\nlenght\n]\n=\n1 }", "t = { 1,\n{\nlenght\n}\n}",
                    "t = (\nlenght\n)", "t = (\n(\nlenght\n)\n)\n.x", "t = -\nlenght\n", "t = not\nlenght\n== 1",
                    "t = lenght\n+\n1", "t = 1 +\nlenght\n+ 1", "t = 1 +\nlenght\n* 2", "t = 2 *\nlenght\n+ 2",
                    "t = 2 ^\nlenght\n^ 2", "t = -\nlenght\n^ 2", "t = 2 ^ -\nlenght\n* 2", "t = ''\n..\nlenght\n.. ''",
                    "t = '' ==\nlenght\n.. ''", "t = 1 and\nlenght\nand\n2", "t = lenght\nor\n2",
                    "t = nil or\nlenght\nand\n2", "t = 1 and\nlenght\nor 2", "t = 1 |\nlenght\n& 2",
                    "t = 1 <\nlenght\n<< 2", "t = 1 //\nlenght\n% 2", "t, lenght\n.x\n= 1, 2",
                    "function lenght\n.x\n.y() end", "rule\n'X'\n{\nabout =\nlenght\n,\n}", "rule 'X' {\nlenght\n}",
                    "t = f(\nf(\nlenght\n)\n,\n1)", "do\nlocal x =\nlenght\n\nend", "t = {\nf\n}, {\nlenght\n}",
                    "t = [[\n\n]]\n..\nlenght\n"));

TEST(SourceNames, WhatStandsBehindTheFirstErrorOfAFileIsShownToo) {
  EXPECT_THAT(problems_of("local x = lenght\nlocal y = legnth\nlocal function f() return width end"),
              ElementsAre("rules/test.lua:1: unknown name 'lenght'", "rules/test.lua:2: unknown name 'legnth'",
                          "rules/test.lua:3: unknown name 'width'"));
  EXPECT_THAT(problems_of("rul 'A' {}"), ElementsAre("rules/test.lua:1: unknown name 'rul' (did you mean 'rule'?)"));
  EXPECT_THAT(problems_of("local function f()\nreturn\nlenght\n\nend\nf()"),
              ElementsAre("rules/test.lua:3: unknown name 'lenght'"));
}

// ---------------------------------------------------------------- what is written

TEST(SourceNames, AGlobalThatARuleSetsIsAMistake) {
  EXPECT_THAT(problems_of(in_when("if false then\ncounter = 1 end")),
              ElementsAre("rules/test.lua:2: a rule must not set the global 'counter': write 'local counter'"));
  EXPECT_THAT(problems_of(in_when("if false then\nfunction helper() end\nstring, x.y = 1 end return helper")),
              ElementsAre("rules/test.lua:2: a rule must not set the global 'helper': write 'local helper'",
                          "rules/test.lua:3: a rule must not set the global 'string': write 'local string'",
                          "rules/test.lua:3: unknown name 'x'"));
}

TEST(SourceNames, WhatOnlyRulesCallRunsLate) {
  EXPECT_THAT(late("rule 'X' { when = function(mail)\nreturn mail.x:gsub('a', function() n = 1 end) end }"),
              ElementsAre("2 n"));
  EXPECT_THAT(late("local function f()\nn = 1 end rule 'X' { when = function() return f() end }"), ElementsAre("2 n"));
  EXPECT_THAT(late("local function f()\nn = 1 end rule 'X' { when = f }"), ElementsAre("2 n"));
  EXPECT_THAT(late("function f()\nn = 1 end rule 'X' { when = f }"), ElementsAre("2 n"));
  EXPECT_THAT(late("local f f = function()\nn = 1 end rule 'X' { when = function() return f end }"),
              ElementsAre("2 n"));
  EXPECT_THAT(late("local odd local function even(n)\na = 1 return odd(n) end odd = function(n)\nb = 1 return even(n) "
                   "end rule 'X' { when = function(m) return even(m) end }"),
              ElementsAre("2 a", "3 b"));
  EXPECT_THAT(late("local function f()\nlocal function g()\nn = 1 end return g end rule 'X' { when = function() "
                   "return f()() end }"),
              ElementsAre("3 n"));
}

TEST(SourceNames, WhatMayRunWhileTheFileIsReadMaySetGlobals) {
  for (const char* text : {
           "n = 1 function f() end",
           "local function f() n = 1 end f()",
           "local function f() n = 1 end rule 'X' { when = f } f()",
           "local function f() n = 1 end local g = f rule 'X' { when = f }",
           "local function f() n = 1 end rule 'X' { when = f, examples = { f() } }",
           "local function f() n = 1 end rule 'X' { when = function() return f() end } each(f)",
           "local function f() n = 1 end local function g() f() end rule 'X' { when = f } g()",
           "local function f() n = 1 end",
           "local function f() n = 1 end f = g rule 'X' { when = f }",
           "local function f() n = 1 end t.f = f rule 'X' { when = f }",
           "local t = {} function t.f() n = 1 end rule 'X' { when = function() return t.f() end }",
           "local t = { when = function() n = 1 end } rule 'X' (t) t.when()",
           "each(function() n = 1 end)",
           "rule 'X' { when = wrap(function() n = 1 end) }",
           "rule 'X' { when = (function() n = 1 return tostring end)() }",
           "rule 'X' { examples = { f(function() n = 1 end) } }",
           "rule 'X' { when = function(mail) local n n = 1 mail.n = 1 end }",
           "local function rule(name) return function(t) t.when() end end rule 'X' { when = function() n = 1 end }",
           "local _ENV = _ENV rule 'X' { when = function() n = 1 end }",
       }) {
    EXPECT_THAT(late(text), IsEmpty()) << text;
  }
}

TEST(SourceNames, TheWordsForSettingAreThoseOfTheErrorAtRunTime) {
  Judged run(rule_text("R", "local e = _ENV e.counter = 1"));
  ASSERT_EQ(run.seen.messages.size(), 1U);
  auto problems = problems_of(rule_text("R", "counter = 1"));
  ASSERT_EQ(problems.size(), 1U);
  std::string words = problems[0].substr(problems[0].find(": ") + 2);
  EXPECT_THAT(run.seen.messages[0], HasSubstr(words));
}

// ---------------------------------------------------------------- bounds

TEST(SourceNames, ManyFunctionsThatNameEachOtherAreFollowedOnce) {
  std::string text = "local f0 = function() n = 1 end\n";
  for (int i = 1; i < 20'000; ++i) {
    text += fmt::format("function f{0}() return f{1}, f{1}, f{2} end\n", i, i - 1, i / 2);
  }
  EXPECT_THAT(late(text + "rule 'X' { when = function() return f19999() end }"), ElementsAre("1 n"));
  std::string nested = "rule 'X' { when = function()\n";
  for (int i = 0; i < 90; ++i) nested += "return function() ";
  nested += "n = 1 ";
  for (int i = 0; i < 90; ++i) nested += "end ";
  EXPECT_THAT(late(nested + "end }"), ElementsAre("2 n"));
}

}  // namespace
}  // namespace postern::rules
