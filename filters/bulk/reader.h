// Reader: which lines of a text its sender wrote for this message; quotations, signatures and footers are everybody's.
#pragma once

#include <string_view>
#include <vector>

namespace postern::bulk {

/// The pieces of `text` (lines end with "\n") that messages are compared by, in order, as views into it. Left out:
///
/// - legal notices (notices.h);
/// - a signature behind "-- " (RFC 3676, 4.3), of at most 12 lines and 40 words that count;
/// - what mailing lists and providers put below a line of "_", "-" or "=", at most 15 lines and 60 words, of both at
///   most 1500 octets; more than 32 words only if more stand above them;
/// - quoted lines ("> ", "| ") and the line before them that says whose they are;
/// - "-----Original Message-----", or the few fields that stand for it, and what follows.
///
/// Of a message that is no `reply`, what is quoted counts when it is most of it: nobody quotes without an answer, but
/// it would be a way to hide. The others never do: who sends a signature alone has said nothing, and what is longer
/// than one is none. So nothing may be left.
[[nodiscard]] std::vector<std::string_view> counted_text(std::string_view text, bool reply);

}  // namespace postern::bulk
