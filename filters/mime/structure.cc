#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "filters/base/bytes.h"
#include "filters/mime/mime.h"
#include "filters/mime/part_header.h"

// One pass over the lines of the message. A stack holds the parts that the current line lies in; a delimiter line
// (RFC 2046, 5.1.1) closes those above its multipart. The stack is as deep as Limits::depth allows, so a line is
// compared with that many boundaries at most. Only the lines of a header without an empty line are read twice.

namespace postern::mime {
namespace {

constexpr std::string_view kDefaultType = "text/plain";  // RFC 2045, 5.2
constexpr size_t kNowhere = std::string_view::npos;
// A multipart without a boundary parameter tells it by its first delimiter line, which stands this near to its header.
constexpr size_t kGuessWithin = 2000;

/// What is the same for a message and for messages in it that must be decoded first.
struct Building {
  Message& out;
  const Limits& limits;
  size_t decoded_left;
  bool full = false;  // no part can be added any more
};

bool is_line_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

bool is_message_type(std::string_view type) {
  // RFC 2046, 5.2.1; RFC 6532, 3.7; RFC 5537, 2.3.
  return type == "message/rfc822" || type == "message/global" || type == "message/news";
}

enum class Mark { None, Begin, Close };

/// RFC 2046, 5.1.1: the boundary, "--" to close, then white space; whatever follows that is passed over, since some
/// readers hold to "it is sufficient that the boundary appear in its entirety". But not without white space between:
/// one boundary may begin another.
Mark compare(std::string_view word, std::string_view boundary) {
  if (!word.starts_with(boundary)) return Mark::None;
  word.remove_prefix(boundary.size());
  if (word.empty() || is_line_blank(word.front())) return Mark::Begin;
  if (!word.starts_with("--")) return Mark::None;
  return word.size() == 2 || is_line_blank(word[2]) ? Mark::Close : Mark::None;
}

class Splitter {
 public:
  /// `complete` false: the end of the text is not the end of what was sent.
  Splitter(Building& all, std::string_view text, bool complete) : all_(all), text_(text), complete_(complete) {}

  /// The text is a message: adds it and all in it.
  void read_message(size_t parent, size_t depth);
  /// The text is what the multipart `part` holds: adds its parts. False: there are none.
  bool read_multipart(size_t part, std::string boundary);

 private:
  struct Open {
    size_t part = 0;
    size_t begin = 0;  // of its content
    std::string boundary;
    bool multipart = false;
    bool closed = false;   // its close delimiter was seen
    bool encoded = false;  // what it holds must be decoded first
    size_t children = 0;
  };
  struct Delimiter {
    Line line;
    size_t level = 0;  // index in open_
    bool close = false;
  };

  Part& part_of(const Open& open) { return all_.out.parts[open.part]; }
  size_t begin_part(size_t at, size_t parent, size_t depth, std::string_view default_type);
  Open open_part(size_t index, size_t body, std::string boundary);
  [[nodiscard]] std::string guess_boundary(size_t body) const;
  void read_lines(size_t at);
  [[nodiscard]] std::optional<Delimiter> find_delimiter(size_t at) const;
  [[nodiscard]] std::optional<Delimiter> match(const Line& line) const;
  void end_parts(size_t keep, size_t delimiter);
  void finish(Open& open, size_t end, bool cut);
  void read_encoded(Open& open);

