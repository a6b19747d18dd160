#include "filters/mime/parameters.h"

#include <algorithm>
#include <utility>

#include "filters/base/bytes.h"
#include "filters/mime/mime.h"
#include "filters/mime/text.h"

namespace postern::mime {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// A name of a parameter (RFC 2045, 5.1 token): what "=" may follow.
bool is_name_char(char c) {
  static constexpr std::string_view specials = "()<>@,;:\\\"/[]?=";
  return c > ' ' && c < 0x7F && specials.find(c) == std::string_view::npos;
}

bool is_file_name(std::string_view name) {
  return starts_nocase(name, "name") || starts_nocase(name, "filename");
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  [[nodiscard]] bool done() const { return at_ >= text_.size(); }
  [[nodiscard]] char peek() const { return done() ? '\0' : text_[at_]; }
  void skip() { ++at_; }

  void skip_blanks_and_comments() {
    while (!done() && (is_blank(peek()) || peek() == '(')) {
      if (peek() == '(') {
        skip_comment();
      } else {
        ++at_;
      }
    }
  }

  /// The word in front: "text/html", perhaps in quotes.
  std::string_view word() {
    skip_blanks_and_comments();
    bool quoted = peek() == '"';
    if (quoted) ++at_;
    size_t begin = at_;
    while (!done() && !is_blank(peek()) && peek() != ';' && peek() != '(' && peek() != '"') ++at_;
    std::string_view out = text_.substr(begin, at_ - begin);
    if (quoted && peek() == '"') ++at_;
    return out;
  }

  /// A name with its "=", or nothing: then the position has not moved.
  std::string_view name() {
    size_t begin = at_;
    size_t end = name_end(begin);
    size_t equals = end;
    while (equals < text_.size() && is_blank(text_[equals])) ++equals;
    if (end == begin || equals >= text_.size() || text_[equals] != '=') return {};
    at_ = equals + 1;
    return text_.substr(begin, end - begin);
  }

  std::string value(bool keep_parentheses) {
    while (!done() && is_blank(peek())) ++at_;
    if (peek() == '"') return quoted();
    return bare(keep_parentheses);
  }

  /// To the next semicolon, and over it. A parameter behind a missing semicolon ends it too.
  void next() {
    while (!done() && peek() != ';') {
      if (is_blank(peek()) && name_follows(at_ + 1)) break;
      if (peek() == '(') {
        skip_comment();
      } else {
        ++at_;
      }
    }
    while (!done() && (peek() == ';' || is_blank(peek()))) ++at_;
  }

 private:
  [[nodiscard]] size_t name_end(size_t at) const {
    while (at < text_.size() && is_name_char(text_[at])) ++at;
    return at;
  }

  /// Whether "charset=" or the like stands here. Only names that somebody uses: a value with blanks may hold any "=".
  [[nodiscard]] bool name_follows(size_t at) const {
    static constexpr std::string_view known[] = {"boundary", "charset", "filename", "format", "name", "type"};
    return std::any_of(std::begin(known), std::end(known), [&](std::string_view name) {
      std::string_view rest = text_.substr(at, name.size() + 1);
      return rest.size() == name.size() + 1 && starts_nocase(rest, name) && (rest.back() == '=' || rest.back() == '*');
    });
  }

  /// RFC 5322, 3.2.2. One that does not end is not a comment, only its parenthesis is passed over; unclosed_ keeps the
  /// search for its end from being made again and again.
  void skip_comment() {
    size_t depth = 0;
    size_t at = at_;
    for (; !unclosed_ && at < text_.size(); ++at) {
      if (text_[at] == '\\') {
        ++at;
      } else if (text_[at] == '(') {
        ++depth;
      } else if (text_[at] == ')' && --depth == 0) {
        at_ = at + 1;
        return;
      }
    }
    unclosed_ = true;
    ++at_;
  }

  /// RFC 5322, 3.2.4; but a backslash is one unless a quote or a backslash follows: senders write "C:\mail\a.txt". What
  /// touches the closing quote belongs to the value ("a".exe), since some readers take it so.
  std::string quoted() {
    size_t begin = ++at_;
    std::string out;
    for (; !done() && peek() != '"'; ++at_) {
      if (peek() == '\r' || peek() == '\n') continue;
      if (peek() == '\\' && at_ + 1 < text_.size() && (text_[at_ + 1] == '"' || text_[at_ + 1] == '\\')) ++at_;
      out += text_[at_];
    }
    if (done()) {
      // Without an end it is only what stands before the next parameter.
      std::string_view rest = text_.substr(begin);
      size_t semicolon = std::min(rest.find(';'), rest.size());
      at_ = begin + semicolon;
      return std::string(trim_blanks(rest.substr(0, semicolon)));
    }
    ++at_;
    while (!done() && is_name_char(peek())) out += text_[at_++];
    return out;
  }

  std::string bare(bool keep_parentheses) {
    size_t begin = at_;
    while (!done() && peek() != ';' && (keep_parentheses || peek() != '(') &&
           !(is_blank(peek()) && name_follows(at_ + 1))) {
      ++at_;
    }
    std::string out;
    for (char c : trim_blanks(text_.substr(begin, at_ - begin))) {
      if (c != '\r' && c != '\n') out += c;
    }
    return out;
  }

  std::string_view text_;
  size_t at_ = 0;
  bool unclosed_ = false;
};

std::string percent_decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// charset'language'text: returns the text. Without the two quotes all is text.
std::string_view take_charset(std::string_view value, std::string& charset) {
  size_t first = value.find('\'');
  size_t second = first == std::string_view::npos ? first : value.find('\'', first + 1);
  if (second == std::string_view::npos) return value;
  charset = to_lower(value.substr(0, first));
  return value.substr(second + 1);
}

}  // namespace

