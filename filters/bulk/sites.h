// Where the links of a message lead.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "filters/mime/urls.h"

namespace postern::bulk {

/// Hashes of the registered domains that http and https links lead to, sorted, each once; pictures that are only loaded
/// do not count. Of more than Fingerprint::kMaxSites the smallest hashes, so that two messages with mostly the same
/// links have the same of them.
[[nodiscard]] std::vector<uint32_t> sites_of(const std::vector<mime::Url>& urls);

/// Hash of where the links of a message lead that says nothing else: of the registered domains when there is a picture
/// in the message (`has_picture`: one that shows_something()), of pages when one is loaded from elsewhere. nullopt
/// where that would bring together what nobody sent together: no picture at all (mail programs and companies put the
/// same links below every "thanks"), home pages only, only sites to which everybody sends links.
[[nodiscard]] std::optional<uint64_t> url_print(const std::vector<mime::Url>& urls, bool has_picture);

}  // namespace postern::bulk
