#include "filters/classifier/features.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <string>

#include "filters/base/bytes.h"
#include "filters/classifier/scale.h"
#include "filters/classifier/words.h"
#include "filters/dmarc/dmarc.h"
#include "filters/dmarc/psl.h"
#include "filters/mime/tld.h"

namespace postern::classifier {
namespace {

constexpr size_t kMaxField = 2000;  // octets of a field's value that are looked at
constexpr size_t kMaxParts = 12;
constexpr size_t kMaxLinks = 30;
constexpr size_t kMaxFiles = 10;

/// Collects features of one message.
class Sink {
 public:
  explicit Sink(std::vector<Feature>& out) : out_(out) { out_.clear(); }

  void add(Kind kind, uint64_t hash) {
    uint64_t mixed = mix(hash + (static_cast<uint64_t>(kind) + 1) * 0x9e3779b97f4a7c15U);
    out_.push_back(static_cast<Feature>(kind) << kKindShift | static_cast<Feature>(mixed >> (64 - kKindShift)));
  }
  /// Of a name and a text, "mailer" and "mutt".
  void add(Kind kind, std::string_view name, std::string_view text = {}) {
    add(kind, hash_of(name) * kHashPrime + hash_of(text));
  }
  /// How many, roughly: each doubling is another one.
  void count(std::string_view name, size_t number) {
    add(Kind::Shape, hash_of(name) * kHashPrime + static_cast<uint64_t>(std::bit_width(number)));
  }
  void words(Kind kind, const Words& words) {
    for (size_t i = 0; i < words.size; ++i) add(kind, words.hash[i]);
  }
  void finish() {
    std::sort(out_.begin(), out_.end());
    out_.erase(std::unique(out_.begin(), out_.end()), out_.end());
    // The bounds of each kind come to less; but they stand in many places.
    if (out_.size() > kMaxFeatures) out_.resize(kMaxFeatures);
  }

 private:
  std::vector<Feature>& out_;
};

[[nodiscard]] uint64_t pair_of(uint64_t first, uint64_t second) {
  return first * kHashPrime + second;
}

// ---------------------------------------------------------------- the header

/// "Ann <ann@example.org>": a reader's view of it, not a judge's (dmarc::find_author is that).
struct Mailbox {
  std::string name;
  std::string local;   // lower case
  std::string domain;  // lower case
};
Mailbox read_mailbox(std::string_view value) {
  Mailbox out;
  std::string_view text = value.substr(0, kMaxField);
  size_t open = text.rfind('<');
  size_t close = open == std::string_view::npos ? open : text.find('>', open);
  std::string_view address = text;
  if (close != std::string_view::npos) {
    out.name = mime::decode_header(text.substr(0, open));
    address = text.substr(open + 1, close - open - 1);
  } else if (size_t comment = text.find('('); comment != std::string_view::npos) {
    out.name = mime::decode_header(text.substr(comment));
    address = text.substr(0, comment);
  }
  size_t at = address.rfind('@');
  if (at == std::string_view::npos) return out;
  out.local = to_lower(trim(address.substr(0, at)));
  std::string_view domain = trim(address.substr(at + 1));
  while (!domain.empty() && (domain.back() == '.' || static_cast<unsigned char>(domain.back()) <= ' '))
    domain.remove_suffix(1);
  out.domain = to_lower(domain);
  return out;
}

[[nodiscard]] std::string_view top_level(std::string_view domain) {
  return domain.substr(domain.rfind('.') + 1);  // npos + 1 is 0
}

/// Fields that authors' programs write. All others tell how the message came here, and are not looked at.
enum class Name {
  Subject,
  From,
  ReplyTo,
  To,
  Cc,
  Date,
  MessageId,
  MimeVersion,
  Mailer,
  Priority,
  InReplyTo,
  Organization,
  Count
};
constexpr size_t kNames = static_cast<size_t>(Name::Count);
struct Known {
  std::string_view name;
  Name is;
};
constexpr std::array<Known, 19> kKnown = {{{"Subject", Name::Subject},
                                           {"From", Name::From},
                                           {"Reply-To", Name::ReplyTo},
                                           {"To", Name::To},
                                           {"Cc", Name::Cc},
                                           {"Date", Name::Date},
                                           {"Message-ID", Name::MessageId},
                                           {"MIME-Version", Name::MimeVersion},
                                           {"X-Mailer", Name::Mailer},
                                           {"User-Agent", Name::Mailer},
                                           {"X-Priority", Name::Priority},
                                           {"Importance", Name::Priority},
                                           {"X-MSMail-Priority", Name::Priority},
                                           {"Priority", Name::Priority},
                                           {"In-Reply-To", Name::InReplyTo},
                                           {"References", Name::InReplyTo},
                                           {"Organization", Name::Organization},
                                           {"Organisation", Name::Organization},
                                           {"X-Newsreader", Name::Mailer}}};

class HeaderReader {
 public:
  HeaderReader(const message::Header& header, Sink& sink) : sink_(sink) {
    for (const message::Field& field : header.fields) {
      for (const Known& known : kKnown) {
        if (field.name.size() != known.name.size() || !equal_nocase(field.name, known.name)) continue;
        std::string_view& value = values_[static_cast<size_t>(known.is)];
        if (value.data() == nullptr) value = field.value.substr(0, kMaxField);
        break;
      }
    }
  }

