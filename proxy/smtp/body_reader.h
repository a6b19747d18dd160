// Reads the content that follows DATA's 354: the only place that decides where a message ends.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/smtp/reply.h"

namespace postern::smtp {

/// What to do with CR or LF that stands alone (RFC 5321, 2.3.8 forbids it). Neither mode passes it on.
enum class BareNewline { Normalize, Reject };

/// Why a message must be refused although it was read to its end. The first fault stays.
enum class BodyFault { None, TooBig, BareNewline };
[[nodiscard]] Reply body_fault_reply(BodyFault fault);

/// Incremental; any split gives the same result. Ends only at CRLF "." CRLF (RFC 5321, 4.1.1.4; the CRLF of the DATA
/// command line counts as the first). Removes one leading dot of a line (4.5.2), where a line begins only after a true
/// CRLF. Normalises a bare LF or bare CR to CRLF. Reads to the end even when the message is already refused, because
/// stopping early would turn the rest of it into commands; after a fault nothing more is put out.
class BodyReader {
 public:
  BodyReader(BareNewline bare, uint64_t max_size) : bare_(bare), max_size_(max_size) {}

  /// Takes from the front of `input` up to the end of the message; appends decoded octets to `out`. True at the end.
  bool read(std::string_view& input, std::string& out);
  /// Octets put out so far: never more than `max_size`.
  [[nodiscard]] uint64_t size() const { return size_; }
  [[nodiscard]] BodyFault fault() const { return fault_; }
  /// How many bare CR and LF were met (a fact for the log).
  [[nodiscard]] uint64_t bare_newlines() const { return bare_newlines_; }

 private:
  // LineStart: behind a true CRLF. Text: inside a line. Cr: a CR is withheld. Dot: a dot at a line's start is withheld.
  // DotCr: that dot and a CR are.
  enum class State : uint8_t { LineStart, Text, Cr, Dot, DotCr };
  bool step(char octet, std::string& out);
  void put(std::string_view octets, std::string& out);
  void lone_newline(std::string& out);

  BareNewline bare_;
  State state_ = State::LineStart;
  BodyFault fault_ = BodyFault::None;
  uint64_t max_size_;
  uint64_t size_ = 0;
  uint64_t bare_newlines_ = 0;
};

}  // namespace postern::smtp
