// What Postern puts on top of a message, and what it takes out of it (design: "What is added to a message").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "filters/facts.h"
#include "filters/message/headers.h"
#include "lua/verdict.h"
#include "proxy/session/ports.h"

namespace postern::session {

/// Everything the added fields say.
struct Stamp {
  std::string_view hostname;
  std::string_view id;
  const Facts* facts = nullptr;
  bool esmtp = true;
  bool smtputf8 = false;
  std::optional<TlsInfo> tls;
  int64_t wall_ms = 0;
  const rules::Evaluation* evaluation = nullptr;
  rules::Judgement judgement;
  std::optional<double> tag_limit;  // "required="
  std::string_view subject_prefix;  // put before Subject; empty: not
  std::string_view rules_version;   // which rules judged it; empty: not said
  bool filtered = true;             // false: not judged (trusted client that skips the filters)
};

/// RFC 5321, 4.4 with the keyword of RFC 3848 and RFC 6531.
[[nodiscard]] std::string received_field(const Stamp& stamp);
/// X-Spam-Flag, -Score, -Level, -Status and X-Postern-Id, in this order.
[[nodiscard]] std::string spam_fields(const Stamp& stamp);

/// The new beginning of the message: our fields, then its own without those that must not pass, then what separates the
/// header from the body where the message had no header at all. The rest of the message follows from
/// `header.header_size`.
[[nodiscard]] std::string stamped_header(const Stamp& stamp, const message::Header& header, std::string_view message);

}  // namespace postern::session
