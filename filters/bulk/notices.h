// Legal notices: what companies, and nobody who writes to somebody, put below each of their messages.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace postern::bulk {

/// Octets of a text.
struct Span {
  size_t begin = 0;
  size_t end = 0;

  bool operator==(const Span&) const = default;
};

/// Where legal notices stand in `text` (UTF-8, or anything): who may read it, what to do when it came to the wrong
/// reader, whose views these are, how the company is registered. In order, none empty, never overlapping. Only in the
/// second half of the text, or where next to nothing follows; each of some 400 words at most, 1000 all together. A
/// notice is sentences that follow each other with two different marks at least, one of them such that no one else
/// writes it: a letter that calls its offer confidential has none. No state; any thread; linear.
[[nodiscard]] std::vector<Span> legal_notices(std::string_view text);

}  // namespace postern::bulk
