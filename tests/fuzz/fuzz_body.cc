// Message content, whatever it is: cut anywhere it reads the same, what was stored holds no lone CR or LF, and what the
// writer makes of it is read as exactly one message, this one.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "filters/base/result.h"
#include "proxy/smtp/body_reader.h"
#include "proxy/smtp/body_writer.h"

namespace {

using namespace postern::smtp;

struct Outcome {
  std::string content;
  std::string_view rest;
  bool ended = false;
  BodyFault fault = BodyFault::None;
  uint64_t bare_newlines = 0;
};

Outcome read(std::string_view wire, BareNewline bare, uint64_t limit, size_t step) {
  BodyReader reader(bare, limit);
  Outcome outcome;
  while (!outcome.ended && !wire.empty()) {
    std::string_view piece = wire.substr(0, step);
    size_t given = piece.size();
    outcome.ended = reader.read(piece, outcome.content);
    POSTERN_CHECK(outcome.ended || piece.empty());
    wire.remove_prefix(given - piece.size());
  }
  outcome.rest = wire;
  outcome.fault = reader.fault();
  outcome.bare_newlines = reader.bare_newlines();
  POSTERN_CHECK(reader.size() == outcome.content.size() && reader.size() <= limit);
  return outcome;
}

std::string write(std::string_view content, size_t step) {
  BodyWriter writer;
  std::string wire;
  for (; !content.empty(); content.remove_prefix(std::min(step, content.size())))
    writer.write(content.substr(0, step), wire);
  writer.finish(wire);
  return wire;
}

void check_lines(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') POSTERN_CHECK(i + 1 < text.size() && text[i + 1] == '\n');
    if (text[i] == '\n') POSTERN_CHECK(i > 0 && text[i - 1] == '\r');
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  std::string_view wire(reinterpret_cast<const char*>(data) + 3, size - 3);
  BareNewline bare = (data[0] & 1U) != 0 ? BareNewline::Reject : BareNewline::Normalize;
  uint64_t limit = (data[0] & 2U) != 0 ? data[1] : UINT64_MAX;
  size_t step = size_t{data[2]} + 1;

  Outcome whole = read(wire, bare, limit, wire.size() + 1);
  Outcome split = read(wire, bare, limit, step);
  POSTERN_CHECK(whole.content == split.content && whole.rest == split.rest && whole.ended == split.ended);
  POSTERN_CHECK(whole.fault == split.fault && whole.bare_newlines == split.bare_newlines);
  if (whole.fault == BodyFault::None) check_lines(whole.content);

  // Of the raw input, too: what is put on top of a message goes through the same writer.
  for (std::string_view content : {std::string_view(whole.content), wire}) {
    std::string written = write(content, content.size() + 1);
    POSTERN_CHECK(written == write(content, step));
    check_lines(written);
    Outcome again = read(written, BareNewline::Reject, UINT64_MAX, step);
    POSTERN_CHECK(again.ended && again.rest.empty() && again.fault == BodyFault::None);
    POSTERN_CHECK(write(again.content, step) == written);
  }
  return 0;
}
