#include "proxy/smtp/reply.h"

#include <algorithm>

#include "filters/base/bytes.h"

namespace postern::smtp {

namespace {

// RFC 5321, 4.5.3.1.5: a reply line has at most 512 octets, code and CRLF included.
constexpr size_t kMaxWireLine = 512;

/// Length of the digits (one to three) at `at`, 0 where there are none or more.
size_t short_number(std::string_view text, size_t at) {
  size_t length = 0;
  while (at + length < text.size() && ascii_digit(text[at + length])) ++length;
  return length <= 3 ? length : 0;
}

/// The enhanced code at the front of a reply's text, "" when there is none.
std::string_view leading_enhanced(std::string_view text, int code) {
  std::string_view word = text.substr(0, text.find(' '));
  return is_enhanced_code(word, code) ? word : std::string_view();
}

std::string_view after_word(std::string_view text, std::string_view word) {
  text.remove_prefix(word.size());
  if (!text.empty()) text.remove_prefix(1);
  return text;
}

}  // namespace

// RFC 3463, 2: class "." subject "." detail, the class being 2, 4 or 5.
bool is_enhanced_code(std::string_view text, int code) {
  if (text.size() < 5 || (text[0] != '2' && text[0] != '4' && text[0] != '5')) return false;
  if (text[0] - '0' != code / 100 || text[1] != '.') return false;
  size_t subject = short_number(text, 2);
  size_t dot = 2 + subject;
  if (subject == 0 || dot >= text.size() || text[dot] != '.') return false;
  size_t detail = short_number(text, dot + 1);
  return detail != 0 && dot + 1 + detail == text.size();
}

void Reply::complete() {
  if (code < 200 || code > 599 || intermediate() || is_enhanced_code(enhanced, code)) return;
  enhanced = std::to_string(code / 100) + ".0.0";
}

std::string Reply::to_string() const {
  std::string out = std::to_string(code);
  if (!enhanced.empty()) out += " " + enhanced;
  if (!lines.empty() && !lines.front().empty()) out += " " + lines.front();
  return out;
}

std::string Reply::encode() const {
  if (code < 200 || code > 599) return Reply(451, "4.3.0", "internal error").encode();
  std::string number = std::to_string(code);
  // RFC 2034, 4: on every line of a reply, and its class is the code's.
  std::string prefix = is_enhanced_code(enhanced, code) ? enhanced + " " : "";
  size_t room = kMaxWireLine - number.size() - 1 - prefix.size() - 2;
  std::string out;
  for (size_t i = 0; i < std::max<size_t>(lines.size(), 1); ++i) {
    out += number;
    out += i + 1 < lines.size() ? '-' : ' ';
    out += prefix;
    if (i < lines.size()) out += printable_ascii(lines[i], room);
    out += "\r\n";
  }
  return out;
}

ReplyReader::State ReplyReader::read(std::string_view& input) {
  if (!error_.empty()) return State::Broken;
  while (!input.empty()) {
    size_t end = input.find('\n');
    std::string_view piece = input.substr(0, end);
    // The code of a reply counts, not its length: what is too much of it is read and left out.
    total_ += piece.size() + 1;
    if (total_ > kMaxReply) {
      error_ = "reply too long";
      return State::Broken;
    }
    partial_ += piece.substr(0, kMaxLine - std::min(kMaxLine, partial_.size()));
    input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
    if (end == std::string_view::npos) break;
    std::string text = std::exchange(partial_, {});
    if (text.ends_with('\r')) text.pop_back();
    State state = line(text);
    if (state != State::NeedMore) return state;
  }
  return State::NeedMore;
}

// RFC 5321, 4.2 Reply-line: three digits, then "-" (more lines follow), a space, or nothing at all.
ReplyReader::State ReplyReader::line(std::string_view text) {
  bool digits = text.size() >= 3 && text[0] >= '2' && text[0] <= '5' && ascii_digit(text[1]) && ascii_digit(text[2]);
  if (!digits || (text.size() > 3 && text[3] != ' ' && text[3] != '-')) {
    error_ = "not an SMTP reply: " + escape_for_log(text, 80);
    return State::Broken;
  }
  int code = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
  bool more = text.size() > 3 && text[3] == '-';
  text.remove_prefix(std::min<size_t>(text.size(), 4));
  if (first_) {
    reply_.code = code;
    reply_.enhanced = std::string(leading_enhanced(text, code));
    reply_.lines.clear();
    first_ = false;
  } else if (code != reply_.code) {
    error_ = "lines of one reply have different codes";
    return State::Broken;
  }
  // A line with an enhanced code of its own keeps it in the text: it says something that the first line's does not.
  if (!reply_.enhanced.empty() && leading_enhanced(text, code) == reply_.enhanced) {
    text = after_word(text, reply_.enhanced);
  }
  if (reply_.lines.size() < kMaxLines) reply_.lines.push_back(printable_ascii(text, kMaxLine));
  return more ? State::NeedMore : State::Ready;
}

Reply ReplyReader::take() {
  first_ = true;
  total_ = 0;
  return std::exchange(reply_, {});
}

}  // namespace postern::smtp
