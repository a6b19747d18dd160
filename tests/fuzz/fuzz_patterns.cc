// Whichever engine searches a pattern, the verdict is the same: Hyperscan, RE2 given the plain expression, and RE2
// given what was written, where it takes that.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/bytes.h"
#include "filters/base/result.h"
#include "lua/pattern_inside.h"
#include "lua/pattern_syntax.h"
#include "lua/patterns.h"
#include "lua/regex_cache.h"

using namespace postern;
using rules::Target;

namespace {

// What is tried at once must be small: it is the meaning that is asked for, and an expression of many thousand states
// takes Hyperscan seconds to compile.
constexpr size_t kMaxExpression = 60;
constexpr size_t kMaxText = 2000;
constexpr int kMaxProgram = 900;

bool found_by(const RE2& regex, std::string_view text) {
  return regex.Match(re2::StringPiece(text.data(), text.size()), 0, text.size(), RE2::UNANCHORED, nullptr, 0);
}

bool found_by_set(const rules::Pattern& pattern, std::string_view text, std::string& detail) {
  std::vector<std::string> notes;
  auto set = rules::PatternSet::compile({pattern}, "", notes);
  POSTERN_CHECK(set && notes.empty());
  rules::PatternScanner scanner(*set);
  rules::Matches matches;
  scanner.begin(matches);
  scanner.scan(pattern.target, pattern.field, text, matches);
  detail = matches.detail(0);
  return matches.matched(0);
}

// RE2 folds Latin-1 in Raw, we fold ASCII only; and it has no \Z, (?x), (?<name>...): there it refuses.
bool comparable(const RE2& written, Target target, std::string_view expression) {
  return written.ok() && (target != Target::Raw || expression.find("(?") == std::string_view::npos);
}

}  // namespace

// First octet: the target; then the expression, a NUL, the text.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) return 0;
  const Target target = (static_cast<unsigned char>(input[0]) & 1U) == 0 ? Target::Body : Target::Raw;
  input.remove_prefix(1);
  size_t end = input.find('\0');
  std::string_view expression = input.substr(0, end);
  std::string_view text =
      end == std::string_view::npos ? std::string_view() : input.substr(end + 1).substr(0, kMaxText);
  if (expression.size() > kMaxExpression || (target != Target::Raw && !is_utf8(text))) return 0;

  rules::CharacterTables tables;
  auto plain = rules::write_plainly(expression, target == Target::Raw, tables);
  auto written = rules::make_re2(expression, target, rules::RegexCache::kMaxMemory);
  if (!plain) return 0;
  auto regex = rules::make_re2(plain->text, target, rules::RegexCache::kMaxMemory);
  if (!regex->ok() || regex->ProgramSize() > kMaxProgram) return 0;

  const bool expected = found_by(*regex, text);
  if (comparable(*written, target, expression)) POSTERN_CHECK(found_by(*written, text) == expected);
  std::string detail;
  POSTERN_CHECK(found_by_set({target, "", std::string(expression)}, text, detail) == expected);
  POSTERN_CHECK(detail.size() <= 200 && is_utf8(detail) && (expected || detail.empty()));
  return 0;
}
