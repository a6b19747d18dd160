// The file that keeps a compiled pattern set from one start to the next.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lua/pattern_inside.h"

namespace postern::rules {

/// A hash over all that a compiled set depends on: the patterns, the format of the file, the library, the processor.
using PatternKey = std::array<uint8_t, 16>;
[[nodiscard]] PatternKey pattern_key(const std::vector<Pattern>& patterns);

constexpr size_t kMaxPatternCache = 256U << 20U;  // octets of the file

/// nullopt: there is none that fits. A compiled database runs with our rights, so the file must be a regular one,
/// belong to us or root, and be writable by nobody else; `notes` says what was wrong, if anything was.
[[nodiscard]] std::optional<CompiledPatterns> read_pattern_cache(const std::string& file, const PatternKey& key,
                                                                 const std::vector<Pattern>& patterns,
                                                                 std::vector<std::string>& notes);

/// Writes beside the file, syncs and renames: who reads meanwhile sees the old or the new one. A file that is there and
/// is no pattern cache is left alone.
void write_pattern_cache(const std::string& file, const PatternKey& key, const CompiledPatterns& compiled,
                         std::vector<std::string>& notes);

}  // namespace postern::rules
