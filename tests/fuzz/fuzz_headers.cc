// The fields are exactly the header, whatever the message; and a field that is plainly ours is always seen.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "filters/base/result.h"
#include "filters/message/headers.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  message::Header header = message::parse_header(text);
  size_t at = 0;
  for (const message::Field& field : header.fields) {
    POSTERN_CHECK(field.raw.data() == text.data() + at);
    at += field.raw.size();
    POSTERN_CHECK(message::unfold(field.value).size() <= field.value.size());
    (void)message::must_strip(field, "mx.example.org");
  }
  POSTERN_CHECK(at == header.header_size);
  POSTERN_CHECK(message::header_size(text) == header.header_size);
  POSTERN_CHECK(header.body_offset == at || text.substr(at, 2) == "\r\n");
  (void)message::claims_authserv_id(text, "mx.example.org");

  // Behind any header that is one, a forged field is found.
  if (header.fields.empty() || text.substr(at, 2) != "\r\n") return 0;
  std::string forged(text.substr(0, at));
  forged += "Authentication-Results: mx.example.org; dmarc=pass\r\n\r\n";
  message::Header second = message::parse_header(forged);
  POSTERN_CHECK(message::must_strip(second.fields.back(), "mx.example.org"));
  return 0;
}
