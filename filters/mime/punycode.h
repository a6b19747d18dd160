// Host names that IDNA 2008 refuses and browsers follow all the same: emoji.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::mime {

/// `label` as an A-label (RFC 3492 behind "xn--"), without any judgement of its characters but that blanks and controls
/// are refused; variation selectors are left out, as UTS 46 maps them. nullopt too where it is not UTF-8 or too long
/// for DNS (63 octets).
[[nodiscard]] std::optional<std::string> to_a_label(std::string_view label);

}  // namespace postern::mime
