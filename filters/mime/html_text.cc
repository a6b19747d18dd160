#include "filters/mime/html_text.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "filters/base/bytes.h"
#include "filters/mime/entities.h"

namespace postern::mime {
namespace {

// Blanks of Unicode: a reader sees a space, whichever was written.
constexpr std::string_view kBlanks[] = {"\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003",
                                        "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009",
                                        "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"};
// Nobody sees these: written between letters to hide a word from filters.
constexpr std::string_view kNothing[] = {"\u00ad", "\u034f", "\u180e", "\u200b", "\u200e", "\u200f",
                                         "\u2060", "\u2061", "\u2062", "\u2063", "\u2064", "\ufeff"};
// Nobody sees these between ASCII letters either; in Persian, Indic scripts and emoji they mean something.
constexpr std::string_view kJoiners[] = {"\u200c", "\u200d"};

template <class List>
bool one_of(std::string_view character, const List& list) {
  return std::find(std::begin(list), std::end(list), character) != std::end(list);
}

enum class Role : unsigned char { Shown, ShownIfWhole, MayVanish, Blank, Other };

/// What an octet does that begins a character. MayVanish: it begins one of the lists' or another.
constexpr std::array<Role, 256> roles() {
  std::array<Role, 256> out{};
  for (size_t octet = 0; octet < 256; ++octet) {
    if (octet < ' ' || octet == 0x7f) out[octet] = Role::Other;
    if (octet >= 0x80) out[octet] = Role::ShownIfWhole;
  }
  out[' '] = Role::Blank;
  for (size_t octet : {0xc2U, 0xcdU, 0xe1U, 0xe2U, 0xe3U, 0xefU}) out[octet] = Role::MayVanish;
  return out;
}
constexpr std::array<Role, 256> kRoles = roles();

Role role_of(char c) {
  return kRoles[static_cast<unsigned char>(c)];
}

/// Octets at the start of `text` that are shown just as they are, whatever the style: characters that are in no list,
/// and single blanks between ASCII ones.
size_t plain_run(std::string_view text) {
  size_t end = 0;
  while (end < text.size()) {
    Role role = role_of(text[end]);
    if (role == Role::Shown) {
      ++end;
    } else if (role == Role::ShownIfWhole) {
      size_t length = utf8_sequence(text, end);
      if (length == 0) break;
      end += length;
    } else if (role == Role::Blank && end > 0 && end + 1 < text.size() && role_of(text[end + 1]) == Role::Shown) {
      end += 2;
    } else {
      break;
    }
  }
  return end;
}

/// C1 controls (U+0080 to U+009F).
bool is_c1(std::string_view character) {
  return character.size() == 2 && character[0] == '\xc2' && static_cast<unsigned char>(character[1]) < 0xa0;
}

}  // namespace

void TextWriter::write(std::string_view raw, bool references, const Look& look, int link) {
  bool hidden = look.hidden();
  // Pieces of hidden text stood apart in what was shown.
  if (hidden && !last_hidden_) hidden_.space = true;
  last_hidden_ = hidden;
  Sink& sink = hidden ? hidden_ : visible_;
  if (hidden) link = -1;
  std::string decoded;
  for (size_t at = 0; at < raw.size();) {
    size_t plain = references ? std::min(raw.find('&', at), raw.size()) : raw.size();
    feed(raw.substr(at, plain - at), sink, look, link);
    at = plain;
    if (at == raw.size()) break;
    decoded.clear();
    size_t length = decode_reference(raw, at, false, decoded);
    feed(length == 0 ? std::string_view("&") : decoded, sink, look, link);
    at += std::max<size_t>(length, 1);
  }
}

void TextWriter::feed(std::string_view text, Sink& sink, const Look& look, int link) {
  for (size_t at = 0; at < text.size() && !sink.full;) {
    size_t length = plain_run(text.substr(at));
    if (length > 0 && fits(length, sink, link)) {
      put(text.substr(at, length), sink, link);
      at += length;
      continue;
    }
    size_t end = at + std::max<size_t>(length, 1);
    while (at < end && !sink.full) at += feed_one(text, at, sink, look, link);
  }
}

/// Whether no bound can be met by so many octets.
bool TextWriter::fits(size_t length, const Sink& sink, int link) const {
  size_t needed = length + sink.lines + 1;
  if (needed > max_text_ - sink.text.size()) return false;
  return link < 0 || out_.links[static_cast<size_t>(link)].text.size() + length < kMaxLinkText;
}

/// One character of `text`. Returns its octets.
size_t TextWriter::feed_one(std::string_view text, size_t at, Sink& sink, const Look& look, int link) {
  auto octet = static_cast<unsigned char>(text[at]);
  if (octet < 0x80) {
    feed_ascii(text[at], sink, look, link);
    return 1;
  }
  size_t length = utf8_sequence(text, at);
  if (length == 0) {
    put("\ufffd", sink, link);
    return 1;
  }
  std::string_view character = text.substr(at, length);
  if (kRoles[octet] != Role::MayVanish) {
    put(character, sink, link);
  } else if (one_of(character, kBlanks)) {
    sink.space = true;
  } else {
    bool after_ascii = sink.text.empty() || static_cast<unsigned char>(sink.text.back()) < 0x80;
    bool unseen = one_of(character, kNothing) || is_c1(character) || (after_ascii && one_of(character, kJoiners));
    if (!unseen) put(character, sink, link);
  }
  return length;
}

void TextWriter::feed_ascii(char c, Sink& sink, const Look& look, int link) {
  bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
  if (!space) {
    // NUL and the other control characters are not shown.
    if (c > ' ' && c != '\x7f') put(std::string_view(&c, 1), sink, link);
  } else if (!look.keep_space) {
    sink.space = true;
  } else if (c == '\n') {
    ++sink.lines;
    sink.space = false;
  } else if (c != '\r') {
    sink.space = false;
    put(c == '\t' ? "\t" : " ", sink, link);
  }
}

void TextWriter::put(std::string_view character, Sink& sink, int link) {
  bool first = sink.text.empty();
  size_t lines = first ? 0 : sink.lines;
  bool space = !first && lines == 0 && sink.space;
  bool apart = sink.space || sink.lines > 0;
  sink.lines = 0;
  sink.space = false;
  bool at_line_start = first || sink.text.back() == '\n';
  size_t needed = lines + (space && !at_line_start ? 1 : 0) + character.size();
  if (sink.full || needed > max_text_ - sink.text.size()) {
    sink.full = true;
    out_.truncated = true;
    return;
  }
  sink.text.append(lines, '\n');
  if (space && !at_line_start) sink.text += ' ';
  size_t begin = sink.text.size();
  sink.text.append(character);
  if (link < 0) {
    last_link_ = link;
    return;
  }
  put_in_link(character, apart, static_cast<size_t>(link));
  if (link == last_link_) {
    out_.linked.back().end = sink.text.size();
  } else if (out_.linked.size() < 2 * Html::kMaxLinks) {
    out_.linked.push_back({begin, sink.text.size()});
    last_link_ = link;
  } else {
    out_.truncated = true;
  }
}

void TextWriter::put_in_link(std::string_view character, bool apart, size_t link) {
  std::string& text = out_.links[link].text;
  bool space = apart && !text.empty();
  if (text.size() + character.size() + (space ? 1 : 0) > kMaxLinkText) return;
  if (space) text += ' ';
  text.append(character);
}

void TextWriter::line_break() {
  for (Sink* sink : {&visible_, &hidden_}) sink->lines = std::min<size_t>(sink->lines + 1, 2);
}

void TextWriter::block() {
  for (Sink* sink : {&visible_, &hidden_}) sink->lines = std::max<size_t>(sink->lines, 1);
}

void TextWriter::gap() {
  visible_.space = true;
  hidden_.space = true;
}

void TextWriter::finish() {
  out_.text = std::move(visible_.text);
  out_.hidden = std::move(hidden_.text);
}

}  // namespace postern::mime
