// Whatever the HTML: bounds are kept, text is UTF-8 where the input is, and the spans of links lie in the text.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "filters/base/bytes.h"
#include "filters/base/result.h"
#include "filters/mime/html.h"
#include "filters/mime/urls.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  constexpr size_t kText = 4096;
  mime::Html html = mime::read_html(text, kText);
  POSTERN_CHECK(html.text.size() <= kText && html.hidden.size() <= kText);
  POSTERN_CHECK(is_utf8(html.text) && is_utf8(html.hidden));
  POSTERN_CHECK(html.links.size() <= mime::Html::kMaxLinks);
  for (const mime::Link& link : html.links) {
    POSTERN_CHECK(link.target.size() <= 4096 && link.text.size() <= 1000);
    POSTERN_CHECK(link.target.find_first_of(" \t\r\n") == std::string_view::npos);
    mime::Url url;
    (void)mime::parse_url(link.target, url);
  }
  size_t at = 0;
  for (const mime::Span& span : html.linked) {
    POSTERN_CHECK(at <= span.begin && span.begin < span.end && span.end <= html.text.size());
    at = span.end;
  }
  return 0;
}
