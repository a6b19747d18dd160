// Files of a message: by their octets, and pictures also by what they show.
#pragma once

#include <cstdint>
#include <vector>

#include "filters/bulk/fingerprint.h"
#include "filters/mime/content.h"

namespace postern::bulk {

/// Hashes of the first files of a message, in order, each once: of their decoded octets, of which at most kMaxHashed of
/// one and four times that of all are looked at. Not files: what is shown as text, calendars, cards, reports, keys and
/// signatures, pictures that show too little (picture.h), anything so small that unrelated files are equal. The last
/// part of a message that is cut is no whole file and has no hash.
/// CPU: pictures are decoded as long as all of them together cost at most kMaxPixels (picture.h): about 30 ms.
void hash_files(mime::Content& content, std::vector<uint64_t>& files, std::vector<uint64_t>& pictures);
constexpr size_t kMaxHashed = 1U << 20U;

}  // namespace postern::bulk
