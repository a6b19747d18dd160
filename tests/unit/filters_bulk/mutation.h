// What senders of bulk do to a text so that no two copies are equal; deterministic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace postern::bulk::test {

using Random = std::mt19937_64;

/// By blanks.
[[nodiscard]] std::vector<std::string> split_words(std::string_view text);

/// A word that is none; of 4 to 11 letters unless it is said.
[[nodiscard]] std::string random_word(Random& random, size_t length = 0);
/// Each word with this probability another one as long.
[[nodiscard]] std::string replace_words(std::string_view text, double share, Random& random);
[[nodiscard]] std::string shuffle_sentences(std::string_view text, Random& random);
/// So many words that are none, between the others.
[[nodiscard]] std::string insert_noise(std::string_view text, size_t words, Random& random);
/// Every third letter that has one becomes its look-alike of another script.
[[nodiscard]] std::string homoglyphs(std::string_view text);
/// Behind every second letter a character that nobody sees.
[[nodiscard]] std::string invisible_characters(std::string_view text);
/// As HTML: tags and comments inside of words, hidden text between them, each time others.
[[nodiscard]] std::string html_noise(std::string_view text, Random& random);

}  // namespace postern::bulk::test
