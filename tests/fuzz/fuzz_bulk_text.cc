// Whatever the text: its fingerprint is bounded, always the same, and not changed by what a reader does not see.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/bytes.h"
#include "filters/base/result.h"
#include "filters/bulk/fingerprint.h"
#include "filters/bulk/likeness.h"
#include "filters/bulk/minhash.h"
#include "filters/bulk/reader.h"
#include "filters/bulk/words.h"

using namespace postern;

namespace {

std::vector<bulk::Word> read(std::string_view text) {
  std::vector<bulk::Word> words;
  bulk::read_words(text, words);
  return words;
}

void check_words(std::string_view text) {
  std::vector<bulk::Word> words = read(text);
  POSTERN_CHECK(words.size() <= text.size());
  POSTERN_CHECK(words == read(text));
  // Without its digits and with another case it is what it was, but for the kinds.
  if (is_ascii(text) && std::none_of(text.begin(), text.end(), ascii_digit))
    POSTERN_CHECK(read(to_upper(text)) == words);
  // A line of its own changes nothing before it.
  std::vector<bulk::Word> more = words;
  bulk::read_words("\nanother line\n", more);
  POSTERN_CHECK(std::equal(words.begin(), words.end(), more.begin()));

  bulk::Sketched one = bulk::sketch(words);
  POSTERN_CHECK(one.words <= words.size());
  bulk::Likeness same = bulk::likeness(one.sketch, bulk::sketch(words).sketch);
  POSTERN_CHECK(same.words == bulk::Sketch::kSlots && same.pairs == bulk::Sketch::kSlots);
  // The order of the words is that of the pairs.
  std::reverse(words.begin(), words.end());
  POSTERN_CHECK(bulk::sketch(words).sketch.words == one.sketch.words);
}

/// Pieces of the text, in order.
void check_reader(std::string_view text) {
  for (bool reply : {false, true}) {
    const char* at = text.data();
    for (std::string_view piece : bulk::counted_text(text, reply)) {
      POSTERN_CHECK(!piece.empty() && piece.data() >= at);
      at = piece.data() + piece.size();
    }
    POSTERN_CHECK(at <= text.data() + text.size());
  }
}

void check_message(std::string_view text) {
  mime::Content content(text, true);
  bulk::Fingerprint print = bulk::fingerprint(content, message::parse_header(text), false);
  POSTERN_CHECK(print.text.has_value() == (print.evidence == bulk::Evidence::Enough));
  POSTERN_CHECK(!print.text || print.words >= bulk::kLeastWords);
  POSTERN_CHECK(print.sites.size() <= bulk::Fingerprint::kMaxSites);
  POSTERN_CHECK(print.files.size() <= bulk::Fingerprint::kMaxFiles);
  POSTERN_CHECK(print.pictures.size() <= bulk::Fingerprint::kMaxPictures);
  POSTERN_CHECK(content.shown().size() <= mime::Content::kMaxText && is_utf8(content.shown()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  check_words(text);
  check_reader(text);
  check_message(text);
  return 0;
}
