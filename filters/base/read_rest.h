// All that a file still has to read.
#pragma once

#include <cstddef>
#include <string>

namespace postern {

/// Appends to `out` what is left of `file`, at most `limit` octets of it. False: errno says why, and `out` has what
/// came before. Blocks as long as somebody writes into a pipe. Any thread.
[[nodiscard]] bool read_rest(int file, size_t limit, std::string& out);

}  // namespace postern
