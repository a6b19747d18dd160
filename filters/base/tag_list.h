// Tag lists, "a=b; c=d": the syntax of DKIM-Signature fields, DKIM keys, ARC fields and DMARC records.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "filters/base/result.h"

namespace postern {

/// Views into the text that was parsed, which must outlive it. Names are compared as written (RFC 6376, 3.2: case
/// matters).
class TagList {
 public:
  static constexpr size_t kMaxTags = 100;

  struct Tag {
    std::string_view name;
    std::string_view value;  // without surrounding white space; folding inside is kept
  };

  /// RFC 6376, 3.2: folding white space around names and values, a semicolon at the end is allowed, a name twice is an
  /// error (so is an empty name, an octet that no tag-value may hold, more than kMaxTags). Code::BadInput says what.
  static Result<TagList> parse(std::string_view text);

  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  /// In the order they were written.
  [[nodiscard]] const std::vector<Tag>& tags() const { return tags_; }

 private:
  std::vector<Tag> tags_;
};

}  // namespace postern
