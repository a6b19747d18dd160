// Skeleton: the letter that a reader takes a character for, so that look-alikes are one letter.
#pragma once

#include <cstdint>

namespace postern::bulk {

/// What a character is to words.
enum class Sort : uint8_t {
  Break,    // between words: blanks, punctuation, symbols
  Nothing,  // not seen, or only a mark on the letter before: passed over inside words
  Digit,
  Letter,
  Dense,  // of scripts without blanks, where a few characters are a word: Han, kana, Thai, Khmer, Burmese
};

/// `letter`: what stands for the character, in lower case; for a digit '0' to '9'; else 0. `weight`: how much of a word
/// a letter is, since words are short where vowels are not written, or a letter is a syllable; kFullWeight is enough.
struct Character {
  Sort sort = Sort::Break;
  uint8_t weight = 0;
  char32_t letter = 0;

  bool operator==(const Character&) const = default;
};
/// Of a word that says something: four letters of most alphabets, three of Arabic or Hindi, two of Korean.
constexpr unsigned kFullWeight = 12;

/// Of any code point; that of no character is a Break. The answers are part of every fingerprint that was ever stored
/// or shared: whoever changes one raises kFingerprintVersion. ASCII too.
///
/// Consistent, not correct: the Cyrillic and Greek letters that look like Latin ones become these in real Russian or
/// Greek too, which does no harm, since both messages that are compared are treated alike. `i`, `l` and `1` are one
/// letter, `o` and `0` only inside of words (words.h).
[[nodiscard]] Character skeleton(char32_t code_point);

}  // namespace postern::bulk
