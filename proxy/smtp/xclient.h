// XCLIENT: tells a backend that trusts us who the real client is (Postfix XCLIENT_README).
#pragma once

#include <deque>
#include <set>
#include <string>
#include <string_view>

#include "proxy/smtp/client_engine.h"

namespace postern::smtp {

/// Octets of one XCLIENT command with its CRLF (the README asks for the limit of RFC 5321, 4.5.3.1.4).
inline constexpr size_t kMaxXclientLine = 512;

/// RFC 3461, 4: everything but printable ASCII, and '+' and '=', becomes "+HH". The result holds no space or control.
[[nodiscard]] std::string encode_xtext(std::string_view text);

/// The commands to send one after another, each with CRLF and within kMaxXclientLine; only attributes in `offered`
/// (upper case). ADDR stands in the last one, because a server asks the new address whether it may send more of them.
/// Empty when ADDR is not offered: without it nothing is told.
[[nodiscard]] std::deque<std::string> xclient_commands(const OriginalClient& client,
                                                       const std::set<std::string>& offered);

}  // namespace postern::smtp
