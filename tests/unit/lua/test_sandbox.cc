// What a rule cannot do: reach out, leave something behind, or take more than its share.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lua/support.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define POSTERN_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define POSTERN_TSAN 1
#endif

namespace postern::rules {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Sandbox, NoWayOut) {
  for (std::string name :
       // Through _ENV: what stands there by its name is refused before anything runs.
       {"io",           "os",           "package", "debug",  "load",      "loadstring",
        "loadfile",     "require",      "dofile",  "print",  "coroutine", "collectgarbage",
        "setmetatable", "getmetatable", "rawset",  "rawget", "pcall",     "xpcall",
        "_G",           "warn"}) {
    EXPECT_THAT(value_of("_ENV." + name), HasSubstr("unknown name")) << name;
    EXPECT_THAT(problems_of(rule_text("R", "return false and " + name)), ElementsAre(HasSubstr("unknown name")))
        << name;
  }
  for (std::string name : {"string.dump", "string.pack", "math.random", "math.randomseed", "table.move"}) {
    EXPECT_EQ(value_of(name), "nil") << name;
  }
}

TEST(Sandbox, ByteCodeIsNotRead) {
  EXPECT_THAT(problems_of("\x1bLua").at(0), HasSubstr("attempt to load a binary chunk"));
}

TEST(Sandbox, MisspeltNameNamesTheNearest) {
  EXPECT_THAT(value_of("_ENV.strng.len('')"), HasSubstr("unknown name 'strng' (did you mean 'string'?)"));
  EXPECT_THAT(value_of("_ENV.lsit"), HasSubstr("unknown name 'lsit' (did you mean 'list'?)"));
}

TEST(Sandbox, OrdinaryFunctionsWork) {
  EXPECT_EQ(value_of("('AbC'):lower() .. ('x'):rep(3, '-') .. #'four'"), "abcx-x-x4");
  EXPECT_EQ(value_of("math.max(1, 3) + math.floor(2.5)"), "5");
  EXPECT_EQ(value_of("table.concat({3, 1, 2}, ',')"), "3,1,2");
  EXPECT_EQ(value_of("string.format('%5.1f|%s', 2.25, 'x')"), "  2.2|x");
  EXPECT_EQ(value_of("utf8.len('ä') .. select('#', 1, 2) .. type(nil) .. (tonumber('7') + 1)"), "12nil8");
  Judged sorted(rule_text("R",
                          "local t = {3, 1, 2} table.sort(t, function(a, b) return a > b end) "
                          "return true, table.concat(t)"));
  EXPECT_EQ(sorted.detail(), "321");
}

TEST(Sandbox, FindIsPlain) {
  EXPECT_EQ(value_of("('a.b'):find('.')"), "2");
  EXPECT_EQ(value_of("('abcabc'):find('bc', 3)"), "5");
  EXPECT_EQ(value_of("('abcabc'):find('bc', -2)"), "5");
  EXPECT_EQ(value_of("select(2, ('abc'):find('bc'))"), "3");
  EXPECT_EQ(value_of("('abc'):find('x')"), "nil");
  EXPECT_EQ(value_of("('abc'):find('')"), "1");
  EXPECT_EQ(value_of("('abc'):find('', 9)"), "nil");
}

TEST(Sandbox, MatchIsRe2) {
  EXPECT_EQ(value_of("('order 66'):match('\\\\d+')"), "66");
  EXPECT_EQ(value_of("('key=value'):match('(\\\\w+)=(\\\\w+)')"), "key");
  EXPECT_EQ(value_of("('aXb'):match('(x)?b')"), "nil");
  EXPECT_EQ(value_of("('abc'):match('b', 3)"), "nil");
  EXPECT_EQ(value_of("('abc'):match('c', 30)"), "nil");
  EXPECT_THAT(value_of("('a'):match('[' .. '')"), HasSubstr("missing ]"));
  EXPECT_THAT(value_of("('a'):match(('x'):rep(5000))"), HasSubstr("longer than 4096 bytes"));
}

