#include "filters/mime/urls.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "filters/base/bytes.h"
#include "filters/mime/tld.h"
#include "filters/mime/url_parse.h"

namespace postern::mime {
namespace {

// What ends a URL beside white space and control characters: quotes and brackets of many scripts (RFC 3986, C), and the
// blanks and punctuation of those that write without blanks.
constexpr std::string_view kEnds[] = {"\u00a0", "\u00ab", "\u00bb", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004",
                                      "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a", "\u2018", "\u2019",
                                      "\u201a", "\u201c", "\u201d", "\u201e", "\u2026", "\u2028", "\u2029", "\u202f",
                                      "\u2039", "\u203a", "\u205f", "\u3000", "\u3001", "\u3008", "\u3009", "\u300a",
                                      "\u300b", "\u300c", "\u300d", "\u300e", "\u300f", "\u3010", "\u3011", "\uff01",
                                      "\uff08", "\uff09", "\uff0c", "\uff1a", "\uff1b", "\uff1c", "\uff1e", "\uff1f"};

enum class Role : unsigned char { Inside, Ends, MayEnd };

/// What an octet does to a URL; MayEnd: it begins one of kEnds or another character.
constexpr std::array<Role, 256> roles() {
  std::array<Role, 256> out{};
  for (size_t octet = 0; octet <= ' '; ++octet) out[octet] = Role::Ends;
  for (unsigned octet : {0x22U, 0x3cU, 0x3eU, 0x60U, 0x7fU}) out[octet] = Role::Ends;  // " < > ` DEL
  for (unsigned octet : {0xc2U, 0xe2U, 0xe3U, 0xefU}) out[octet] = Role::MayEnd;
  return out;
}
constexpr std::array<Role, 256> kRoles = roles();

Role role_of(char c) {
  return kRoles[static_cast<unsigned char>(c)];
}

/// Octets of what ends a URL at `at`, 0 where nothing does.
size_t end_length(std::string_view text, size_t at) {
  Role role = role_of(text[at]);
  if (role != Role::MayEnd) return role == Role::Ends ? 1 : 0;
  size_t length = utf8_sequence(text, at);
  std::string_view character = text.substr(at, length);
  bool found = std::find(std::begin(kEnds), std::end(kEnds), character) != std::end(kEnds);
  return found ? length : 0;
}

/// Where a character is that no URL in text is without: of a scheme, of a host name, or "<" around one. The text is
/// read for each of them once, whatever stands between.
class Marks {
 public:
  explicit Marks(std::string_view text) : text_(text) {
    for (One& one : marks_) one.place = find(one.c, 0);
  }

  /// The first one at or behind `at`, the text's size where there is none. `at` never goes back.
  size_t next(size_t at) {
    size_t nearest = text_.size();
    for (One& one : marks_) {
      if (one.place < at) one.place = find(one.c, at);
      nearest = std::min(nearest, one.place);
    }
    return nearest;
  }

 private:
  struct One {
    char c;
    size_t place = 0;
  };
  [[nodiscard]] size_t find(char c, size_t at) const { return std::min(text_.find(c, at), text_.size()); }

  std::string_view text_;
  std::array<One, 3> marks_ = {{{'.'}, {':'}, {'<'}}};
};

/// Octets of the character at `at` if it may stand in a host name found without a scheme, else 0. East Asian text runs
/// on without blanks, so its characters are left out; the other alphabets are in.
size_t host_character(std::string_view text, size_t at) {
  char c = text[at];
  if (ascii_alnum(c) || c == '.' || c == '-' || c == '_') return 1;
  auto octet = static_cast<unsigned char>(c);
  if (octet < 0x80 || octet >= 0xe2 || end_length(text, at) != 0) return 0;
  return utf8_sequence(text, at);
}

/// Where the host ends in the authority of a URL found in text.
size_t host_end(std::string_view authority) {
  size_t at = 0;
  if (authority.starts_with('[')) at = std::min(authority.find(']'), authority.size() - 1) + 1;
  while (at < authority.size()) {
    char c = authority[at];
    bool good = ascii_alnum(c) || c == '.' || c == '-' || c == '_' || c == '%' || static_cast<unsigned char>(c) >= 0x80;
    if (!good) break;
    ++at;
  }
  size_t host = cut_at_script(authority.substr(0, at)).size();
  if (host < at) return host;
  if (at < authority.size() && authority[at] == ':') {
    size_t digits = std::min(authority.find_first_not_of("0123456789", at + 1), authority.size());
    if (digits > at + 1) at = digits;
  }
  return at;
}

/// Without what a sentence puts behind: punctuation, and from the first closing bracket on that was not opened inside.
std::string_view trim_end(std::string_view url) {
  constexpr std::string_view kOpen = "([{";
  constexpr std::string_view kClose = ")]}";
  std::array<int, 3> depth{};
  for (size_t i = 0; i < url.size(); ++i) {
    size_t open = kOpen.find(url[i]);
    size_t close = kClose.find(url[i]);
    if (open != std::string_view::npos) ++depth[open];
    if (close != std::string_view::npos && --depth[close] < 0) {
      url = url.substr(0, i);
      break;
    }
  }
  constexpr std::string_view kPunctuation = ".,;:!?'*([{|";
  while (!url.empty() && kPunctuation.find(url.back()) != std::string_view::npos) url.remove_suffix(1);
  return url;
}

class Finder {
 public:
  Finder(std::string_view text, size_t limit) : text_(text), limit_(limit), attempts_(10 * limit + 1000) {}

