#include "filters/dmarc/from_lexer.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "filters/base/bytes.h"

namespace postern::dmarc {
namespace {

enum class Class : uint8_t { Text, Space, Control, Special };

constexpr std::array<Class, 256> make_classes() {
  std::array<Class, 256> classes{};
  for (size_t c = 0; c < ' '; ++c) classes.at(c) = Class::Control;
  classes[0x7f] = Class::Control;
  for (char c : {' ', '\t', '\r', '\n'}) classes.at(static_cast<unsigned char>(c)) = Class::Space;
  // RFC 5322, 3.2.3 specials.
  for (char c : std::string_view("()<>[]:;@\\,.\"")) classes.at(static_cast<unsigned char>(c)) = Class::Special;
  return classes;
}

/// Octets above 0x7f are text: RFC 6532, 3.2.
constexpr std::array<Class, 256> kClasses = make_classes();

Class class_of(char c) {
  return kClasses[static_cast<unsigned char>(c)];
}

bool in_atom(char c) {
  return class_of(c) == Class::Text;
}

/// RFC 4648, 4; -1 for what stands for nothing.
int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (ascii_digit(c)) return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

/// What decoders skip, and where they begin anew, they do not agree on: octets that are none are skipped, padding
/// begins anew.
bool base64_holds_at(std::string_view text) {
  uint32_t bits = 0;
  unsigned count = 0;
  for (char c : text) {
    if (c == '=') count = 0;
    int value = base64_value(c);
    if (value < 0) continue;
    bits = (bits << 6U) | static_cast<uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    if (((bits >> count) & 0xffU) == '@') return true;
  }
  return false;
}

}  // namespace

Token Lexer::read() {
  size_t before = at_;
  bool spaced = skip_gap();
  bool glued = at_ == before;
  if (at_ >= text_.size()) return {Token::Kind::End, text_.substr(text_.size()), glued, spaced};
  size_t begin = at_;
  Token::Kind kind = Token::Kind::Special;
  if (text_[at_] == '"') {
    kind = Token::Kind::Quoted;
    skip_quoted();
  } else if (!in_atom(text_[at_])) {
    ++at_;
  } else if (skip_encoded_word()) {
    kind = Token::Kind::Encoded;
  } else {
    kind = Token::Kind::Atom;
    while (at_ < text_.size() && in_atom(text_[at_])) ++at_;
  }
  return {kind, text_.substr(begin, at_ - begin), glued, spaced};
}

/// RFC 5322, 3.2.2 CFWS. Whether there is white space in it.
bool Lexer::skip_gap() {
  bool spaced = false;
  while (at_ < text_.size()) {
    char c = text_[at_];
    Class kind = class_of(c);
    if (c == '(') {
      skip_comment();
    } else if (kind == Class::Space || kind == Class::Control) {
      // Controls, and line ends that fold nothing, end the field for some readers.
      if (c != ' ' && c != '\t' && !is_fold(at_)) broken_ = true;
      spaced = true;
      ++at_;
    } else {
      break;
    }
  }
  return spaced;
}

/// RFC 5322, 2.2.3: whether the octet belongs to a CRLF before white space, or to one at the very end.
bool Lexer::is_fold(size_t at) const {
  size_t begin = text_[at] == '\n' && at > 0 ? at - 1 : at;
  if (text_.substr(begin, 2) != "\r\n") return false;
  return begin + 2 >= text_.size() || text_[begin + 2] == ' ' || text_[begin + 2] == '\t';
}

/// RFC 5322, 3.2.2: comments hold comments. A count, not a recursion: depth costs nothing.
void Lexer::skip_comment() {
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

void Lexer::skip_quoted() {
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
bool Lexer::skip_encoded_word() {
  if (text_.substr(at_, 2) != "=?") return false;
  size_t at = at_ + 2;
  while (at < text_.size() && in_atom(text_[at]) && text_[at] != '?') ++at;
  if (at + 3 > text_.size() || text_[at] != '?' || text_[at + 2] != '?') return false;
  char encoding = ascii_lower(text_[at + 1]);
  if (encoding != 'b' && encoding != 'q') return false;
  at += 3;
  auto in_word = [](char c) { return c != '?' && class_of(c) != Class::Space && class_of(c) != Class::Control; };
  while (at < text_.size() && in_word(text_[at])) ++at;
  if (text_.substr(std::min(at, text_.size()), 2) != "?=") return false;
  at_ = at + 2;
  return true;
}

bool encodes_at(std::string_view encoded_word) {
  if (encoded_word.find('@') != std::string_view::npos) return true;
  size_t encoding = encoded_word.find('?', 2) + 1;
  std::string_view text = encoded_word.substr(encoding + 2);
  if (ascii_lower(encoded_word[encoding]) == 'b') return base64_holds_at(text);
  return text.find("=40") != std::string_view::npos;
}

}  // namespace postern::dmarc
