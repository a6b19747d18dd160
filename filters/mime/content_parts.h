// Which parts of a message are text, shown or files, and what is made of their text and names; for content.cc.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "filters/mime/mime.h"

namespace postern::mime {

[[nodiscard]] bool is_html(const Part& part);
/// RFC 2046, 4.1.4: an unknown kind of text is plain text.
[[nodiscard]] bool is_text(const Part& part);
/// Shown where the message is read. RFC 2183, 2.2: an attachment is not.
[[nodiscard]] bool is_shown(const Part& part);
[[nodiscard]] bool is_file(const Part& part);
[[nodiscard]] bool is_alternative(const Part& part);

/// The last extension of a file's name, lower case, without dot. Windows passes over dots and blanks at the end of a
/// name, and so would a reader who opens it there.
[[nodiscard]] std::string extension_of(std::string_view name);
/// Line ends as "\n", no NUL: what regular expressions of rules expect. Linear.
[[nodiscard]] std::string plain_text(std::string text);
/// By part: whether it is shown, of each multipart/alternative only the child with the best text in it, the last of
/// equals.
[[nodiscard]] std::vector<bool> choose_shown_parts(const Message& message);

}  // namespace postern::mime
