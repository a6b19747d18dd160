#include "filters/bulk/notices.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <string>

#include "filters/base/bytes.h"
#include "filters/bulk/octets.h"
#include "filters/bulk/skeleton.h"

namespace postern::bulk {
namespace {

constexpr size_t kTail = 6000;         // octets at the end of a text in which notices may stand, where it is short
constexpr size_t kMaxNotice = 3000;    // octets
constexpr size_t kMaxNotices = 7000;   // of all
constexpr size_t kMaxSentence = 1000;  // a longer one is no sentence, but text without full stops
constexpr size_t kMaxBetween = 300;    // octets without a mark between two sentences that have some
constexpr size_t kMaxAfter = 500;      // octets that may follow on a notice in the first half
constexpr size_t kWrapped = 45;        // columns: a line of fewer was not wrapped, the next one is another sentence
constexpr size_t kMaxWrapped = 100;

struct Mark {
  std::string_view words;  // lower case; at the beginning of a word
  bool proof = false;      // nobody writes it but in a notice
};

constexpr Mark kMarks[] = {
    // English
    {"intended recipient", true},
    {"intended addressee", true},
    {"named addressee", true},
    {"intended solely for", true},
    {"intended only for", true},
    {"notify the sender", true},
    {"notify us immediately", true},
    {"notify the system manager", true},
    {"inform the sender", true},
    {"advise the sender", true},
    {"contact the sender", false},
    {"in error", false},
    {"by mistake", false},
    {"confidential", false},
    {"privileged", false},
    {"legally privileged", true},
    {"may be privileged", true},
    {"delete this", false},
    {"delete it", false},
    {"delete the", false},
    {"any attachment", false},
    {"or attachments", false},
    {"files transmitted with it", true},
    {"unauthorised", false},
    {"unauthorized", false},
    {"disclosure", false},
    {"disclosing", false},
    {"dissemination", false},
    {"disseminate", false},
    {"strictly prohibited", false},
    {"views expressed", true},
    {"views or opinions", true},
    {"opinions expressed", true},
    {"virus", false},
    {"accept no liability", true},
    {"accepts no liability", true},
    {"accept responsibility", false},
    {"accept liability", true},
    {"consider the environment", false},
    {"before printing this", false},
    {"registered in england", true},
    {"registered in scotland", true},
    {"registered office", true},
    {"company number", false},
    {"company registration", false},
    // German
    {"vertraulich", false},
    {"rechtlich geschutzt", true},
    {"nicht der richtige adressat", true},
    {"nicht der richtige empfanger", true},
    {"nicht der beabsichtigte", true},
    {"nicht der vorgesehene", true},
    {"irrtumlich erhalten", true},
    {"absender", false},
    {"vernichten sie", false},
    {"loschen sie", false},
    {"unbefugte", false},
    {"unerlaubte", false},
    {"an die umwelt", false},
    {"datenschutz", false},
    {"sitz der gesellschaft", true},
    {"registergericht", true},
    {"handelsregister", true},
    {"amtsgericht", true},
    {"geschaftsfuhrer", false},
    {"geschaeftsfuehrer", false},
    {"aufsichtsrat", false},
    {"hrb", false},
    // French
    {"confidentiel", false},
    {"destinataire", false},
    {"pas le destinataire", true},
    {"par erreur", false},
    {"expediteur", false},
    {"detruire", false},
    {"non autorise", false},
    {"divulgation", false},
    // Spanish
    {"confidencial", false},
    {"destinatario", false},
    {"no es el destinatario", true},
    {"no es usted el destinatario", true},
    {"por error", false},
    {"remitente", false},
    {"eliminar", false},
    {"no autorizad", false},
    {"divulgacion", false},
    // Italian
    {"riservat", false},
    {"confidenzial", false},
    {"non siete il destinatario", true},
    {"non e il destinatario", true},
    {"non fosse il destinatario", true},
    {"per errore", false},
    {"mittente", false},
    {"distrugger", false},
    {"non autorizzat", false},
    // Dutch
    {"vertrouwelijk", false},
    {"niet de geadresseerde", true},
    {"uitsluitend bestemd voor", true},
    {"geadresseerde", false},
    {"per vergissing", false},
    {"afzender", false},
    {"vernietigen", false},
    {"onbevoegd", false},
    {"openbaarmaking", false},
};
constexpr size_t kMarkCount = std::size(kMarks);

/// As kMarks are compared: skeletons, one blank between words, one before each. Clears `out` first; its memory is used
/// again.
void normalise(std::string_view text, std::string& out) {
  out.assign(1, ' ');
  for (size_t at = 0; at < text.size();) {
    size_t length = utf8_sequence(text, at);
    Character c = length == 0 ? Character{} : skeleton(code_point(text, at, length));
    at += std::max<size_t>(length, 1);
    if (c.sort == Sort::Nothing) continue;
    if (c.sort == Sort::Letter && c.letter < 0x80) {
      out += static_cast<char>(c.letter);
    } else if (c.sort == Sort::Letter || c.sort == Sort::Dense) {
      out += '?';
    } else if (out.back() != ' ') {
      out += ' ';
    }
  }
}

/// Which marks a sentence has, by their places in kMarks.
class Marks {
 public:
  Marks() {
    for (size_t i = 0; i < kMarkCount; ++i) {
      normalise(kMarks[i].words, words_[i]);
      by_start_[slot(words_[i][1], words_[i][2])].push_back(static_cast<uint8_t>(i));
    }
  }

