// HTML cut into text and tags as browsers do (HTML standard, 13.2.5).
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "filters/mime/elements.h"

namespace postern::mime {

/// The attributes that anything here looks at; others are passed over, so that a tag with a million costs nothing.
enum class Attribute : unsigned char {
  Action,
  Alt,
  Background,
  BgColor,
  Color,
  Content,
  Data,
  FormAction,
  Height,
  Hidden,
  Href,
  HttpEquiv,
  ImageSrcset,
  Link,
  Open,
  Src,
  Srcset,
  Style,
  Text,
  Type,
  Value,
  Width,
  XlinkHref,
};
inline constexpr size_t kAttributes = static_cast<size_t>(Attribute::XlinkHref) + 1;

struct Token {
  enum class Kind { Text, Start, End };
  Kind kind = Kind::Text;
  std::string_view text;    // Text: as written; NUL and anything else may be in it
  bool references = false;  // Text: character references count
  Element element;          // Start, End
  std::array<std::optional<std::string_view>, kAttributes> attributes;  // Start: raw values; the first of a name counts

  [[nodiscard]] bool has(Attribute name) const { return attributes[static_cast<size_t>(name)].has_value(); }
  /// With its references decoded, at most `limit` octets of what is written; empty when it is not there.
  [[nodiscard]] std::string value(Attribute name, size_t limit = 4096) const;
};

/// Linear over the whole text: nothing is read twice but the few octets of a look ahead. Views into `html`.
class Tokenizer {
 public:
  explicit Tokenizer(std::string_view html) : html_(html) {}
  /// False at the end. A tag that the end of the text cuts is no tag, as in browsers.
  [[nodiscard]] bool next(Token& token);

 private:
  bool read_tag(Token& token);
  bool read_attribute(Token& token);
  std::string_view read_value();
  void skip_markup();
  void skip_comment();
  void read_raw(Token& token);
  [[nodiscard]] size_t find_tag(size_t from) const;
  void skip_past(char c);
  [[nodiscard]] char at(size_t index) const { return index < html_.size() ? html_[index] : '\0'; }

  std::string_view html_;
  size_t at_ = 0;
  std::string_view raw_;  // name of the element whose raw content comes next
  bool raw_references_ = false;
};

}  // namespace postern::mime
