// Fields such as Content-Type and Content-Disposition: a word, then parameters (RFC 2045, 5.1; RFC 2183; RFC 2231).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postern::mime {

/// What such a field says, as mail readers take it: quotes may be missing or not end, values may have blanks,
/// semicolons may be missing, comments may stand anywhere. Of parameters with one name the first counts. Bounded: 64
/// KiB, 200 parameters; the rest is passed over. Linear.
class Parameters {
 public:
  static constexpr size_t kMaxField = 64U << 10U;
  static constexpr size_t kMaxParameters = 200;

  Parameters() = default;
  /// The field's value, still folded.
  explicit Parameters(std::string_view field);

  /// The word before the first semicolon, lower case, without comments; empty when the field begins with a parameter.
  [[nodiscard]] const std::string& word() const { return word_; }
  /// A parameter's octets, continuations joined and %XX undone; empty when there is none. For a boundary or a charset.
  [[nodiscard]] std::string octets(std::string_view name) const;
  /// The same as text: UTF-8 by what RFC 2231 or RFC 2047 say of it, else as decode_header() takes raw octets.
  [[nodiscard]] std::string text(std::string_view name) const;

 private:
  struct Parameter {
    std::string name;  // lower case, without what RFC 2231 adds to it
    int section = kWhole;
    bool encoded = false;  // it ends in '*': %XX, and a charset in its first section
    std::string value;
  };
  struct Value {
    std::string octets;
    std::string charset;
    bool extended = false;  // RFC 2231 says the charset, so it is no matter of RFC 2047
  };
  static constexpr int kWhole = -1;
  static constexpr int kMaxSection = 999;

  void add(std::string_view name, std::string value);
  [[nodiscard]] Value find(std::string_view name) const;
  static Value join(std::vector<const Parameter*> sections);

  std::string word_;
  std::vector<Parameter> parameters_;
};

}  // namespace postern::mime
