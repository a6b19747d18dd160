// The name that a client says in HELO, held against the DNS.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "filters/base/ip.h"
#include "filters/base/task.h"
#include "filters/dns/dns.h"

namespace postern::dns {

struct HeloName {
  bool literal = false;    // an address literal, "[192.0.2.1]" (RFC 5321, 4.1.3), or a bare address
  bool own = false;        // our name, or an address of ours: nobody else has a right to it
  bool qualified = false;  // a domain name of two labels or more, without odd characters (RFC 5321, 2.3.5)
  /// Whether there is an address (or MX) for the name; nullopt: a literal, not known, or not asked. RFC 5321, 4.1.4:
  /// "MUST be a primary host name".
  std::optional<bool> resolves;
  /// Whether the name leads to the client's address, or the literal is it; nullopt as above. RFC 5321, 4.1.4 forbids to
  /// refuse mail for that alone: a reason to add to a score.
  std::optional<bool> matches;
};

/// What can be told without asking: literal, own, qualified, and of literals matches.
[[nodiscard]] HeloName look_at_helo(std::string_view helo, const IpAddress& client, std::string_view our_name,
                                    const IpAddress& our_address);
/// The same, with A, AAAA and MX of the name asked for. `dns` outlives the task.
[[nodiscard]] Task<HeloName> check_helo_name(Client& dns, std::string helo, IpAddress client, std::string our_name,
                                             IpAddress our_address, Duration timeout);

}  // namespace postern::dns
