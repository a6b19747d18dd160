// The header of one part: where it ends, and what it says of the part.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "filters/mime/mime.h"

namespace postern::mime {

/// A line of a text with CRLF or lone LF at line ends.
struct Line {
  size_t begin = 0;
  size_t end = 0;   // without its line end
  size_t next = 0;  // of the next line, or the end of the text
};
[[nodiscard]] Line line_at(std::string_view text, size_t at);

struct HeaderPlace {
  size_t end = 0;   // behind its last line
  size_t body = 0;  // behind the empty line, where there is one
};
/// The header that begins at `at`. It ends at an empty line or at one for which `is_delimiter` says so. Lines that are
/// no fields are passed over as long as an empty line follows somewhere, as readers do; where none follows, the first
/// of them begins the body. Without any field at the beginning there is no header (RFC 2046, 5.1: a part may have
/// none).
[[nodiscard]] HeaderPlace find_header(std::string_view text, size_t at,
                                      const std::function<bool(const Line&)>& is_delimiter);

/// Fills what Part says of the header `part.header`; returns the boundary, empty when there is none. `default_type` is
/// what a part without Content-Type is.
std::string read_header(Part& part, std::string_view default_type, Defects& defects);

}  // namespace postern::mime
