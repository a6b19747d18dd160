// What `postern lists` prints.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace postern::cli {

/// A table for people, a line for each list (and another one for why it is suspended), from the objects of
/// GET /api/lists. Fields that are missing or of another type are shown as nothing. `wall_ms`: now.
[[nodiscard]] std::string list_table(const std::vector<nlohmann::ordered_json>& lists, int64_t wall_ms);

}  // namespace postern::cli
