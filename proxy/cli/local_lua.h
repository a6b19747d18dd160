// local.lua as a text that something is added to.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace postern::cli {

/// Where a file of rules may end before its last line.
struct ReturnPlace {
  size_t at = 0;  // of the first octet of the line where the statement begins, or of the statement
  int line = 1;   // the statement's
};

/// The first statement of the file itself (not of a function in it) that is a `return` or has one in it, as
/// `do return end` and `if ... then return end` have: what stands behind it may not be run. Linear in the text.
[[nodiscard]] std::optional<ReturnPlace> find_return(std::string_view text);

}  // namespace postern::cli
