// What is seen of rules in the text of their files, without running them: where each field stands, and what they read.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lua/source_support.h"

namespace postern::rules {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

std::string slurp(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// ---------------------------------------------------------------- where a rule stands

TEST(Source, FieldsAndExamplesHaveTheirLines) {
  RuleOutline rule = only_rule(R"(
-- rule "NO" { score = 1 }
rule "SOME_RULE" {
  about = "text",
  ["score"] = 2.0, group = [[
g]],
  when = function(mail) return mail.helo == "" end;
  examples = {
    { hit = true,
      helo = "" },
    -- { hit = false },
    { hit = false }, { hit = false, spf = { result = "pass" } },
    EXAMPLE,
  },
})");
  EXPECT_EQ(rule.name, "SOME_RULE");
  EXPECT_EQ(rule.line, 3);
  EXPECT_EQ(rule.last_line, 15);
  EXPECT_THAT(rule.fields,
              ElementsAre(Pair("about", 4), Pair("examples", 8), Pair("group", 5), Pair("score", 5), Pair("when", 7)));
  EXPECT_THAT(rule.examples, ElementsAre(9, 12, 12, 13));
  EXPECT_EQ(line_of(rule, "examples"), 8);
  EXPECT_EQ(line_of(rule, "hit"), 0);
  EXPECT_EQ(line_of_example(rule, 1), 9);
  EXPECT_EQ(line_of_example(rule, 4), 13);
  EXPECT_EQ(line_of_example(rule, 0), 0);
  EXPECT_EQ(line_of_example(rule, 5), 0);
}

TEST(Source, EveryWayToWriteARule) {
  Outline outline = outline_of(
      "rule 'A' { score = 1 }\n"
      "rule(\"B\")({ score = 1 })\n"
      "rule [[C]]\n{\n}\n"
      "rule('D'){}; rule 'E' (TABLE)\n"
      "local declare <const> = rule\n"
      "declare 'F' {}\n"
      "if x then rule 'G' {} end\n");
  std::vector<std::string> names;
  for (const RuleOutline& rule : outline.rules) {
    names.push_back(rule.name + " " + std::to_string(rule.line) + "-" + std::to_string(rule.last_line));
  }
  EXPECT_THAT(names, ElementsAre("A 1-1", "B 2-2", "C 3-5", "D 6-6", "E 6-6", "F 8-8", "G 9-9"));
}

TEST(Source, WhatIsNoRuleIsNotOutlined) {
  for (const char* text : {
           "-- rule 'A' {}",
           "x = [[ rule 'A' {} ]]",
           "x = \"rule 'A' {}\"",
           "for _, n in ipairs{'A'} do rule(n) {} end",
           "rule('A' .. n) {}",
           "rule 'A'",
           "rule 'A' .x {}",
           "rule 'A' :x {}",
           "score 'A' (1)",
           "local function rule() end rule 'A' {}",
           "local rule = rule rule = f rule 'A' {}",
           "function rule() end rule 'A' {}",
           "x.rule 'A' {}",
           "x:rule 'A' {}",
           "local _ENV = {} rule 'A' {}",
           "rule 'A' { when = function(mail) return mail.spf",
       }) {
    EXPECT_THAT(outline_of(text).rules, IsEmpty()) << text;
  }
}

TEST(Source, WhatIsBrokenLaterLeavesWhatCameBefore) {
  Outline outline = outline_of("rule 'A' { when = function(m) return m.helo end }\nrule 'B' { when = = }\nrule 'C' {}");
  ASSERT_EQ(outline.rules.size(), 1U);
  EXPECT_THAT(reads(outline.rules[0]), ElementsAre("1 helo"));
}

TEST(Source, MapsAreFoundAnywhere) {
  Outline outline = outline_of(
      "local bad = map('bad.txt')\n"
      "local good = map(\"good\",\n 'domain')\n"
      "local NAME = 'named'\n"
      "rule 'A' { when = function(m)\n"
      "  return map [[inside]]:has(m.helo) or map(NAME) or map(m.helo) or map('x', kind) or x.map('y')\n"
      "end }\n"
      "do local map = f; map('mine') end");
  EXPECT_THAT(literals(outline.maps), ElementsAre("1 bad.txt", "2 good", "6 inside", "4 named"));
  EXPECT_THAT(outline.map_kinds, ElementsAre("", "domain", "", ""));
}

// ---------------------------------------------------------------- reads

TEST(Source, PathsInEveryNotation) {
  EXPECT_THAT(reads_of("return mail.spf.result == mail['spf'][\"domain\"] .. mail[ [[helo]] ]"),
              ElementsAre("1 spf.result", "1 spf.domain", "1 helo"));
  EXPECT_THAT(reads_of("return mail.urls[1].host, mail.urls[i + 1].host, mail.urls[#mail.urls]['host']"),
              ElementsAre("1 urls.[].host", "1 urls"));
  EXPECT_THAT(reads_of("return mail\n.spf\n.result"), ElementsAre("3 spf.result"));
  EXPECT_THAT(reads_of("return (mail).helo, (((mail))).from"), ElementsAre("1 helo", "1 from"));
  EXPECT_THAT(reads_of("return mail[name], mail[mail.helo].x"), ElementsAre("1 []", "1 helo", "1 [].x"));
}

TEST(Source, EachReadIsGivenOnceALine) {
  EXPECT_THAT(reads_of("return mail.helo == 'a' or mail.helo == 'b'\nor mail.helo"), ElementsAre("1 helo", "2 helo"));
}

TEST(Source, MethodsOfMailAreReadsAndMethodsOfTextsAreNot) {
  RuleOutline rule = of_body("return mail:header('X'), mail.subject:lower():match('a'), mail:size()\n, mail.spf:x()");
  EXPECT_THAT(reads(rule), ElementsAre("1 header()", "1 subject", "1 size()", "2 spf"));
  EXPECT_TRUE(rule.reads[0].call);
  EXPECT_FALSE(rule.reads[1].call);
}

TEST(Source, StringsCommentsAndKeysAreNoReads) {
  EXPECT_THAT(reads_of("-- mail.a\n--[[ mail.b ]] local s = 'mail.c' .. [[mail.d]]\n"
                       "local t = { mail = 1, ['mail'] = 2 } return t.mail.e, x.mail.f, s.mail.g"),
              IsEmpty());
}

TEST(Source, AnyNameOfTheParameterWillDo) {
  EXPECT_THAT(reads(only_rule("rule 'X' { when = function(m) return m.helo, mail.from end }")), ElementsAre("1 helo"));
  EXPECT_THAT(reads(only_rule("rule 'X' { when = function(m, n) return n.helo end }")), IsEmpty());
  EXPECT_THAT(reads(only_rule("rule 'X' { when = function(...) return mail.helo end }")), IsEmpty());
  EXPECT_THAT(reads(only_rule("rule 'X' { when = (function(m) return m.helo end) }")), ElementsAre("1 helo"));
}

TEST(Source, WhenMayBeAFunctionOfTheFile) {
  EXPECT_THAT(reads(only_rule("local function f(m)\n return m.helo end\nrule 'X' { when = f }")),
              ElementsAre("2 helo"));
  EXPECT_THAT(reads(only_rule("local f = function(m) return m.helo end rule 'X' { when = f }")), ElementsAre("1 helo"));
  EXPECT_THAT(reads(only_rule("local f\nf = function(m) return m.helo end rule 'X' { when = f }")),
              ElementsAre("2 helo"));
  EXPECT_THAT(reads(only_rule("function f(m) return m.helo end rule 'X' { when = f }")), ElementsAre("1 helo"));
  EXPECT_THAT(reads(only_rule("local function f(m) return m.helo end local g = f rule 'X' { when = g }")),
              ElementsAre("1 helo"));
}

TEST(Source, WhatCouldBeAnotherFunctionIsNotFollowed) {
  for (const char* text : {
           "local function f(m) return m.helo end f = g rule 'X' { when = f }",
           "local function f(m) return m.helo end f, x = g, h rule 'X' { when = f }",
           "local f f = function(m) return m.helo end if a then f = function(m) end end rule 'X' { when = f }",
           "local t = {} function t.f(m) return m.helo end rule 'X' { when = t.f }",
           "local function make() return function(m) return m.helo end end rule 'X' { when = make() }",
           "local function f(m) return m.helo end rule 'X' { when = f or g }",
           "rule 'X' { when = function(m) return m.helo end, [key] = g }",
           "if a then function f(m) return m.helo end end rule 'X' { when = f }",
           "local function f(m) return m.helo end for f in pairs{} do rule 'X' { when = f } end",
       }) {
    EXPECT_THAT(reads(only_rule(text)), IsEmpty()) << text;
  }
}

// ---------------------------------------------------------------- other names for what mail has

TEST(Source, AliasesGoOnWithThePath) {
  EXPECT_THAT(reads_of("local spf, x = mail.spf, 1\nlocal s <const> = spf\nreturn s.result, spf['domain'], m.y"),
              ElementsAre("1 spf", "3 spf.result", "3 spf.domain"));
  EXPECT_THAT(reads_of("local m = mail return m:header('a'), m.helo"), ElementsAre("1 header()", "1 helo"));
  EXPECT_THAT(reads_of("local first = mail.urls[1]\nreturn first and first.host"),
              ElementsAre("1 urls.[]", "2 urls.[].host"));
}

TEST(Source, WhatIsAssignedAgainIsNotFollowed) {
  EXPECT_THAT(reads_of("local s = mail.spf s = nil return s.result"), ElementsAre("1 spf"));
  EXPECT_THAT(reads_of("local s = mail.spf local function g() s = {} end g() return s.result"), ElementsAre("1 spf"));
  EXPECT_THAT(reads_of("local s = mail.spf return s.result, (function() x, s = 1, 2 end)()"), ElementsAre("1 spf"));
  EXPECT_THAT(reads_of("local s = mail.spf local t = s function s() end return t.result"), ElementsAre("1 spf"));
  EXPECT_THAT(reads_of("mail = { helo = 1 } return mail.helo"), IsEmpty());
  EXPECT_THAT(reads_of("local s = mail.spf or {} return s.result, (mail.helo or mail).x"),
              ElementsAre("1 spf", "1 helo"));
  EXPECT_THAT(reads_of("local s s = mail.spf return s.result"), ElementsAre("1 spf"));
}

TEST(Source, ShadowingEndsAnAliasUntilItsBlockEnds) {
  EXPECT_THAT(reads_of("do local mail = {} x(mail.a) end return mail.helo"), ElementsAre("1 helo"));
  EXPECT_THAT(reads_of("for mail = 1, 2 do x(mail.a) end return mail.helo"), ElementsAre("1 helo"));
  EXPECT_THAT(reads_of("for mail in pairs{} do x(mail.a) end return mail.helo"), ElementsAre("1 helo"));
  EXPECT_THAT(reads_of("local function g(mail) return mail.a end return g({}), mail.helo"), ElementsAre("1 helo"));
  EXPECT_THAT(reads_of("local mail = mail.spf return mail.result"), ElementsAre("1 spf", "1 spf.result"));
  EXPECT_THAT(reads_of("if a then local mail = 1 x(mail.a) elseif mail.b then return mail.c end"),
              ElementsAre("1 b", "1 c"));
  EXPECT_THAT(reads_of("repeat local s = mail.spf until s.result return s.domain"),
              ElementsAre("1 spf", "1 spf.result"));
  EXPECT_THAT(reads_of("while true do local mail = 1 break end return mail.helo"), ElementsAre("1 helo"));
  EXPECT_THAT(reads_of("local function mail() return mail.a end return mail.b"), IsEmpty());
}

TEST(Source, ElementsOfArraysInLoops) {
  EXPECT_THAT(reads_of("for _, x in ipairs(mail.urls) do\n if x.host == mail.helo then return x.path[1] end end"),
              ElementsAre("1 urls", "2 urls.[].host", "2 helo", "2 urls.[].path.[]"));
  EXPECT_THAT(reads_of("for _, x in pairs(mail.dkim) do return x.result end"),
              ElementsAre("1 dkim", "1 dkim.[].result"));
  EXPECT_THAT(reads_of("local all = mail.parts for i, x in ipairs(all) do\n return x.type, i.y end"),
              ElementsAre("1 parts", "2 parts.[].type"));
  EXPECT_THAT(reads_of("local ipairs = ipairs for _, x in ipairs(mail.urls) do return x.host end"),
              ElementsAre("1 urls", "1 urls.[].host"));
}

TEST(Source, OtherLoopsAreNotUnderstood) {
  for (const char* loop : {
           "for _, x in next, mail.urls do return x.host end",
           "for _, x in each(mail.urls) do return x.host end",
           "for x in ipairs(mail.urls) do return x.host end",
           "for _, x in (ipairs(mail.urls)) do return x.host end",
           "for _, x in ipairs(mail.urls), 1, 2 do return x.host end",
           "for _, x in ipairs(mail.urls) do x = {} return x.host end",
           "local ipairs = f for _, x in ipairs(mail.urls) do return x.host end",
       }) {
    EXPECT_THAT(reads_of(loop), ElementsAre("1 urls")) << loop;
  }
}

TEST(Source, AssigningToAFactIsNoRead) {
  EXPECT_THAT(reads_of("mail.spf.result, mail.x = 1, mail.helo"), testing::UnorderedElementsAre("1 spf", "1 helo"));
}

// ---------------------------------------------------------------- Lua as it may be written

TEST(Source, AllOfLuaIsUnderstood) {
  RuleOutline rule = only_rule(R"(
local a <const>, b <close> = 1 // 2, nil
local t = { 1, 2; x = 3, [4] = 5, { { } }, function(...) return ... end, }
local n = -#t ^ 2 + ~0xFF & 1 | 3 << 2 >> 1 % 5 ~ 6 .. "x" .. 'y'
;;;
goto skip
do local z = a end
::skip::
function t.f.g:h(p, ...) local self2 = self; return p, ... end
function t.k() return end
t.x, t[1], t["y"] = 1, 2
t:f"x":g{1}:h[[y]](3)[4].z()
while n ~= 1 do n = n - 1 if n == 3 then break elseif n == 4 then goto next else n = 5 end ::next:: end
repeat local q = 1 until q >= 1 and q <= 2 or not q
for i = 1, 10, 2 do for k, v in pairs(t) do end end
rule "X" { when = function(mail)
  if not (mail.helo == "" and mail.from ~= "") then return - mail.size, # mail.rcpts, ~ mail.score end
  return { mail.subject, x = mail.truncated, [mail.client.ip] = mail.spf.result, function() return mail.arc end }
end }
return t
)");
  EXPECT_EQ(rule.line, 16);
  EXPECT_THAT(reads(rule), ElementsAre("17 helo", "17 from", "17 size", "17 rcpts", "17 score", "18 subject",
                                       "18 truncated", "18 client.ip", "18 spf.result", "18 arc"));
}

TEST(Source, CommentsMayStandAnywhere) {
  EXPECT_THAT(reads_of("return--[[a]]mail--\n.--[==[\n]==]spf--x\n[--[[b]]'result'--[[c]]]"),
              ElementsAre("4 spf.result"));
  RuleOutline rule = only_rule("rule--\n--[[\n]]'X'--[[]]{--a\nscore--[[b]]=--\n1}--");
  EXPECT_EQ(rule.line, 1);
  EXPECT_EQ(rule.fields["score"], 4);
  EXPECT_EQ(rule.last_line, 5);
}

TEST(Source, LinesAreCountedWithEveryLineEnd) {
  for (const char* end : {"\n", "\r\n", "\r", "\n\r"}) {
    std::string text = "\xEF\xBB\xBF";
    for (const char* line :
         {"#!/first", "--[[", "]]", "rule 'X' {", "when = function(mail)", "return mail.helo", "end", "}"}) {
      text += line;
      text += end;
    }
    RuleOutline rule = only_rule(text);
    EXPECT_EQ(rule.line, 4);
    EXPECT_EQ(rule.last_line, 8);
    EXPECT_THAT(reads(rule), ElementsAre("6 helo"));
  }
}

TEST(Source, NestingIsBounded) {
  std::string deep = std::string(150, '(') + "mail.helo" + std::string(150, ')');
  EXPECT_THAT(reads_of("return " + deep), ElementsAre("1 helo"));
  for (const char* open :
       {"(", "{", "f(", "function() return ", "if x then ", "do ", "x[", "a = {", "for _ in (", "-("}) {
    std::string text = "rule 'X' {} x = ";
    for (int i = 0; i < 100'000; ++i) text += open;
    EXPECT_EQ(outline_of(text).rules.size(), 1U) << open;
  }
  std::string chain = "return mail";
  for (int i = 0; i < 100'000; ++i) chain += ".a";
  EXPECT_THAT(reads_of(chain), IsEmpty());
  std::string operators = "return not not - - mail.helo";
  for (int i = 0; i < 100'000; ++i) operators += " .. - mail.helo and x";
  EXPECT_THAT(reads_of(operators), ElementsAre("1 helo"));
}

TEST(Source, LongChainsOfNamesAndCallsAreBounded) {
  std::string text = "local m0 = function(x) return x.helo end\n";
  for (int i = 1; i < 3000; ++i) {
    text += fmt::format("local m{0} = function(x) return m{1}(x), m{0}(x.a) end\n", i, i - 1);
  }
  for (int i = 0; i < 300; ++i) text += fmt::format("rule 'R{}' {{ when = m2999 }}\n", i);
  Outline outline = outline_of(text);
  EXPECT_EQ(outline.rules.size(), 300U);

  text = "rule 'X' { when = function(mail) local a0 = mail\n";
  for (int i = 1; i < 20'000; ++i) text += fmt::format("local a{} = a{}\n", i, i - 1);
  EXPECT_THAT(reads(only_rule(text + "return a19999.helo end }")), ElementsAre("20001 helo"));
}

// ---------------------------------------------------------------- the shipped files

TEST(Source, ShippedRulesAreOutlined) {
  size_t files = 0;
  size_t rules = 0;
  for (const auto& entry : std::filesystem::directory_iterator("rules")) {
    if (entry.path().extension() != ".lua") continue;
    ++files;
    std::string text = slurp(entry.path());
    Outline outline = outline_of(text);
    // Each rule is written at the beginning of its line.
    size_t written = text.rfind("rule \"", 0) == 0 ? 1 : 0;
    for (size_t at = text.find("\nrule \""); at != std::string::npos; at = text.find("\nrule \"", at + 1)) ++written;
    EXPECT_EQ(outline.rules.size(), written) << entry.path();
    for (const RuleOutline& rule : outline.rules) {
      SCOPED_TRACE(entry.path().string() + " " + rule.name);
      EXPECT_GT(line_of(rule, "about"), rule.line);
      EXPECT_GT(line_of(rule, "examples"), rule.line);
      EXPECT_FALSE(rule.examples.empty());
      EXPECT_TRUE(std::is_sorted(rule.examples.begin(), rule.examples.end()));
      EXPECT_EQ(rule.reads.empty(), line_of(rule, "when") == 0);
      for (const FactRead& read : rule.reads) EXPECT_GT(read.line, 0);
      for (const auto& [field, line] : rule.fields)
        EXPECT_THAT(line, testing::AllOf(testing::Gt(rule.line), testing::Le(rule.last_line)));
      ++rules;
    }
  }
  if (files == 0) GTEST_SKIP() << "no rules/*.lua here";
  EXPECT_GE(rules, 20U);
}

}  // namespace
}  // namespace postern::rules
