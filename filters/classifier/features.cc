#include "filters/classifier/features.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include "filters/base/bytes.h"
#include "filters/classifier/author_fields.h"
#include "filters/classifier/body_form.h"
#include "filters/classifier/header_features.h"
#include "filters/classifier/scale.h"
#include "filters/classifier/sink.h"
#include "filters/classifier/texture.h"
#include "filters/classifier/words.h"
#include "filters/dmarc/dmarc.h"
#include "filters/dmarc/psl.h"
#include "filters/mime/mime.h"
#include "filters/mime/tld.h"

namespace postern::classifier {
namespace {

constexpr size_t kMaxParts = 12;
constexpr size_t kMaxLinks = 30;
constexpr size_t kMaxFiles = 10;
constexpr size_t kMaxSubject = 200;  // octets of it, squeezed
constexpr size_t kMaxShown = Reading::kMaxText - kMaxSubject;

void read_parts(mime::Content& content, Sink& sink) {
  const mime::Message& message = content.structure();
  std::string row;
  size_t seen = 0;
  for (const mime::Part& part : message.parts) {
    if (++seen > kMaxParts) break;
    row += part.type;
    row += ' ';
    sink.add(Kind::Shape, "part", part.type);
    sink.add(Kind::Shape, "charset", part.charset);
    if (part.type.starts_with("text/"))
      sink.add(Kind::Shape, pair_of(hash_of(part.type), static_cast<uint64_t>(part.encoding)));
  }
  sink.add(Kind::Shape, "parts", row);
  const mime::Defects& defects = message.defects;
  std::array<bool, 10> odd = {
      defects.missing_boundary, defects.missing_close,   defects.duplicate_header, defects.bad_encoding,
      defects.unknown_encoding, defects.unknown_charset, defects.bad_charset,      defects.nul,
      defects.after_close,      defects.nested_too_deep};
  for (size_t i = 0; i < odd.size(); ++i) {
    if (odd[i]) sink.add(Kind::Shape, pair_of(hash_of("defect"), i));
  }
}

void read_files(mime::Content& content, Sink& sink) {
  size_t seen = 0;
  for (const mime::Attachment& file : content.attachments()) {
    if (++seen > kMaxFiles) break;
    sink.add(Kind::File, "kind", file.kind);
    sink.add(Kind::File, "extension", file.extension);
    sink.add(Kind::File, "type", file.type);
    if (file.encrypted) sink.add(Kind::File, "encrypted");
  }
  sink.count("files", seen);
}

void read_link(const mime::Url& url, Sink& sink) {
  if (url.scheme == "mailto") {
    sink.add(Kind::Link, "mailto", url.host);
    return;
  }
  std::string_view site = mime::registered_part(url.host);
  sink.add(Kind::Link, "site", site);
  sink.add(Kind::Link, "top level",
           ascii_digit(url.host.empty() ? ' ' : url.host.back()) ? "address" : top_level(url.host));
  if (url.host != site) sink.add(Kind::Link, "host", url.host);
  if (url.shown_differs) sink.add(Kind::Link, "shown differs");
  if (!url.user.empty()) sink.add(Kind::Link, "user");
  if (url.port != 0) sink.add(Kind::Link, "port");
  sink.add(Kind::Link, pair_of(hash_of("where"), static_cast<uint64_t>(url.where)));
  sink.add(Kind::Link, "scheme", url.scheme);
  Words path;
  read_words(std::string_view(url.path).substr(0, 60), path);
  path.size = std::min<size_t>(path.size, 4);
  for (size_t i = 0; i < path.size; ++i) sink.add(Kind::Link, pair_of(hash_of("path"), path.hash[i]));
}

/// What is read by runs.
void copy_text(const AuthorFields& fields, mime::Content& content, std::string& out) {
  out.clear();
  squeeze(mime::decode_header(fields.value(Name::Subject)), kMaxSubject - 1, true, out);
  out += '\n';
  squeeze(content.shown(), kMaxShown, true, out);
  std::replace_if(out.begin(), out.end(), ascii_digit, '0');
}

void copy_links(mime::Content& content, std::string& out) {
  constexpr size_t kMaxPath = 60;
  constexpr size_t kMaxHost = 255;
  out.clear();
  for (const mime::Url& url : content.urls()) {
    if (out.size() >= Reading::kMaxLinks) break;
    out.append(url.host, 0, kMaxHost);
    out.append(url.path, 0, kMaxPath);
    out += '\n';
  }
  out.resize(std::min(out.size(), Reading::kMaxLinks));
}

void read_links(mime::Content& content, Sink& sink) {
  const std::vector<mime::Url>& urls = content.urls();
  sink.count("links", urls.size());
  for (size_t i = 0; i < std::min(urls.size(), kMaxLinks); ++i) read_link(urls[i], sink);
}

void read_text(mime::Content& content, Sink& sink) {
  const std::string& text = content.shown();
  Words words;
  read_words(text, words);
  sink.words(Kind::Word, words);
  sink.count("text", text.size());
  if (words.capitals > 0) sink.count("capitals", words.capitals);
  if (words.shouts > 0) sink.count("shouts", words.shouts);
  if (words.money > 0) sink.count("money", words.money);
  if (words.mixed) sink.add(Kind::Shape, "mixed");
  if (words.unseen) sink.add(Kind::Shape, "unseen");
  if (size_t hidden = content.hidden().size(); hidden > 0) sink.count("hidden", hidden);
}

// ---------------------------------------------------------------- who

/// Where anybody gets an address: there the address is the sender, elsewhere its domain.
constexpr std::array<std::string_view, 34> kMailboxProviders = {
    "126.com",     "163.com",   "aol.com",     "bol.com.br",     "comcast.net",    "free.fr",     "gmail.com",
    "gmx.com",     "gmx.de",    "gmx.net",     "googlemail.com", "hotmail.co.uk",  "hotmail.com", "hotmail.fr",
    "icloud.com",  "libero.it", "live.com",    "mail.com",       "mail.ru",        "me.com",      "msn.com",
    "naver.com",   "orange.fr", "outlook.com", "proton.me",      "protonmail.com", "qq.com",      "rediffmail.com",
    "t-online.de", "web.de",    "yahoo.co.jp", "yahoo.co.uk",    "yahoo.com",      "yandex.ru"};
static_assert(std::is_sorted(kMailboxProviders.begin(), kMailboxProviders.end()));

}  // namespace

void read_features(mime::Content& content, const message::Header& header, Reading& out) {
  Sink sink(out.features);
  AuthorFields fields(header);
  read_header(fields, sink);
  copy_written(fields, out.header);
  read_header_form(fields, out.header, sink);
  read_parts(content, sink);
  read_files(content, sink);
  read_links(content, sink);
  read_text(content, sink);
  read_body_form(fields, content, sink);
  copy_text(fields, content, out.text);
  copy_links(content, out.links);
  sink.finish();
}

uint64_t digest_of(const std::vector<Feature>& features) {
  // Of eight orders of the words the first in each. Copies with three words in a hundred replaced share all eight three
  // times in four; two mails of one subject, four words in ten in common, once in a thousand.
  constexpr size_t kOrders = 8;
  constexpr size_t kLeastWords = 16;
  std::array<uint64_t, kOrders> least{};
  least.fill(std::numeric_limits<uint64_t>::max());
  size_t words = 0;
  for (Feature feature : features) {
    if (kind_of(feature) != static_cast<size_t>(Kind::Word)) break;  // they are sorted, and these come first
    ++words;
    for (size_t i = 0; i < kOrders; ++i) least[i] = std::min(least[i], mix(feature + (i << kKindShift)));
  }
  uint64_t digest = kHashBasis;
  if (words >= kLeastWords) {
    for (uint64_t one : least) digest = mix(digest ^ one) + 1;
  } else {
    // Too little text to tell messages apart by: all that there is.
    for (Feature feature : features) digest = mix(digest ^ feature) + 1;
  }
  return digest;
}

uint64_t sender_of(const message::Header& header) {
  dmarc::Author author = dmarc::find_author(header);
  if (author.kind != dmarc::Author::Kind::One) return 0;
  std::string sender = dmarc::registrable_domain(author.domain).value_or(author.domain);
  if (std::binary_search(kMailboxProviders.begin(), kMailboxProviders.end(), std::string_view(sender))) {
    for (const message::Field& field : header.fields) {
      if (!equal_nocase(field.name, "From")) continue;
      std::string mailbox = read_mailbox(message::unfold(field.value.substr(0, AuthorFields::kMaxValue))).local;
      mailbox += '@';
      mailbox += sender;
      sender = std::move(mailbox);
      break;
    }
  }
  return std::max<uint64_t>(mix(hash_of(sender)), 1);
}

}  // namespace postern::classifier
