// The text of a rule file, read without running it: what Lua takes is understood to its end, what is said of the text
// lies in it, the check of what was found ends too, and an unknown name at which reading the file fails was seen
// before.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/result.h"
#include "lua/registry.h"
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

// What the text says of names before the file is read is what reading it says; the line may differ in functions.
void check_names(const std::string& text, const std::vector<Problem>& problems) {
  if (text.find("_ENV") != std::string::npos || text.find("unknown name") != std::string::npos) return;
  Registry registry(false);
  State state(1U << 20U);
  state.registry = &registry;
  CallResult result = state.run_file("fuzz.lua", text, std::chrono::milliseconds(20));
  auto [line, error] = split_position(result.message, "fuzz.lua");
  constexpr std::string_view kBegin = "unknown name '";
  if (result.failure != Failure::Error || error.substr(0, kBegin.size()) != kBegin) return;
  std::string begin = error.substr(0, error.find('\'', kBegin.size()));
  POSTERN_CHECK(problems.size() >= Registry::kMaxProblems ||
                std::any_of(problems.begin(), problems.end(),
                            [&begin](const Problem& each) { return each.text.substr(0, begin.size()) == begin; }));
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

void check_lines(const TableOutline& table, int lines) {
  auto inside = [lines](int line) { return line >= 1 && line <= lines; };
  POSTERN_CHECK(inside(table.line) && inside(table.last_line) && table.line <= table.last_line);
  for (const auto& [place, line] : table.places) {
    POSTERN_CHECK(inside(line) && line_of(table, place) == line);
    // Of what is not written there the line is that of what is around it.
    POSTERN_CHECK(inside(line_of(table, place + "/?")));
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
  for (const TableOutline& list : outline.lists) check_lines(list, lines);
  for (const TableOutline& enable : outline.enables) check_lines(enable, lines);
  for (const NameUse& use : outline.free_names) POSTERN_CHECK(use.line >= 1 && use.line <= lines && !use.name.empty());
  for (const NameUse& use : outline.late_globals)
    POSTERN_CHECK(use.line >= 1 && use.line <= lines && !use.name.empty());
  std::vector<Problem> problems = check_source({{"rules/fuzz.lua", text}}, {outline}, rules);
  for (const Problem& problem : problems) {
    POSTERN_CHECK(problem.line >= 1 && problem.line <= lines && !problem.text.empty());
  }
  if (!lua_takes(text)) return 0;
  POSTERN_CHECK(understood(text));
  check_names(text, problems);
  return 0;
}
