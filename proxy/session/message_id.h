// Ids of messages: short enough to read out over the phone, unique, in order of time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::session {

inline constexpr size_t kMessageIdLength = 26;
inline constexpr std::string_view kMessageIdDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";  // Crockford's base 32

/// A ULID: 26 characters of Crockford's base 32, 48 bits of milliseconds since 1970 and 80 random bits. Any thread.
[[nodiscard]] std::string make_message_id(int64_t wall_ms);
/// What those of `wall_ms` begin with: not after any of them, and after all earlier ones. Any thread.
[[nodiscard]] std::string first_message_id(int64_t wall_ms);
/// When one was made, milliseconds since 1970. `id`: kMessageIdLength of the digits, as make_message_id() writes them.
[[nodiscard]] int64_t time_of_message_id(std::string_view id);

}  // namespace postern::session
