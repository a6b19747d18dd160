// What `postern bulk` prints.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace postern::cli {

// For people, from the objects of GET /api/bulk. Subjects and senders are anybody's: they are shown escaped, and cut.
// Fields that are missing or of another type are shown as nothing.

/// A table, a line for each cluster. `at_least`: what was asked for, in messages; for the words where there is none.
[[nodiscard]] std::string bulk_table(const std::vector<nlohmann::ordered_json>& clusters, uint64_t at_least);

/// Everything known of one cluster, the first of its messages that were let through, and what to type next. `wall_ms`:
/// now. `options`: what belongs behind each command, as " --config FILE".
[[nodiscard]] std::string bulk_details(const nlohmann::ordered_json& cluster, int64_t wall_ms,
                                       const std::string& options);

}  // namespace postern::cli
