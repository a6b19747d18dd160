// From: which domain does a message claim to be from? Readers of mail differ in what they make of an odd From field,
// and forgers live on that. So every domain behind an "@" that is not inside a comment or a quoted string counts,
// wherever it stands, and only when all are the same there is one author domain.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "filters/base/bytes.h"
#include "filters/base/domain.h"
#include "filters/dmarc/dmarc.h"
#include "filters/dns/dns.h"

namespace postern::dmarc {
namespace {

/// Nobody is the author of a message with more.
constexpr size_t kMaxAddresses = 100;
/// Octets of a domain in U-labels; in A-labels the DNS has 253.
constexpr size_t kMaxDomain = 1000;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool is_control(char c) {
  return (c >= '\0' && c < ' ') || c == '\x7f';
}

/// RFC 5322, 3.2.3 specials.
bool is_special(char c) {
  return std::string_view("()<>[]:;@\\,.\"").find(c) != std::string_view::npos;
}

bool in_atom(char c) {
  return !is_space(c) && !is_control(c) && !is_special(c);
}

struct Token {
  enum class Kind { End, Atom, Quoted, Encoded, Special } kind = Kind::End;
  std::string_view text;  // Special: one octet
  bool glued = false;     // nothing stands between it and the one before

  [[nodiscard]] bool is(char special) const { return kind == Kind::Special && text[0] == special; }
};

/// RFC 5322, 3.2, in one pass; comments and white space fall away.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) { peeked_ = read(); }

  [[nodiscard]] const Token& peek() const { return peeked_; }
  Token take() {
    Token token = peeked_;
    peeked_ = read();
    return token;
  }
  /// Something stood there that readers will not agree on.
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  Token read() {
    bool glued = !skip_space();
    if (at_ >= text_.size()) return {};
    size_t begin = at_;
    Token::Kind kind = Token::Kind::Special;
    if (text_[at_] == '"') {
      kind = Token::Kind::Quoted;
      skip_quoted();
    } else if (is_special(text_[at_])) {
      ++at_;
    } else if (skip_encoded_word()) {
      kind = Token::Kind::Encoded;
    } else {
      kind = Token::Kind::Atom;
      while (at_ < text_.size() && in_atom(text_[at_])) ++at_;
    }
    return {kind, text_.substr(begin, at_ - begin), glued};
  }

  /// RFC 5322, 3.2.2 CFWS. False when there is none.
  bool skip_space() {
    size_t begin = at_;
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (c == '(') {
        skip_comment();
      } else if (is_space(c) || is_control(c)) {
        // Controls, and line ends that fold nothing, end the field for some readers.
        if (c != ' ' && c != '\t' && !is_fold(at_)) broken_ = true;
        ++at_;
      } else {
        break;
      }
    }
    return at_ > begin;
  }

  /// RFC 5322, 2.2.3: whether the octet belongs to a CRLF before white space, or to one at the very end.
  [[nodiscard]] bool is_fold(size_t at) const {
    size_t begin = text_[at] == '\n' && at > 0 ? at - 1 : at;
    if (text_.substr(begin, 2) != "\r\n") return false;
    return begin + 2 >= text_.size() || text_[begin + 2] == ' ' || text_[begin + 2] == '\t';
  }

  /// RFC 5322, 3.2.2: comments hold comments. A count, not a recursion: depth costs nothing.
  void skip_comment() {
    size_t depth = 0;
    for (; at_ < text_.size(); ++at_) {
      char c = text_[at_];
      if (c == '\\') ++at_;
      if (c == '(') ++depth;
      if (c == ')' && --depth == 0) {
        ++at_;
        return;
      }
    }
    at_ = text_.size();
    broken_ = true;
  }

  void skip_quoted() {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == '"') {
        ++at_;
        return;
      }
    }
    at_ = text_.size();
    broken_ = true;
  }

  /// RFC 2047, 2: "=?" charset "?" encoding "?" encoded-text "?=". The text may hold what is special elsewhere.
  bool skip_encoded_word() {
    if (text_.substr(at_, 2) != "=?") return false;
    size_t at = at_ + 2;
    while (at < text_.size() && in_atom(text_[at]) && text_[at] != '?') ++at;
    if (at + 3 > text_.size() || text_[at] != '?' || text_[at + 2] != '?') return false;
    char encoding = ascii_lower(text_[at + 1]);
    if (encoding != 'b' && encoding != 'q') return false;
    at += 3;
    while (at < text_.size() && text_[at] != '?' && !is_space(text_[at]) && !is_control(text_[at])) ++at;
    if (text_.substr(std::min(at, text_.size()), 2) != "?=") return false;
    at_ = at + 2;
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  bool broken_ = false;
  Token peeked_;
};