  void run() {
    subject();
    people();
    message_id();
    mailer();
    for (size_t i = 0; i < kNames; ++i) {
      if (values_[i].data() == nullptr) sink_.add(Kind::Shape, pair_of(hash_of("missing"), i));
    }
  }

 private:
  [[nodiscard]] std::string_view value(Name name) const { return values_[static_cast<size_t>(name)]; }

  void subject() {
    Words words;
    read_words(mime::decode_header(value(Name::Subject)), words);
    words.size = std::min<size_t>(words.size, 40);
    sink_.words(Kind::Subject, words);
    sink_.words(Kind::Word, words);  // what is known of them from texts counts here too
    for (size_t i = 1; i < words.size; ++i) sink_.add(Kind::Subject, pair_of(words.hash[i - 1], words.hash[i]));
    if (words.capitals > 1) sink_.count("subject capitals", words.capitals);
    if (words.shouts > 0) sink_.count("subject shouts", words.shouts);
    if (words.money > 0) sink_.add(Kind::Shape, "subject money");
  }

  void people() {
    from_ = read_mailbox(value(Name::From));
    Words words;
    read_words(from_.name, words);
    words.size = std::min<size_t>(words.size, 10);
    sink_.words(Kind::Sender, words);
    sink_.add(Kind::Sender, "domain", from_.domain);
    sink_.add(Kind::Sender, "site", mime::registered_part(from_.domain));
    sink_.add(Kind::Sender, "top level", top_level(from_.domain));
    if (from_.name.empty()) sink_.add(Kind::Shape, "no name");
    if (std::any_of(from_.local.begin(), from_.local.end(), ascii_digit)) sink_.add(Kind::Shape, "digits in address");
    if (value(Name::ReplyTo).data() != nullptr) {
      Mailbox reply = read_mailbox(value(Name::ReplyTo));
      sink_.add(Kind::Sender, "reply to", reply.domain);
      sink_.add(Kind::Shape, reply.domain == from_.domain ? "reply to the same" : "reply to another");
    }
    std::string_view to = value(Name::To);
    sink_.count("to", static_cast<size_t>(std::count(to.begin(), to.end(), '@')));
    if (to.find("undisclosed") != std::string_view::npos) sink_.add(Kind::Shape, "undisclosed");
  }

  /// How it is put together tells the program that wrote it: "0a0.0A@", of digits, lower case and capitals.
  void message_id() {
    constexpr size_t kMaxRuns = 16;
    std::string_view id = trim(value(Name::MessageId));
    size_t at = id.rfind('@');
    if (at == std::string_view::npos) {
      sink_.add(Kind::Shape, "odd id");
      return;
    }
    std::string runs;
    for (char c : id.substr(0, at)) {
      char run = ascii_digit(c) ? '0' : (!ascii_alpha(c) ? c : (ascii_lower(c) == c ? 'a' : 'A'));
      if (!runs.ends_with(run)) runs += run;
      if (runs.size() > kMaxRuns) break;
    }
    sink_.add(Kind::Shape, "id", runs);
    std::string_view domain = id.substr(at + 1, id.find('>', at) - at - 1);
    bool same = equal_nocase(mime::registered_part(domain), mime::registered_part(from_.domain));
    sink_.add(Kind::Shape, same ? "id of the sender" : "id of another");
  }

  void mailer() {
    std::string_view text = value(Name::Mailer);
    // "Mozilla Thunderbird 102.1": the name says enough, and the version only when it was written.
    Words words;
    read_words(text, words);
    if (words.size > 0) sink_.add(Kind::Shape, pair_of(hash_of("mailer"), words.hash[0]));
    if (words.size > 1) sink_.add(Kind::Shape, pair_of(hash_of("mailer"), pair_of(words.hash[0], words.hash[1])));
    Words priority;
    read_words(value(Name::Priority), priority);
    if (priority.size > 0)
      sink_.add(Kind::Shape, pair_of(hash_of("priority"), hash_of(value(Name::Priority).substr(0, 8))));
  }

  Sink& sink_;
  Mailbox from_;
  std::array<std::string_view, kNames> values_{};
};

// ---------------------------------------------------------------- the body

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

void read_links(mime::Content& content, Sink& sink) {
  const std::vector<mime::Url>& urls = content.urls();
  sink.count("links", urls.size());
  for (size_t i = 0; i < std::min(urls.size(), kMaxLinks); ++i) read_link(urls[i], sink);
}

void read_text(mime::Content& content, Sink& sink) {
  const std::string& text = content.shown();
  Words words;
  read_words(text, words);
  for (size_t i = 0; i < words.size; ++i) {
    sink.add(Kind::Word, words.hash[i]);
    if (i > 0) sink.add(Kind::Pair, pair_of(words.hash[i - 1], words.hash[i]));
  }
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

void read_features(mime::Content& content, const message::Header& header, std::vector<Feature>& out) {
  Sink sink(out);
  HeaderReader(header, sink).run();
  read_parts(content, sink);
  read_files(content, sink);
  read_links(content, sink);
  read_text(content, sink);
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
      std::string mailbox = read_mailbox(message::unfold(field.value.substr(0, kMaxField))).local;
      mailbox += '@';
      mailbox += sender;
      sender = std::move(mailbox);
      break;
    }
  }
  return std::max<uint64_t>(mix(hash_of(sender)), 1);
}

}  // namespace postern::classifier
