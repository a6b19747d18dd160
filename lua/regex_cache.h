// Regular expressions (RE2) that rules name by their text: compiled once, kept within bounds.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include <re2/re2.h>

#include "filters/base/result.h"

namespace postern::rules {

/// RE2 takes time linear in the text, whatever the expression; what remains to bound is memory. One thread.
class RegexCache {
 public:
  static constexpr size_t kMaxPattern = 4096;       // bytes
  static constexpr size_t kMaxSubject = 1U << 20U;  // bytes of a text that are looked at
  static constexpr int64_t kMaxMemory = 1 << 20;    // bytes of one compiled expression
  static constexpr size_t kMaxExpressions = 256;
  static constexpr int kMaxGroups = 32;

  /// How much of a text an expression looks at: kMaxSubject, less for a large one. RE2 is linear, but where its
  /// automaton has more states than memory each octet costs up to 2.5 ns for each of its instructions (measured),
  /// inside of one call that nothing can stop: at most some 20 ms.
  [[nodiscard]] static size_t reach(const RE2& regex);

  /// BadInput: RE2's own words; Limit: too long, too many groups.
  Result<std::shared_ptr<const RE2>> find(std::string_view pattern);

 private:
  std::unordered_map<std::string, std::shared_ptr<const RE2>> compiled_;
  std::string key_;  // reused: looking up costs no allocation
};

}  // namespace postern::rules
