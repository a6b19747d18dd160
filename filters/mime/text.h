// Small helpers of this folder for texts that are shown.
#pragma once

#include <string>
#include <string_view>

#include "filters/mime/mime.h"

namespace postern::mime {

/// UTF-8 as one line: NUL is dropped, other control characters (also U+0080 to U+009F) become blanks, none are left at
/// the ends.
[[nodiscard]] std::string shown_text(std::string_view utf8);

/// At most `limit` octets of `utf8`, cut between characters.
[[nodiscard]] std::string_view cut_utf8(std::string_view utf8, size_t limit);

/// Length of the longest start of `text` that is ASCII, and of the longest that is well-formed UTF-8. Several octets at
/// a time where they are ASCII, as most mail is.
[[nodiscard]] size_t ascii_length(std::string_view text);
[[nodiscard]] size_t utf8_length(std::string_view text);

/// 0 to 15, in either case; -1 for what is no hexadecimal digit.
[[nodiscard]] int hex_digit(char c);

/// Transfer encodings without a part around them. At most `limit` octets come out. True: nothing was amiss.
bool decode_base64(std::string_view text, size_t limit, std::string& out);
bool decode_quoted_printable(std::string_view text, size_t limit, std::string& out);

}  // namespace postern::mime
