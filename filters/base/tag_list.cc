#include "filters/base/tag_list.h"

#include <algorithm>
#include <string>

#include "filters/base/bytes.h"

namespace postern {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

std::string_view without_blanks_around(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

auto wrong(std::string_view what, std::string_view where) {
  return fail(Code::BadInput, std::string(what) + ": " + printable_ascii(where, 30));
}

// RFC 6376, 3.2: FWS = [*WSP CRLF] 1*WSP. A CR or LF that folds nothing is no white space.
bool is_folded_well(std::string_view text) {
  for (size_t at = text.find_first_of("\r\n"); at != std::string_view::npos; at = text.find_first_of("\r\n", at + 2)) {
    // At the end of the text the next line is that of whatever follows.
    bool crlf = text.substr(at, 2) == "\r\n";
    if (!crlf || (at + 2 < text.size() && text[at + 2] != ' ' && text[at + 2] != '\t')) return false;
  }
  return true;
}

// RFC 6376, 3.2: tag-name = ALPHA *ALNUMPUNC; ALNUMPUNC = ALPHA / DIGIT / "_".
bool is_tag_name(std::string_view name) {
  return !name.empty() && ascii_alpha(name[0]) &&
         std::all_of(name.begin(), name.end(), [](char c) { return ascii_alnum(c) || c == '_'; });
}

// RFC 6376, 3.2: VALCHAR = %x21-3A / %x3C-7E; RFC 8616, 5: or a character beyond ASCII in UTF-8.
bool is_tag_value(std::string_view value) {
  bool ascii = true;
  for (char c : value) {
    auto octet = static_cast<unsigned char>(c);
    if (octet >= 0x80) ascii = false;
    if ((octet < ' ' && !is_blank(c)) || octet == 0x7F) return false;
  }
  return ascii || is_utf8(value);
}

}  // namespace

Result<TagList> TagList::parse(std::string_view text) {
  TagList list;
  if (!is_folded_well(text)) return fail(Code::BadInput, "a line end inside of tags");
  while (true) {
    size_t end = std::min(text.find(';'), text.size());
    std::string_view spec = text.substr(0, end);
    bool last = end == text.size();
    // RFC 6376, 3.2: tag-list = tag-spec *( ";" tag-spec ) [ ";" ].
    if (last && !list.tags_.empty() && without_blanks_around(spec).empty()) return list;
    size_t equals = spec.find('=');
    if (equals == std::string_view::npos) return wrong("a tag without \"=\"", without_blanks_around(spec));
    Tag tag{without_blanks_around(spec.substr(0, equals)), without_blanks_around(spec.substr(equals + 1))};
    if (!is_tag_name(tag.name)) return wrong("not a tag name", tag.name);
    if (!is_tag_value(tag.value)) return wrong("an octet that is not allowed in tag", tag.name);
    // RFC 6376, 3.2: tags with duplicate names make the whole list invalid.
    if (list.find(tag.name)) return wrong("a tag twice", tag.name);
    if (list.tags_.size() == kMaxTags) return fail(Code::BadInput, "more than " + std::to_string(kMaxTags) + " tags");
    list.tags_.push_back(tag);
    if (last) return list;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::string_view> TagList::find(std::string_view name) const {
  for (const Tag& tag : tags_) {
    if (tag.name == name) return tag.value;
  }
  return std::nullopt;
}

}  // namespace postern
