// What a PatternSet is made of; for its own files only.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <hs/hs.h>
#include <re2/re2.h>

#include "lua/patterns.h"

namespace postern::rules {

struct FreeDatabase {
  void operator()(hs_database_t* database) const { hs_free_database(database); }
};
using Database = std::unique_ptr<hs_database_t, FreeDatabase>;

enum class Searcher : uint8_t { Hyperscan = 0, Re2 = 1 };

/// What compiling yields and the cache file keeps.
struct CompiledPatterns {
  std::vector<std::string> plain;  // as write_plainly() gives it
  std::vector<Searcher> searcher;
  std::array<Database, kTargets> databases;  // null: Hyperscan searches nothing there
};

/// A plain expression for RE2; whether it is ok() is for the caller to ask. Memory of one is bounded by `max_memory`.
[[nodiscard]] std::unique_ptr<RE2> make_re2(std::string_view plain, Target target, int64_t max_memory);

/// Compiles without a cache.
[[nodiscard]] tl::expected<CompiledPatterns, std::vector<PatternSet::Refusal>> compile_patterns(
    const std::vector<Pattern>& patterns, std::vector<std::string>& notes);

struct PatternSet::Inside {
  static constexpr uint32_t kNoField = 0xFFFFFFFF;

  /// Finds what matched within a short text around a match, for Matches::detail(). Made when a pattern first hits, kept
  /// for all scanners: nobody pays for patterns that never do.
  struct Finder {
    std::once_flag once;
    std::unique_ptr<RE2> regex;  // null: too large for kFinderMemory, or there are kMaxFinders
  };
  static constexpr size_t kMaxFinders = 2000;
  static constexpr int64_t kFinderMemory = 256 << 10;  // octets each, at most

  std::vector<Pattern> patterns;
  CompiledPatterns compiled;
  bool from_cache = false;
  size_t fallbacks = 0;
  std::array<bool, kTargets> wanted{};
  std::vector<std::string> fields;                 // sorted
  std::vector<uint32_t> field_of;                  // pattern -> index in fields, or kNoField
  std::array<std::vector<size_t>, kTargets> slow;  // patterns that RE2 searches
  std::vector<std::unique_ptr<RE2>> slow_regex;    // pattern -> its RE2, or null
  std::unique_ptr<Finder[]> finders;
  std::atomic<size_t> finders_made{0};

  /// Once, when `compiled` is filled in.
  void take(std::vector<Pattern> all);
  [[nodiscard]] uint32_t field_index(std::string_view name) const;  // any case
  [[nodiscard]] const RE2* finder(size_t pattern);                  // any thread
};

}  // namespace postern::rules
