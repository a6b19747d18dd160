#include "proxy/smtp/body_writer.h"

#include "proxy/smtp/plain_scan.h"

namespace postern::smtp {

void BodyWriter::write(std::string_view content, std::string& out) {
  PlainScan scan;
  while (!content.empty()) {
    if (state_ != State::Cr) {
      bool line_start = state_ == State::LineStart;
      size_t plain = scan.length(content, line_start);
      out += content.substr(0, plain);
      content.remove_prefix(plain);
      state_ = line_start ? State::LineStart : State::Text;
      if (content.empty()) break;
    }
    step(content.front(), out);
    content.remove_prefix(1);
  }
}

/// One octet that the scan stopped at, or that follows a CR.
void BodyWriter::step(char octet, std::string& out) {
  if (state_ == State::Cr) {
    out += "\r\n";
    state_ = State::LineStart;
    if (octet == '\n') return;
  }
  if (octet == '\r') {
    state_ = State::Cr;
  } else if (octet == '\n') {
    out += "\r\n";
    state_ = State::LineStart;
  } else {
    // RFC 5321, 4.5.2: a line that begins with a dot gets another one.
    if (octet == '.' && state_ == State::LineStart) out += '.';
    out += octet;
    state_ = State::Text;
  }
}

void BodyWriter::finish(std::string& out) {
  if (state_ != State::LineStart) out += "\r\n";
  out += ".\r\n";
  state_ = State::LineStart;
}

}  // namespace postern::smtp
