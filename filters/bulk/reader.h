// Reader: which lines of a text its sender wrote for this message; quotations, signatures and footers are everybody's.
#pragma once

#include <string_view>
#include <vector>

namespace postern::bulk {

/// The pieces of `text` (lines end with "\n") that messages are compared by, in order, as views into it. Left out:
///
/// - quoted lines ("> ", "| ") and the line before them that says whose they are;
/// - "-----Original Message-----", or the few fields that stand for it, and what follows;
/// - a signature behind "-- " (RFC 3676, 4.3), of at most 12 lines;
/// - what mailing lists and providers put below a line of "_", "-" or "=", at most 15 lines and 1500 octets.
///
/// Of a `reply` that is all that counts. Of another message everything does when else nothing were left, and what is
/// quoted does when it is most of it: nobody quotes without an answer, but it would be a way to hide.
[[nodiscard]] std::vector<std::string_view> counted_text(std::string_view text, bool reply);

}  // namespace postern::bulk
