// What a rule writer wrote, said in the few words that Hyperscan and RE2 understand alike.
#pragma once

#include <string>
#include <string_view>

#include "filters/base/result.h"
#include "lua/pattern_characters.h"

namespace postern::rules {

/// The same expression for both engines: RE2's syntax without what the two read differently. Flags are worked into the
/// text, '$' is \z, classes are ranges of code points, groups capture nothing.
struct PlainExpression {
  std::string text;
  bool line_starts = false;  // it has a '^' under (?m)
};

/// Octets it may have once classes are written out.
constexpr size_t kMaxPlainExpression = 256U << 10U;
constexpr size_t kMaxPatternDepth = 200;  // groups within groups

/// `octets`: for Target::Raw, where a character is an octet and only ASCII letters have case. Not everything that comes
/// out is right (parentheses, repeats): that is for the engines to say. The error is a sentence for the admin.
[[nodiscard]] tl::expected<PlainExpression, std::string> write_plainly(std::string_view expression, bool octets,
                                                                       CharacterTables& tables);

}  // namespace postern::rules
