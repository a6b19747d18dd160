// Finds what of a message's content needs no change: shared by the reader and the writer, and what makes them fast.
#pragma once

#include <cstddef>
#include <string_view>

namespace postern::smtp {

/// Looks at one text from front to back, in time linear in its length however it is made: the place of the next LF is
/// kept between calls. The text must stay where it is.
class PlainScan {
 public:
  /// Length of the front part of `rest` (a rest of the text) that may pass as it is: no dot at a line's start, CR and
  /// LF only as CRLF. Sets `line_start` to whether a line begins behind it; where nothing passes it stays as it was.
  size_t length(std::string_view rest, bool& line_start);

 private:
  const char* line_feed_ = nullptr;
};

}  // namespace postern::smtp