TEST(Sandbox, GmatchWalksAllMatches) {
  Judged run(
      rule_text("R",
                "local all = {} for k, v in ('a=1, b=2'):gmatch('(\\\\w)=(\\\\w)') do all[#all + 1] = k .. v end "
                "for w in ('äx'):gmatch('') do all[#all + 1] = '.' end return true, table.concat(all, ' ')"));
  EXPECT_EQ(run.detail(), "a1 b2 . . .");
}

TEST(Sandbox, GsubReplacesByTextTableAndFunction) {
  EXPECT_EQ(value_of("(('hello world'):gsub('(\\\\w+) (\\\\w+)', '%2 %1 %0 100%%'))"), "world hello hello world 100%");
  EXPECT_EQ(value_of("(('aaa'):gsub('a', 'b', 2))"), "bba");
  EXPECT_EQ(value_of("select(2, ('aaa'):gsub('a', 'b'))"), "3");
  EXPECT_EQ(value_of("(('a b'):gsub('[a-z]', { a = '1' }))"), "1 b");
  EXPECT_EQ(value_of("(('a b'):gsub('([a-z])', function(c) return c:upper() end))"), "A B");
  EXPECT_EQ(value_of("(('abc'):gsub('', '-'))"), "-a-b-c-");
  EXPECT_EQ(value_of("(('abc'):gsub('b', '[%1]'))"), "a[b]c");
  EXPECT_THAT(value_of("('abc'):gsub('b', '%2')"), HasSubstr("number of a group"));
  EXPECT_THAT(value_of("('abc'):gsub('b', true)"), HasSubstr("must be a string, a table or a function"));
}

TEST(Sandbox, RuleLeavesNoGlobalBehind) {
  Judged run(rule_text("WRITES", "_ENV.counter = 1") + rule_text("STRING", "string.extra = 1") +
             rule_text("METHOD", "string.find = nil") + rule_text("GOOD", "return ('a'):find('a') ~= nil"));
  EXPECT_THAT(run.seen.failures, ElementsAre("WRITES error", "STRING error", "METHOD error"));
  EXPECT_THAT(run.seen.messages[0], HasSubstr("must not set the global 'counter'"));
  EXPECT_THAT(run.seen.messages[1], HasSubstr("'string' must not be changed"));
  EXPECT_THAT(run.seen.hits, ElementsAre("GOOD"));
}

TEST(Sandbox, AFilesOwnNamesAreItsOwn) {
  auto set = RuleSet::from_texts({{"a.lua", "limit = 5\n" + rule_text("A", "return true, limit")},
                                  {"b.lua", rule_text("B", "return true, _ENV.limit")}},
                                 {});
  ASSERT_TRUE(set);
  Judged run(*set);
  EXPECT_EQ(run.detail(), "5");
  EXPECT_THAT(run.seen.failures, ElementsAre("B error"));
}

TEST(Sandbox, RulesCannotBeDeclaredLater) {
  EXPECT_THAT(value_of("rule('X')"), HasSubstr("only while rule files are read"));
  EXPECT_THAT(value_of("disable('X')"), HasSubstr("only while rule files are read"));
}

struct Runaway {
  const char* name;
  const char* body;
};

class Runaways : public testing::TestWithParam<Runaway> {};

// Each must end within the rule's share of time and memory, be reported, and let the next rule run.
TEST_P(Runaways, AreStoppedAndTheNextRuleRuns) {
#ifdef POSTERN_TSAN
  GTEST_SKIP() << "ThreadSanitizer delivers no signal inside a loop that calls nothing";
#endif
  Limits limits;
  limits.memory = 8U << 20U;
  limits.rule_cpu = std::chrono::milliseconds(20);
  Judged run(rule_text("RUNAWAY", GetParam().body) + rule_text("NEXT", "return true"), limits);
  EXPECT_THAT(run.seen.failures, ElementsAre(AnyOf("RUNAWAY cpu", "RUNAWAY memory", "RUNAWAY error")));
  EXPECT_THAT(run.seen.hits, ElementsAre("NEXT"));
  run.all();
  run.all();
  run.all();
  EXPECT_THAT(run.seen.hits, ElementsAre("NEXT", "NEXT", "NEXT", "NEXT"));
}

