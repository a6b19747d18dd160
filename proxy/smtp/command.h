// The parsers of what stands behind MAIL and RCPT (RFC 5321, 4.1.2; RFC 1870, 6152, 6531, 3461). The table of commands
// is in server_commands.cc.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "filters/base/result.h"
#include "proxy/smtp/envelope.h"
#include "proxy/smtp/reply.h"

namespace postern::smtp {

struct Extensions;

// RFC 5321, 4.5.3.1.1 to 4.5.3.1.3, octets.
inline constexpr size_t kMaxLocalPart = 64;
inline constexpr size_t kMaxDomain = 255;
inline constexpr size_t kMaxPath = 256;  // with < and >, and a source route

/// Parses "FROM:<a@b> SIZE=1 ..." (what follows MAIL). Errors carry the reply to give: code, enhanced code and text.
[[nodiscard]] tl::expected<MailCommand, Reply> parse_mail(std::string_view arguments, bool utf8_offered);
[[nodiscard]] tl::expected<RcptCommand, Reply> parse_rcpt(std::string_view arguments, bool utf8_allowed,
                                                          bool dsn_offered);
/// RFC 5321, 4.1.2 Path: "<@relay:a@b>", "<>", "<postmaster>" (any case), "<\"x y\"@b>", "<a@[192.0.2.1]>". Underscores
/// in domains pass, for they exist.
[[nodiscard]] Result<Path> parse_path(std::string_view text, bool utf8_allowed);

/// Whether a parameter that parse_mail() took belongs to an extension that was offered.
[[nodiscard]] bool parameter_offered(const Parameter& parameter, const Extensions& offered);

}  // namespace postern::smtp
