#include "lua/pattern_syntax.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "lua/pattern_writer.h"

namespace postern::rules {

namespace {

struct Forbidden {
  std::string_view begin;  // behind "(?"
  std::string_view what;
};
constexpr std::array kForbiddenGroups = {
    Forbidden{"=", "look-ahead '(?='"},
    Forbidden{"!", "look-ahead '(?!'"},
    Forbidden{"<=", "look-behind '(?<='"},
    Forbidden{"<!", "look-behind '(?<!'"},
    Forbidden{">", "an atomic group '(?>'"},
    Forbidden{"(", "a condition '(?('"},
    Forbidden{"P=", "a back reference"},
    Forbidden{"P>", "recursion"},
    Forbidden{"&", "recursion"},
    Forbidden{"R", "recursion"},
    Forbidden{"|", "the branch reset '(?|'"},
};

}  // namespace

tl::expected<PlainExpression, std::string> PatternWriter::run() {
  if (!octets_ && !is_utf8(in_)) return tl::unexpected<std::string>("it is not UTF-8");
  while (problem_.empty() && at_ < in_.size()) {
    step();
    if (out_.text.size() > kMaxPlainExpression) refuse("it is too large once its character classes are written out");
  }
  if (!problem_.empty()) return tl::unexpected(std::move(problem_));
  return std::move(out_);
}

bool PatternWriter::refuse_unbounded(std::string_view what) {
  return refuse(
      fmt::format("{}: neither pattern engine has it, because searching for it can take time without bound", what));
}

char32_t PatternWriter::take() {
  auto lead = static_cast<unsigned char>(in_[at_]);
  size_t length = octets_ ? 1 : utf8_sequence(in_, at_);
  if (length < 2) {
    ++at_;
    return lead;
  }
  char32_t c = lead & (0xFFU >> (length + 1));
  for (size_t i = 1; i < length; ++i) c = c << 6U | (static_cast<unsigned char>(in_[at_ + i]) & 0x3FU);
  at_ += length;
  return c;
}

CharRanges PatternWriter::folded(CharRanges ranges) {
  normalise(ranges);
  if (!flags_.fold) return ranges;
  if (!octets_) return tables_.fold(ranges);
  CharRanges ascii;
  for (const auto& [first, last] : ranges) {
    if (first <= 0x7F) ascii.emplace_back(first, std::min<char32_t>(last, 0x7F));
  }
  ascii = tables_.fold(ascii);
  ranges.insert(ranges.end(), ascii.begin(), ascii.end());
  normalise(ranges);
  return ranges;
}

void PatternWriter::literal(char32_t c) {
  CharRanges set{{c, c}};
  if (flags_.fold && (c > 0x7F || ascii_alpha(static_cast<char>(c)))) set = folded(std::move(set));
  if (set.size() == 1 && set[0].first == set[0].second) {
    append_literal(out_.text, c);
  } else {
    out_.text += write_class(set, false, octets_);
  }
}

// White space and comments under (?x).
bool PatternWriter::skip_extended() {
  char c = in_[at_];
  if (!flags_.extended) return false;
  if (c == ' ' || (c >= '\t' && c <= '\r')) {
    ++at_;
    return true;
  }
  if (c != '#') return false;
  at_ = std::min(in_.find('\n', at_), in_.size() - 1) + 1;
  return true;
}

void PatternWriter::step() {
  if (skip_extended()) return;
  switch (in_[at_]) {
    case '\\': return escape();
    case '(': return group();
    case ')': return close_group();
    case '[': return bracket();
    case '*':
    case '+':
    case '?': return repeat();
    case '{':
      if (!counted_repeat()) literal(take());
      return;
    case '|':
      ++at_;
      out_.text += '|';
      return;
    case '^':
      ++at_;
      out_.text += flags_.multiline ? "(?m:^)" : "\\A";
      out_.line_starts = out_.line_starts || flags_.multiline;
      return;
    case '$':
      ++at_;
      out_.text += flags_.multiline ? "(?m:$)" : "\\z";
      return;
    case '.':
      ++at_;
      out_.text += flags_.dotall ? "(?s:.)" : "[^\\n]";
      return;
    default: literal(take());
  }
}

// '*', '+', '?' or a count was written: what may follow it.
void PatternWriter::repeat() {
  if (in_[at_] != '{') out_.text += in_[at_++];
  if (eat("?")) out_.text += '?';
  if (next_is("+")) refuse_unbounded("a possessive repeat such as 'a++'");
}

// {2} {2,} {2,5}; anything else that begins with a brace is taken as it stands.
bool PatternWriter::counted_repeat() {
  size_t i = at_ + 1;
  auto number = [&] {
    size_t begin = i;
    while (i < in_.size() && ascii_digit(in_[i]) && i - begin < 9) ++i;
    return i > begin && (in_[begin] != '0' || i == begin + 1);
  };
  if (!number()) return false;
  if (i < in_.size() && in_[i] == ',') {
    ++i;
    if (i < in_.size() && in_[i] != '}' && !number()) return false;
  }
  if (i >= in_.size() || in_[i] != '}') return false;
  out_.text.append(in_.substr(at_, i + 1 - at_));
  at_ = i + 1;
  if (eat("?")) out_.text += '?';
  if (next_is("+")) refuse_unbounded("a possessive repeat such as 'a{2}+'");
  return true;
}

void PatternWriter::close_group() {
  ++at_;
  out_.text += ')';
  if (open_.empty()) return;  // the engines have words for it
  flags_ = open_.back();
  open_.pop_back();
}

void PatternWriter::group() {
  ++at_;
  if (eat("?#")) {
    size_t end = in_.find(')', at_);
    if (end == std::string_view::npos) {
      refuse("the comment '(?#' has no end");
    } else {
      at_ = end + 1;
    }
    return;
  }
  if (eat("?")) {
    for (const Forbidden& row : kForbiddenGroups) {
      if (next_is(row.begin)) {
        refuse_unbounded(row.what);
        return;
      }
    }
    if (at_ < in_.size() && ascii_digit(in_[at_])) {
      refuse_unbounded("recursion");
      return;
    }
    if (!eat("P<") && !eat("<")) return group_flags();
    size_t end = in_.find('>', at_);
    std::string_view name = end == std::string_view::npos ? std::string_view() : in_.substr(at_, end - at_);
    if (name.empty() || !std::all_of(name.begin(), name.end(), [](char c) { return ascii_alnum(c) || c == '_'; })) {
      refuse("the name of a group must be of letters, digits and '_', between '<' and '>'");
      return;
    }
    at_ = end + 1;
  }
  open_.push_back(flags_);
  if (open_.size() > kMaxPatternDepth) refuse(fmt::format("groups are nested deeper than {}", kMaxPatternDepth));
  out_.text += "(?:";
}

// "(?i)", "(?i-s:", "(?:"; at_ is behind the '?'.
void PatternWriter::group_flags() {
  Flags flags = flags_;
  bool on = true;
  size_t named = 0;
  for (; at_ < in_.size(); ++at_, ++named) {
    char c = in_[at_];
    if (c == ':' || (c == ')' && named != 0)) {
      if (c == ':') {
        open_.push_back(flags_);
        if (open_.size() > kMaxPatternDepth) refuse(fmt::format("groups are nested deeper than {}", kMaxPatternDepth));
        out_.text += "(?:";
      }
      flags_ = flags;
      ++at_;
      return;
    }
    switch (c) {
      case 'i': flags.fold = on; break;
      case 'm': flags.multiline = on; break;
      case 's': flags.dotall = on; break;
      case 'x': flags.extended = on; break;
      case 'U': break;  // which of several matches is preferred; whether there is one stays the same
      case '-':
        if (on) {
          on = false;
          break;
        }
        [[fallthrough]];
      default: refuse(fmt::format("'(?{}' is not known", printable_ascii(in_.substr(at_, 1)))); return;
    }
  }
  refuse("'(?' has no end");
}

void PatternWriter::quoted() {
  while (at_ < in_.size() && !eat("\\E")) literal(take());
}

tl::expected<PlainExpression, std::string> write_plainly(std::string_view expression, bool octets,
                                                         CharacterTables& tables) {
  return PatternWriter(expression, octets, tables).run();
}

}  // namespace postern::rules
