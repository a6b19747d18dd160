#include "proxy/smtp/line_reader.h"

namespace postern::smtp {

LineReader::Result LineReader::read(std::string_view& input) {
  if (input.empty()) return Result::NeedMore;
  if (done_) {
    line_.clear();
    done_ = overflow_ = false;
  }
  size_t end = input.find('\n');
  bool whole = end != std::string_view::npos;
  std::string_view piece = input.substr(0, end);
  // Without its end in sight a line of `limit` octets is too long already: the end needs one more.
  if (line_.size() + piece.size() + 1 > limit_) {
    overflow_ = true;
    line_ = {};
  }
  if (!overflow_) line_ += piece;
  input.remove_prefix(whole ? end + 1 : input.size());
  if (!whole) return Result::NeedMore;
  done_ = true;
  if (overflow_) return Result::TooLong;
  if (line_.ends_with('\r')) line_.pop_back();
  return Result::Line;
}

void LineReader::clear() {
  line_ = {};
  done_ = true;
  overflow_ = false;
}

}  // namespace postern::smtp
