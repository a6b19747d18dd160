#include "filters/auth_results/parse.h"

#include <algorithm>
#include <utility>

#include "filters/auth_results/grammar.h"
#include "filters/base/bytes.h"

namespace postern::auth_results {
namespace {

constexpr size_t npos = std::string_view::npos;

bool is_white(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// RFC 5322, 2.2.3 and 3.2.2: the CRLF at `at` folds, and what it folds is not an empty line.
bool is_folding(std::string_view text, size_t at) {
  if (text.substr(at, 2) != "\r\n") return false;
  size_t next = text.find_first_not_of(" \t", at + 2);
  return next != at + 2 && next != npos && text[next] != '\r';
}

/// The first octet that readers might stumble over, npos when there is none: then white space folds as it should and
/// all else is printable, so that the parser need not ask.
size_t find_bad_octet(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    size_t length = utf8_sequence(text, i);
    auto octet = static_cast<unsigned char>(text[i]);
    if (text[i] == '\r' && is_folding(text, i)) {
      length = 2;
    } else if (length == 0 || (octet < ' ' && octet != '\t') || octet == 0x7F ||
               (length > 1 && breaks_line(text.substr(i, length)))) {
      return i;
    }
    i += length;
  }
  return npos;
}

/// Recursive descent without recursion: each function reads one production at `at_` and moves behind it, or says what
/// is wrong and returns false.
class Parser {
 public:
  Parser(std::string_view text, Grammar grammar) : text_(text), deployed_(grammar == Grammar::Deployed) {}

  bool parse();
  [[nodiscard]] Error error() const { return {Code::BadInput, "octet " + std::to_string(at_) + ": " + wrong_}; }
  Parsed take() { return std::move(parsed_); }

