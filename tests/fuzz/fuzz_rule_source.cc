// The text of a rule file, read without running it: what Lua takes is understood to its end, what is said of the text
// lies in it, and the check of what was found ends too.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "filters/base/result.h"
#include "lua/sandbox.h"
#include "lua/source.h"
#include "lua/source_check.h"
#include "lua/source_lexer.h"
#include "lua/source_parser.h"

using namespace postern::rules;

namespace {

bool lua_takes(const std::string& text) {
  if (text.size() > 65'536) return false;  // Lua's own time for "a and a and a ..." is no longer linear
  lua_State* lua = luaL_newstate();
  POSTERN_CHECK(lua != nullptr);
  bool taken = luaL_loadbufferx(lua, text.data(), text.size(), "=fuzz", "t") == LUA_OK;
  lua_close(lua);
  return taken;
}

bool understood(const std::string& text) {
  source::Lexer lexer(text);
  source::Syntax syntax;
  source::Parser(lexer, syntax).file();
  return syntax.complete;
}

void check_lines(const RuleOutline& rule, int lines) {
  auto inside = [lines](int line) { return line >= 1 && line <= lines; };
  POSTERN_CHECK(inside(rule.line) && inside(rule.last_line) && rule.line <= rule.last_line);
  for (const auto& [field, line] : rule.fields) POSTERN_CHECK(inside(line) && line_of(rule, field) == line);
  for (int line : rule.examples) POSTERN_CHECK(inside(line));
  for (const Literal& hit : rule.hits) POSTERN_CHECK(inside(hit.line));
  for (const Literal& expression : rule.expressions) POSTERN_CHECK(inside(expression.line));
  for (const FactRead& read : rule.reads) {
    POSTERN_CHECK(inside(read.line) && !read.path.empty() && read.path.size() <= 16);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  Outline outline = outline_of(text);
  POSTERN_CHECK(outline.maps.size() == outline.map_kinds.size());
  auto lines =
      1 + static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }));
  std::vector<RuleInfo> rules;
  for (const RuleOutline& rule : outline.rules) {
    check_lines(rule, lines);
    RuleInfo& info = rules.emplace_back();
    info.name = rule.name;
    info.file = "rules/fuzz.lua";
    info.line = rule.line;
    info.stage = static_cast<Stage>(rules.size() % 5);
  }
  for (const Problem& problem : check_source({{"rules/fuzz.lua", text}}, {outline}, rules)) {
    POSTERN_CHECK(problem.line >= 1 && problem.line <= lines && !problem.text.empty());
  }
  if (lua_takes(text)) POSTERN_CHECK(understood(text));
  return 0;
}
