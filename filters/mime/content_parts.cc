#include "filters/mime/content_parts.h"

#include <algorithm>
#include <cstring>

#include "filters/base/bytes.h"

namespace postern::mime {
namespace {

constexpr size_t kMaxExtension = 32;

/// How gladly mail programs show a text part; 0: not.
int preference(const Part& part) {
  if (!is_shown(part)) return 0;
  if (is_html(part)) return 3;
  return part.type == "text/plain" ? 2 : 1;
}

}  // namespace

bool is_html(const Part& part) {
  return part.type == "text/html" || part.type == "application/xhtml+xml";
}

bool is_text(const Part& part) {
  return !part.multipart && !part.message && (is_html(part) || part.type.starts_with("text/"));
}

bool is_shown(const Part& part) {
  return is_text(part) && part.disposition != "attachment";
}

bool is_file(const Part& part) {
  if (part.multipart) return false;
  bool text = part.type.starts_with("text/");
  return !text || !part.name.empty() || part.disposition == "attachment";
}

std::string extension_of(std::string_view name) {
  size_t slash = name.find_last_of("/\\");
  if (slash != std::string_view::npos) name.remove_prefix(slash + 1);
  size_t end = name.find_last_not_of(". \t");
  name = name.substr(0, end == std::string_view::npos ? 0 : end + 1);
  size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || name.size() - dot - 1 > kMaxExtension) return {};
  return to_lower(trim(name.substr(dot + 1)));
}

std::string plain_text(std::string text) {
  // Each is looked for again only once it is passed: text may have many of the one and none of the other.
  size_t nul = text.find('\0');
  size_t cr = text.find('\r');
  size_t end = std::min({cr, nul, text.size()});
  // In place: it only becomes shorter. [at, stop) stays as it is.
  for (size_t at = end, stop = end; stop < text.size(); at = stop) {
    if (text[at] == '\r' && (at + 1 == text.size() || text[at + 1] != '\n')) text[end++] = '\n';
    ++at;
    if (nul < at) nul = text.find('\0', at);
    if (cr < at) cr = text.find('\r', at);
    stop = std::min({cr, nul, text.size()});
    std::memmove(text.data() + end, text.data() + at, stop - at);
    end += stop - at;
  }
  text.resize(end);
  return text;
}

bool is_alternative(const Part& part) {
  return part.multipart && part.type == "multipart/alternative";
}

std::vector<bool> choose_shown_parts(const Message& message) {
  const std::vector<Part>& parts = message.parts;
  std::vector<size_t> choice(parts.size());
  std::vector<int> best(parts.size(), 0);
  for (size_t i = 0; i < parts.size(); ++i) {
    int rank = preference(parts[i]);
    // Depth is bounded (Limits::depth); the first part is its own parent.
    for (size_t child = i; rank > 0 && child != parts[child].parent; child = parts[child].parent) {
      size_t parent = parts[child].parent;
      if (rank < best[parent]) continue;
      best[parent] = rank;
      choice[parent] = child;
    }
  }
  std::vector<bool> shown(parts.size(), true);
  for (size_t i = 1; i < parts.size(); ++i) {
    size_t parent = parts[i].parent;
    shown[i] = shown[parent] && (!is_alternative(parts[parent]) || choice[parent] == i);
  }
  return shown;
}

}  // namespace postern::mime
