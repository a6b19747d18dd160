// The journal's file as `explain`, `replay` and `rules` open it.
#pragma once

#include <memory>
#include <string>

#include "filters/base/result.h"
#include "proxy/ops/journal.h"

namespace postern::cli {

/// Beside a gateway or without one. Errors are sentences for an admin, with what to do where that can be told.
[[nodiscard]] Result<std::unique_ptr<ops::JournalReader>> open_journal(const std::string& path);

}  // namespace postern::cli
