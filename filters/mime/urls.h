// URLs in a text, as mail readers make them clickable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::mime {

/// One address that a reader could follow. Bounded: 4096 octets.
struct Url {
  std::string text;    // as written (references and white space resolved), UTF-8
  std::string scheme;  // lower case: "https", "mailto"
  std::string host;   // lower case, A-labels, no final dot; an IP address as its usual text, whatever notation was used
                      // (http://0x7f000001/, decimal, octal); empty where there is none
  std::string user;   // userinfo before "@"
  std::string path;   // with query and fragment, as written
  uint16_t port = 0;  // 0: the scheme's
  std::string shown;  // the text shown for it; empty: itself
  bool shown_differs = false;  // the text shown is a URL or host name of another host
  enum class Where { Text, Html, Image, Form, Header } where = Where::Text;
};

/// Whether `shown`, the text of a link to `url`, is itself a URL or host name, of another registered domain
/// (approximately, see tld.h) than the link's. False where the link has no host.
[[nodiscard]] bool shows_other_host(const Url& url, std::string_view shown);
/// Parses what stands in an href or was found in text; "www.example.com" is taken for http. False when it is no URL,
/// or one that leads nowhere: a host that cannot exist, a scheme nobody knows ("hxxp").
[[nodiscard]] bool parse_url(std::string_view text, Url& url);
/// All URLs of a text, in order, also those without a scheme that mail readers recognise ("www.", "example.com/path"
/// with a known top-level domain), not in e-mail addresses. At most `limit`; linear.
[[nodiscard]] std::vector<Url> find_urls(std::string_view text, size_t limit);

}  // namespace postern::mime
