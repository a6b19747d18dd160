// From the facts of a message to the one Authentication-Results field that we add.
#pragma once

#include <string>
#include <string_view>

#include "filters/facts.h"

namespace postern::auth_results {

/// All methods in one field (RFC 8601, 2.2 and 2.7), with final CRLF: iprev (policy.iprev), spf for MAIL FROM
/// (smtp.mailfrom) and for HELO (smtp.helo), each dkim signature (header.d, header.i, header.s, header.a, header.b as
/// RFC 6008), dmarc (header.from; policy.dmarc for the domain's policy), arc (header.oldest-pass, smtp.remote-ip).
/// Facts that are not known are left out, and only names and results that IANA has registered are used. UTF-8 stays
/// where facts.smtputf8 says that the message may have it. Bounded by the bounds of the facts.
[[nodiscard]] std::string auth_results_field(std::string_view authserv_id, const Facts& facts);

}  // namespace postern::auth_results
