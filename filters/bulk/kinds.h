// Messages that are alike by their kind, not because somebody sent one of them to many.
#pragma once

#include <cstdint>
#include <optional>

#include "filters/bulk/fingerprint.h"
#include "filters/message/headers.h"
#include "filters/mime/content.h"

namespace postern::bulk {

/// Bounce, AutoReply or Calendar; nullopt: an ordinary message. What anybody can write into a message excuses only a
/// short one, so that no campaign hides behind a header field: `counted_words` are its distinct words that count. A
/// bounce may be of any length (the message that came back is in it) when its envelope sender is null, as the standards
/// demand.
///
/// Bounce: a report of (non-)delivery or of abuse by its parts (RFC 3464, RFC 5965), or the null sender and the look of
/// a mail server's own words, or the JSON of Amazon SES. AutoReply: out of office and read receipts (RFC 3834, RFC
/// 8098), the shorter ones also by their Subject. Calendar: invitations to an event or task and answers to them (RFC
/// 5546), not published dates.
[[nodiscard]] std::optional<Evidence> special_kind(mime::Content& content, const message::Header& header,
                                                   bool null_sender, uint32_t counted_words);

}  // namespace postern::bulk
