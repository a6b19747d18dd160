// The words of a Lua 5.4 text, one after the other.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace postern::rules::source {

struct Token {
  enum class Kind : unsigned char { End, Bad, Name, Text, Number, Word, Sign };
  Kind kind = Kind::End;
  /// Name, Word (one of Lua's own), Sign, Number: as written. Text: what the string means, any octets.
  std::string_view text;
  int line = 1;  // where it begins; end of line is LF, CR, CRLF or LFCR
};

/// Skips a byte order mark and a first line that begins with '#'. `text` outlives the lexer, and the lexer its tokens.
/// After what Lua would refuse comes Bad, and then End for ever. Linear in the text.
class Lexer {
 public:
  explicit Lexer(std::string_view text);
  Token next();

 private:
  [[nodiscard]] bool more(size_t ahead = 0) const { return at_ + ahead < text_.size(); }
  [[nodiscard]] char peek(size_t ahead = 0) const { return more(ahead) ? text_[at_ + ahead] : '\0'; }
  bool skip_newline();
  bool skip_space();
  bool skip_comment();
  std::optional<size_t> opening_bracket();
  std::optional<std::string_view> long_bracket(size_t level);
  Token make(Token::Kind kind, size_t begin, int line) const;
  Token word();
  Token number();
  Token sign();
  Token quoted();
  Token bad();
  bool escape(std::string& out);
  bool hex_escape(std::string& out);
  bool decimal_escape(std::string& out);
  bool utf8_escape(std::string& out);

  std::string_view text_;
  size_t at_ = 0;
  int line_ = 1;
  std::deque<std::string> decoded_;  // strings that are not written as they are meant; a deque: they stay in place
};

}  // namespace postern::rules::source
