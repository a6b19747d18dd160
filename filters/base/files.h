// Reading and writing whole files, and making their names last. What fails says why in errno. Any thread; blocks.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace postern {

/// Appends to `out` what is left of `file`, at most `limit` octets of it. False: errno says why, and `out` has what
/// came before. Blocks as long as somebody writes into a pipe.
[[nodiscard]] bool read_rest(int file, size_t limit, std::string& out);

/// Writes all of `octets`. False: errno says why, and some of them may be written.
[[nodiscard]] bool write_all(int file, std::string_view octets);

/// A name that was made or changed in `directory` is there after a crash once this has returned true. Of a file, its
/// octets are synced before, by who wrote them.
[[nodiscard]] bool sync_directory(const std::string& directory);

}  // namespace postern
