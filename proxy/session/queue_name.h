// What a backend calls a message that it took.
#pragma once

#include <string>
#include <string_view>

namespace postern::session {

/// From its answer to the final dot: "250 2.0.0 Ok: queued as 4XkT1c" gives "4XkT1c". Where no name is seen, the text
/// of the answer. Printable, at most 40 octets; "..." at the end of what was cut.
[[nodiscard]] std::string queue_name(std::string_view reply);

}  // namespace postern::session
