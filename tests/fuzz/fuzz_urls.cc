// Every URL that is found parses again to the same, and its host is one that DNS could be asked for.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "filters/base/result.h"
#include "filters/mime/urls.h"

using namespace postern;

namespace {

void check_host(const std::string& host) {
  POSTERN_CHECK(host.size() <= 253);
  for (char c : host) {
    bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == ':';
    POSTERN_CHECK(good);
  }
  POSTERN_CHECK(host.empty() || host.back() != '.');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  mime::Url url;
  if (mime::parse_url(text, url)) {
    check_host(url.host);
    POSTERN_CHECK(url.text.size() <= 4096 && !url.scheme.empty());
    (void)mime::shows_other_host(url, text);
  }
  for (const mime::Url& found : mime::find_urls(text, 20)) {
    check_host(found.host);
    mime::Url again;
    POSTERN_CHECK(mime::parse_url(found.text, again));
    POSTERN_CHECK(again.host == found.host && again.path == found.path && again.user == found.user);
    (void)mime::shows_other_host(found, text);
  }
  return 0;
}
