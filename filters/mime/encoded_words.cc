#include <algorithm>
#include <optional>
#include <utility>

#include "filters/base/bytes.h"
#include "filters/mime/mime.h"
#include "filters/mime/text.h"

namespace postern::mime {
namespace {

constexpr size_t kMaxHeader = 64U << 10U;
constexpr size_t kMaxCharsetName = 64;

struct Word {
  std::string_view charset;
  bool base64 = false;
  std::string_view text;
  size_t end = 0;
};

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/// Cuts a field's value into encoded words (RFC 2047, 2): =?charset?encoding?text?=. They are taken wherever they
/// stand, with blanks in their text too: senders write them so, and readers read them.
class Words {
 public:
  explicit Words(std::string_view value) : value_(value) {}

  /// The next one at or behind `at`; `begin` is where it stands.
  std::optional<Word> next(size_t at, size_t& begin) {
    // Once there is no "?=" any more, no later word can end either: so the search is made once.
    while (!no_end_ && (at = value_.find("=?", at)) != std::string_view::npos) {
      begin = at;
      if (auto word = read(at + 2)) return word;
      at += 2;
    }
    return std::nullopt;
  }

 private:
  std::optional<Word> read(size_t at) {
    size_t charset_end = value_.substr(0, std::min(at + kMaxCharsetName, value_.size())).find('?', at);
    if (charset_end == std::string_view::npos || charset_end + 2 >= value_.size()) return std::nullopt;
    if (value_[charset_end + 2] != '?') return std::nullopt;
    char encoding = ascii_lower(value_[charset_end + 1]);
    if (encoding != 'b' && encoding != 'q') return std::nullopt;
    Word word;
    word.base64 = encoding == 'b';
    word.charset = value_.substr(at, charset_end - at);
    // RFC 2231, 5: a language may follow the charset.
    word.charset = word.charset.substr(0, word.charset.find('*'));
    if (word.charset.find_first_of(" \t") != std::string_view::npos) return std::nullopt;
    size_t end = value_.find("?=", charset_end + 3);
    if (end == std::string_view::npos) {
      no_end_ = true;
      return std::nullopt;
    }
    word.text = value_.substr(charset_end + 3, end - charset_end - 3);
    word.end = end + 2;
    return word;
  }

  std::string_view value_;
  bool no_end_ = false;
};

std::string decode_word(const Word& word) {
  std::string out;
  if (word.base64) {
    decode_base64(word.text, kMaxHeader, out);
    return out;
  }
  // RFC 2047, 4.2: as quoted-printable, and "_" is a blank. There are no lines in it, so blanks at its end count.
  std::string text(word.text);
  std::replace(text.begin(), text.end(), '_', ' ');
  size_t blanks = text.size() - std::min(text.find_last_not_of(" \t") + 1, text.size());
  decode_quoted_printable(text, kMaxHeader, out);
  return out.append(blanks, ' ');
}

/// What the words say, with octets of adjacent words of one charset put together before they are converted.
class Reader {
 public:
  void add(const Word& word) {
    if (!equal_nocase(word.charset, charset_)) flush();
    charset_ = word.charset;
    octets_ += decode_word(word);
  }
  void add_plain(std::string_view text) {
    flush();
    text_ += to_utf8(text, "", ignored_);
  }
  std::string finish() {
    flush();
    return std::move(text_);
  }

 private:
  void flush() {
    if (!octets_.empty()) text_ += to_utf8(octets_, charset_, ignored_);
    octets_.clear();
  }

  std::string charset_;
  std::string octets_;
  std::string text_;
  Defects ignored_;
};

/// RFC 5322, 2.2.3: without line ends.
std::string unfolded(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  for (size_t i = 0; i < value.size(); ++i) {
    bool crlf = value[i] == '\r' && i + 1 < value.size() && value[i + 1] == '\n';
    if (!crlf && value[i] != '\n') out += value[i];
  }
  return out;
}

}  // namespace

std::string shown_text(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  for (size_t i = 0; i < utf8.size(); ++i) {
    auto byte = static_cast<unsigned char>(utf8[i]);
    bool c1 = byte == 0xC2 && i + 1 < utf8.size() && static_cast<unsigned char>(utf8[i + 1]) < 0xA0;
    if (c1) ++i;
    if (byte == 0) continue;
    out += c1 || byte < ' ' || byte == 0x7F ? ' ' : utf8[i];
  }
  return std::string(trim(out));
}

std::string_view cut_utf8(std::string_view utf8, size_t limit) {
  if (utf8.size() <= limit) return utf8;
  while (limit > 0 && (static_cast<unsigned char>(utf8[limit]) & 0xC0U) == 0x80U) --limit;
  return utf8.substr(0, limit);
}

std::string decode_header(std::string_view value) {
  std::string line = unfolded(value.substr(0, kMaxHeader));
  std::string_view text = line;
  Words words(text);
  Reader reader;
  size_t done = 0;
  size_t begin = 0;
  bool after_word = false;
  while (auto word = words.next(done, begin)) {
    std::string_view between = text.substr(done, begin - done);
    // RFC 2047, 6.2: blanks between two encoded words are not shown.
    if (!after_word || !std::all_of(between.begin(), between.end(), is_blank)) reader.add_plain(between);
    reader.add(*word);
    done = word->end;
    after_word = true;
  }
  reader.add_plain(text.substr(done));
  return std::string(cut_utf8(shown_text(reader.finish()), kMaxHeader));
}

}  // namespace postern::mime
