// The words of our own replies, and the backend's made fit to pass on.
#pragma once

#include <string>

#include "filters/base/result.h"
#include "lua/verdict.h"
#include "proxy/smtp/reply.h"

namespace postern::session {

/// 4xx and 5xx of the backend pass through. 421 becomes 451: it ends the backend's session, not ours. A missing
/// enhanced code is supplied: `positive_code` for 2xx, "4.0.0" or "5.0.0" else (RFC 2034, 4).
[[nodiscard]] smtp::Reply pass_on(smtp::Reply reply, const char* positive_code);

/// " [id 01J...]", nothing without an id: the end of an answer's text, under which an admin finds what it was about.
[[nodiscard]] std::string id_tag(const std::string& id);
[[nodiscard]] smtp::Reply with_id(smtp::Reply reply, const std::string& id);

/// 451 4.4.1: the backend cannot be reached or broke off. The reason is for the log, not for the sender. `id`: under
/// which an admin finds it; may be empty.
[[nodiscard]] smtp::Reply unavailable(const Error& error, const std::string& id = {});

/// A rule's action, in the rule's words or ours: 550 5.7.1 or 451 4.7.1. `list_text`: what the DNS list says of it in
/// its TXT record, untrusted; may be empty, as `id` may.
[[nodiscard]] smtp::Reply decision_reply(const rules::Decision& decision, const std::string& list_text,
                                         const std::string& id, bool reveal);

/// "550 5.7.1 refused: score 17.2, limit 15.0 (SPF_FAIL, URIBL_BLACK) [id 01J...]", 451 4.7.1 for Defer.
[[nodiscard]] smtp::Reply score_reply(const rules::Evaluation& evaluation, const rules::Judgement& judgement,
                                      const std::string& id, bool reveal);

}  // namespace postern::session