  Building& all_;
  std::string_view text_;
  bool complete_;
  std::vector<Open> open_;  // from the outermost to the innermost
};

void Splitter::read_message(size_t parent, size_t depth) {
  read_lines(begin_part(0, parent, depth, kDefaultType));
  end_parts(0, kNowhere);
}

bool Splitter::read_multipart(size_t part, std::string boundary) {
  Open multipart;
  multipart.part = part;
  multipart.boundary = std::move(boundary);
  multipart.multipart = true;
  open_.push_back(std::move(multipart));
  read_lines(0);
  // The multipart itself stays open: its content is in another text.
  end_parts(1, kNowhere);
  if (complete_ && !open_.front().closed) all_.out.defects.missing_close = true;
  return open_.front().children > 0;
}

/// Adds the part at `at`, and the message in it where it is one. Returns where its content begins.
size_t Splitter::begin_part(size_t at, size_t parent, size_t depth, std::string_view default_type) {
  for (;; ++depth) {
    if (all_.out.parts.size() >= std::max<size_t>(all_.limits.parts, 1)) {
      all_.full = all_.out.truncated = true;
      return at;
    }
    HeaderPlace header = find_header(text_, at, [this](const Line& line) { return match(line).has_value(); });
    size_t index = all_.out.parts.size();
    Part part;
    part.header = text_.substr(at, header.end - at);
    part.content = text_.substr(header.body, 0);
    part.parent = depth == 0 ? index : parent;
    part.depth = depth;
    std::string boundary = read_header(part, default_type, all_.out.defects);
    all_.out.parts.push_back(std::move(part));
    open_.push_back(open_part(index, header.body, std::move(boundary)));
    if (!all_.out.parts[index].message || open_.back().encoded) return header.body;
    at = header.body;
    parent = index;
    default_type = kDefaultType;
    ++open_.back().children;
  }
}

/// Decides whether the part just added holds others.
Splitter::Open Splitter::open_part(size_t index, size_t body, std::string boundary) {
  Part& part = all_.out.parts[index];
  Open open;
  open.part = index;
  open.begin = body;
  bool multipart = part.type.starts_with("multipart/");
  if (!multipart && !is_message_type(part.type)) return open;
  if (part.depth >= all_.limits.depth) {
    all_.out.defects.nested_too_deep = all_.out.truncated = true;
    return open;
  }
  // RFC 2046, 5.2.1 has no transfer encoding here, but readers undo it.
  bool written = part.encoding == Encoding::Base64 || part.encoding == Encoding::QuotedPrintable;
  if (!multipart) {
    part.message = all_.out.parts.size() < all_.limits.parts;
    if (!part.message) all_.out.truncated = true;
    open.encoded = part.message && written;
    return open;
  }
  if (boundary.empty()) {
    all_.out.defects.missing_boundary = true;
    boundary = guess_boundary(body);
  }
  part.multipart = open.multipart = !boundary.empty();
  if (!part.multipart) part.type = kDefaultType;
  open.encoded = part.multipart && written;
  open.boundary = std::move(boundary);
  return open;
}

std::string Splitter::guess_boundary(size_t body) const {
  std::string_view near = text_.substr(body, kGuessWithin);
  for (size_t at = 0; at < near.size();) {
    Line line = line_at(near, at);
    std::string_view word = near.substr(line.begin, line.end - line.begin);
    while (!word.empty() && is_line_blank(word.back())) word.remove_suffix(1);
    // A field must follow, or it is a signature ("-- ") or a line drawn in a text.
    if (match({body + line.begin, body + line.end, body + line.next})) break;
    if (word.size() > 2 && word.starts_with("--") && starts_nocase(near.substr(line.next), "content-")) {
      return std::string(word.substr(2));
    }
    at = line.next;
  }
  return {};
}

/// From a line that begins at `at` to the end of the text.
void Splitter::read_lines(size_t at) {
  while (auto delimiter = find_delimiter(at)) {
    end_parts(delimiter->level + 1, delimiter->line.begin);
    Open& multipart = open_[delimiter->level];
    at = delimiter->line.next;
    if (delimiter->close) {
      multipart.closed = true;
      continue;
    }
    if (multipart.closed) all_.out.defects.after_close = true;
    multipart.closed = false;
    // RFC 2046, 5.1.5.
    bool digest = part_of(multipart).type == "multipart/digest";
    ++multipart.children;
    size_t depth = part_of(multipart).depth + 1;
    at = begin_part(at, multipart.part, depth, digest ? "message/rfc822" : kDefaultType);
    if (all_.full) break;
  }
}

std::optional<Splitter::Delimiter> Splitter::find_delimiter(size_t at) const {
  bool any = std::any_of(open_.begin(), open_.end(), [](const Open& open) { return open.multipart; });
  while (any && at < text_.size()) {
    if (text_.substr(at, 2) == "--") {
      Line line = line_at(text_, at);
      if (auto delimiter = match(line)) return delimiter;
      at = line.next;
      continue;
    }
    size_t newline = text_.find('\n', at);
    if (newline == std::string_view::npos) break;
    at = newline + 1;
  }
  return std::nullopt;
}

/// The innermost multipart with that boundary counts. Behind a close delimiter there are no parts (RFC 2046, 5.1.1);
/// but some readers show them, and scanners that do not look are what such messages are made for: so they come second.
std::optional<Splitter::Delimiter> Splitter::match(const Line& line) const {
  std::string_view word = text_.substr(line.begin, line.end - line.begin);
  if (!word.starts_with("--")) return std::nullopt;
  word.remove_prefix(2);
  std::optional<Delimiter> late;
  for (size_t level = open_.size(); level-- > 0;) {
    const Open& open = open_[level];
    Mark mark = open.multipart ? compare(word, open.boundary) : Mark::None;
    if (mark == Mark::None) continue;
    if (!open.closed) return Delimiter{line, level, mark == Mark::Close};
    if (mark == Mark::Begin && !late) late = Delimiter{line, level, false};
  }
  return late;
}

/// Ends all parts but the outermost `keep`; the line end before a delimiter belongs to it (RFC 2046, 5.1.1).
/// `delimiter` kNowhere: the text has ended.
void Splitter::end_parts(size_t keep, size_t delimiter) {
  size_t end = std::min(delimiter, text_.size());
  if (delimiter != kNowhere && end > 0 && text_[end - 1] == '\n') {
    --end;
    if (end > 0 && text_[end - 1] == '\r') --end;
  }
  while (open_.size() > keep) {
    Open open = std::move(open_.back());
    open_.pop_back();
    finish(open, end, delimiter == kNowhere && (!complete_ || all_.full));
  }
}

void Splitter::finish(Open& open, size_t end, bool cut) {
  part_of(open).content = text_.substr(open.begin, std::max(end, open.begin) - open.begin);
  if (open.encoded && open.children == 0 && !all_.full) read_encoded(open);
  Part& part = part_of(open);
  if (part.message && open.children == 0) part.message = false;
  if (!part.multipart) return;
  if (!open.closed && !cut) all_.out.defects.missing_close = true;
  if (open.children > 0) return;
  // Without any delimiter it is what a reader shows: its text.
  part.multipart = false;
  if (!cut) part.type = kDefaultType;
}

void Splitter::read_encoded(Open& open) {
  size_t limit = std::min(all_.limits.decoded, all_.decoded_left);
  auto text = std::make_shared<const std::string>(decode(part_of(open), limit, all_.out.defects));
  bool cut = limit == 0 || text->size() == limit;
  if (cut) all_.out.truncated = true;
  if (text->empty()) return;
  all_.decoded_left -= text->size();
  all_.out.decoded.push_back(text);
  Splitter inner(all_, *text, complete_ && !cut);
  if (open.multipart) {
    if (inner.read_multipart(open.part, open.boundary)) open.children = 1;
    open.closed = true;
  } else {
    inner.read_message(open.part, part_of(open).depth + 1);
    open.children = 1;
  }
}

}  // namespace

Message parse(std::string_view message, const Limits& limits, bool complete) {
  Message out;
  out.truncated = !complete;
  Building all{out, limits, limits.total_decoded};
  Splitter(all, message, complete).read_message(0, 0);
  return out;
}

}  // namespace postern::mime
