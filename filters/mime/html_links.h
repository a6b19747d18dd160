// Where elements lead.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "filters/mime/html.h"
#include "filters/mime/html_token.h"

namespace postern::mime {

constexpr size_t kMaxTarget = 4096;

/// What a start tag refers to: href, src, action, background and the like, all candidates of srcset, style's url(...),
/// the target of a refresh. The anchor's own comes first, so that its text can be added to it. Empty targets are left
/// out. `truncated`: one was cut, or there were more candidates than are taken.
[[nodiscard]] std::vector<Link> links_of(const Token& tag, bool& truncated);

/// The value of an attribute as browsers read a URL in it (URL standard, 4.4): blanks and control characters at the
/// ends and all tabs and line ends are removed, and so are all other control characters; a blank becomes "%20".
[[nodiscard]] std::string clean_target(std::string_view value);

/// RFC 3986, 5.2, without the removal of dot segments: `target` seen from `base`, an http or https URL.
[[nodiscard]] std::string resolve_target(std::string_view base, std::string_view target);

}  // namespace postern::mime
