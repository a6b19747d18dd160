#include "filters/auth_results/encode.h"

#include <algorithm>
#include <utility>

#include "filters/auth_results/grammar.h"
#include "filters/base/bytes.h"

namespace postern::auth_results {
namespace {

/// RFC 5322, 2.1.1 allows 998; what is appended at once may be a little longer than what was measured.
constexpr size_t kMaxLine = 990;

/// What stands there for the character at the beginning of `rest`.
std::string_view clean_character(std::string_view rest, size_t length, Charset charset) {
  std::string_view character = rest.substr(0, length);
  bool good = length == 1 ? character[0] >= ' ' && character[0] <= '~'
                          : length > 1 && charset == Charset::Utf8 && !breaks_line(character);
  return good ? character : "?";
}

std::string clean(std::string_view value, Charset charset) {
  static constexpr std::string_view mark = "...";
  std::string out;
  size_t room_for_mark = 0;  // where to cut, should it become too long
  while (!value.empty()) {
    size_t length = utf8_sequence(value, 0);
    std::string_view character = clean_character(value, length, charset);
    if (out.size() + character.size() > kMaxValue) return out.substr(0, room_for_mark).append(mark);
    out += character;
    if (out.size() + mark.size() <= kMaxValue) room_for_mark = out.size();
    value.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

/// RFC 5322, 3.2.4.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size(); ++i) {
    // RFC 2047, 5 has no encoded words in quoted strings, but many readers decode a header before they parse it: "=?"
    // would hide what they find there. A quoted pair takes it apart and means the same.
    bool encoded_word = text[i] == '?' && i > 0 && text[i - 1] == '=';
    if (text[i] == '"' || text[i] == '\\' || encoded_word) out += '\\';
    out += text[i];
  }
  return out + '"';
}

/// RFC 2045, 5.1 value.
std::string encode_value(std::string_view text) {
  return is_token(text) ? std::string(text) : quoted(text);
}

/// RFC 8601, 2.2 pvalue: what is an e-mail identity must be written as one.
std::string encode_pvalue(std::string_view text) {
  // Not where "=?" would stand in the field, see quoted().
  bool bare = is_address(text) && text.front() != '?' && text.find("=?") == std::string_view::npos;
  return bare ? std::string(text) : encode_value(text);
}

/// A field that grows word by word.
class Writer {
 public:
  explicit Writer(std::string text) : text_(std::move(text)), line_(text_.size()) {}

  void begin_line(std::string_view word) {
    text_ += "\r\n\t";
    text_ += word;
    line_ = 1 + word.size();
  }
  void word(std::string_view word) {
    if (line_ + 1 + word.size() > kMaxLine) return begin_line(word);
    text_ += ' ';
    text_ += word;
    line_ += 1 + word.size();
  }
  void semicolon() { text_ += ';'; }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  size_t line_;  // octets since the last CRLF
};

}  // namespace

std::string encode_auth_results(std::string_view authserv_id, const std::vector<AuthResult>& results, Charset charset) {
  Writer field("Authentication-Results: " + encode_value(clean(authserv_id, charset)) + ';');
  if (results.empty()) field.word("none");
  for (size_t i = 0; i < results.size(); ++i) {
    const AuthResult& result = results[i];
    if (i > 0) field.semicolon();
    field.begin_line(result.method + '=' + result.result);
    // Always quoted: a reason is prose (RFC 8601, 2.2 reasonspec).
    if (!result.reason.empty()) field.word("reason=" + quoted(clean(result.reason, charset)));
    for (const auto& property : result.properties) {
      // Some readers take the next word for the value of an empty quoted string.
      if (!property.value.empty()) field.word(property.type + '=' + encode_pvalue(clean(property.value, charset)));
    }
  }
  return field.take() + "\r\n";
}

}  // namespace postern::auth_results
