#include "lua/source.h"
#include "lua/source_lexer.h"

namespace postern::rules {

int find_text(std::string_view text, std::string_view wanted, int from, int to) {
  using Kind = source::Token::Kind;
  source::Lexer lexer(text);
  for (source::Token token = lexer.next(); token.kind != Kind::End && token.line <= to; token = lexer.next()) {
    if (token.kind == Kind::Text && token.line >= from && token.text == wanted) return token.line;
  }
  return 0;
}

}  // namespace postern::rules
