// The parts of a message (RFC 2045, 2046): found once, decoded when somebody reads them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace postern::mime {

/// What a stranger's message may cost. Whatever lies beyond is left out and said (Message::truncated).
struct Limits {
  size_t depth = 16;                 // of nesting, message/rfc822 included
  size_t parts = 500;                // all
  size_t decoded = 4U << 20U;        // octets of one part's decoded content that are looked at
  size_t total_decoded = 8U << 20U;  // of all parts together
};

/// How a part's octets are written (RFC 2045, 6).
enum class Encoding { Identity, QuotedPrintable, Base64, Unknown };

/// One part as views into the message, which outlives it. Texts are decoded, UTF-8, without control characters.
struct Part {
  std::string type;         // "text/html", lower case; what the part is taken for when it does not say or says it badly
  std::string charset;      // lower case; empty: none said
  std::string disposition;  // "attachment", "inline", lower case; empty: none said
  std::string
      name;  // of the file: Content-Disposition filename, else Content-Type name (RFC 2231, RFC 2047, raw 8-bit)
  std::string content_id;  // without <>
  Encoding encoding = Encoding::Identity;
  std::string_view header;   // raw, of this part
  std::string_view content;  // raw, still encoded; of a multipart all that it holds
  size_t parent = 0;         // index in Message::parts; the first part is its own parent
  size_t depth = 0;          // 0: the message itself
  bool multipart = false;    // holds parts
  bool message = false;      // message/rfc822: its one child is the message in it
};

/// Things that mail programs read differently, and senders of malware write on purpose.
struct Defects {
  bool missing_boundary = false;  // multipart without a boundary parameter
  bool missing_close = false;     // no closing delimiter
  bool duplicate_header = false;  // Content-Type or Content-Transfer-Encoding more than once in a part
  bool bad_encoding = false;      // octets that the transfer encoding does not have
  bool unknown_encoding = false;  // Content-Transfer-Encoding nobody knows
  bool unknown_charset = false;   // a charset that cannot be converted
  bool bad_charset = false;       // octets that the charset does not have
  bool nul = false;               // NUL octets in text or header
  bool after_close = false;       // parts behind a close delimiter; they are taken for parts all the same
  bool nested_too_deep = false;   // Limits::depth
};

struct Message {
  std::vector<Part> parts;  // depth first, the message itself first; never empty
  Defects defects;
  bool truncated = false;  // a limit was met, or `complete` was false: parts are missing or cut
  // Messages in it that were themselves transfer-encoded: `header` and `content` of their parts are views into these.
  std::vector<std::shared_ptr<const std::string>> decoded;
};

/// Never fails: what cannot be read is text. Linear in the message's size. `complete` false: this is only the beginning
/// of a message, so a last part that is cut says nothing about its sender.
[[nodiscard]] Message parse(std::string_view message, const Limits& limits, bool complete = true);

/// The content without its transfer encoding, at most `limit` octets. Lenient as mail readers are (RFC 2045, 6.7 and
/// 6.8): octets that do not belong are passed over (base64) or kept (quoted-printable). `defects` is added to.
[[nodiscard]] std::string decode(const Part& part, size_t limit, Defects& defects);

/// Octets in `charset` as well-formed UTF-8; what cannot be converted becomes U+FFFD. An empty or unknown charset is
/// taken for UTF-8 where the octets are that, else for windows-1252. Sets the defects of charsets.
[[nodiscard]] std::string to_utf8(std::string_view octets, std::string_view charset, Defects& defects);

/// A header field's value as a reader sees it: unfolded, encoded words decoded (RFC 2047; adjacent ones joined before
/// their charset is converted, as many senders split characters), raw 8-bit as to_utf8 takes it. Bounded at 64 KiB.
[[nodiscard]] std::string decode_header(std::string_view value);

}  // namespace postern::mime
