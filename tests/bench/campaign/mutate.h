// Mutate: copies of one text as senders of campaigns make them, each of its own.
#pragma once

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/campaign/corpus.h"

namespace postern::campaign {

/// Equal seeds give equal copies.
using Random = std::mt19937_64;

/// What is done to one copy. Shares are 0 to 1.
struct Mutation {
  std::string_view name;
  double replaced = 0;             // of the words, by others
  double inserted = 0;             // words put in between, for each word that is there
  bool shuffle_sentences = false;  // within their paragraph
  bool shuffle_paragraphs = false;
  bool noise_sentences = false;  // one for each ten of the text, at least one
  bool html = false;             // text/html, with comments, empty elements in words and text nobody sees
  double homoglyphs = 0;         // of the letters that have a look-alike
  bool other_sites = false;      // the link is to another site each time, not only another page of one
  double zero_width = 0;         // of the places between letters
};
/// All that are measured, the plain ones first.
[[nodiscard]] const std::vector<Mutation>& mutations();

/// A text to make copies of: paragraphs of sentences of words as they stood, white space apart.
struct Original {
  std::vector<std::vector<std::vector<std::string>>> paragraphs;
  size_t words = 0;  // of letters
  std::string source;
};
[[nodiscard]] Original original_of(const Mail& mail);

/// Words as often as the corpus has them; what replaces and fills.
[[nodiscard]] std::vector<std::string> vocabulary_of(const std::vector<Mail>& mails);

/// One copy as a whole message, greeting and link of its own. `campaign` names the domain it advertises.
[[nodiscard]] std::string copy_of(const Original& original, const Mutation& mutation, size_t campaign,
                                  const std::vector<std::string>& vocabulary, Random& random);

}  // namespace postern::campaign
