#include "lua/pattern_characters.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include <fmt/format.h>
#include <re2/re2.h>

#include "filters/base/bytes.h"

namespace postern::rules {

namespace {

constexpr char32_t kFirstSurrogate = 0xD800;
constexpr char32_t kLastSurrogate = 0xDFFF;

void append_utf8(std::string& out, char32_t c) {
  auto put = [&out](char32_t octet) { out += static_cast<char>(static_cast<unsigned char>(octet)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

void append_characters(std::string& out, char32_t first, char32_t last) {
  for (char32_t c = first; c <= last; ++c) {
    if (c < kFirstSurrogate || c > kLastSurrogate) append_utf8(out, c);
  }
}

// The characters of `text`, which is our own and well-formed, that are in `one`.
CharRanges found_in(const RE2& one, const std::string& text) {
  CharRanges found;
  re2::StringPiece match;
  for (size_t at = 0; one.Match(text, at, text.size(), RE2::UNANCHORED, &match, 1) && !match.empty();) {
    size_t begin = static_cast<size_t>(match.data() - text.data());
    at = begin + match.size();
    for (size_t i = begin; i < at;) {
      size_t length = utf8_sequence(text, i);
      auto lead = static_cast<unsigned char>(text[i]);
      char32_t c = length == 1 ? lead : lead & (0xFFU >> (length + 1));
      for (size_t k = 1; k < length; ++k) c = c << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3FU);
      if (!found.empty() && found.back().second + 1 == c) {
        found.back().second = c;
      } else {
        found.emplace_back(c, c);
      }
      i += length;
    }
  }
  return found;
}

RE2::Options quiet() {
  RE2::Options options;
  options.set_log_errors(false);
  return options;
}

// All characters that have another case, some kilobytes; kept, as it takes longer to find them than to search them.
const std::string& cased() {
  static const std::string text = [] {
    std::string everything;
    append_characters(everything, 0, kLastCharacter);
    const RE2 letters(R"([\p{Lu}\p{Ll}\p{Lt}\p{Nl}\x{345}\x{24b6}-\x{24e9}]+)", quiet());
    std::string out;
    for (const auto& [first, last] : found_in(letters, everything)) append_characters(out, first, last);
    return out;
  }();
  return text;
}

// What write_class() writes between the brackets.
std::string class_char(char32_t c, bool octets) {
  return octets ? fmt::format("\\x{:02x}", static_cast<uint32_t>(c))
                : fmt::format("\\x{{{:x}}}", static_cast<uint32_t>(c));
}

// ASCII's own, without asking: most expressions have nothing else. U+017F and U+212A are the only others that fold to
// a letter of ASCII.
void append_folded_ascii(CharRanges& out, char32_t c) {
  if (c > 0x7F || !ascii_alpha(static_cast<char>(c))) return;
  char32_t lower = c | 0x20U;
  char32_t upper = lower - 0x20U;
  out.emplace_back(lower, lower);
  out.emplace_back(upper, upper);
  if (lower == U's') out.emplace_back(0x17F, 0x17F);
  if (lower == U'k') out.emplace_back(0x212A, 0x212A);
}

}  // namespace

void normalise(CharRanges& ranges) {
  for (size_t i = 0, end = ranges.size(); i < end; ++i) {
    auto [first, last] = ranges[i];
    if (last < kFirstSurrogate || first > kLastSurrogate) continue;
    ranges[i] = {first, kFirstSurrogate - 1};
    ranges.emplace_back(kLastSurrogate + 1, last);
  }
  ranges.erase(std::remove_if(ranges.begin(), ranges.end(), [](const auto& r) { return r.first > r.second; }),
               ranges.end());
  std::sort(ranges.begin(), ranges.end());
  CharRanges merged;
  for (const auto& range : ranges) {
    if (!merged.empty() && range.first <= merged.back().second + 1) {
      merged.back().second = std::max(merged.back().second, range.second);
    } else {
      merged.push_back(range);
    }
  }
  ranges = std::move(merged);
}

CharRanges complement(const CharRanges& ranges, char32_t last) {
  CharRanges out;
  char32_t next = 0;
  for (const auto& [first, end] : ranges) {
    if (first > last) break;
    if (first > next) out.emplace_back(next, first - 1);
    next = end + 1;
  }
  if (next <= last) out.emplace_back(next, last);
  normalise(out);
  return out;
}

std::string write_class(const CharRanges& ranges, bool negated, bool octets) {
  const char32_t highest = octets ? 0xFF : kLastCharacter;
  std::string out;
  for (auto [first, last] : ranges) {
    if (first > highest) continue;
    out += class_char(first, octets);
    if (last != first) out.append("-").append(class_char(std::min(last, highest), octets));
  }
  if (out.empty()) {  // no engine knows "[]"
    out = class_char(0, octets) + "-" + class_char(highest, octets);
    negated = !negated;
  }
  return (negated ? "[^" : "[") + out + "]";
}

void append_literal(std::string& out, char32_t c) {
  if (c > 0x7E || c < 0x20) {
    out += c > 0xFF ? fmt::format("\\x{{{:x}}}", static_cast<uint32_t>(c))
                    : fmt::format("\\x{:02x}", static_cast<uint32_t>(c));
    return;
  }
  if (!ascii_alnum(static_cast<char>(c)) && c != U' ' && c != U'_') out += '\\';
  out += static_cast<char>(c);
}

const std::string& CharacterTables::everything() {
  if (everything_.empty()) append_characters(everything_, 0, kLastCharacter);
  return everything_;
}

std::optional<CharRanges> CharacterTables::property(std::string_view token, bool fold) {
  std::string expression = fmt::format("{}[{}]+", fold ? "(?i)" : "", token);
  if (auto known = known_.find(expression); known != known_.end()) return known->second;
  std::optional<CharRanges> found;
  const RE2 one(expression, quiet());
  if (one.ok()) {
    found = found_in(one, everything());
    normalise(*found);
  }
  known_.emplace(std::move(expression), found);
  return found;
}

CharRanges CharacterTables::fold(const CharRanges& ranges) {
  CharRanges out = ranges;
  bool ascii = true;
  for (const auto& [first, last] : ranges) {
    ascii = ascii && last <= 0x7F;
    for (char32_t c = first; c <= std::min<char32_t>(last, 0x7F); ++c) append_folded_ascii(out, c);
  }
  if (!ascii) {
    auto known = folded_.find(ranges);
    if (known == folded_.end()) {
      const RE2 one("(?i)" + write_class(ranges, false, false) + "+", quiet());
      known = folded_.emplace(ranges, one.ok() ? found_in(one, cased()) : CharRanges{}).first;
    }
    out.insert(out.end(), known->second.begin(), known->second.end());
  }
  normalise(out);
  return out;
}

}  // namespace postern::rules