INSTANTIATE_TEST_SUITE_P(
    Sandbox, Runaways,
    testing::Values(Runaway{"Loop", "while true do end"}, Runaway{"Count", "local n = 0 repeat n = n + 1 until n < 0"},
                    Runaway{"Goto", "::again:: goto again"},
                    Runaway{"TailCalls", "local function f() return f() end return f()"},
                    Runaway{"Recursion", "local function f(n) return 1 + f(n + 1) end return f(1)"},
                    Runaway{"DeepNesting", "local function f(t) return f({ t }) end return f({})"},
                    Runaway{"MemoryBomb", "return #('x'):rep(1000000000)"},
                    Runaway{"EmptyRep", "while ('').rep('', 1e18) do end"},
                    Runaway{"Doubling", "local s = 'x' while true do s = s .. s end"},
                    Runaway{"StringBuilding", "local s = '' while true do s = s .. 'xxxxxxxxxxxxxxxx' end"},
                    Runaway{"GiantTable", "local t = {} for i = 1, 1e12 do t[i] = i end"},
                    Runaway{"HugeHash", "local t = {} for i = 1, 1e12 do t['k' .. i] = i end"},
                    Runaway{"Unpack", "return select('#', table.unpack({}, 1, 1e7))"},
                    Runaway{"SortForever",
                            "local t = {} for i = 1, 9999 do t[i] = i end "
                            "while true do table.sort(t, function(a, b) return a < b end) end"},
                    Runaway{"HostileComparator",
                            "local t = {} for i = 1, 9999 do t[i] = i end "
                            "table.sort(t, function() while true do end end)"},
                    Runaway{"HugeSort", "local t = {} for i = 1, 100000 do t[i] = -i end table.sort(t)"},
                    Runaway{"GsubForever", "local s = ('a'):rep(1000000) while true do s:gsub('a.*b|a', 'x') end"},
                    Runaway{"QuadraticGsub", "return #(('a'):rep(1000000):gsub('a.*b|a', ''))"},
                    Runaway{"GsubBomb", "local s = ('a'):rep(1000000) return #(s:gsub('a', s))"},
                    Runaway{"GsubCallback", "('a'):gsub('a', function() while true do end end)"},
                    Runaway{"MetamethodError", "return #mail.rcpts.x"},
                    Runaway{"Patterns", "local i = 0 while true do i = i + 1 mail:match('x' .. i) end"}),
    [](const auto& row) { return row.param.name; });

TEST(Limits, LoopIsReportedWithItsLineAndSuspendedAfterThree) {
#ifdef POSTERN_TSAN
  GTEST_SKIP() << "ThreadSanitizer delivers no signal inside a loop that calls nothing";
#endif
  Limits limits;
  limits.rule_cpu = std::chrono::milliseconds(5);
  Judged run("\n\n" + rule_text("LOOP", "while true do end") + rule_text("GOOD", "return true"), limits);
  EXPECT_THAT(run.seen.failures, ElementsAre("LOOP cpu"));
  EXPECT_THAT(run.seen.messages[0], HasSubstr("test.lua:3: stopped after"));
  for (int i = 0; i < 5; ++i) run.all();
  EXPECT_THAT(run.seen.failures, ElementsAre("LOOP cpu", "LOOP cpu", "LOOP cpu", "LOOP suspended"));
  EXPECT_EQ(run.seen.hits.size(), 6U);
}

