// What is named with --ham and --spam, before anything of it is read.
#pragma once

#include <string>
#include <vector>

#include "filters/base/result.h"

namespace postern::cli {

/// Fails (BadInput, a sentence that names both) where messages would count twice, or as ham and as spam: a place that
/// is named again, by this or another name (links are followed), or one that is inside of another. What is not there
/// is left to whoever reads it.
[[nodiscard]] Result<void> check_distinct(const std::vector<std::string>& ham, const std::vector<std::string>& spam);

}  // namespace postern::cli
