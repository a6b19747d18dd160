// Sets of characters, and what Unicode says of them: properties, and which characters differ in case only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::rules {

/// First and last code point of each run; normalised: sorted, apart from each other, without surrogates.
using CharRanges = std::vector<std::pair<char32_t, char32_t>>;

constexpr char32_t kLastCharacter = 0x10FFFF;

void normalise(CharRanges& ranges);
/// What is in [0, last] and not in `ranges`, which are normalised.
[[nodiscard]] CharRanges complement(const CharRanges& ranges, char32_t last);
/// As a character class that RE2 and Hyperscan read alike; `octets`: nothing above 0xFF is in it.
[[nodiscard]] std::string write_class(const CharRanges& ranges, bool negated, bool octets);
/// One character outside of a class, escaped where it needs be.
void append_literal(std::string& out, char32_t character);

/// Asks RE2 for its tables, so that Hyperscan, whose own are of another version of Unicode, need not be asked. Builds
/// a text of some megabytes when first asked; made for compiling, dropped after it. One thread.
class CharacterTables {
 public:
  /// Of "\pL", "\P{Greek}"...; `fold`: under (?i). nullopt: RE2 knows no such property.
  std::optional<CharRanges> property(std::string_view token, bool fold);
  /// `ranges` and all characters that differ from one of them in case only.
  CharRanges fold(const CharRanges& ranges);

 private:
  const std::string& everything();

  std::string everything_;  // every character once, in order
  std::map<std::string, std::optional<CharRanges>, std::less<>> known_;
  std::map<CharRanges, CharRanges> folded_;
};

}  // namespace postern::rules
