// A map file of any octets is taken or refused with lines that exist; what stands in it is found again, whatever is
// asked for gets the same answer each time, and a comment or the kind of line end changes nothing.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "filters/base/bytes.h"
#include "lua/maps.h"

using namespace postern;
using rules::Map;

namespace {

bool plain_text(std::string_view entry) {
  return !entry.empty() && std::all_of(entry.begin(), entry.end(), [](char c) { return ascii_alnum(c) || c == ' '; }) &&
         trim(entry).size() == entry.size();
}

void check_mistakes(const std::vector<Map::Mistake>& mistakes, std::string_view text) {
  POSTERN_CHECK(!mistakes.empty() && mistakes.size() <= Map::kMaxMistakes);
  auto lines = static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1;
  int last = 0;
  for (const Map::Mistake& mistake : mistakes) {
    POSTERN_CHECK(mistake.line >= last && mistake.line <= lines);
    POSTERN_CHECK(is_utf8(mistake.text) && mistake.text.find('\n') == std::string::npos && mistake.text.size() < 1000);
    last = mistake.line;
  }
}

// Lines of letters, digits and spaces are texts, whatever stands around them.
void check_plain_lines(const Map& map, std::string_view text) {
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (plain_text(line)) {
      POSTERN_CHECK(map.has(line));
      POSTERN_CHECK(map.has(to_upper(line)));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void check(std::string_view text, std::string_view value, Map::Kind kind) {
  auto map = Map::parse(text, kind);
  if (!map) return check_mistakes(map.error(), text);
  POSTERN_CHECK((*map)->size() <= static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) + 1);
  bool has = (*map)->has(value);
  POSTERN_CHECK((*map)->has(value) == has);
  if (kind == Map::Kind::Auto || kind == Map::Kind::Exact) {
    // Behind a byte order mark that we do not add ourselves.
    if (!text.starts_with("\xef\xbb\xbf")) check_plain_lines(**map, text);
  }
  auto more = Map::parse(std::string(text) + "\n# a comment\r\n", kind);
  POSTERN_CHECK(more && (*more)->size() == (*map)->size() && (*more)->has(value) == has);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view all(reinterpret_cast<const char*>(data), size);
  // The first line is what is asked for, the rest is the file.
  size_t end = std::min(all.find('\n'), all.size());
  std::string_view value = all.substr(0, end);
  std::string_view text = all.substr(std::min(end + 1, all.size()));
  for (Map::Kind kind : {Map::Kind::Auto, Map::Kind::Exact, Map::Kind::Domain, Map::Kind::Cidr, Map::Kind::Regex}) {
    check(text, value, kind);
  }
  return 0;
}
