// Text, times and paragraphs as they are shown to people on a terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "filters/base/clock.h"

namespace postern::cli {

/// Untrusted text for a terminal: escape_for_log() without the characters that show nothing themselves and turn the
/// order of others, or hide between them. At most about `limit` octets.
[[nodiscard]] std::string shown(std::string_view untrusted, size_t limit = 200);

/// "0.3 ms", "12 ms", "3.1 s", "12 min".
[[nodiscard]] std::string lasting(Duration duration);
/// "2026-11-22 22:05:49 +0100 (Sunday)", in this machine's zone. Milliseconds since 1970.
[[nodiscard]] std::string local_time(int64_t wall_ms);
/// "2026-11-22T21:05:49.123Z" (RFC 3339).
[[nodiscard]] std::string utc_time(int64_t wall_ms);
/// "40 s", "3 minutes", "2 hours", "5 days".
[[nodiscard]] std::string age(int64_t milliseconds);

/// `text` in lines of at most `columns` characters, broken at blanks, each behind `indent` blanks and with a line end.
/// Words that are longer stand alone.
[[nodiscard]] std::string wrapped(std::string_view text, size_t indent, size_t columns = 96);

}  // namespace postern::cli
