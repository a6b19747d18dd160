// The host of a URL as browsers read it, for what DNS and rules know.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::mime {

/// URL standard, 3.5: percent-encoded octets decoded, mapped by IDNA (full-width characters and dots too), numbers read
/// as an IPv4 address in any notation, IPv6 in brackets. As Url::host; nullopt where nobody could follow it. Longer
/// than 1000 octets is nullopt.
[[nodiscard]] std::optional<std::string> read_host(std::string_view written);

}  // namespace postern::mime
