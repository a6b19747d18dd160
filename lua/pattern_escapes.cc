#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "lua/pattern_writer.h"

namespace postern::rules {

namespace {

struct NamedClass {
  std::string_view name;
  CharRanges ranges;
};

const std::vector<NamedClass>& posix_classes() {
  static const std::vector<NamedClass> rows = {
      {"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
      {"alpha", {{'A', 'Z'}, {'a', 'z'}}},
      {"ascii", {{0, 0x7F}}},
      {"blank", {{'\t', '\t'}, {' ', ' '}}},
      {"cntrl", {{0, 0x1F}, {0x7F, 0x7F}}},
      {"digit", {{'0', '9'}}},
      {"graph", {{'!', '~'}}},
      {"lower", {{'a', 'z'}}},
      {"print", {{' ', '~'}}},
      {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
      {"space", {{'\t', '\r'}, {' ', ' '}}},
      {"upper", {{'A', 'Z'}}},
      {"word", {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
      {"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
  };
  return rows;
}

// \d \s \w; null for other letters.
const CharRanges* perl_class(char letter) {
  static const CharRanges digits = {{'0', '9'}};
  static const CharRanges spaces = {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}};
  static const CharRanges words = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
  switch (ascii_lower(letter)) {
    case 'd': return &digits;
    case 's': return &spaces;
    case 'w': return &words;
    default: return nullptr;
  }
}

}  // namespace

void PatternWriter::escape() {
  if (at_ + 1 >= in_.size()) {
    refuse("there is nothing behind the last '\\'");
    return;
  }
  char c = in_[at_ + 1];
  switch (c) {
    case 'b':
    case 'B':
    case 'A':
    case 'z':
      out_.text.append(in_.substr(at_, 2));
      at_ += 2;
      return;
    case 'Z':
      out_.text += "(?:\\n?\\z)";
      at_ += 2;
      return;
    case 'C':
      out_.text += octets_ ? "(?s:.)" : "\\C";
      at_ += 2;
      return;
    case 'Q': at_ += 2; return quoted();
    default: break;
  }
  if (ascii_lower(c) == 'p' || perl_class(c) != nullptr) {
    if (auto set = class_escape()) out_.text += write_class(*set, false, octets_);
    return;
  }
  if (auto character = escaped_char()) literal(*character);
}

// \d \W \pL \P{Greek}, case already folded.
std::optional<CharRanges> PatternWriter::class_escape() {
  char letter = in_[at_ + 1];
  const char32_t last = octets_ ? 0xFF : kLastCharacter;
  if (const CharRanges* known = perl_class(letter)) {
    at_ += 2;
    CharRanges set = folded(*known);
    return ascii_lower(letter) == letter ? set : complement(set, last);
  }
  size_t end = at_ + 3;
  if (in_.substr(at_ + 2, 1) == "{") end = in_.find('}', at_) + 1;  // npos + 1 is 0
  if (end == 0 || end > in_.size()) {
    refuse(fmt::format("'\\{}' names no property", letter));
    return std::nullopt;
  }
  std::string_view token = in_.substr(at_, end - at_);
  at_ = end;
  auto set = is_ascii(token) ? tables_.property(token, flags_.fold && !octets_) : std::nullopt;
  if (!set) refuse(fmt::format("'{}' is no property that is known", printable_ascii(token, 80)));
  return set;
}

std::optional<char32_t> PatternWriter::hex_char() {
  size_t begin = at_;
  size_t end = at_ + 2;
  bool braces = next_is("{");
  if (braces) {
    begin = at_ + 1;
    end = std::min(in_.find('}', at_), in_.size());
  }
  char32_t value = 0;
  bool good = end <= in_.size() && end > begin && end - begin <= 8 && (!braces || end < in_.size());
  for (size_t i = begin; good && i < end; ++i) {
    char c = ascii_lower(in_[i]);
    good = ascii_digit(c) || (c >= 'a' && c <= 'f');
    value = value * 16 + static_cast<char32_t>(ascii_digit(c) ? c - '0' : c - 'a' + 10);
  }
  if (!good) {
    refuse("'\\x' needs two hexadecimal digits, or some in braces: \\x7f, \\x{20ac}");
    return std::nullopt;
  }
  at_ = braces ? end + 1 : end;
  return value;
}

// \0, \12, \101: as RE2 has them; a single digit above 0 would be a back reference.
std::optional<char32_t> PatternWriter::octal_char() {
  auto octal = [&](size_t i) { return i < in_.size() && in_[i] >= '0' && in_[i] <= '7'; };
  if (!octal(at_) || (in_[at_] != '0' && !octal(at_ + 1))) {
    refuse_unbounded(fmt::format("the back reference '\\{}'", in_[at_]));
    return std::nullopt;
  }
  char32_t value = 0;
  for (int i = 0; i < 3 && octal(at_); ++i) value = value * 8 + static_cast<char32_t>(in_[at_++] - '0');
  return value;
}

// An escape that stands for one character; at_ is on the backslash.
std::optional<char32_t> PatternWriter::escaped_char() {
  ++at_;
  if (at_ >= in_.size()) {
    refuse("there is nothing behind the last '\\'");
    return std::nullopt;
  }
  char c = in_[at_];
  std::optional<char32_t> value;
  if (ascii_digit(c)) {
    value = octal_char();
  } else if (c == 'x') {
    ++at_;
    value = hex_char();
  } else if (!ascii_alpha(c)) {
    value = take();
  } else {
    static constexpr std::string_view letters = "afnrtve";
    static constexpr std::string_view octets = "\a\f\n\r\t\v\x1b";
    size_t known = letters.find(c);
    if (known != std::string_view::npos) {
      ++at_;
      value = static_cast<unsigned char>(octets[known]);
    } else if (c == 'k' || c == 'g') {
      refuse_unbounded(fmt::format("the back reference '\\{}'", c));
    } else {
      refuse(fmt::format("the escape sequence '\\{}' is not known{}", c, c == 'b' ? " in a character class" : ""));
    }
  }
  if (!value) return value;
  if (*value > (octets_ ? 0xFFU : kLastCharacter)) {
    refuse(octets_ ? "a character above \\xff: what is searched here are octets"
                   : "there is no character above \\x{10ffff}");
    return std::nullopt;
  }
  return value;
}

std::optional<char32_t> PatternWriter::bracket_char() {
  if (at_ >= in_.size()) return std::nullopt;
  if (in_[at_] != '\\') return take();
  return escaped_char();
}

// "[:alpha:]" and "[:^alpha:]"; false: it is none.
bool PatternWriter::posix_item(CharRanges& set) {
  size_t end = in_.find(":]", at_ + 2);
  if (!next_is("[:") || end == std::string_view::npos) return false;
  std::string_view name = in_.substr(at_ + 2, end - at_ - 2);
  bool negated = name.substr(0, 1) == "^";
  if (negated) name.remove_prefix(1);
  for (const NamedClass& row : posix_classes()) {
    if (row.name != name) continue;
    CharRanges ranges = folded(row.ranges);
    if (negated) ranges = complement(ranges, octets_ ? 0xFF : kLastCharacter);
    set.insert(set.end(), ranges.begin(), ranges.end());
    at_ = end + 2;
    return true;
  }
  refuse(fmt::format("'[:{}:]' is no class that is known", printable_ascii(name, 40)));
  return true;
}

// One character, range or class within brackets, case already folded.
bool PatternWriter::bracket_item(CharRanges& set) {
  if (posix_item(set)) return problem_.empty();
  if (in_[at_] == '\\' && at_ + 1 < in_.size() &&
      (ascii_lower(in_[at_ + 1]) == 'p' || perl_class(in_[at_ + 1]) != nullptr)) {
    auto ranges = class_escape();
    if (ranges) set.insert(set.end(), ranges->begin(), ranges->end());
    return ranges.has_value();
  }
  size_t begin = at_;
  auto first = bracket_char();
  auto last = first;
  if (first && next_is("-") && at_ + 1 < in_.size() && in_[at_ + 1] != ']') {
    ++at_;
    last = bracket_char();
  }
  if (!first || !last) return refuse("the character class has no end");
  if (*last < *first) {
    return refuse(fmt::format("the range '{}' goes backwards", printable_ascii(in_.substr(begin, at_ - begin), 40)));
  }
  CharRanges ranges = folded({{*first, *last}});
  set.insert(set.end(), ranges.begin(), ranges.end());
  return true;
}

void PatternWriter::bracket() {
  ++at_;
  bool negated = eat("^");
  CharRanges set;
  for (bool first = true; first || !next_is("]"); first = false) {
    if (at_ >= in_.size()) {
      refuse("the character class '[' has no end");
      return;
    }
    if (!bracket_item(set)) return;
  }
  ++at_;
  normalise(set);
  out_.text += write_class(set, negated, octets_);
}

}  // namespace postern::rules
