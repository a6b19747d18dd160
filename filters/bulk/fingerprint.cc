#include "filters/bulk/fingerprint.h"

#include <string>

#include "filters/bulk/files.h"
#include "filters/bulk/kinds.h"
#include "filters/bulk/likeness.h"
#include "filters/bulk/minhash.h"
#include "filters/bulk/reader.h"
#include "filters/bulk/sites.h"
#include "filters/bulk/words.h"

namespace postern::bulk {
namespace {

/// RFC 5322, 3.6.4.
bool is_reply(const message::Header& header) {
  auto has = [&](std::string_view name) {
    auto value = header.first(name);
    return value && !value->empty();
  };
  return has("In-Reply-To") || has("References");
}

Sketched read_text(std::string_view text, bool reply) {
  std::vector<Word> words;
  for (std::string_view piece : counted_text(text.substr(0, kMaxText), reply)) read_words(piece, words);
  return sketch(words);
}

}  // namespace

Fingerprint fingerprint(mime::Content& content, const message::Header& header, bool null_sender) {
  Fingerprint out;
  Sketched text = read_text(content.shown(), is_reply(header));
  out.words = text.words;
  if (auto kind = special_kind(content, header, null_sender, text.words)) {
    out.evidence = *kind;
  } else if (text.words >= kLeastWords) {
    out.evidence = Evidence::Enough;
    out.text = text.sketch;
  } else {
    out.evidence = text.words > 0 ? Evidence::Little : Evidence::None;
  }
  out.sites = sites_of(content.urls());
  // What a bounce brings back was sent by somebody else.
  if (out.evidence != Evidence::Bounce) hash_files(content, out.files, out.pictures);
  bool says_little = out.evidence == Evidence::None || out.evidence == Evidence::Little;
  if (says_little) out.urls = url_print(content.urls(), !out.pictures.empty());
  return out;
}

}  // namespace postern::bulk
