// Words: a text as a row of hashes, one for each word that says something, the same however it is dressed up.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace postern::bulk {

/// A word's hash, or one of the kinds: what differs between copies, so that only its place counts.
using Word = uint64_t;
constexpr Word kNumber = 1;   // with letters in it too: "A-4711/b"
constexpr Word kAddress = 2;  // of mail
constexpr Word kUrl = 3;      // a bare host name too
constexpr Word kNoise = 4;    // more letters than a word has
constexpr Word kFirstWord = 16;
[[nodiscard]] constexpr bool is_kind(Word word) {
  return word < kFirstWord;
}

/// Appends what `text` says to `words`, in order, in one pass. `text` is UTF-8, or anything. Left out are words that
/// are too short to tell texts apart (kFullWeight in skeleton.h) and a kind that repeats the one before. Letters are
/// skeletons; what nobody sees is passed over; digits inside of words are the letters that they stand for ("v1agra"),
/// at their ends they are dropped; "l e t t e r s" apart are one word. In scripts without blanks any two characters
/// that follow each other are a word.
void read_words(std::string_view text, std::vector<Word>& words);

}  // namespace postern::bulk
