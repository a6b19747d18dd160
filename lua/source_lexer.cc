#include "lua/source_lexer.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "filters/base/bytes.h"

namespace postern::rules::source {

namespace {

constexpr std::array<std::string_view, 22> kWords = {
    "and", "break", "do",  "else", "elseif", "end",    "false",  "for",  "function", "goto",  "if",
    "in",  "local", "nil", "not",  "or",     "repeat", "return", "then", "true",     "until", "while"};
// Longer ones first.
constexpr std::array<std::string_view, 33> kSigns = {"...", "..", "==", "~=", "<=", ">=", "//", "::", "<<", ">>", "+",
                                                     "-",   "*",  "/",  "%",  "^",  "#",  "&",  "~",  "|",  "<",  ">",
                                                     "=",   "(",  ")",  "{",  "}",  "[",  "]",  ";",  ":",  ",",  "."};

bool is_newline(char c) {
  return c == '\n' || c == '\r';
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

bool is_name(char c) {
  return ascii_alnum(c) || c == '_';
}

std::optional<unsigned> hex_digit(char c) {
  if (ascii_digit(c)) return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return std::nullopt;
}

// Lua's own extension of UTF-8: up to 2^31 - 1, surrogates too.
void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
    return;
  }
  std::array<char, 6> tail{};
  size_t count = 0;
  uint32_t first_limit = 0x3F;
  do {
    tail[count++] = static_cast<char>(0x80U | (code & 0x3FU));
    code >>= 6U;
    first_limit >>= 1U;
  } while (code > first_limit);
  out.push_back(static_cast<char>(((~first_limit << 1U) | code) & 0xFFU));
  while (count > 0) out.push_back(tail[--count]);
}

// The value of a long bracket where its line ends are not all LF.
std::string with_plain_newlines(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (!is_newline(text[i])) {
      out.push_back(text[i]);
      continue;
    }
    out.push_back('\n');
    if (i + 1 < text.size() && is_newline(text[i + 1]) && text[i + 1] != text[i]) ++i;
  }
  return out;
}

}  // namespace

Lexer::Lexer(std::string_view text) : text_(text) {
  if (text_.substr(0, 3) == "\xEF\xBB\xBF") at_ = 3;
  if (peek() != '#') return;
  while (more() && !is_newline(peek())) ++at_;
}

bool Lexer::skip_newline() {
  if (!more() || !is_newline(peek())) return false;
  at_ += more(1) && is_newline(peek(1)) && peek(1) != peek() ? 2 : 1;
  ++line_;
  return true;
}

// The level of a long bracket that opens here, which is passed then.
std::optional<size_t> Lexer::opening_bracket() {
  if (peek() != '[') return std::nullopt;
  size_t level = 0;
  while (peek(1 + level) == '=') ++level;
  if (peek(1 + level) != '[') return std::nullopt;
  at_ += level + 2;
  return level;
}

// What stands up to the closing bracket, which is passed; nothing when there is none.
std::optional<std::string_view> Lexer::long_bracket(size_t level) {
  skip_newline();
  size_t begin = at_;
  while (more()) {
    if (skip_newline()) continue;
    if (text_[at_++] != ']') continue;
    size_t equals = 0;
    while (peek(equals) == '=') ++equals;
    at_ += equals;
    if (equals != level || peek() != ']') continue;
    std::string_view found = text_.substr(begin, at_ - 1 - equals - begin);
    ++at_;
    return found;
  }
  return std::nullopt;
}

// False: a comment that has no end.
bool Lexer::skip_comment() {
  at_ += 2;
  if (auto level = opening_bracket()) return long_bracket(*level).has_value();
  while (more() && !is_newline(peek())) ++at_;
  return true;
}

bool Lexer::skip_space() {
  while (more()) {
    char c = peek();
    if (is_blank(c)) {
      ++at_;
    } else if (c == '-' && peek(1) == '-') {
      if (!skip_comment()) return false;
    } else if (!skip_newline()) {
      return true;
    }
  }
  return true;
}

Token Lexer::make(Token::Kind kind, size_t begin, int line) const {
  return {kind, text_.substr(begin, at_ - begin), line};
}

Token Lexer::bad() {
  int line = line_;
  at_ = text_.size();
  return {Token::Kind::Bad, {}, line};
}

Token Lexer::word() {
  size_t begin = at_;
  while (more() && is_name(peek())) ++at_;
  Token token = make(Token::Kind::Name, begin, line_);
  if (std::find(kWords.begin(), kWords.end(), token.text) != kWords.end()) token.kind = Token::Kind::Word;
  return token;
}

