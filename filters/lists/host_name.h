// Which texts are domain names that a list could know; a small helper of this folder.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::lists {

/// Lower-case A-labels without final dot of a domain name of two labels or more, of letters, digits, hyphens and
/// underscores, that is no address; nullopt for all else. Longer than 1000 octets (in U-labels) is all else.
[[nodiscard]] std::optional<std::string> to_host_name(std::string_view text);

}  // namespace postern::lists
