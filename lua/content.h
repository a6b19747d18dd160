// The content of the message that is judged, for the bindings and for pattern rules: each thing is worked out when it
// is first asked for, kept for the message, and paid for by no rule.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "filters/message/headers.h"
#include "filters/mime/content.h"
#include "lua/api_view.h"
#include "lua/sandbox.h"

namespace postern::rules {

/// All of these: `mail` has facts of stage message; what they give lives as long as `mail` does. They call no Lua.
[[nodiscard]] mime::Content& content_of(MailContext& mail);
[[nodiscard]] const mime::Message& structure_of(MailContext& mail);
[[nodiscard]] const std::string& text_of(MailContext& mail);
[[nodiscard]] const std::string& hidden_of(MailContext& mail);
[[nodiscard]] const std::vector<mime::Url>& urls_of(MailContext& mail);
[[nodiscard]] const std::vector<mime::Attachment>& attachments_of(MailContext& mail);

[[nodiscard]] const message::Header& header_of(MailContext& mail);
/// A field's value as a reader sees it (mime::decode_header); `at` is its place in header_of(mail).fields.
[[nodiscard]] const std::string& field_text(MailContext& mail, size_t at);

/// The rows of `mail` that these are; under State::call().
void push_text(lua_State* lua, MailContext& mail);
void push_hidden(lua_State* lua, MailContext& mail);
void push_truncated(lua_State* lua, MailContext& mail);

extern const ViewTable kUrlTable;
extern const ViewTable kAttachmentTable;
extern const ViewTable kPartTable;
extern const ViewTable kDefectsTable;

}  // namespace postern::rules