  /// Of a normalised text, each at most once, appended to `out`.
  void find(std::string_view text, std::vector<uint8_t>& out) const {
    for (size_t at = 0; at + 3 < text.size(); ++at) {
      if (text[at] != ' ') continue;
      for (uint8_t i : by_start_[slot(text[at + 1], text[at + 2])]) {
        if (text.substr(at).starts_with(words_[i]) && std::find(out.begin(), out.end(), i) == out.end())
          out.push_back(i);
      }
    }
  }

 private:
  static size_t slot(char a, char b) {
    return ((static_cast<size_t>(static_cast<unsigned char>(a)) & 31U) << 5U) |
           (static_cast<size_t>(static_cast<unsigned char>(b)) & 31U);
  }
  static_assert(kMarkCount <= 256);

  std::array<std::string, kMarkCount> words_;
  std::array<std::vector<uint8_t>, 1024> by_start_;
};

const Marks& marks() {
  static const Marks all;
  return all;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// Where the sentence or line that begins at `at` ends, blanks behind it included.
size_t sentence_end(std::string_view text, size_t at) {
  size_t column = 0;
  for (size_t i = at; i < text.size(); ++i) {
    char c = text[i];
    bool stop = (c == '.' || c == '!' || c == '?' || c == ';') && i + 1 < text.size() && is_blank(text[i + 1]);
    bool line = c == '\n' && (column < kWrapped || column > kMaxWrapped);
    bool empty_line = c == '\n' && i + 1 < text.size() && is_blank(text[i + 1]);
    column = c == '\n' ? 0 : column + 1;
    if (!stop && !line && !empty_line) continue;
    size_t end = i + 1;
    while (end < text.size() && is_blank(text[end])) ++end;
    return end;
  }
  return text.size();
}

/// Sentences with marks that follow each other.
struct Group {
  Span span;
  std::vector<uint8_t> marks;

  [[nodiscard]] bool is_notice() const {
    return marks.size() >= 2 &&
           std::any_of(marks.begin(), marks.end(), [](uint8_t mark) { return kMarks[mark].proof; });
  }
};

/// All groups that are notices, from `from` on.
std::vector<Span> find_groups(std::string_view text, size_t from) {
  std::vector<Span> out;
  Group group;
  std::string plain;
  std::vector<uint8_t> found;
  auto close = [&] {
    if (group.is_notice()) out.push_back(group.span);
    group.marks.clear();
  };
  for (size_t at = from; at < text.size();) {
    size_t end = sentence_end(text, at);
    found.clear();
    if (end - at <= kMaxSentence) {
      normalise(text.substr(at, end - at), plain);
      marks().find(plain, found);
    }
    if (!found.empty()) {
      bool far = !group.marks.empty() && (at - group.span.end > kMaxBetween || end - group.span.begin > kMaxNotice);
      if (far) close();
      if (group.marks.empty()) group.span.begin = at;
      group.span.end = end;
      for (uint8_t mark : found) {
        if (std::find(group.marks.begin(), group.marks.end(), mark) == group.marks.end()) group.marks.push_back(mark);
      }
    }
    at = end;
  }
  close();
  return out;
}

}  // namespace

std::vector<Span> legal_notices(std::string_view text) {
  const size_t half = text.size() / 2;
  size_t from = std::min(half, text.size() - std::min(text.size(), kTail));
  // From the beginning of a line, so that no sentence is cut where it can be helped.
  if (from > 0) from = std::min(text.find('\n', from), text.size());
  std::vector<Span> groups = find_groups(text, from);
  std::vector<Span> out;
  size_t all = 0;
  size_t after = 0;  // octets that count behind the group
  size_t end = text.size();
  for (auto group = groups.rbegin(); group != groups.rend(); ++group) {
    after += end - group->end;
    end = group->begin;
    size_t size = group->end - group->begin;
    if ((group->begin < half && after > kMaxAfter) || all + size > kMaxNotices) break;
    all += size;
    out.push_back(*group);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace postern::bulk
