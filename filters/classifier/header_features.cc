#include "filters/classifier/header_features.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "filters/base/bytes.h"
#include "filters/classifier/texture.h"
#include "filters/classifier/words.h"
#include "filters/mime/mime.h"
#include "filters/mime/tld.h"

namespace postern::classifier {
namespace {

class HeaderReader {
 public:
  HeaderReader(const AuthorFields& fields, Sink& sink) : fields_(fields), sink_(sink) {}

  void run() {
    subject();
    people();
    message_id();
    mailer();
    for (size_t i = 0; i < kNames; ++i) {
      if (!fields_.has(static_cast<Name>(i))) sink_.number(Kind::Shape, "missing", i);
    }
  }

 private:
  void subject() {
    Words words;
    read_words(mime::decode_header(fields_.value(Name::Subject)), words);
    words.size = std::min<size_t>(words.size, 40);
    sink_.words(Kind::Subject, words);
    sink_.words(Kind::Word, words);  // what is known of them from texts counts here too
    for (size_t i = 1; i < words.size; ++i) sink_.add(Kind::Subject, pair_of(words.hash[i - 1], words.hash[i]));
    if (words.capitals > 1) sink_.count("subject capitals", words.capitals);
    if (words.shouts > 0) sink_.count("subject shouts", words.shouts);
    if (words.money > 0) sink_.add(Kind::Shape, "subject money");
  }

  void people() {
    from_ = read_mailbox(fields_.value(Name::From));
    Words words;
    read_words(from_.name, words);
    words.size = std::min<size_t>(words.size, 10);
    sink_.words(Kind::Sender, words);
    sink_.add(Kind::Sender, "domain", from_.domain);
    sink_.add(Kind::Sender, "site", mime::registered_part(from_.domain));
    sink_.add(Kind::Sender, "top level", top_level(from_.domain));
    if (from_.name.empty()) sink_.add(Kind::Shape, "no name");
    if (std::any_of(from_.local.begin(), from_.local.end(), ascii_digit)) sink_.add(Kind::Shape, "digits in address");
    if (fields_.has(Name::ReplyTo)) {
      Mailbox reply = read_mailbox(fields_.value(Name::ReplyTo));
      sink_.add(Kind::Sender, "reply to", reply.domain);
      sink_.add(Kind::Shape, reply.domain == from_.domain ? "reply to the same" : "reply to another");
    }
    std::string_view to = fields_.value(Name::To);
    sink_.count("to", static_cast<size_t>(std::count(to.begin(), to.end(), '@')));
    if (to.find("undisclosed") != std::string_view::npos) sink_.add(Kind::Shape, "undisclosed");
  }

  /// How it is put together tells the program that wrote it: "0a0.0A@", of digits, lower case and capitals.
  void message_id() {
    constexpr size_t kMaxRuns = 16;
    std::string_view id = trim(fields_.value(Name::MessageId));
    size_t at = id.rfind('@');
    if (at == std::string_view::npos) {
      sink_.add(Kind::Shape, "odd id");
      return;
    }
    sink_.add(Kind::Shape, "id", runs_of(id.substr(0, at), kMaxRuns));
    std::string_view domain = id.substr(at + 1, id.find('>', at) - at - 1);
    bool same = equal_nocase(mime::registered_part(domain), mime::registered_part(from_.domain));
    sink_.add(Kind::Shape, same ? "id of the sender" : "id of another");
  }

  void mailer() {
    std::string_view text = fields_.value(Name::Mailer);
    // "Mozilla Thunderbird 102.1": the name says enough, and the version only when it was written.
    Words words;
    read_words(text, words);
    if (words.size > 0) sink_.add(Kind::Shape, pair_of(hash_of("mailer"), words.hash[0]));
    if (words.size > 1) sink_.add(Kind::Shape, pair_of(hash_of("mailer"), pair_of(words.hash[0], words.hash[1])));
    Words priority;
    read_words(fields_.value(Name::Priority), priority);
    if (priority.size > 0)
      sink_.add(Kind::Shape, pair_of(hash_of("priority"), hash_of(fields_.value(Name::Priority).substr(0, 8))));
  }

  const AuthorFields& fields_;
  Sink& sink_;
  Mailbox from_;
};

/// Order, spelling and the first octets of what is written.
class FormReader {
 public:
  FormReader(const AuthorFields& fields, Sink& sink) : fields_(fields), sink_(sink) {}

