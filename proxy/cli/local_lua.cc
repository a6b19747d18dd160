#include "proxy/cli/local_lua.h"

#include <algorithm>
#include <array>
#include <vector>

#include "lua/source_lexer.h"

namespace postern::cli {
namespace {

using rules::source::Lexer;
using rules::source::Token;

template <size_t Count>
bool among(const std::array<std::string_view, Count>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Lua 5.4 Reference Manual, 9: those of `for` and `while` end with the block of their `do`.
constexpr std::array<std::string_view, 4> kOpening = {"function", "do", "if", "repeat"};
constexpr std::array<std::string_view, 2> kClosing = {"end", "until"};
constexpr std::array<std::string_view, 2> kLoops = {"for", "while"};

/// Follows the blocks that are open.
class Blocks {
 public:
  /// The first word of the statement that has a `return` here; null: it is none, or one of a function.
  const Token* take(const Token& token) {
    if (token.kind != Token::Kind::Word) return nullptr;
    if (token.text == "return") return returned(token);
    if (open_.empty() && among(kLoops, token.text)) loop_ = token;
    if (among(kOpening, token.text)) {
      if (open_.empty()) first_ = token.text == "do" && loop_ ? *loop_ : token;
      if (open_.empty()) loop_.reset();
      open_.push_back(token.text == "function");
    } else if (among(kClosing, token.text) && !open_.empty()) {
      open_.pop_back();
    }
    return nullptr;
  }

 private:
  const Token* returned(const Token& token) {
    if (std::find(open_.begin(), open_.end(), true) != open_.end()) return nullptr;
    if (open_.empty()) first_ = token;
    return &first_;
  }

  std::vector<bool> open_;  // whether each is a function
  std::optional<Token> loop_;
  Token first_;  // of the outermost block
};

}  // namespace

std::optional<ReturnPlace> find_return(std::string_view text) {
  Lexer lexer(text);
  Blocks blocks;
  for (Token token = lexer.next(); token.kind != Token::Kind::End; token = lexer.next()) {
    const Token* first = blocks.take(token);
    if (first == nullptr) continue;
    // Lua's own words are pieces of the text.
    auto at = static_cast<size_t>(first->text.data() - text.data());
    size_t blank = text.find_last_not_of(" \t", at == 0 ? 0 : at - 1);
    bool alone = at == 0 || blank == std::string_view::npos || text[blank] == '\n' || text[blank] == '\r';
    size_t line = at == 0 || blank == std::string_view::npos ? 0 : blank + 1;
    return ReturnPlace{alone ? line : at, first->line};
  }
  return std::nullopt;
}

}  // namespace postern::cli
