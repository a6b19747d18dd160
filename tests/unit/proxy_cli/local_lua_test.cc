// Where a file of rules ends before its last line.
#include "proxy/cli/local_lua.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace postern::cli {
namespace {

/// What stands from there on, and the line; "" where the file runs to its end.
std::string rest(std::string_view text) {
  auto found = find_return(text);
  if (!found) return "";
  return std::to_string(found->line) + " " + std::string(text.substr(found->at));
}

TEST(FindReturn, FilesThatRunToTheirEnd) {
  for (std::string_view text :
       {"", "-- return\n", "--[[\nreturn\n]]", "score 'A' (1)\n", "x = 'return'", "local returned = 1",
        "rule 'A' { when = function(mail) if mail.from == '' then return true end return false end }\n",
        "local function f() for i = 1, 3 do return i end end\nscore 'A' (f())",
        "local f = function() while true do return 1 end repeat return 2 until true end",
        "for i = 1, 3 do local g = function() return i end end"}) {
    EXPECT_EQ(rest(text), "") << text;
  }
}

TEST(FindReturn, TheStatementAndItsLine) {
  EXPECT_EQ(rest("return"), "1 return");
  EXPECT_EQ(rest(" \treturn"), "1  \treturn");
  EXPECT_EQ(rest("score 'A' (1)\r\n  return {}\r\n"), "2   return {}\r\n");
  EXPECT_EQ(rest("score 'A' (1) return"), "1 return");
  EXPECT_EQ(rest("x = 1\n\ndo\n  return\nend\nscore 'A' (1)"), "3 do\n  return\nend\nscore 'A' (1)");
  EXPECT_EQ(rest("do x = 1 end do return end"), "1 do return end");
  EXPECT_EQ(rest("if x then y = 1 else\nif z then return end end"), "1 if x then y = 1 else\nif z then return end end");
  EXPECT_EQ(rest("y = 1\nwhile x do return end"), "2 while x do return end");
  EXPECT_EQ(rest("for i = 1, 2 do\n do return end end"), "1 for i = 1, 2 do\n do return end end");
  EXPECT_EQ(rest("repeat return until f(function() return 1 end)"), "1 repeat return until f(function() return 1 end)");
  EXPECT_EQ(rest("local function f() return 1 end\nreturn f"), "2 return f");
  EXPECT_EQ(rest("if f(function() return 1 end) then\n return end"),
            "1 if f(function() return 1 end) then\n return end");
}

TEST(FindReturn, TextThatIsNoLua) {
  EXPECT_EQ(rest("end end until return"), "1 return");
  EXPECT_EQ(rest("'open\nreturn"), "");
}

}  // namespace
}  // namespace postern::cli