Parameters::Parameters(std::string_view field) {
  field = field.substr(0, kMaxField);
  Scanner scanner(field);
  scanner.skip_blanks_and_comments();
  // "Content-Disposition: filename=x" has no word.
  Scanner ahead = scanner;
  if (ahead.name().empty()) {
    word_ = to_lower(scanner.word());
    scanner.next();
  }
  while (!scanner.done() && parameters_.size() < kMaxParameters) {
    scanner.skip_blanks_and_comments();
    std::string_view name = scanner.name();
    if (!name.empty()) add(name, scanner.value(is_file_name(name)));
    scanner.next();
  }
}

/// RFC 2231, 3 and 4: "name*1*" is the second section of "name", and encoded.
void Parameters::add(std::string_view name, std::string value) {
  Parameter parameter;
  parameter.value = std::move(value);
  if (name.ends_with('*')) {
    parameter.encoded = true;
    name.remove_suffix(1);
  }
  size_t star = name.rfind('*');
  std::string_view digits = star == std::string_view::npos ? "" : name.substr(star + 1);
  if (!digits.empty() && digits.size() <= 3 && std::all_of(digits.begin(), digits.end(), ascii_digit)) {
    parameter.section = 0;
    for (char c : digits) parameter.section = parameter.section * 10 + (c - '0');
    name = name.substr(0, star);
  }
  parameter.name = to_lower(name);
  parameters_.push_back(std::move(parameter));
}

Parameters::Value Parameters::find(std::string_view name) const {
  std::vector<const Parameter*> sections;
  const Parameter* plain = nullptr;
  for (const Parameter& parameter : parameters_) {
    if (parameter.name != name) continue;
    if (parameter.section != kWhole || parameter.encoded) {
      sections.push_back(&parameter);
    } else if (plain == nullptr) {
      plain = &parameter;
    }
  }
  // RFC 6266, 4.3: what is encoded is preferred to its plain twin.
  if (!sections.empty()) return join(std::move(sections));
  Value out;
  if (plain != nullptr) out.octets = plain->value;
  return out;
}

/// RFC 2231, 3: sections may come in any order, and what follows a missing one has lost its place.
Parameters::Value Parameters::join(std::vector<const Parameter*> sections) {
  std::stable_sort(sections.begin(), sections.end(), [](auto* a, auto* b) { return a->section < b->section; });
  Value out;
  int last = sections.front()->section - 1;
  for (const Parameter* section : sections) {
    if (section->section == last) continue;
    // A value that is whole has no sections behind it.
    if (section->section != last + 1 || (last == kWhole && section != sections.front())) break;
    last = section->section;
    std::string_view value = section->value;
    if (section->encoded) {
      // RFC 2231, 4.1: the first section says the charset. Some senders say it where they first need it.
      if (!out.extended) value = take_charset(value, out.charset);
      out.extended = true;
    }
    out.octets += section->encoded ? percent_decode(value) : value;
  }
  return out;
}

std::string Parameters::octets(std::string_view name) const {
  return find(name).octets;
}

std::string Parameters::text(std::string_view name) const {
  Value value = find(name);
  if (!value.extended) return decode_header(value.octets);
  Defects ignored;
  return shown_text(to_utf8(value.octets, value.charset, ignored));
}

}  // namespace postern::mime
