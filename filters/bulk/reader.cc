#include "filters/bulk/reader.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "filters/base/bytes.h"
#include "filters/bulk/notices.h"
#include "filters/bulk/words.h"

namespace postern::bulk {
namespace {

constexpr size_t kRuler = 20;  // characters that a line begins with that is one
constexpr size_t kMaxRuler = 120;
constexpr size_t kMaxSignatureLines = 12;
constexpr size_t kMaxFooterLines = 15;
constexpr size_t kMaxSignatureWords = 40;  // that count (words.h)
constexpr size_t kMaxFooterWords = 60;
constexpr size_t kAlwaysBelow = 32;      // of either, whatever is above: the longest that are below short mails have 31
constexpr size_t kMaxBelow = 1500;       // octets of signature and footers together, legal notices apart
constexpr size_t kMaxBlocksBelow = 3;    // a signature, a list's footer, a provider's
constexpr size_t kMaxAttribution = 200;  // octets
constexpr size_t kQuotedHeader = 6;      // lines in which the fields of a quoted message stand

struct Line {
  std::string_view text;  // without blanks around it
  size_t begin = 0;       // octets of the whole
  size_t end = 0;         // its line end included
  bool counts = true;
  bool quoted = false;
};

bool is_quoted(std::string_view line) {
  if (line.starts_with('>')) return !line.starts_with(">From ");  // mbox writers put it before a line of the text
  return line.starts_with("| ") && !line.ends_with('|');          // which would be a table
}

/// Without its line end and the blanks around it.
std::string_view without_end(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  return trim(line);
}

/// In at most `text.size()` + 1 lines.
std::vector<Line> split(std::string_view text) {
  std::vector<Line> out;
  out.reserve(text.size() / 40 + 8);
  for (size_t at = 0; at < text.size();) {
    size_t newline = text.find('\n', at);
    size_t end = newline == std::string_view::npos ? text.size() : newline + 1;
    std::string_view line = without_end(text.substr(at, end - at));
    out.push_back({line, at, end, true, is_quoted(line)});
    at = end;
  }
  return out;
}

/// Where legal notices begin and end, lines do too; those inside do not count.
std::vector<Line> leave_out_notices(std::string_view text, const std::vector<Line>& lines) {
  std::vector<Span> notices = legal_notices(text);
  if (notices.empty()) return lines;
  std::vector<Line> out;
  out.reserve(lines.size() + notices.size() * 2);
  auto notice = notices.begin();
  for (const Line& line : lines) {
    for (size_t at = line.begin; at < line.end;) {
      while (notice != notices.end() && notice->end <= at) ++notice;
      bool inside = notice != notices.end() && notice->begin <= at;
      size_t end = line.end;
      if (notice != notices.end()) end = std::min(end, inside ? notice->end : notice->begin);
      out.push_back({without_end(text.substr(at, end - at)), at, end, !inside, line.quoted});
      at = end;
    }
  }
  return out;
}

/// "-----Original Message-----", in the languages that its writers come in.
bool is_original(std::string_view line) {
  constexpr std::array<std::string_view, 6> names = {"original message",  "original-nachricht", "urspr",
                                                     "message d'origine", "mensaje original",   "messaggio originale"};
  if (!line.starts_with("--") || line.size() > 80) return false;
  size_t begin = line.find_first_not_of("- ");
  if (begin == std::string_view::npos || !line.ends_with('-')) return false;
  std::string_view rest = line.substr(begin);
  return std::any_of(names.begin(), names.end(), [rest](std::string_view name) { return starts_nocase(rest, name); });
}

bool is_field(std::string_view line, std::string_view name) {
  return starts_nocase(line, name) && line.size() > name.size() && line[name.size()] == ':';
}

/// "From: ..., Sent: ..., To: ..., Subject: ..." in the text: how some programs begin a quotation without a mark.
bool begins_quoted_header(const std::vector<Line>& lines, size_t at) {
  if (!is_field(lines[at].text, "From")) return false;
  bool date = false;
  bool more = false;
  for (size_t i = at + 1; i < std::min(lines.size(), at + kQuotedHeader); ++i) {
    std::string_view line = lines[i].text;
    date = date || is_field(line, "Sent") || is_field(line, "Date");
    more = more || is_field(line, "Subject") || is_field(line, "To");
  }
  return date && more;
}

bool is_ruler(std::string_view line) {
  if (line.size() < kRuler || (line[0] != '_' && line[0] != '-' && line[0] != '=')) return false;
  // A name may stand in it: "-------- Groups Sponsor --------~-->".
  return line.size() <= kMaxRuler && line.find_first_not_of(line[0]) >= kRuler;
}

void leave_out(std::vector<Line>& lines, size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) lines[i].counts = false;
}

/// "On Monday, somebody wrote:" before the quotation at `quoted`, in one line or two.
void leave_out_attribution(std::vector<Line>& lines, size_t quoted) {
  size_t at = quoted;
  while (at > 0 && lines[at - 1].text.empty()) --at;
  if (at == 0) return;
  Line& line = lines[--at];
  if (!line.counts || !line.text.ends_with(':') || line.text.size() > kMaxAttribution) return;
  line.counts = false;
  // Folded: its second half is short, and no line is empty between them.
  constexpr size_t half = 40;
  if (line.text.size() > half || at == 0) return;
  Line& before = lines[at - 1];
  if (before.counts && before.text.size() <= kMaxAttribution && before.text.find('@') != std::string_view::npos) {
    before.counts = false;
  }
}

void leave_out_quotes(std::vector<Line>& lines) {
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].quoted) continue;
    if (i == 0 || lines[i - 1].counts) leave_out_attribution(lines, i);
    lines[i].counts = false;
  }
}

