#include "filters/message/headers.h"

#include <algorithm>
#include <cstring>

#include "filters/base/bytes.h"
#include "filters/base/domain.h"

namespace postern::message {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t';
}

/// RFC 5322, 3.6.8 ftext: printable ASCII but the colon.
bool is_field_name(std::string_view name) {
  if (name.empty()) return false;
  return std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

/// Behind the CRLF of the line that begins at `at`, or the end of the text.
size_t line_end(std::string_view text, size_t at) {
  while (at < text.size()) {
    const void* hit = std::memchr(text.data() + at, '\n', text.size() - at);
    if (hit == nullptr) break;
    auto newline = static_cast<size_t>(static_cast<const char*>(hit) - text.data());
    if (newline > 0 && text[newline - 1] == '\r') return newline + 1;
    at = newline + 1;
  }
  return text.size();
}

/// RFC 5322, 2.2.3: the line at `at` and those that continue it, which begin with white space.
size_t field_end(std::string_view text, size_t at) {
  size_t end = line_end(text, at);
  while (end < text.size() && is_space(text[end])) end = line_end(text, end);
  return end;
}

Field make_field(std::string_view raw) {
  Field field{raw, {}, {}};
  // Only on its first line: a colon in a continuation ends no name.
  size_t colon = raw.substr(0, line_end(raw, 0)).find(':');
  if (colon == std::string_view::npos || is_space(raw.front())) return field;
  // RFC 5322, 4.5: obsolete syntax has white space before the colon.
  std::string_view name = trim(raw.substr(0, colon));
  if (!is_field_name(name)) return field;
  field.name = name;
  field.value = raw.substr(colon + 1);
  if (field.value.ends_with("\r\n")) field.value.remove_suffix(2);
  return field;
}

/// The line that mbox files put on top. Mail servers step over it, so what follows is a header to them.
bool begins_mbox(std::string_view line) {
  return line.starts_with("From ") || line.starts_with(">From ");
}

/// RFC 2045, 5.1 token, which is what an authserv-id is without quotes (RFC 8601, 2.2).
bool is_token(char c) {
  static constexpr std::string_view specials = "()<>@,;:\\\"/[]?=";
  return c > ' ' && c < 0x7F && specials.find(c) == std::string_view::npos;
}

/// RFC 5322, 3.2.2: a comment, which may hold comments and quoted pairs. Behind it, or npos when it does not end.
size_t comment_end(std::string_view text, size_t at) {
  size_t depth = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '(') {
      ++depth;
    } else if (text[at] == ')' && --depth == 0) {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

size_t quote_end(std::string_view text, size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

std::string unquote(std::string_view quoted) {
  std::string out;
  quoted = quoted.substr(1, quoted.size() - 2);
  for (size_t i = 0; i < quoted.size(); ++i) {
    if (quoted[i] == '\\' && i + 1 < quoted.size()) ++i;
    out += quoted[i];
  }
  return std::string(trim(out));
}

/// What stands before the first ';' of an Authentication-Results field.
struct Place {
  std::vector<std::string> words;  // without comments, quotes removed
  std::string rest_of_place;       // without comments, as it stood
  bool whole = true;               // false: a comment or quoted string does not end, a stray octet, words that touch
};

Place read_place(std::string_view text) {
  Place place;
  size_t word_end = std::string_view::npos;  // of the word before
  for (size_t i = 0; i < text.size() && text[i] != ';';) {
    size_t end = i + 1;
    if (i == word_end) place.whole = place.whole && (is_space(text[i]) || text[i] == '(');
    if (text[i] == '(') {
      end = comment_end(text, i);
    } else if (text[i] == '"') {
      end = quote_end(text, i);
      if (end != std::string_view::npos) place.words.push_back(unquote(text.substr(i, end - i)));
    } else if (is_token(text[i])) {
      while (end < text.size() && is_token(text[end])) ++end;
      place.words.emplace_back(text.substr(i, end - i));
    } else if (!is_space(text[i])) {
      place.whole = false;
    }
    if (end == std::string_view::npos) {
      place.whole = false;
      place.rest_of_place += text.substr(i);
      break;
    }
    if (text[i] != '(') {
      place.rest_of_place += text.substr(i, end - i);
      if (!is_space(text[i])) word_end = end;
    }
    i = end;
  }
  return place;
}

bool is_name_octet(char c) {
  return ascii_alnum(c) || c == '.' || c == '-' || c == '_';
}

std::string_view without_dots(std::string_view name) {
  while (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

bool same_name(std::string_view a, std::string_view b) {
  return equal_nocase(without_dots(a), without_dots(b));
}

/// RFC 8601, 5: compared after conversion between A-labels and U-labels. The mapping of UTS 46 comes with it:
/// full-width letters are letters.
bool same_international_name(std::string_view text, std::string_view name) {
  if (is_ascii(text)) return false;
  auto ascii = to_ascii_domain(text);
  return ascii && same_name(*ascii, name);
}

/// Whether `name` stands in the text between octets that no host name has. Those beyond ASCII may be a part of it, or
/// not.
bool has_name(std::string_view text, std::string_view name) {
  auto international = [](char c) { return is_name_octet(c) || static_cast<unsigned char>(c) >= 0x80; };
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    while (end < text.size() && international(text[end])) ++end;
    std::string_view run = text.substr(i, end - i);
    if (same_international_name(run, name)) return true;
    for (size_t at = 0; at < run.size();) {
      size_t stop = at;
      while (stop < run.size() && is_name_octet(run[stop])) ++stop;
      if (stop > at && same_name(run.substr(at, stop - at), name)) return true;
      at = stop + 1;
    }
    i = end + 1;
  }
  return false;
}

/// Whether the text is the name, perhaps with a version number, once everything is left out that no name holds: a
/// lenient reader may join what is cut by comments, quotes, white space or control octets.
bool joins_to_name(std::string_view text, std::string_view name) {
  std::string joined;
  for (char c : text) {
    if (is_name_octet(c)) joined += c;
  }
  std::string_view rest = joined;
  name = without_dots(name);
  if (!starts_nocase(rest, name)) return false;
  rest.remove_prefix(name.size());
  while (rest.starts_with('.')) rest.remove_prefix(1);
  return std::all_of(rest.begin(), rest.end(), ascii_digit);
}

/// RFC 8601, 2.2: authserv-id [CFWS version].
bool is_well_formed(const Place& place) {
  if (!place.whole || place.words.empty() || place.words.size() > 2) return false;
  return place.words.size() == 1 || std::all_of(place.words[1].begin(), place.words[1].end(), ascii_digit);
}

bool must_strip_name(std::string_view name, std::string_view value, std::string_view our_name) {
  if (starts_nocase(name, "X-Spam-") || starts_nocase(name, "X-Postern-")) return true;
  return equal_nocase(name, "Authentication-Results") && claims_authserv_id(value, our_name);
}

/// A line with a name that is none, because of an octet that a lenient reader might overlook.
bool must_strip_line(std::string_view line, std::string_view our_name) {
  size_t colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  std::string name;
  for (char c : line.substr(0, colon)) {
    if (c > ' ' && c < 0x7F) name += c;
  }
  return must_strip_name(name, line.substr(colon + 1), our_name);
}

}  // namespace

std::optional<std::string> Header::first(std::string_view name) const {
  for (const Field& field : fields) {
    if (equal_nocase(field.name, name)) return unfold(field.value);
  }
  return std::nullopt;
}

std::vector<std::string> Header::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const Field& field : fields) {
    if (equal_nocase(field.name, name)) values.push_back(unfold(field.value));
  }
  return values;
}

Header parse_header(std::string_view message) {
  Header header;
  size_t at = 0;
  size_t rest = 0;  // where the field that is one too many began
  while (at < message.size() && !message.substr(at).starts_with("\r\n")) {
    size_t end = field_end(message, at);
    std::string_view raw = message.substr(at, end - at);
    if (header.fields.size() < Header::kMaxFields) {
      Field field = make_field(raw);
      if (at == 0 && field.name.empty() && !begins_mbox(raw)) return header;
      header.fields.push_back(field);
      rest = end;
    }
    at = end;
  }
  if (rest < at) {
    header.complete = false;
    header.fields.push_back({message.substr(rest, at - rest), {}, {}});
  }
  header.header_size = at;
  header.body_offset = at < message.size() ? at + 2 : at;
  return header;
}

size_t header_size(std::string_view message) {
  if (message.starts_with("\r\n")) return 0;
  std::string_view first = message.substr(0, field_end(message, 0));
  if (make_field(first).name.empty() && !begins_mbox(first)) return 0;
  size_t end = message.find("\r\n\r\n");
  return end == std::string_view::npos ? message.size() : end + 2;
}

std::string unfold(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  while (true) {
    size_t end = value.find("\r\n");
    out += value.substr(0, end);
    if (end == std::string_view::npos) return std::string(trim(out));
    value.remove_prefix(end + 2);
  }
}

bool claims_authserv_id(std::string_view value, std::string_view our_name) {
  if (without_dots(our_name).empty()) return false;
  std::string text = unfold(value);
  Place place = read_place(text);
  if (is_well_formed(place)) {
    const std::string& id = place.words[0];
    if (std::all_of(id.begin(), id.end(), is_name_octet)) return same_name(id, our_name);
    return has_name(id, our_name) || joins_to_name(id, our_name);
  }
  // Readers differ in what they make of a broken field, so it is enough that one could find our name there. Where a
  // comment or quoted string does not end, that place may be anywhere.
  bool open = !place.whole && text.find_first_of("(\"") != std::string::npos;
  return has_name(open ? text : place.rest_of_place, our_name) || joins_to_name(place.rest_of_place, our_name);
}

bool is_mbox_line(const Field& field) {
  return field.name.empty() && begins_mbox(field.raw);
}

bool must_strip(const Field& field, std::string_view our_name) {
  if (!field.name.empty()) return must_strip_name(field.name, field.value, our_name);
  for (size_t at = 0; at < field.raw.size();) {
    size_t end = field_end(field.raw, at);
    if (must_strip_line(field.raw.substr(at, end - at), our_name)) return true;
    at = end;
  }
  return false;
}

}  // namespace postern::message
