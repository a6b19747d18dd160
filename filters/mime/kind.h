// What a file really is, whatever it calls itself; and what lies in an archive, by its listing alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postern::mime {

/// By its first octets (magic numbers): a MIME type such as "application/x-dosexec", "application/zip",
/// "application/vnd.ms-office" (OLE), "application/pdf", "image/png", "text/html"; empty when it tells nothing.
[[nodiscard]] std::string detect_kind(std::string_view content);

/// A listing read from directory structures, never by unpacking. Bounded: 1000 names of 1000 octets.
struct Archive {
  bool is_archive = false;
  bool encrypted = false;          // a file in it, or the listing itself, needs a password
  bool truncated = false;          // there is more than was listed, or the content is cut
  std::vector<std::string> names;  // UTF-8, without control characters
};
/// ZIP (also of office documents), RAR 4 and 5, 7z (names only where its header is not packed), tar, gzip (its one
/// name).
[[nodiscard]] Archive list_archive(std::string_view content);

}  // namespace postern::mime
