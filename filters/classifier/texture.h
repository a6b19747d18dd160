// How a text is written, whatever it says.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace postern::classifier {

/// Runs of digits are 0, of small letters a, of capitals A; what else there is stands for itself, once:
/// "<Ab12--c@d>" is "<Aa0-a@a>". At most `limit` octets.
[[nodiscard]] std::string runs_of(std::string_view text, size_t limit);

/// Its beginning, with each digit a 0.
[[nodiscard]] std::string masked(std::string_view text, size_t limit);

/// Appends a text with one blank for all white space and control octets between its words, none at its ends; ASCII
/// letters small where `lower` says so. Appends at most `limit` octets.
void squeeze(std::string_view text, size_t limit, bool lower, std::string& out);

}  // namespace postern::classifier
