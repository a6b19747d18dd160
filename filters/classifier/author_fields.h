// The fields of a header that its author's program wrote.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "filters/message/headers.h"

namespace postern::classifier {

/// "Ann <ann@example.org>": a reader's view of it, not a judge's (dmarc::find_author is that).
struct Mailbox {
  std::string name;
  std::string local;   // lower case
  std::string domain;  // lower case
};
/// Any octets; what is no address leaves its parts empty.
[[nodiscard]] Mailbox read_mailbox(std::string_view value);

[[nodiscard]] constexpr std::string_view top_level(std::string_view domain) {
  return domain.substr(domain.rfind('.') + 1);  // npos + 1 is 0
}

/// All other fields tell how the message came, and are not looked at.
enum class Name {
  Subject,
  From,
  ReplyTo,
  To,
  Cc,
  Date,
  MessageId,
  MimeVersion,
  Mailer,
  Priority,
  InReplyTo,
  Organization,
  ContentType,
  Encoding,
  MimeOle,
  Count
};
inline constexpr size_t kNames = static_cast<size_t>(Name::Count);

/// Views into a header, which outlives it.
class AuthorFields {
 public:
  static constexpr size_t kMaxValue = 2000;   // octets of a value that are looked at
  static constexpr size_t kMaxWritten = 100;  // fields

  struct Written {
    size_t known;  // which field, for telling it from others
    const message::Field* field;
  };

  explicit AuthorFields(const message::Header& header);

  [[nodiscard]] bool has(Name name) const { return values_[static_cast<size_t>(name)].data() != nullptr; }
  /// The first one's, folded as it is; empty where there is none.
  [[nodiscard]] std::string_view value(Name name) const { return values_[static_cast<size_t>(name)]; }
  /// The first of them all, in their order.
  [[nodiscard]] const std::vector<Written>& written() const { return written_; }

 private:
  std::array<std::string_view, kNames> values_{};
  std::vector<Written> written_;
};

}  // namespace postern::classifier
