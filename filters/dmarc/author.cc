// From: which domain does a message claim to be from? Readers of mail differ in what they make of an odd From field,
// and forgers live on that. So nothing in it is overlooked: what is no address list, as far as mail in use needs one to
// be, has no author; and only when every address in it is of the same domain, obsolete routes and unquoted display
// names included, there is one author domain.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "filters/base/bytes.h"
#include "filters/base/domain.h"
#include "filters/dmarc/dmarc.h"
#include "filters/dmarc/from_lexer.h"
#include "filters/dns/dns.h"

namespace postern::dmarc {
namespace {

/// Nobody is the author of a message with more.
constexpr size_t kMaxAddresses = 100;
/// Octets of a domain in U-labels; in A-labels the DNS has 253.
constexpr size_t kMaxDomain = 1000;
/// Octets of a From field. Mail servers cut longer ones (Postfix at 100 KiB): readers would see another field than we.
constexpr size_t kMaxField = 65'536;

/// Lower case, A-labels; nullopt when the text is no host name.
std::optional<std::string> to_domain(std::string_view text) {
  if (text.size() > kMaxDomain) return std::nullopt;
  std::optional<std::string> domain = to_ascii_domain(text);
  if (!domain || !dns::is_valid_name(*domain)) return std::nullopt;
  auto in_name = [](char c) { return ascii_alnum(c) || c == '-' || c == '_' || c == '.'; };
  if (!std::all_of(domain->begin(), domain->end(), in_name)) return std::nullopt;
  return domain;
}

bool holds(std::string_view text, std::string_view what) {
  return text.find(what) != std::string_view::npos;
}

bool is_word(const Token& token) {
  return token.kind == Token::Kind::Atom || token.kind == Token::Kind::Quoted;
}

/// One From field, read strictly up to where it is broken; from there on only for further domains.
class FromField {
 public:
  explicit FromField(std::string_view value) : text_(value), lexer_(value) {
    // Some readers end at a NUL, even inside a comment.
    broken_ = holds(value, std::string_view("\0", 1));
  }

  Author read() {
    while (!broken_ && !lexer_.peek().is_end()) take_member();
    if (empty_group_) broken_ = true;
    take_rest();
    if (many_) return {Author::Kind::Many, {}};
    if (broken_ || lexer_.broken() || !has_address_) return {Author::Kind::Malformed, {}};
    return {Author::Kind::One, domain_};
  }

 private:
  /// What stands before an address, or instead of one.
  struct Phrase {
    enum class Last { None, Word, Dot, Other } last = Last::None;
    bool local = false;   // its end could be the local-part of an address
    bool hidden = false;  // an encoded-word, or what some decoder takes for one, may hide an address
  };

  /// RFC 5322, 3.4: a mailbox, the name of a group, or words alone, with the separator behind it.
  void take_member() {
    phrase_ = {};
    while (in_phrase(lexer_.peek())) take_word();
    const Token& next = lexer_.peek();
    bool address = true;
    if (next.is('<')) {
      take_angle_address();
    } else if (next.is('@')) {
      take_bare_address();
    } else {
      address = false;
      leave_words();
    }
    if (!broken_ && !lexer_.peek().is_end()) take_separator(address);
  }

  /// RFC 5322, 3.2.5 and 4.1 phrase, and the specials that people put into their names without quotes.
  static bool in_phrase(const Token& token) {
    bool special = token.kind == Token::Kind::Special;
    return special ? holds(".[])", token.text) : !token.is_end();
  }

  void take_word() {
    using Last = Phrase::Last;
    Token token = lexer_.take();
    bool word = is_word(token);
    bool dot = token.is('.');
    // RFC 5322, 4.4 obs-local-part = word *("." word). Two words in a row are none; with white space between them the
    // first is taken for a display name without its angle brackets, with less (a comment) readers glue them together.
    bool goes_on = (dot && (phrase_.last == Last::Word || phrase_.last == Last::Dot)) ||
                   (word && phrase_.last == Last::Dot && phrase_.local);
    if (!goes_on) phrase_.local = word && (phrase_.last == Last::None || token.spaced);
    bool encoded = token.kind == Token::Kind::Encoded;
    bool odd = holds(token.text, "=?");
    if (odd) phrase_.local = false;
    if (encoded ? encodes_at(token.text) : odd) phrase_.hidden = true;
    phrase_.last = word ? Last::Word : dot ? Last::Dot : Last::Other;
  }

  /// A comma in a display name without quotes is common: "Doe, John <john@example.com>". But what some reader takes for
  /// an address of its own must not stand there.
  void leave_words() {
    size_t end = static_cast<size_t>(lexer_.peek().text.data() - text_.data());
    if (phrase_.hidden || holds(text_.substr(member_, end - member_), "@")) broken_ = true;
  }

  void take_separator(bool behind_address) {
    Token token = lexer_.take();
    member_ = static_cast<size_t>(token.text.data() - text_.data()) + 1;
    if (token.is(':') && !behind_address) {
      empty_group_ = true;
    } else if (token.is(';')) {
      if (empty_group_) broken_ = true;
    } else if (!token.is(',')) {
      broken_ = true;
    }
  }

  /// RFC 5322, 3.4.1 addr-spec. Without angle brackets, a display name before it is still understood by everybody.
  void take_bare_address() {
    if (!phrase_.local || phrase_.hidden) broken_ = true;
    lexer_.take();
    take_domain();
    if (lexer_.peek().is('<')) {  // it was a display name
      take_angle_address();
    } else {
      close_angles();
    }
  }