 private:
  bool bad(const char* what) {
    wrong_ = what;
    return false;
  }
  [[nodiscard]] bool done() const { return at_ == text_.size(); }
  [[nodiscard]] bool next_is(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool expect(char c, const char* what) {
    if (!next_is(c)) return bad(what);
    ++at_;
    return true;
  }

  bool cfws();
  bool comment();
  bool quoted_pair();
  bool quoted_string(std::string& out);
  bool keyword(std::string& out, const char* what);
  bool value(std::string& out);
  bool pvalue(std::string& out);
  bool bare_pvalue(std::string& out);
  bool version();
  bool method_version(bool& known);
  bool results();
  bool result();
  bool properties(AuthResult& result);
  bool property(AuthResult& result, std::string name);

  std::string_view text_;
  bool deployed_;
  size_t at_ = 0;
  std::string wrong_;
  size_t count_ = 0;  // results seen, those left out too
  Parsed parsed_;
};

/// RFC 5322, 3.2.2; may be nothing.
bool Parser::cfws() {
  while (!done()) {
    if (is_white(text_[at_])) {
      ++at_;
    } else if (!next_is('(')) {
      return true;
    } else if (!comment()) {
      return false;
    }
  }
  return true;
}

bool Parser::comment() {
  size_t depth = 0;
  do {
    if (done()) return bad("a comment does not end");
    if (next_is('\\')) {
      if (!quoted_pair()) return false;
      continue;
    }
    if (next_is('(') && ++depth > kMaxCommentDepth) return bad("comments nest too deep");
    if (next_is(')')) --depth;
    ++at_;
  } while (depth > 0);
  return true;
}

/// RFC 5322, 3.2.1, without the obsolete forms.
bool Parser::quoted_pair() {
  ++at_;
  if (done() || text_[at_] == '\r') return bad("a backslash quotes nothing");
  ++at_;
  return true;
}

/// RFC 5322, 3.2.4, at its first quote. Folding inside is undone.
bool Parser::quoted_string(std::string& out) {
  ++at_;
  while (!next_is('"')) {
    if (done()) return bad("a quoted string does not end");
    if (next_is('\\')) {
      if (!quoted_pair()) return false;
      out += text_[at_ - 1];
      continue;
    }
    if (text_[at_] != '\r' && text_[at_] != '\n') out += text_[at_];
    ++at_;
  }
  ++at_;
  return true;
}

/// RFC 5321, 4.1.2 Keyword; out is in lower case.
bool Parser::keyword(std::string& out, const char* what) {
  size_t begin = at_;
  while (!done() && (ascii_alnum(text_[at_]) || text_[at_] == '-')) ++at_;
  std::string_view word = text_.substr(begin, at_ - begin);
  if (word.empty() || word.back() == '-') return bad(what);
  out = to_lower(word);
  return true;
}

/// RFC 2045, 5.1.
bool Parser::value(std::string& out) {
  if (next_is('"')) return quoted_string(out);
  size_t begin = at_;
  while (!done() && is_token_octet(text_[at_])) ++at_;
  out = text_.substr(begin, at_ - begin);
  return !out.empty() || bad("a value is missing");
}

/// RFC 8601, 2.2: value, or an address whose local part may be quoted.
bool Parser::pvalue(std::string& out) {
  if (!cfws()) return false;
  if (!next_is('"')) return bare_pvalue(out);
  size_t begin = at_;
  if (!quoted_string(out)) return false;
  if (!next_is('@')) return true;
  while (!done() && !is_white(text_[at_]) && text_[at_] != ';' && text_[at_] != '(') ++at_;
  out = text_.substr(begin, at_ - begin);
  out.erase(std::remove_if(out.begin(), out.end(), [](char c) { return c == '\r' || c == '\n'; }), out.end());
  return is_address(out) || bad("a quoted string and '@' are no address");
}

bool Parser::bare_pvalue(std::string& out) {
  static constexpr std::string_view ends = "();\"\\";
  size_t begin = at_;
  while (!done() && !is_white(text_[at_]) && ends.find(text_[at_]) == npos) ++at_;
  out = text_.substr(begin, at_ - begin);
  if (out.empty()) return bad("a value is missing");
  if (is_token(out) || is_address(out)) return true;
  bool tolerable = deployed_ && std::all_of(out.begin(), out.end(), [](char c) {
                     return is_token_octet(c) || std::string_view("/=:@").find(c) != npos;
                   });
  return tolerable || bad("a value needs quotes");
}

/// RFC 8601, 2.2 authres-version. A reader that does not know the version cannot know the rest (2.6).
bool Parser::version() {
  size_t begin = at_;
  while (!done() && ascii_digit(text_[at_])) ++at_;
  return text_.substr(begin, at_ - begin) == "1" || bad("a version other than 1");
}

bool Parser::method_version(bool& known) {
  ++at_;
  if (!cfws()) return false;
  size_t begin = at_;
  while (!done() && ascii_digit(text_[at_])) ++at_;
  known = text_.substr(begin, at_ - begin) == "1";
  return at_ > begin ? cfws() : bad("a method's version is missing");
}

/// RFC 8601, 2.2 authres-payload.
bool Parser::parse() {
  if (text_.size() > kMaxField) return bad("the field is too long");
  if (size_t octet = find_bad_octet(text_); octet != npos) {
    at_ = octet;
    return bad("an octet that may not stand there");
  }
  if (!cfws() || !value(parsed_.authserv_id)) return false;
  if (parsed_.authserv_id.empty()) return bad("the authserv-id is empty");
  size_t behind_id = at_;
  if (!cfws()) return false;
  if (at_ > behind_id && !done() && ascii_digit(text_[at_]) && !(version() && cfws())) return false;
  return results();
}

bool Parser::results() {
  do {
    if (!expect(';', "a semicolon is missing") || !cfws()) return false;
    if (done() && deployed_ && count_ > 0) return true;
    if (++count_ > kMaxResults) return bad("too many results");
    if (!result()) return false;
  } while (!done());
  return true;
}

/// RFC 8601, 2.2 resinfo behind its semicolon, or no-result.
bool Parser::result() {
  AuthResult result;
  bool known = true;
  if (!keyword(result.method, "a method is missing") || !cfws()) return false;
  if (result.method == "none") return (done() && count_ == 1) || bad("\"none\" stands beside something");
  if (next_is('/') && !method_version(known)) return false;
  if (!expect('=', "a method has no '='") || !cfws() || !keyword(result.result, "a result is missing")) return false;
  if (!properties(result)) return false;
  if (known) parsed_.results.push_back(std::move(result));
  return true;
}

/// RFC 8601, 2.2: [CFWS reasonspec] [CFWS 1*propspec] [CFWS]
bool Parser::properties(AuthResult& result) {
  for (bool first = true;; first = false) {
    size_t before = at_;
    if (!cfws()) return false;
    if (done() || next_is(';')) return true;
    if (at_ == before) return bad("white space is missing");
    std::string name;
    if (!keyword(name, "a property is missing") || !cfws()) return false;
    if (next_is('=') && name == "reason") {
      if (!first) return bad("a reason behind a property");
      ++at_;
      if (!cfws() || !value(result.reason)) return false;
    } else if (!property(result, std::move(name))) {
      return false;
    }
  }
}

/// RFC 8601, 2.2 propspec behind its ptype.
bool Parser::property(AuthResult& result, std::string name) {
  if (!deployed_ || !next_is('=')) {
    std::string property;
    if (!expect('.', "a property has no '.'") || !cfws()) return false;
    if (!keyword(property, "a property is missing") || !cfws()) return false;
    name += '.' + property;
  }
  std::string value;
  if (!expect('=', "a property has no '='") || !pvalue(value)) return false;
  auto same = [&](const AuthResult::Property& other) { return other.type == name; };
  if (std::any_of(result.properties.begin(), result.properties.end(), same)) return bad("a property twice");
  if (result.properties.size() == kMaxProperties) return bad("too many properties");
  result.properties.push_back({std::move(name), std::move(value)});
  return true;
}

}  // namespace

Result<Parsed> parse_auth_results(std::string_view value, Grammar grammar) {
  Parser parser(value, grammar);
  if (!parser.parse()) return tl::unexpected<Error>(parser.error());
  return parser.take();
}

}  // namespace postern::auth_results
