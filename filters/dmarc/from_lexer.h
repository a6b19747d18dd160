// The words of a From field (RFC 5322, 3.2), from octets that anybody may have sent.
#pragma once

#include <cstddef>
#include <string_view>

namespace postern::dmarc {

struct Token {
  enum class Kind { End, Atom, Quoted, Encoded, Special } kind = Kind::End;
  std::string_view text;  // as it stands in the field; Special: one octet; End: the empty rest
  bool glued = false;     // nothing stands between it and the one before
  bool spaced = false;    // white space does; a comment alone does not count

  [[nodiscard]] bool is(char special) const { return kind == Kind::Special && text[0] == special; }
  [[nodiscard]] bool is_end() const { return kind == Kind::End; }
};

/// In one pass, without recursion; comments and white space fall away. Views into the text, which outlives it.
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
  Token read();
  bool skip_gap();
  [[nodiscard]] bool is_fold(size_t at) const;
  void skip_comment();
  void skip_quoted();
  bool skip_encoded_word();

  std::string_view text_;
  size_t at_ = 0;
  bool broken_ = false;
  Token peeked_;
};

/// Whether "@" is among the octets that an Encoded token stands for (RFC 2047, 4), with the best will to find it.
[[nodiscard]] bool encodes_at(std::string_view encoded_word);

}  // namespace postern::dmarc
