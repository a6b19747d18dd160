// Who is judged: the domain of HELO or MAIL FROM, made fit for DNS (RFC 7208, 2.3, 2.4 and 4.3; RFC 8616, 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::spf {

/// Who is judged.
struct Identity {
  std::string local;   // local part, "postmaster" when there is none
  std::string domain;  // judgeable, A-labels, in the sender's case
  std::string helo;    // for %{h}: any octets
};

/// RFC 7208, 4.3: a well-formed domain of at least two labels, no address literal, no address. A-labels only.
[[nodiscard]] bool is_judgeable(std::string_view domain);

/// The domain without its final dot, U-labels turned into A-labels (the case of ASCII is kept), or nullopt when it is
/// not judgeable.
[[nodiscard]] std::optional<std::string> to_domain(std::string_view text);

/// nullopt: the result is None.
[[nodiscard]] std::optional<Identity> helo_identity(std::string_view helo);
[[nodiscard]] std::optional<Identity> mail_from_identity(std::string_view helo, std::string_view mail_from);

}  // namespace postern::spf
