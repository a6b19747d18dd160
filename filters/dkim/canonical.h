// Canonicalisation (RFC 6376, 3.4): what is hashed of a header field, and of a body as it arrives.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace postern::dkim {

enum class Canon { Simple, Relaxed };

/// RFC 6376, 3.4.1 and 3.4.2: appends one field ("Name: value CRLF", folded as received) to `out`, with its final CRLF.
/// `raw` may lack the CRLF.
void append_canonical_field(Canon canon, std::string_view raw, std::string& out);

/// RFC 6376, 3.4.3 and 3.4.4, in a stream. feed() takes the body in any pieces (CRLF line ends; lone CR or LF are
/// octets like others); what comes out goes to `sink` in order, in pieces that are valid during the call. Empty lines
/// at the end and missing last line ends are settled by finish(). Memory: a constant, however long a line.
class BodyCanonicalizer {
 public:
  using Sink = std::function<void(std::string_view)>;
  BodyCanonicalizer(Canon canon, Sink sink) : canon_(canon), sink_(std::move(sink)) {}
  void feed(std::string_view bytes);
  void finish();

 private:
  [[nodiscard]] const char* end_of_run(const char* at, const char* end) const;
  void line_end();
  void content(std::string_view run);
  void emit(std::string_view bytes);
  void flush();

  Canon canon_;
  Sink sink_;
  uint64_t line_ends_ = 0;  // CRLFs that count only if something follows them
  bool space_ = false;      // white space that counts only if something follows it in its line
  bool cr_ = false;         // the last octet was a CR: its meaning is in the next piece
  bool empty_ = true;       // nothing but line ends so far
  size_t filled_ = 0;
  std::array<char, 4096> block_;  // small pieces are gathered: each call of the sink has its price
};

}  // namespace postern::dkim
