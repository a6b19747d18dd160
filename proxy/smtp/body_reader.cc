#include "proxy/smtp/body_reader.h"

#include <algorithm>

#include "proxy/smtp/plain_scan.h"

namespace postern::smtp {

Reply body_fault_reply(BodyFault fault) {
  switch (fault) {
    case BodyFault::TooBig: return {552, "5.3.4", "message too big"};
    case BodyFault::BareNewline: return {550, "5.6.0", "bare CR or LF in the message"};
    case BodyFault::None: break;
  }
  return {451, "4.3.0", "internal error"};
}

bool BodyReader::read(std::string_view& input, std::string& out) {
  PlainScan scan;
  while (!input.empty()) {
    if (state_ == State::LineStart || state_ == State::Text) {
      bool line_start = state_ == State::LineStart;
      size_t plain = scan.length(input, line_start);
      put(input.substr(0, plain), out);
      input.remove_prefix(plain);
      state_ = line_start ? State::LineStart : State::Text;
      if (input.empty()) break;
    }
    char octet = input.front();
    input.remove_prefix(1);
    if (step(octet, out)) return true;
  }
  return false;
}

/// One octet that the scan stopped at, or that follows a withheld one. True: it was the message's last.
bool BodyReader::step(char octet, std::string& out) {
  switch (state_) {
    case State::LineStart:
      if (octet == '.') {
        state_ = State::Dot;
        return false;
      }
      break;
    case State::Text: break;
    case State::Cr:
      if (octet == '\n') {
        put("\r\n", out);
        state_ = State::LineStart;
        return false;
      }
      lone_newline(out);
      break;
    // RFC 5321, 4.5.2: the dot at a line's start goes away, whatever follows it.
    case State::Dot:
      if (octet == '\r') {
        state_ = State::DotCr;
        return false;
      }
      break;
    // RFC 5321, 4.1.1.4: this, and nothing that merely looks like it, is the end.
    case State::DotCr:
      if (octet == '\n') return true;
      lone_newline(out);
      break;
  }
  if (octet == '\r') {
    state_ = State::Cr;
    return false;
  }
  state_ = State::Text;
  if (octet == '\n') {
    lone_newline(out);
  } else {
    put({&octet, 1}, out);
  }
  return false;
}

// RFC 5321, 2.3.8: CR and LF only ever stand together. What we make of a lone one ends no line as far as dots are
// concerned: whoever wrote it did not begin a line there, and a dot behind it must not become the end for the next hop.
void BodyReader::lone_newline(std::string& out) {
  ++bare_newlines_;
  if (bare_ == BareNewline::Normalize) {
    put("\r\n", out);
  } else if (fault_ == BodyFault::None) {
    fault_ = BodyFault::BareNewline;
  }
}

void BodyReader::put(std::string_view octets, std::string& out) {
  if (fault_ != BodyFault::None) return;
  uint64_t fits = std::min<uint64_t>(octets.size(), max_size_ - size_);
  out += octets.substr(0, static_cast<size_t>(fits));
  size_ += fits;
  if (fits < octets.size()) fault_ = BodyFault::TooBig;
}

}  // namespace postern::smtp