  std::vector<Url> run() {
    Marks marks(text_);
    for (size_t at = 0; !done();) {
      size_t mark = marks.next(at);
      if (mark == text_.size()) break;
      if (text_[mark] == '<') {
        at = std::max(read_brackets(mark), mark + 1);
        continue;
      }
      size_t end = mark + 1;
      while (end < text_.size() && end_length(text_, end) == 0) ++end;
      read_run(begin_of_run(at, mark), end);
      at = end;
    }
    return std::move(found_);
  }

 private:
  /// Of the run of characters without blanks that `mark` is in; at or behind `from`, which is in no character.
  [[nodiscard]] size_t begin_of_run(size_t from, size_t mark) const {
    while (mark > from) {
      size_t before = mark - 1;
      if (role_of(text_[before]) == Role::Ends) break;
      if (static_cast<unsigned char>(text_[before]) >= 0x80) {
        if (before > from && end_length(text_, before - 1) == 2) break;
        if (before > from + 1 && end_length(text_, before - 2) == 3) break;
      }
      mark = before;
    }
    return mark;
  }

  [[nodiscard]] bool done() const { return found_.size() >= limit_ || attempts_ == 0; }

  /// For each piece of work that is not constant.
  void spend() {
    if (attempts_ > 0) --attempts_;
  }

  bool add(std::string_view text) {
    if (done()) return false;
    spend();
    Url url;
    if (!parse_url(text, url)) return false;
    found_.push_back(std::move(url));
    return true;
  }

  /// RFC 3986, C: "<http://example.com/a" CRLF "b>", one URL though it was broken for the line; also "<URL:...>".
  /// Returns the octet behind it, or `at`.
  size_t read_brackets(size_t at) {
    size_t begin = at + 1;
    if (starts_nocase(text_.substr(begin), "url:")) begin += 4;
    size_t scheme = text_.substr(begin, 8).find("://");
    if (scheme == std::string_view::npos) return at;
    size_t end = text_.find_first_of("<>", begin);
    if (end == std::string_view::npos || text_[end] != '>' || end - begin > kMaxUrl) return at;
    std::string_view inside = text_.substr(begin, end - begin);
    if (inside.find('\n') == std::string_view::npos || find_scheme(inside.substr(0, scheme)) == nullptr) return at;
    std::string joined;
    for (size_t i = 0; i < inside.size();) {
      size_t word = std::min(inside.find_first_of(" \t\r\n", i), inside.size());
      joined.append(inside.substr(i, word - i));
      i = std::min(inside.find_first_not_of(" \t\r\n", word), inside.size());
      // A blank without a line end, or an empty line, is none of a URL's.
      std::string_view blank = inside.substr(word, i - word);
      auto lines = std::count(blank.begin(), blank.end(), '\n');
      if (!blank.empty() && i < inside.size() && lines != 1) return at;
    }
    return add(joined) ? end + 1 : at;
  }

  /// One run of characters without blanks.
  void read_run(size_t begin, size_t end) {
    for (size_t at = begin; at < end && !done();) {
      size_t word = at;
      while (word < end) {
        size_t length = host_character(text_, word);
        if (length == 0) break;
        word += length;
      }
      at = word == at ? at + 1 : read_word(at, word, begin, end);
    }
  }

  /// [at, word) are characters of a host name, and not the one behind. Returns where to go on.
  size_t read_word(size_t at, size_t word, size_t begin, size_t end) {
    char next = word < end ? text_[word] : '\0';
    if (next == ':') {
      size_t after = read_scheme(at, word, end);
      if (after > word) return after;
    }
    char before = at > begin ? text_[at - 1] : '\0';
    // Not part of an address, of a path, of what "hxxp://" or another unknown scheme leads to.
    bool apart = next != '@' && next != '+' && std::string_view("@/\\=&%#?+~$").find(before) == std::string_view::npos;
    return apart ? std::max(read_bare(at, word, end), word) : word;
  }