TEST(Limits, EachMessageKnowsWhichRulesFailedForIt) {
#ifdef POSTERN_TSAN
  GTEST_SKIP() << "ThreadSanitizer delivers no signal inside a loop that calls nothing";
#endif
  Limits limits;
  limits.rule_cpu = std::chrono::milliseconds(5);
  auto set = load(
      "\n" + rule_text("LOOP", "while true do end") + rule_text("BAD", "error('x')") + rule_text("GOOD", "return true"),
      limits);
  Host host(set, nullptr);
  Message message;
  auto failed = [&host, &message] {
    Evaluation evaluation;
    host.run(Stage::Message, message.facts, evaluation);
    EXPECT_EQ(evaluation.hits.size(), 1U);
    return evaluation.errors;
  };
  std::vector<RuleError> errors = failed();
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(errors[0].rule + " " + errors[0].reason, "LOOP cpu");
  EXPECT_THAT(errors[0].message, HasSubstr("rules/test.lua:2: stopped after"));
  EXPECT_EQ(errors[1].rule + " " + errors[1].reason, "BAD error");
  EXPECT_EQ(errors[1].message, "rules/test.lua:3: x");
  for (int i = 0; i < 2; ++i) errors = failed();
  // Suspended by now: of a later message it is known that it did not run.
  errors = failed();
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(errors[0].rule + " " + errors[0].reason, "LOOP suspended");
  EXPECT_THAT(errors[0].message, HasSubstr("rules/test.lua:2: it did not run"));
}

TEST(Limits, OfManyFailuresTheFirstAreKept) {
  std::string text;
  for (int i = 0; i < 30; ++i) text += rule_text("BAD_" + std::to_string(i), "error('x')");
  Host host(load(text), nullptr);
  Message message;
  Evaluation evaluation;
  host.run(Stage::Message, message.facts, evaluation);
  ASSERT_EQ(evaluation.errors.size(), Evaluation::kMostErrors);
  EXPECT_EQ(evaluation.errors[0].rule, "BAD_0");
  EXPECT_EQ(evaluation.errors_left_out, 30 - Evaluation::kMostErrors);
}

TEST(Limits, ErrorsDoNotSuspend) {
  Judged run(rule_text("BAD", "error('x')"));
  for (int i = 0; i < 9; ++i) run.all();
  EXPECT_EQ(run.seen.failures, std::vector<std::string>(10, "BAD error"));
}

TEST(Limits, MessageBudgetEndsAllRules) {
#ifdef POSTERN_TSAN
  GTEST_SKIP() << "ThreadSanitizer delivers no signal inside a loop that calls nothing";
#endif
  Limits limits;
  limits.rule_cpu = std::chrono::milliseconds(15);
  limits.message_cpu = std::chrono::milliseconds(20);
  Judged run(rule_text("ONE", "while true do end", "stage='connect',") + rule_text("TWO", "while true do end") +
                 rule_text("THREE", "return true"),
             limits);
  EXPECT_THAT(run.seen.failures, ElementsAre("ONE cpu", "TWO cpu", "THREE cpu"));
  EXPECT_THAT(run.seen.messages[2], HasSubstr("the rules before it used up the message's CPU time"));
  EXPECT_GE(run.evaluation.cpu, limits.message_cpu);
}

TEST(Limits, WhatARuleHoardsIsTakenBack) {
  Limits limits;
  limits.memory = 4U << 20U;
  Judged run("local kept = {}\n" + rule_text("HOARD", "while true do kept[#kept + 1] = ('x'):rep(1000) .. #kept end") +
                 rule_text("NEEDS", "return #('y'):rep(500000) > 0"),
             limits);
  EXPECT_THAT(run.seen.failures.at(0), AnyOf("HOARD memory", "HOARD cpu", "HOARD error"));
  for (int i = 0; i < 4; ++i) run.all();
  run.seen.failures.clear();
  run.seen.hits.clear();
  run.all();
  EXPECT_THAT(run.seen.hits, ElementsAre("NEEDS"));
}

TEST(Limits, RunawayFileIsAProblemNotAHang) {
#ifdef POSTERN_TSAN
  GTEST_SKIP() << "ThreadSanitizer delivers no signal inside a loop that calls nothing";
#endif
  EXPECT_THAT(problems_of("\nwhile true do end"),
              ElementsAre("rules/test.lua:2: reading the file takes more than 2000 ms of CPU time"));
  EXPECT_THAT(problems_of("t = {} for i = 1, 1e12 do t[i] = i end").at(0), HasSubstr("more memory"));
}

}  // namespace
}  // namespace postern::rules
