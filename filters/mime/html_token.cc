#include "filters/mime/html_token.h"

#include <algorithm>
#include <utility>

#include "filters/base/bytes.h"
#include "filters/mime/entities.h"

namespace postern::mime {
namespace {

constexpr std::string_view kSpace = "\t\n\f\r ";
constexpr std::string_view kEndOfName = "\t\n\f\r />";
constexpr std::string_view kEndOfAttribute = "\t\n\f\r />=";

// In the order of enum Attribute.
constexpr std::array<std::string_view, kAttributes> kNames = {
    "action", "alt",    "background", "bgcolor",    "color",       "content", "data",      "formaction",
    "height", "hidden", "href",       "http-equiv", "imagesrcset", "link",    "open",      "src",
    "srcset", "style",  "text",       "type",       "value",       "width",   "xlink:href"};

std::optional<Attribute> attribute_of(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (equal_nocase(kNames[i], name)) return static_cast<Attribute>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string Token::value(Attribute name, size_t limit) const {
  const auto& raw = attributes[static_cast<size_t>(name)];
  return raw ? decode_references(raw->substr(0, limit), true) : std::string();
}

bool Tokenizer::next(Token& token) {
  while (true) {
    if (!raw_.empty()) {
      read_raw(token);
      if (!token.text.empty()) return true;
    }
    if (at_ >= html_.size()) return false;
    size_t tag = find_tag(at_);
    if (tag > at_) {
      token.kind = Token::Kind::Text;
      token.references = true;
      token.text = html_.substr(at_, tag - at_);
      at_ = tag;
      return true;
    }
    char next = at(at_ + 1);
    if (ascii_alpha(next) || (next == '/' && ascii_alpha(at(at_ + 2)))) {
      if (read_tag(token)) return true;
    } else {
      skip_markup();
    }
  }
}

/// The next "<" that begins a tag, a comment or what is treated as one (HTML, 13.2.5.6); the others are text.
size_t Tokenizer::find_tag(size_t from) const {
  while (true) {
    size_t found = html_.find('<', from);
    if (found == std::string_view::npos) return html_.size();
    char next = at(found + 1);
    if (ascii_alpha(next) || next == '!' || next == '?' || (next == '/' && found + 2 < html_.size())) return found;
    from = found + 1;
  }
}

void Tokenizer::skip_past(char c) {
  size_t found = html_.find(c, at_);
  at_ = found == std::string_view::npos ? html_.size() : found + 1;
}

/// Comments, doctypes, CDATA sections (outside of XML they are comments up to the first ">"), and what is like them.
void Tokenizer::skip_markup() {
  if (html_.substr(at_, 4) == "<!--") {
    skip_comment();
  } else {
    skip_past('>');
  }
}

// HTML, 13.2.5.43 to 13.2.5.51: "<!-->" and "<!--->" are whole comments; "--!>" ends one too.
void Tokenizer::skip_comment() {
  at_ += 4;
  for (std::string_view empty : {">", "->"}) {
    if (html_.substr(at_, empty.size()) == empty) {
      at_ += empty.size();
      return;
    }
  }
  while (true) {
    size_t dashes = html_.find("--", at_);
    if (dashes == std::string_view::npos) {
      at_ = html_.size();
      return;
    }
    size_t end = dashes + 2;
    if (at(end) == '!') ++end;
    at_ = dashes + 1;
    if (end < html_.size() && html_[end] == '>') {
      at_ = end + 1;
      return;
    }
  }
}

/// At "<" or "</" and a letter. False when the text ends inside.
bool Tokenizer::read_tag(Token& token) {
  bool end_tag = at(at_ + 1) == '/';
  at_ += end_tag ? 2 : 1;
  size_t end = std::min(html_.find_first_of(kEndOfName, at_), html_.size());
  std::string_view name = html_.substr(at_, end - at_);
  at_ = end;
  token.kind = end_tag ? Token::Kind::End : Token::Kind::Start;
  token.text = {};
  token.attributes = {};
  while (at_ < html_.size() && html_[at_] != '>') {
    if (!read_attribute(token)) break;
  }
  if (at_ >= html_.size()) return false;
  ++at_;
  token.element = find_element(name);
  if (!end_tag && token.element.has(Element::kRaw)) {
    raw_ = name;
    raw_references_ = token.element.has(Element::kReferences);
  }
  return true;
}

// HTML, 13.2.5.32 to 13.2.5.40. False when the text ends inside.
bool Tokenizer::read_attribute(Token& token) {
  at_ = html_.find_first_not_of("\t\n\f\r /", at_);
  if (at_ == std::string_view::npos) {
    at_ = html_.size();
    return false;
  }
  if (html_[at_] == '>') return true;
  // A "=" in front belongs to the name.
  size_t end = std::min(html_.find_first_of(kEndOfAttribute, at_ + 1), html_.size());
  std::string_view name = html_.substr(at_, end - at_);
  at_ = std::min(html_.find_first_not_of(kSpace, end), html_.size());
  std::string_view value;
  if (at(at_) == '=') {
    at_ = std::min(html_.find_first_not_of(kSpace, at_ + 1), html_.size());
    value = read_value();
  }
  if (token.kind == Token::Kind::Start) {
    if (auto known = attribute_of(name); known && !token.has(*known)) {
      token.attributes[static_cast<size_t>(*known)] = value;
    }
  }
  return at_ < html_.size();
}

/// Behind "=" and white space. A quoted value without its closing quote goes on to the next quote or the end.
std::string_view Tokenizer::read_value() {
  char quote = at(at_);
  bool quoted = quote == '"' || quote == '\'';
  size_t begin = at_ + (quoted ? 1 : 0);
  size_t end = quoted ? html_.find(quote, begin) : html_.find_first_of("\t\n\f\r >", begin);
  end = std::min(end, html_.size());
  at_ = std::min(end + (quoted ? 1 : 0), html_.size());
  return html_.substr(std::min(begin, end), end - std::min(begin, end));
}

/// Everything up to the end tag of the raw element; without one up to the end (HTML, 13.2.5.9 to 13.2.5.14).
void Tokenizer::read_raw(Token& token) {
  std::string_view name = std::exchange(raw_, {});
  size_t end = at_;
  while (true) {
    end = html_.find("</", end);
    if (end == std::string_view::npos || equal_nocase(name, "plaintext")) {
      end = html_.size();
      break;
    }
    size_t behind = end + 2 + name.size();
    bool same = equal_nocase(html_.substr(end + 2, name.size()), name);
    if (same && behind < html_.size() && kEndOfName.find(html_[behind]) != std::string_view::npos) break;
    end += 2;
  }
  token.kind = Token::Kind::Text;
  token.references = raw_references_;
  token.text = html_.substr(at_, end - at_);
  at_ = end;
}

}  // namespace postern::mime