  static constexpr size_t kTail = 64;  // octets that trim_end may have taken from a URL of kMaxUrl

  static bool is_slash(char c) { return c == '/' || c == '\\'; }

  /// The word ends in a scheme, and "://" or "mailto:" an address follows. Returns where to go on, or `word`.
  size_t read_scheme(size_t at, size_t word, size_t end) {
    bool slashes = end - word > 3 && is_slash(text_[word + 1]) && is_slash(text_[word + 2]);
    bool mail = word - at >= 6 && equal_nocase(text_.substr(word - 6, 6), "mailto");
    if (!slashes && !mail) return word;
    size_t letters = word;
    while (letters > at && ascii_alpha(text_[letters - 1]) && word - letters < 8) --letters;
    const Scheme* scheme = nullptr;
    // "texthttp://..." is a link to many readers: the longest known ending counts.
    for (; letters < word && scheme == nullptr; ++letters) scheme = find_scheme(text_.substr(letters, word - letters));
    if (scheme == nullptr || !scheme->in_text) return word;
    --letters;
    size_t rest = word + 1;
    if (!scheme->authority) {
      spend();
      std::string_view url = trim_end(text_.substr(letters, std::min(end - letters, kMaxUrl)));
      if (url.find('@') == std::string_view::npos || !add(url)) return word;
      return letters + url.size();
    }
    if (!slashes) return word;
    rest += 2;
    size_t after = take(letters, rest, end);
    return after > letters ? after : rest;
  }

  /// "www.example.com", "example.com/path", "example.com:8080".
  size_t read_bare(size_t at, size_t word, size_t end) {
    std::string_view host = text_.substr(at, word - at);
    size_t lead = std::min(host.find_first_not_of(".-_"), host.size());
    host.remove_prefix(lead);
    at += lead;
    while (!host.empty() && (host.back() == '.' || host.back() == '-' || host.back() == '_')) host.remove_suffix(1);
    if (host.size() > 253 || host.find('.') == std::string_view::npos) return word;
    bool path = at + host.size() < end && is_slash(text_[at + host.size()]);
    bool www = starts_nocase(host, "www.") && host.find('.', 4) != std::string_view::npos;
    if (!www && !is_bare_host(host, path)) return word;
    size_t after = take(at, at, end);
    return after > at ? after : word;
  }

  /// A URL from `begin`, whose host or user is at `authority`, in a run up to `end`. Returns the octet behind it, or
  /// `begin`.
  size_t take(size_t begin, size_t authority, size_t end) {
    spend();
    // Brackets first: in "(http://a.example),me@b.example" the "@" is not the URL's.
    std::string_view whole = trim_end(text_.substr(begin, std::min(end - begin, kMaxUrl)));
    bool too_long = whole.size() + kTail >= kMaxUrl;
    if (whole.size() <= authority - begin) return begin;
    std::string_view rest = whole.substr(authority - begin);
    size_t path = std::min(rest.find_first_of("/\\?#"), rest.size());
    size_t at_sign = rest.substr(0, path).rfind('@');
    size_t host = at_sign == std::string_view::npos ? 0 : at_sign + 1;
    size_t host_size = host_end(rest.substr(host, path - host));
    if (host + host_size < path) {
      whole = trim_end(whole.substr(0, authority - begin + host + host_size));
      too_long = false;
    }
    if (whole.size() <= authority - begin || !add(whole)) return begin;
    // What is too long is one URL all the same, not another at every kMaxUrl octets.
    return too_long ? end : begin + whole.size();
  }

  std::string_view text_;
  size_t limit_;
  size_t attempts_;  // what does not parse costs too, and the limit does not count it
  std::vector<Url> found_;
};

}  // namespace

std::vector<Url> find_urls(std::string_view text, size_t limit) {
  return Finder(text, limit).run();
}

bool shows_other_host(const Url& url, std::string_view shown) {
  if (url.host.empty()) return false;
  constexpr size_t kAround = 4;  // octets of brackets and punctuation around what is shown
  auto found = find_urls(shown, 2);
  if (found.size() != 1 || found[0].host.empty()) return false;
  if (found[0].text.size() + kAround < trim(shown).size()) return false;
  return registered_part(found[0].host) != registered_part(url.host);
}

}  // namespace postern::mime
