// The Public Suffix List, for sites that want organizational domains the way of RFC 7489, 3.2.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::dmarc {

/// Whether the last label is a number: an IPv4 address or nonsense, in no case a domain with parents (RFC 1123, 2.1).
[[nodiscard]] bool looks_like_address(std::string_view name);

/// The registrable domain of a name in any case and form, as lower-case A-labels; nullopt for a public suffix, an
/// address, and what is no domain name. The list is read once per process. Any thread.
[[nodiscard]] std::optional<std::string> registrable_domain(std::string_view name);

}  // namespace postern::dmarc
