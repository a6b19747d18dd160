// Counts as people say them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace postern::cli {

/// "1 message", "2 messages", "0 messages": for nouns whose plural has an s.
[[nodiscard]] inline std::string counted(uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace postern::cli
