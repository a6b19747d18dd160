// Writes a stored message to a peer: the only place that emits CRLF of content, stuffed dots and the final dot.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::smtp {

/// Incremental: any split of the input gives the same output. The input is decoded content; whatever CR and LF it
/// holds, the output has CRLF only (a bare one becomes CRLF), every line that begins with a dot has it doubled (RFC
/// 5321, 4.5.2), and finish() adds the missing last CRLF and the final dot. Safe for any octets.
class BodyWriter {
 public:
  void write(std::string_view content, std::string& out);
  void finish(std::string& out);

 private:
  void step(char octet, std::string& out);

  enum class State : uint8_t { LineStart, Text, Cr };
  State state_ = State::LineStart;
};

}  // namespace postern::smtp
