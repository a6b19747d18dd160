// Character references of HTML: "&amp;", "&#8203;", "&#x41;".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace postern::mime {

/// Decodes the reference at text[at], an '&', and appends its character to `out` as UTF-8. Returns the octets it took,
/// 0 where there is no reference (then nothing is appended). `attribute`: by the rules inside attribute values.
/// Constant time, but for the digits of a numeric reference.
[[nodiscard]] size_t decode_reference(std::string_view text, size_t at, bool attribute, std::string& out);

/// The whole of `text`, other octets unchanged. Linear.
[[nodiscard]] std::string decode_references(std::string_view text, bool attribute);

}  // namespace postern::mime