// As Lua's own lexer takes numbers together; whether 3..4 is one is not asked.
Token Lexer::number() {
  size_t begin = at_;
  bool hex = peek() == '0' && (peek(1) == 'x' || peek(1) == 'X');
  if (hex) at_ += 2;
  while (more()) {
    char c = peek();
    bool exponent = hex ? c == 'p' || c == 'P' : c == 'e' || c == 'E';
    if (!is_name(c) && c != '.') break;
    ++at_;
    if (exponent && (peek() == '+' || peek() == '-')) ++at_;
  }
  return make(Token::Kind::Number, begin, line_);
}

Token Lexer::sign() {
  std::string_view rest = text_.substr(at_);
  for (std::string_view sign : kSigns) {
    if (rest.substr(0, sign.size()) != sign) continue;
    size_t begin = at_;
    at_ += sign.size();
    return make(Token::Kind::Sign, begin, line_);
  }
  return bad();
}

bool Lexer::hex_escape(std::string& out) {
  auto high = hex_digit(peek(1));
  auto low = hex_digit(peek(2));
  if (!high || !low) return false;
  out.push_back(static_cast<char>(*high * 16 + *low));
  at_ += 3;
  return true;
}

bool Lexer::decimal_escape(std::string& out) {
  unsigned value = 0;
  for (int digits = 0; digits < 3 && more() && ascii_digit(peek()); ++digits) {
    value = value * 10 + static_cast<unsigned>(peek() - '0');
    ++at_;
  }
  if (value > 255) return false;
  out.push_back(static_cast<char>(value));
  return true;
}

bool Lexer::utf8_escape(std::string& out) {
  if (peek(1) != '{' || !hex_digit(peek(2))) return false;
  at_ += 2;
  uint32_t code = 0;
  while (auto digit = hex_digit(peek())) {
    if (code >= 1U << 27U) return false;
    code = code * 16 + *digit;
    ++at_;
  }
  if (peek() != '}') return false;
  ++at_;
  append_utf8(out, code);
  return true;
}

// What follows a backslash.
bool Lexer::escape(std::string& out) {
  if (!more()) return false;
  if (skip_newline()) {
    out.push_back('\n');
    return true;
  }
  char c = peek();
  if (ascii_digit(c)) return decimal_escape(out);
  if (c == 'x') return hex_escape(out);
  if (c == 'u') return utf8_escape(out);
  ++at_;
  if (c == 'z') {
    while (is_blank(peek()) || is_newline(peek())) {
      if (!skip_newline()) ++at_;
    }
    return true;
  }
  constexpr std::string_view kLetters = "abfnrtv\\\"'";
  constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\\"'";
  size_t which = kLetters.find(c);
  if (which == std::string_view::npos) return false;
  out.push_back(kMeanings[which]);
  return true;
}

Token Lexer::quoted() {
  int line = line_;
  char quote = text_[at_++];
  size_t begin = at_;
  while (more() && peek() != quote && peek() != '\\' && !is_newline(peek())) ++at_;
  if (peek() == quote && more()) {
    Token token = make(Token::Kind::Text, begin, line);
    ++at_;
    return token;
  }
  std::string value(text_.substr(begin, at_ - begin));
  while (more() && peek() != quote) {
    if (is_newline(peek())) return bad();
    char c = text_[at_++];
    if (c != '\\') {
      value.push_back(c);
    } else if (!escape(value)) {
      return bad();
    }
  }
  if (!more()) return bad();
  ++at_;
  decoded_.push_back(std::move(value));
  return {Token::Kind::Text, decoded_.back(), line};
}

Token Lexer::next() {
  if (!skip_space()) return bad();
  if (!more()) return {Token::Kind::End, {}, line_};
  char c = peek();
  if (ascii_digit(c) || (c == '.' && ascii_digit(peek(1)))) return number();
  if (is_name(c)) return word();
  if (c == '"' || c == '\'') return quoted();
  int line = line_;
  if (auto level = opening_bracket()) {
    auto found = long_bracket(*level);
    if (!found) return bad();
    if (found->find('\r') == std::string_view::npos) return {Token::Kind::Text, *found, line};
    decoded_.push_back(with_plain_newlines(*found));
    return {Token::Kind::Text, decoded_.back(), line};
  }
  return sign();
}

}  // namespace postern::rules::source