void leave_out_original(std::vector<Line>& lines) {
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!is_original(lines[i].text) && !begins_quoted_header(lines, i)) continue;
    leave_out(lines, i, lines.size());
    return;
  }
}

size_t count_words(std::string_view line, std::vector<Word>& words) {
  words.clear();
  read_words(line, words);
  return static_cast<size_t>(std::count_if(words.begin(), words.end(), [](Word word) { return !is_kind(word); }));
}

/// Whether more than `words` words that count stand above the line `at`.
bool more_above(const std::vector<Line>& lines, size_t at, size_t words) {
  std::vector<Word> read;
  size_t said = 0;
  while (at-- > 0 && said <= words) said += lines[at].counts ? count_words(lines[at].text, read) : 0;
  return said > words;
}

/// Whatever stands below the message: of the lines that can begin it, the first from which on little enough follows, a
/// signature above a footer too. RFC 3676, 4.3: "-- " is before a few lines that say whose the message is; many lines
/// below it are the message. So is what says more than the text above it, beyond the size of what lists and providers
/// add: an article between two rulers has a heading above.
void leave_out_below(std::vector<Line>& lines) {
  std::vector<Word> words;
  size_t octets = 0;   // below, of all
  size_t written = 0;  // lines of this signature or footer
  size_t said = 0;     // its words
  size_t blocks = 0;
  size_t below = lines.size();  // from here on all is left out
  for (size_t i = lines.size(); i-- > 0 && octets <= kMaxBelow && blocks < kMaxBlocksBelow;) {
    const Line& line = lines[i];
    if (!line.counts) continue;
    octets += line.end - line.begin;
    bool signature = line.text == "--" && written <= kMaxSignatureLines && said <= kMaxSignatureWords;
    bool footer = is_ruler(line.text) && written <= kMaxFooterLines && said <= kMaxFooterWords;
    if (octets <= kMaxBelow && (signature || footer) && (said <= kAlwaysBelow || more_above(lines, i, said))) {
      below = i;
      ++blocks;
      written = 0;
      said = 0;
      continue;
    }
    written += static_cast<size_t>(!line.text.empty());
    if (octets <= kMaxBelow) said += count_words(line.text, words);
  }
  leave_out(lines, below, lines.size());
}

size_t counted(const std::vector<Line>& lines) {
  size_t sum = 0;
  for (const Line& line : lines) sum += line.counts ? line.text.size() : 0;
  return sum;
}

std::vector<std::string_view> pieces(std::string_view text, const std::vector<Line>& lines) {
  std::vector<std::string_view> out;
  for (size_t i = 0; i < lines.size();) {
    size_t begin = i;
    while (i < lines.size() && lines[i].counts) ++i;
    if (i > begin) out.push_back(text.substr(lines[begin].begin, lines[i - 1].end - lines[begin].begin));
    if (i < lines.size()) ++i;
  }
  return out;
}

}  // namespace

std::vector<std::string_view> counted_text(std::string_view text, bool reply) {
  std::vector<Line> lines = leave_out_notices(text, split(text));
  leave_out_below(lines);
  std::vector<Line> unquoted = lines;
  leave_out_quotes(unquoted);
  leave_out_original(unquoted);
  size_t own = counted(unquoted);
  if (reply || own * 3 >= counted(lines)) std::swap(lines, unquoted);
  return pieces(text, lines);
}

}  // namespace postern::bulk
