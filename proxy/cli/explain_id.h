// Ids of messages as people paste them.
#pragma once

#include <string>
#include <string_view>

namespace postern::cli {

/// The id in "01J...", "[id 01j...]", "X-Postern-Id: 01J...", a whole reply, a line of the log: in upper case. Where
/// there are several the one that is said to be an id. Empty: there is none.
[[nodiscard]] std::string id_in(std::string_view typed);

}  // namespace postern::cli