/// Lower case, A-labels; nullopt when the text is no host name.
std::optional<std::string> to_domain(std::string_view text) {
  if (text.size() > kMaxDomain) return std::nullopt;
  std::optional<std::string> domain = to_ascii_domain(text);
  if (!domain || !dns::is_valid_name(*domain)) return std::nullopt;
  auto in_name = [](char c) { return ascii_alnum(c) || c == '-' || c == '_' || c == '.'; };
  if (!std::all_of(domain->begin(), domain->end(), in_name)) return std::nullopt;
  return domain;
}

/// Collects the domains of one From field.
class FromField {
 public:
  explicit FromField(std::string_view value) : lexer_(value) {
    // Some readers end at a NUL, even inside a comment.
    broken_ = value.find('\0') != std::string_view::npos;
  }

  Author read() {
    while (lexer_.peek().kind != Token::Kind::End && !many_) take();
    leave_angle();
    if (many_) return {Author::Kind::Many, {}};
    if (broken_ || lexer_.broken() || !has_address_) return {Author::Kind::Malformed, {}};
    return {Author::Kind::One, domain_};
  }

 private:
  void take() {
    Token token = lexer_.take();
    if (token.kind == Token::Kind::Special) {
      take_special(token);
    } else {
      angle_.filled = true;
      // RFC 2047, 5: an encoded-word never stands in an addr-spec. Readers that decode it there see another address.
      bool encoded = token.kind == Token::Kind::Encoded;
      if (encoded && angle_.open) broken_ = true;
      encoded_word_ = encoded || (token.glued && encoded_word_);
    }
    before_ = token;
  }

  void take_special(const Token& token) {
    char c = token.text[0];
    if (c == '<') {
      leave_angle();
      angle_ = {true, false, false};
    } else if (c == '>') {
      leave_angle();
    } else if (c == '@') {
      take_domain();
    } else if (c == '\\') {
      // RFC 5322, 3.2.1: only in comments and quoted strings. Some readers take what follows for quoted, others do not.
      broken_ = true;
    }
    if (c != '.' || !token.glued) encoded_word_ = false;
  }

  /// "<" text ">" without an address, but for "<>": not for one who reads what else stands there.
  void leave_angle() {
    if (angle_.open && angle_.filled && !angle_.has_at) broken_ = true;
    angle_ = {};
  }

  /// RFC 5322, 3.4.1: the part of an addr-spec from its "@" on, or of an obsolete route (4.4).
  void take_domain() {
    angle_.has_at = true;
    bool local = before_.kind == Token::Kind::Atom || before_.kind == Token::Kind::Quoted || before_.is('.');
    bool route = angle_.open && (before_.is('<') || before_.is(',') || before_.is(':'));
    if ((!local && !route) || encoded_word_) broken_ = true;
    if (local) has_address_ = true;
    if (lexer_.peek().kind != Token::Kind::Atom) {
      broken_ = true;  // also domain literals: no domain stands behind an address
      return;
    }
    std::string name(lexer_.take().text);
    while (lexer_.peek().is('.') && !many_) take_label(name);
    const Token& next = lexer_.peek();
    if (next.glued &&
        (next.kind == Token::Kind::Quoted || next.kind == Token::Kind::Encoded || next.is('@') || next.is('['))) {
      broken_ = true;
    }
    add(name);
  }

  void take_label(std::string& name) {
    bool apart = !lexer_.take().glued;
    const Token& next = lexer_.peek();
    bool label = next.kind == Token::Kind::Atom;
    // RFC 5322, 4.4 obs-domain: white space and comments may surround the dots. Who does not know that sees a shorter
    // domain; when that could be one, there are two.
    if ((apart || (label && !next.glued)) && name.find('.') != std::string::npos) add(name);
    if (name.size() <= kMaxDomain) name += '.';
    if (!label) return;
    std::string_view text = lexer_.take().text;
    if (name.size() <= kMaxDomain) name += text.substr(0, kMaxDomain + 1);
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

  Lexer lexer_;
  Token before_;
  struct {
    bool open = false;
    bool filled = false;
    bool has_at = false;
  } angle_;
  bool encoded_word_ = false;  // the run of tokens that are glued together began with one
  bool broken_ = false;
  bool has_address_ = false;
  bool many_ = false;
  size_t added_ = 0;
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
  if (from == nullptr) return {Author::Kind::Malformed, {}};
  return FromField(from->value).read();
}

}  // namespace postern::dmarc
