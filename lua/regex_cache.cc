#include "lua/regex_cache.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "lua/registry.h"

namespace postern::rules {

size_t RegexCache::reach(const RE2& regex) {
  constexpr size_t kMaxSteps = 10'000'000;  // octets times instructions
  auto instructions = static_cast<size_t>(std::max(1, regex.ProgramSize()));
  return std::min(kMaxSubject, kMaxSteps / instructions);
}

Result<std::shared_ptr<const RE2>> RegexCache::find(std::string_view pattern) {
  if (pattern.size() > kMaxPattern) {
    return fail(Code::Limit, fmt::format("the regular expression is longer than {} bytes", kMaxPattern));
  }
  key_.assign(pattern);
  if (auto found = compiled_.find(key_); found != compiled_.end()) return found->second;

  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxMemory);
  auto regex = std::make_shared<const RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!regex->ok()) {
    return fail(Code::BadInput, fmt::format("the regular expression '{}' is wrong: {}", one_line(pattern.substr(0, 80)),
                                            one_line(std::string_view(regex->error()).substr(0, 120))));
  }
  if (regex->NumberOfCapturingGroups() > kMaxGroups) {
    return fail(Code::Limit, fmt::format("the regular expression has more than {} groups", kMaxGroups));
  }
  // Only a rule that makes expressions from data comes here often; it pays with compiling, nobody with memory.
  if (compiled_.size() >= kMaxExpressions) compiled_.clear();
  compiled_.emplace(key_, regex);
  return regex;
}

}  // namespace postern::rules
