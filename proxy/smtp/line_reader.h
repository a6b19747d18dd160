// Command lines from the client.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace postern::smtp {

/// Incremental; a line ends at CRLF. For command lines a bare LF ends a line too (telnet and old scripts send it; no
/// message content is at stake), a bare CR is an ordinary octet that the command parser refuses. A line longer than the
/// limit is read to its end, dropped, and reported as TooLong.
class LineReader {
 public:
  enum class Result { NeedMore, Line, TooLong };

  /// `limit`: octets with the line end (RFC 5321, 4.5.3.1.4 says 512; extensions add to it: 2048 here). Never more than
  /// that is kept.
  explicit LineReader(size_t limit) : limit_(limit) {}
  /// Takes from the front of `input` up to the end of one line. On Line the text, without line end, is in line().
  Result read(std::string_view& input);
  [[nodiscard]] const std::string& line() const { return line_; }
  /// Drops the line, finished or not, and gives its memory back: an idle session keeps none.
  void clear();

 private:
  size_t limit_;
  std::string line_;
  bool done_ = true;       // line_ is whole; the next octet begins another
  bool overflow_ = false;  // too long already: drop until the line's end
};

}  // namespace postern::smtp
