#include "filters/mime/part_header.h"

#include <algorithm>

#include "filters/base/bytes.h"
#include "filters/mime/parameters.h"
#include "filters/mime/text.h"

namespace postern::mime {
namespace {

constexpr size_t kMaxType = 127;  // RFC 6838, 4.2, for each half of a type
constexpr size_t kMaxCharset = 64;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/// Its name may hold 8-bit octets: readers take such lines for fields.
std::string_view field_name(std::string_view line) {
  std::string_view name = line.substr(0, std::min(line.find(':'), line.size()));
  if (name.size() == line.size() || is_blank(line.front())) return {};
  name = trim(name);
  bool good = std::all_of(name.begin(), name.end(), [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte > ' ' && byte != 0x7F;
  });
  return good ? name : std::string_view();
}

/// A first line that is no field, but does not make the header a body either: of mbox files, and one of blanks, which
/// continues whatever a server on the way has put on top.
bool is_passed_over(std::string_view line) {
  return line.starts_with("From ") || line.starts_with(">From ") || trim(line).empty();
}

struct Fields {
  std::string_view type;
  std::string_view encoding;
  std::string_view disposition;
  std::string_view id;
  bool has_type = false;
  bool has_encoding = false;
};

void set_once(std::string_view& field, std::string_view value) {
  if (field.empty()) field = value;
}

/// Of several fields with one name readers take the first.
Fields find_fields(std::string_view header, Defects& defects) {
  Fields out;
  for (size_t at = 0; at < header.size();) {
    size_t begin = at;
    Line line = line_at(header, at);
    at = line.next;
    while (at < header.size() && is_blank(header[at])) at = line_at(header, at).next;
    std::string_view name = field_name(header.substr(begin, line.end - begin));
    if (!starts_nocase(name, "content-")) continue;
    std::string_view value = header.substr(begin, at - begin);
    value = value.substr(value.find(':') + 1);
    if (equal_nocase(name, "content-type")) {
      defects.duplicate_header |= out.has_type;
      out.has_type = true;
      set_once(out.type, value);
    } else if (equal_nocase(name, "content-transfer-encoding")) {
      defects.duplicate_header |= out.has_encoding;
      out.has_encoding = true;
      set_once(out.encoding, value);
    } else if (equal_nocase(name, "content-disposition")) {
      set_once(out.disposition, value);
    } else if (equal_nocase(name, "content-id")) {
      set_once(out.id, value);
    }
  }
  return out;
}

bool is_type_half(std::string_view word) {
  static constexpr std::string_view specials = "()<>@,;:\\\"[]?=";
  return !word.empty() && word.size() <= kMaxType && std::all_of(word.begin(), word.end(), [](char c) {
    return c > ' ' && c < 0x7F && specials.find(c) == std::string_view::npos;
  });
}

/// RFC 2045, 5.2: what is no type is text/plain. Half a type is taken for what it can only mean.
std::string media_type(std::string_view word) {
  size_t slash = std::min(word.find('/'), word.size());
  std::string_view major = word.substr(0, slash);
  std::string_view minor = word.substr(std::min(slash + 1, word.size()));
  minor = minor.substr(0, minor.find('/'));
  if (is_type_half(major) && is_type_half(minor)) return std::string(major) + "/" + std::string(minor);
  if (major == "multipart") return "multipart/mixed";
  if (major == "application" || major == "image" || major == "audio" || major == "video") {
    return "application/octet-stream";
  }
  return "text/plain";
}

/// RFC 2045, 6.1. Variants are those of real mail.
Encoding encoding_of(const std::string& word, Defects& defects) {
  if (word.empty() || word == "7bit" || word == "8bit" || word == "binary" || word == "7-bit" || word == "8-bit" ||
      word == "none") {
    return Encoding::Identity;
  }
  if (word == "quoted-printable" || word == "quotedprintable") return Encoding::QuotedPrintable;
  if (word == "base64" || word == "base-64") return Encoding::Base64;
  defects.unknown_encoding = true;
  return Encoding::Unknown;
}

}  // namespace

Line line_at(std::string_view text, size_t at) {
  size_t newline = text.find('\n', at);
  if (newline == std::string_view::npos) return {at, text.size(), text.size()};
  size_t end = newline;
  while (end > at && text[end - 1] == '\r') --end;
  return {at, end, newline + 1};
}

HeaderPlace find_header(std::string_view text, size_t at, const std::function<bool(const Line&)>& is_delimiter) {
  size_t first_odd = std::string_view::npos;
  size_t pos = at;
  while (pos < text.size()) {
    Line line = line_at(text, pos);
    std::string_view content = text.substr(line.begin, line.end - line.begin);
    if (content.empty()) return {pos, line.next};
    if (is_delimiter(line)) break;
    bool continued = pos > at && is_blank(content.front());
    if (!continued && field_name(content).empty()) {
      if (pos == at && !is_passed_over(content)) return {at, at};
      // A delimiter of the multipart whose header this is, with no empty line between.
      if (content.starts_with("--")) return {pos, pos};
      if (pos > at) first_odd = std::min(first_odd, pos);
    }
    pos = line.next;
  }
  size_t end = std::min(first_odd, pos);
  return {end, end};
}

std::string read_header(Part& part, std::string_view default_type, Defects& defects) {
  if (part.header.find('\0') != std::string_view::npos) defects.nul = true;
  Fields fields = find_fields(part.header, defects);
  Parameters type(fields.type);
  Parameters disposition(fields.disposition);
  part.type = trim(fields.type).empty() ? std::string(default_type) : media_type(type.word());
  std::string charset = type.octets("charset");
  // "charset=us-ascii (comment)" and the like.
  charset = shown_text(to_utf8(std::string_view(charset).substr(0, kMaxCharset), "", defects));
  part.charset = to_lower(charset.substr(0, charset.find(' ')));
  part.disposition = is_type_half(disposition.word()) ? disposition.word() : "";
  part.name = disposition.text("filename");
  if (part.name.empty()) part.name = type.text("name");
  part.encoding = encoding_of(Parameters(fields.encoding).word(), defects);
  std::string id = decode_header(fields.id);
  std::string_view bare = id;
  if (bare.starts_with('<')) bare.remove_prefix(1);
  part.content_id = bare.substr(0, bare.find('>'));
  std::string boundary = type.octets("boundary");
  // RFC 2046, 5.1.1: it does not end in white space.
  while (!boundary.empty() && static_cast<unsigned char>(boundary.back()) <= ' ') boundary.pop_back();
  return boundary;
}

}  // namespace postern::mime
