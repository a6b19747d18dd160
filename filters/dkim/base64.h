// Base64 as keys and signatures hold it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::dkim {

/// RFC 6376, 3.5 (ABNF base64string) and RFC 4648, 4: white space anywhere, padding may be missing. nullopt for
/// everything else.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

}  // namespace postern::dkim
