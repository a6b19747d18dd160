// Ids of messages: short enough to read out over the phone, unique, in order of time.
#pragma once

#include <cstdint>
#include <string>

namespace postern::session {

/// A ULID: 26 characters of Crockford's base 32, 48 bits of milliseconds since 1970 and 80 random bits. Any thread.
[[nodiscard]] std::string make_message_id(int64_t wall_ms);
/// What those of `wall_ms` begin with: not after any of them, and after all earlier ones. Any thread.
[[nodiscard]] std::string first_message_id(int64_t wall_ms);

}  // namespace postern::session
