// Nothing of one message stays for the next, whatever a rule file keeps outside of its rules.
#include <gmock/gmock.h>

#include "lua/isolation.h"
#include "tests/unit/lua/support.h"

namespace postern::rules {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// The rule fails with every message, with these words, and nothing is left behind.
void refuses(const std::string& file, const std::string& body, const std::string& words) {
  Judged run(file + "\n" + rule_text("KEEPS", body) + rule_text("GOOD", "return true"));
  run.all();
  EXPECT_THAT(run.seen.failures, ElementsAre("KEEPS error", "KEEPS error")) << file << body;
  EXPECT_THAT(run.seen.messages, Each(HasSubstr(words))) << file << body;
  EXPECT_THAT(run.seen.hits, ElementsAre("GOOD", "GOOD"));
}

TEST(Isolation, TablesOfAFileCannotBeChanged) {
  const char* words = "was made while the file was read cannot be changed";
  refuses("local seen = {}", "seen[#seen + 1] = mail.from return true", words);
  refuses("local seen = {}", "table.insert(seen, mail.from) return true", words);
  refuses("local seen = { deep = { er = {} } }", "seen.deep.er.x = mail.from return true", words);
  refuses("seen = {}", "seen.x = mail.from return true", words);
  refuses("local t = { f = { last = '' } } local function g() return t.f end", "g().last = mail.from return true",
          words);
  refuses("local key = {} local t = { [key] = 1 }", "for k in pairs(t) do k.x = mail.from end return true", words);
  refuses("local t = { 3, 1, 2 }", "table.sort(t) return true", words);
  refuses("local t = { 3, 1, 2 }", "table.remove(t) return true", words);
}

TEST(Isolation, VariablesOfAFileCannotBeChanged) {
  refuses("local n = 0", "n = n + 1 return n > 1", "changed 'n'");
  refuses("local last", "local before = last last = mail.from return before ~= nil", "changed 'last'");
  refuses("local a, b = 1, 2", "a, b = b, mail.from return true", "changed '");
  refuses("local function f() return false end", "f = function() return true end return f()", "changed 'f'");
  refuses("local function counter() local n = 0 return function() n = n + 1 return n end end local c = counter()",
          "return c() > 1", "changed 'n'");
  refuses("local words = ('a b c'):gmatch('[a-z]')", "return words() ~= 'a'", "an iterator of gmatch");
}

TEST(Isolation, WhatIsReadReadsAsBefore) {
  Judged run(
      "local list = { 'b', 'a', name = 'x', deep = { 1, 2, 3 } }\n"
      "local function total(t) local sum = 0 for _, v in ipairs(t) do sum = sum + v end return sum end\n"
      "local empty = {}\n" +
      rule_text("READ",
                "local keys = {} for k in pairs(list) do keys[#keys + 1] = tostring(k) end table.sort(keys) "
                "local copy = { table.unpack(list) } table.sort(copy) "
                "return true, table.concat(keys, ',') .. '|' .. table.concat(copy) .. '|' .. #list .. '|' .. "
                "list.name .. '|' .. total(list.deep) .. '|' .. table.concat(list, '+') .. '|' .. "
                "tostring(next(empty)) .. '|' .. tostring(next(list) ~= nil) .. '|' .. type(list)"));
  EXPECT_EQ(run.detail(), "1,2,deep,name|ab|2|x|6|b+a|nil|true|table");
  EXPECT_THAT(run.seen.failures, IsEmpty());
}

TEST(Isolation, ARuleMayUseItsOwn) {
  Judged run("local function make() local n = 0 return function() n = n + 1 return n end end\n" +
             rule_text("OWN",
                       "local c = make() c() local t = {} t[1] = c() local w = ('a b'):gmatch('[a-z]') w() "
                       "return true, t[1] .. w()"));
  run.all();
  EXPECT_EQ(run.detail(), "2b");
  EXPECT_THAT(run.seen.failures, IsEmpty());
}

TEST(Isolation, LooksOnlyAtWhatFunctionsAssign) {
  std::set<std::string, std::less<>> names;
  add_assigned_names(
      "local a, b = 1, 2 a = 3 local t = { c = 1, d = function(x, y) local e, f = x, y e = { g = f } end }\n"
      "function h() for i, j in ipairs(t) do k, t.l, m = i, j, n end if a == b then o = 1 end end\n"
      "local function p() function q() end local function r() end s = function() return u, v end end w = 1",
      names);
  EXPECT_THAT(names, testing::UnorderedElementsAre("e", "h", "k", "m", "o", "q", "s"));
}

TEST(Isolation, CheckSeesIt) {
  EXPECT_THAT(problems_of("local n = 0\n" + rule_text("A", "n = n + 1 return false")),
              ElementsAre(HasSubstr("test.lua:2: ")));
}

}  // namespace
}  // namespace postern::rules
