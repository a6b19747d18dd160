// The header of a message: fields with their original bytes kept, for rules to read and for us to strip and add.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::message {

/// One header field as views into the text that was parsed.
struct Field {
  std::string_view raw;    // the whole field, folding and final CRLF included
  std::string_view name;   // before the colon, trailing white space removed; empty for a line that is no field
  std::string_view value;  // after the colon, folded, without the final CRLF
};

/// Splits a message that was stored decoded (CRLF line ends). `fields` are in order and together cover
/// [0, header_size) exactly; the body starts at body_offset (behind the empty line). A first line that is not a field
/// ends the header where it stands (RFC 5322, 2.1 has no such message; it still must pass unchanged), but for the "From
/// " line of mbox files: mail servers step over that, and so do we. A later line that is no field is kept without a
/// name and the header goes on, because some readers go on there and would see what we had not looked at. Bounded:
/// beyond kMaxFields all the rest of the header is one more field without a name.
struct Header {
  static constexpr size_t kMaxFields = 10'000;

  std::vector<Field> fields;
  bool complete = true;    // false: there are more than kMaxFields, and nobody can say what this header says
  size_t header_size = 0;  // bytes of all fields, without the empty line
  size_t body_offset = 0;  // header_size + 2 when an empty line follows, else header_size

  /// First field of that name, unfolded, trimmed; nullopt when there is none.
  [[nodiscard]] std::optional<std::string> first(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;
};
[[nodiscard]] Header parse_header(std::string_view message);
/// Header::header_size alone, for less.
[[nodiscard]] size_t header_size(std::string_view message);

/// Whether this is the "From " line of an mbox file, which parse_header takes for a field without a name.
[[nodiscard]] bool is_mbox_line(const Field& field);

/// RFC 5322, 2.2.3: without the CRLF of folding; surrounding white space removed.
[[nodiscard]] std::string unfold(std::string_view value);

/// Whether an Authentication-Results field bears `our_name` as authserv-id (RFC 8601, 5: such fields from outside are
/// forged). Odd case, comments, folding, quoted strings, final dots, U-labels and a version number after it do not hide
/// it.
[[nodiscard]] bool claims_authserv_id(std::string_view value, std::string_view our_name);

/// Fields of this message that must not pass (design: incoming X-Spam-*, X-Postern-*, Authentication-Results of ours).
/// A field without a name must not pass when a line of it could be read as one of them.
[[nodiscard]] bool must_strip(const Field& field, std::string_view our_name);

}  // namespace postern::message
