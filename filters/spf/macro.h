// Macros of RFC 7208, 7: syntax and expansion. Pure functions over bytes from the network; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "filters/base/ip.h"

namespace postern::spf {

/// Where a macro-string stands; the grammar differs a little.
enum class MacroPlace {
  Domain,       // a domain-spec: no spaces, and the letters c, r, t are forbidden (RFC 7208, 7.2)
  Modifier,     // the value of an unknown modifier: no spaces, all letters
  Explanation,  // the text that exp= points to: spaces and all letters
};

/// What a well-formed macro-string asks for when it is expanded.
struct MacroUse {
  bool any = false;             // anything but literals
  bool validated_name = false;  // %{p}: costs DNS look-ups
  bool local_part = false;      // %{l} or %{s}
};

/// Checks the syntax of the whole text; nullopt when it is wrong. Linear.
[[nodiscard]] std::optional<MacroUse> scan_macros(std::string_view text, MacroPlace place);

/// The values of the macro letters. Views: the owner outlives the expansion.
struct MacroValues {
  std::string_view local;           // l
  std::string_view sender_domain;   // o; s is l@o
  std::string_view domain;          // d: the domain whose record is being evaluated
  std::string_view helo;            // h
  std::string_view receiver;        // r
  std::string_view validated_name;  // p
  IpAddress client;                 // i, c, v
  int64_t wall_seconds = 0;         // t
};

/// Longest explanation that is made; what is beyond is cut off.
inline constexpr size_t kMaxExplanation = 1000;

/// Expands a text that scan_macros() accepted for the same place. The result is bounded whatever the text and the
/// values are: an explanation by kMaxExplanation, a domain name by fit_name().
[[nodiscard]] std::string expand_macros(std::string_view text, const MacroValues& values, MacroPlace place);

/// RFC 7208, 7.3: a name over 253 octets loses labels on its left; a final dot goes too. The result may still be no
/// valid name (see dns::is_valid_name).
void fit_name(std::string& name);

}  // namespace postern::spf