  /// RFC 5322, 3.4 and 4.4 angle-addr = "<" [obs-route] addr-spec ">"; nothing but further brackets may surround it.
  void take_angle_address() {
    bool open = false;
    do {
      open = lexer_.take().is('<');
    } while (lexer_.peek().glued && (lexer_.peek().is('<') || lexer_.peek().is('>')));
    if (!open) broken_ = true;
    if (lexer_.peek().is('@') || lexer_.peek().is(',')) take_route();
    take_local_part();
    if (broken_) return;
    lexer_.take();
    take_domain();
    if (!lexer_.peek().is('>') && !lexer_.peek().is_end()) broken_ = true;
    close_angles();
  }

  void close_angles() {
    bool first = true;
    while (lexer_.peek().is('>') && (first || lexer_.peek().glued)) {
      lexer_.take();
      first = false;
    }
  }

  /// RFC 5322, 4.4 obs-route = *(CFWS / ",") "@" domain *("," [CFWS] ["@" domain]) ":".
  void take_route() {
    bool comma = true;
    bool any = false;
    while (!broken_ && (lexer_.peek().is(',') || (comma && lexer_.peek().is('@')))) {
      comma = lexer_.take().is(',');
      if (comma) continue;
      any = true;
      take_domain();
    }
    if (!any || !lexer_.peek().is(':')) broken_ = true;
    if (!broken_) lexer_.take();
  }

  /// RFC 5322, 4.4 obs-local-part = word *("." word); in Japan dots stand in a row and before the "@".
  void take_local_part() {
    bool word = true;
    bool any = false;
    while (lexer_.peek().is('.') ? any : word && is_word(lexer_.peek())) {
      Token token = lexer_.take();
      word = token.is('.');
      any = true;
      // RFC 2047, 5: an encoded-word never stands in an addr-spec. Readers that decode it there see another address.
      if (holds(token.text, "=?")) broken_ = true;
    }
    if (!any || !lexer_.peek().is('@')) broken_ = true;
  }

  /// RFC 5322, 3.4.1 and 4.4: obs-domain = atom *("." atom), behind the "@". Domain literals have no domain to ask.
  void take_domain() {
    has_address_ = true;
    empty_group_ = false;
    if (lexer_.peek().kind != Token::Kind::Atom) {
      broken_ = true;
      return;
    }
    name_ = lexer_.take().text;
    while (lexer_.peek().is('.') && !many_) take_label();
    add(name_);
  }

  void take_label() {
    bool apart = !lexer_.take().glued;
    const Token& next = lexer_.peek();
    bool label = next.kind == Token::Kind::Atom;
    // RFC 5322, 4.4 obs-domain: white space and comments may surround the dots. Who does not know that sees a shorter
    // domain; when that could be one, there are two.
    if ((apart || (label && !next.glued)) && holds(name_, ".")) add(name_);
    if (name_.size() <= kMaxDomain) name_ += '.';
    if (!label) return;
    std::string_view text = lexer_.take().text;
    if (name_.size() <= kMaxDomain) name_ += text.substr(0, kMaxDomain + 1);
  }

  void add(std::string_view text) {
    if (first_ && text == *first_) return;
    std::optional<std::string> domain = ++added_ <= kMaxAddresses ? to_domain(text) : std::nullopt;
    if (!domain) {
      broken_ = true;
      return;
    }
    if (first_ && *domain != domain_) many_ = true;
    if (first_) return;
    first_ = std::string(text);
    domain_ = *domain;
  }

  /// Behind what broke the field: only whether there is another domain.
  void take_rest() {
    while (!lexer_.peek().is_end() && !many_ && added_ <= kMaxAddresses) {
      if (lexer_.take().is('@')) take_domain();
    }
  }

  std::string_view text_;
  Lexer lexer_;
  Phrase phrase_;
  size_t member_ = 0;         // where in text_ the member begins, comments included
  bool empty_group_ = false;  // a group was opened, and no address stood in it yet
  bool broken_ = false;
  bool has_address_ = false;
  bool many_ = false;
  size_t added_ = 0;
  std::string name_;                  // of the domain that is being read
  std::optional<std::string> first_;  // the first domain as written
  std::string domain_;
};

/// Whether a line is "From:" to someone who overlooks octets that no name may hold.
bool reads_as_from(std::string_view line) {
  static constexpr std::string_view name = "from";
  size_t seen = 0;
  for (char c : line) {
    if (c == ':') return seen == name.size();
    if (c <= ' ' || c == '\x7f' || (static_cast<unsigned char>(c) & 0x80U) != 0) continue;
    if (seen == name.size() || ascii_lower(c) != name[seen]) return false;
    ++seen;
  }
  return false;
}

/// Whether some reader finds a From field in what is none: see message::Header on fields without a name.
bool hides_from(std::string_view raw) {
  if (reads_as_from(raw)) return true;  // with a fold before the colon
  while (!raw.empty()) {
    size_t end = std::min(raw.find('\n'), raw.size());
    if (reads_as_from(raw.substr(0, end))) return true;
    raw.remove_prefix(std::min(end + 1, raw.size()));
  }
  return false;
}

}  // namespace

// RFC 9989, 5.3.1: one domain, or no validation; 4.4: none in a message with a malformed, absent or repeated From
// field.
Author find_author(const message::Header& header) {
  const message::Field* from = nullptr;
  size_t fields = 0;
  for (const message::Field& field : header.fields) {
    if (equal_nocase(field.name, "From")) {
      from = &field;
      ++fields;
    } else if (field.name.empty() && hides_from(field.raw)) {
      ++fields;
    }
  }
  if (fields > 1) return {Author::Kind::Many, {}};
  if (fields == 0) return {Author::Kind::Missing, {}};
  if (from == nullptr || from->value.size() > kMaxField) return {Author::Kind::Malformed, {}};
  return FromField(from->value).read();
}

}  // namespace postern::dmarc
