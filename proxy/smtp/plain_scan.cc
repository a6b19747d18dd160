#include "proxy/smtp/plain_scan.h"

#include <algorithm>

namespace postern::smtp {

size_t PlainScan::length(std::string_view rest, bool& line_start) {
  const char* const begin = rest.data();
  size_t at = 0;
  while (at < rest.size()) {
    if (line_start && rest[at] == '.') break;
    if (line_feed_ == nullptr || line_feed_ < begin + at) {
      line_feed_ = begin + std::min(rest.find('\n', at), rest.size());
    }
    auto feed = static_cast<size_t>(line_feed_ - begin);
    size_t text = std::min(rest.substr(at, feed - at).find('\r'), feed - at);
    bool crlf = feed < rest.size() && text + 1 == feed - at;
    line_start = crlf || (line_start && text == 0);
    at = crlf ? feed + 1 : at + text;
    if (!crlf) break;
  }
  return at;
}

}  // namespace postern::smtp
