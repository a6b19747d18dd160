// The writer of plain expressions; for pattern_syntax.cc and pattern_escapes.cc only.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/base/result.h"
#include "lua/pattern_syntax.h"

namespace postern::rules {

/// Reads an expression from left to right, once, and writes it anew.
class PatternWriter {
 public:
  PatternWriter(std::string_view in, bool octets, CharacterTables& tables)
      : in_(in), octets_(octets), tables_(tables) {}

  tl::expected<PlainExpression, std::string> run();

 private:
  struct Flags {
    bool fold = false;
    bool multiline = false;
    bool dotall = false;
    bool extended = false;
  };

  bool refuse(std::string why) {
    if (problem_.empty()) problem_ = std::move(why);
    return false;
  }
  bool refuse_unbounded(std::string_view what);

  [[nodiscard]] bool next_is(std::string_view text) const { return in_.substr(at_, text.size()) == text; }
  bool eat(std::string_view text) {
    if (!next_is(text)) return false;
    at_ += text.size();
    return true;
  }

  char32_t take();  // the character at at_; the text has one
  CharRanges folded(CharRanges ranges);
  void literal(char32_t c);
  void step();
  void escape();
  void quoted();
  void group();
  void group_flags();
  void close_group();
  void repeat();
  bool counted_repeat();
  void bracket();
  bool bracket_item(CharRanges& set);
  bool posix_item(CharRanges& set);
  std::optional<CharRanges> class_escape();
  std::optional<char32_t> bracket_char();
  std::optional<char32_t> escaped_char();
  std::optional<char32_t> hex_char();
  std::optional<char32_t> octal_char();
  bool skip_extended();

  std::string_view in_;
  bool octets_;
  CharacterTables& tables_;
  size_t at_ = 0;
  PlainExpression out_;
  Flags flags_;
  std::vector<Flags> open_;
  std::string problem_;
};

}  // namespace postern::rules