  void run() {
    order();
    date();
    content_type();
    message_id();
    sink_.add(Kind::Form, "to", runs_of(trim(fields_.value(Name::To)), kRuns));
    sink_.add(Kind::Form, "from", runs_of(trim(fields_.value(Name::From)), kRuns));
  }

 private:
  static constexpr size_t kRuns = 24;

  void order() {
    size_t before = kNone;
    for (const AuthorFields::Written& one : fields_.written()) {
      const message::Field& field = *one.field;
      sink_.add(Kind::Form, pair_of(hash_of("order"), pair_of(before, one.known)));
      sink_.add(Kind::Form, "spelt", field.name);
      size_t blanks = std::min(field.value.find_first_not_of(' '), size_t{2});
      sink_.add(Kind::Form, pair_of(pair_of(hash_of("colon"), one.known), blanks));
      before = one.known;
    }
    sink_.add(Kind::Form, pair_of(hash_of("order"), pair_of(before, kNone)));
  }

  void date() {
    constexpr size_t kMaxDate = 40;
    std::string_view date = trim(fields_.value(Name::Date));
    sink_.add(Kind::Form, "date", runs_of(date, kMaxDate));
    size_t zone = date.find_last_of("+-");
    sink_.add(Kind::Form, "zone", zone == std::string_view::npos ? "none" : date.substr(zone, 12));
  }

  void content_type() {
    constexpr std::string_view kBoundary = "boundary=";
    std::string_view value = trim(fields_.value(Name::ContentType));
    sink_.add(Kind::Form, "content type", runs_of(value, kRuns));
    sink_.add(Kind::Form, "type", value.substr(0, value.find(';')));
    auto at = std::search(value.begin(), value.end(), kBoundary.begin(), kBoundary.end(),
                          [](char a, char b) { return ascii_lower(a) == b; });
    if (at == value.end()) return;
    std::string_view boundary = value.substr(static_cast<size_t>(at - value.begin()) + kBoundary.size(), kMaxBoundary);
    boundary = boundary.substr(0, boundary.find_first_of(";\r\n"));
    sink_.add(Kind::Form, "boundary", runs_of(boundary, 14));
    sink_.add(Kind::Form, "boundary begins", masked(boundary, 6));
    sink_.add(Kind::Form, "boundary begins", masked(boundary, 10));
    sink_.number(Kind::Form, "boundary", boundary.size());
  }

  void message_id() {
    std::string_view id = trim(fields_.value(Name::MessageId));
    sink_.add(Kind::Form, "id", runs_of(id, 40));
    sink_.add(Kind::Form, "id begins", masked(id, 7));
    sink_.number(Kind::Form, "id", id.size() / 3);
    size_t at = id.rfind('@');
    if (at == std::string_view::npos) return;
    sink_.number(Kind::Form, "id left", at);
    std::string host = to_lower(id.substr(at + 1, id.find('>', at) - at - 1));
    sink_.add(Kind::Form, "id host", host);
    sink_.add(Kind::Form, "id site", mime::registered_part(host));
    sink_.number(Kind::Form, "id labels", static_cast<size_t>(std::count(host.begin(), host.end(), '.')));
  }

  static constexpr size_t kNone = SIZE_MAX;
  static constexpr size_t kMaxBoundary = 72;  // RFC 2046, 5.1.1: 70 characters; quotes around them

  const AuthorFields& fields_;
  Sink& sink_;
};

}  // namespace

void read_header(const AuthorFields& fields, Sink& sink) {
  HeaderReader(fields, sink).run();
}

void copy_written(const AuthorFields& fields, std::string& out) {
  constexpr size_t kMaxValue = 400;  // octets of one field
  out.clear();
  for (const AuthorFields::Written& one : fields.written()) {
    if (out.size() >= Reading::kMaxHeader) break;
    out += one.field->name;
    out += ": ";
    squeeze(one.field->value, kMaxValue, false, out);
    out += '\n';
  }
  out.resize(std::min(out.size(), Reading::kMaxHeader));
}

void read_header_form(const AuthorFields& fields, std::string_view written, Sink& sink) {
  FormReader(fields, sink).run();
  sink.grams(Kind::Field, written);
}

}  // namespace postern::classifier
