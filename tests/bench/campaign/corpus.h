// Corpus: real mails to measure with, as they came, and what is known of them without our sketches.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::campaign {

/// Words of `text`, lower case as far as they are ASCII: letters, digits and whatever is not ASCII. On purpose not the
/// words that filters/bulk makes: this is what it is judged by.
[[nodiscard]] std::vector<std::string> words_of(std::string_view text);
/// Hashes of the distinct runs of three words, sorted.
using Grams = std::vector<uint64_t>;
[[nodiscard]] Grams grams_of(const std::vector<std::string>& words);
/// Shared grams of all grams, exactly: 0 to 1; 0 where both are empty.
[[nodiscard]] double jaccard(const Grams& a, const Grams& b);

struct Mail {
  std::string name;    // corpus and file
  std::string octets;  // the whole message, CRLF
  std::string text;    // what a reader sees, quoted lines left out where there are others
  Grams grams;         // of `text`
  std::string subject;
  std::string from;
  bool list = false;    // came through a mailing list, its fields say
  bool spam = false;    // the corpus says
  bool bounce = false;  // of the corpus of bounces: null sender
};

/// Every *.eml below `folder`, in the order of their names.
[[nodiscard]] std::vector<Mail> load(const std::string& folder);

}  // namespace postern::campaign
