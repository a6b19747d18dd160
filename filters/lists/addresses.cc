// Addresses of mail, where fields and texts have them.
#include <algorithm>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "filters/base/ip.h"
#include "filters/dmarc/from_lexer.h"
#include "filters/lists/host_name.h"
#include "filters/lists/names.h"
#include "filters/mime/text.h"
#include "filters/mime/tld.h"

namespace postern::lists {
namespace {

using dmarc::Token;

/// Octets of a local-part and of a domain in U-labels that are read. More than a mailbox may have: in a field the
/// domain counts whatever stands before it.
constexpr size_t kMaxPart = 1000;
constexpr size_t kMaxAddresses = 20;
/// Octets between the brackets of an address literal; the longest has 50.
constexpr size_t kMaxLiteral = 64;
/// Octets of a field that are read. Mail servers cut longer ones.
constexpr size_t kMaxField = 65'536;
/// RFC 5321, 4.5.3.1.1. In a text, what is longer is no address.
constexpr size_t kMaxTextLocal = 64;

void append_cut(std::string& text, std::string_view more) {
  if (text.size() <= kMaxPart) text += more.substr(0, kMaxPart + 1);
}

/// Reads the words of a field for addr-specs, wherever they stand. Readers differ in what they make of an odd field, so
/// none is left out because another one stands beside it.
class FieldReader {
 public:
  explicit FieldReader(std::string_view value) : lexer_(value.substr(0, kMaxField)) {}

  std::vector<std::string> read() {
    while (!lexer_.peek().is_end() && found_.size() < kMaxAddresses) {
      Token token = lexer_.take();
      if (token.is('@')) {
        take_domain();
      } else if (token.kind != Token::Kind::Special || token.is('.')) {
        add_to_local(token);
      } else {
        local_.clear();
      }
    }
    return std::move(found_);
  }

 private:
  /// RFC 5322, 4.4 obs-local-part = word *("." word), and words that comments cut. White space may stand in it too, but
  /// who writes a display name without quotes ("Jr. joe@example.org") does not mean that.
  void add_to_local(const Token& token) {
    if (token.spaced) local_.clear();
    append_cut(local_, token.text);
  }

  /// RFC 5322, 3.4.1 and 4.4: obs-domain = atom *("." atom).
  void take_domain() {
    std::string local = std::exchange(local_, {});
    if (lexer_.peek().is('[')) return take_literal(std::move(local));
    std::string domain;
    bool dot = false;
    while (domain.empty() || !lexer_.peek().spaced) {
      const Token& next = lexer_.peek();
      if (dot ? !next.is('.') : next.kind != Token::Kind::Atom) break;
      append_cut(domain, lexer_.take().text);
      dot = !dot;
    }
    add(std::move(local), domain);
  }

  /// RFC 5321, 4.1.3: address-literal. What turns out to be none may be the local-part of the next address.
  void take_literal(std::string local) {
    lexer_.take();
    std::string text;
    while (text.size() <= kMaxLiteral) {
      const Token& next = lexer_.peek();
      bool colon = next.is(':');
      if (next.spaced || !(colon || next.is('.') || next.kind == Token::Kind::Atom)) break;
      append_cut(text, next.text);
      if (colon) local_.clear();
      if (!colon) add_to_local(next);
      lexer_.take();
    }
    if (!lexer_.peek().is(']') || lexer_.peek().spaced) return;
    local_.clear();
    bool v6 = starts_nocase(text, "IPv6:");
    auto address = IpAddress::parse(v6 ? std::string_view(text).substr(5) : text);
    if (!address) return;
    keep(std::move(local), fmt::format("[{}{}]", address->is_v4() ? "" : "IPv6:", address->to_string()));
  }

  void add(std::string local, std::string_view domain) {
    if (auto host = to_host_name(domain)) keep(std::move(local), *host);
  }

  void keep(std::string local, std::string_view domain) {
    // Quoted strings may hold control characters, line ends of folding among them.
    auto control = [](char c) { return (c >= '\0' && c < ' ') || c == '\x7f'; };
    local.erase(std::remove_if(local.begin(), local.end(), control), local.end());
    if (local.empty() || local.size() > kMaxPart) return;
    std::string address = std::move(local);
    address += '@';
    address += domain;
    if (std::find(found_.begin(), found_.end(), address) == found_.end()) found_.push_back(std::move(address));
  }

  dmarc::Lexer lexer_;
  std::string local_;
  std::vector<std::string> found_;
};

/// What people have in local-parts. RFC 5322, 3.2.3 allows more, which in a text mostly belongs to something else
/// ("address=me@example.org").
bool in_local(char c) {
  return ascii_alnum(c) || c == '.' || c == '_' || c == '-' || c == '+' || c == '\'';
}

/// The octets at `at` that could be a part of a domain; 0: it ends there. Punctuation beyond ASCII (U+00A0 to U+00BF,
/// U+2000 to U+206F, U+3000 to U+303F, full-width forms) ends it.
size_t domain_octets(std::string_view text, size_t at) {
  char c = text[at];
  if (ascii_alnum(c) || c == '-' || c == '.') return 1;
  if (static_cast<unsigned char>(c) < 0x80) return 0;
  size_t length = utf8_sequence(text, at);
  if (length < 2 || c == '\xc2' || c == '\xef') return 0;
  char second = text[at + 1];
  bool general = c == '\xe2' && (second == '\x80' || second == '\x81');
  bool cjk = c == '\xe3' && second == '\x80';
  return general || cjk ? 0 : length;
}

std::string_view last_label(std::string_view domain) {
  return domain.substr(domain.rfind('.') + 1);
}

/// Text of scripts without blanks, or with punctuation that we do not know, may follow without a gap.
std::string_view cut_domain(std::string_view run) {
  size_t ascii = mime::ascii_length(run);
  if (ascii == run.size()) return run;
  std::string_view front = run.substr(0, ascii);
  bool whole =
      front.find('.') != std::string_view::npos && mime::find_tld(to_lower(last_label(front))) != mime::Tld::None;
  return whole ? front : mime::cut_at_script(run);
}

/// Addresses of a text, in its order.
class TextReader {
 public:
  explicit TextReader(size_t limit) : limit_(limit), attempts_(20 * limit + 100) {}

  void read(std::string_view text) {
    for (size_t at = text.find('@'); at != std::string_view::npos && !full(); at = text.find('@', at + 1)) {
      size_t begin = at;
      while (begin > 0 && at - begin <= kMaxTextLocal && in_local(text[begin - 1])) --begin;
      // The user of a URL is no address.
      bool user = begin >= 2 && text.substr(begin - 2, 2) == "//";
      while (begin < at && (text[begin] == '.' || text[begin] == '\'' || text[begin] == '-')) ++begin;
      if (user || begin == at || at - begin > kMaxTextLocal) continue;
      size_t end = at + 1;
      while (end < text.size() && end - at <= kMaxPart) {
        size_t octets = domain_octets(text, end);
        if (octets == 0) break;
        end += octets;
      }
      if (end > at + 1) add(text.substr(begin, at - begin), text.substr(at + 1, end - at - 1));
    }
  }

  [[nodiscard]] bool full() const { return found_.size() >= limit_ || attempts_ == 0; }
  [[nodiscard]] std::vector<std::string> take() { return std::move(found_); }

 private:
  void add(std::string_view local, std::string_view run) {
    std::string_view domain = cut_domain(run);
    while (!domain.empty() && (domain.back() == '.' || domain.back() == '-')) domain.remove_suffix(1);
    if (domain.find('.') == std::string_view::npos) return;
    std::string written(local);
    written += '@';
    written += domain;
    // One address many times must not use up what is there for others.
    if (!seen_.insert(written).second) return;
    --attempts_;
    auto host = to_host_name(domain);
    if (!host) return;
    std::string_view top = last_label(*host);
    if (top.size() < 2 || !ascii_alpha(top.front())) return;
    written.resize(local.size() + 1);
    written += *host;
    if (std::find(found_.begin(), found_.end(), written) == found_.end()) found_.push_back(std::move(written));
  }

  size_t limit_;
  size_t attempts_;  // what is no address costs too, and the limit does not count it
  std::unordered_set<std::string> seen_;
  std::vector<std::string> found_;
};

/// RFC 3986, 2.1. What is no triplet stays.
std::string percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    int high = text[i] == '%' && i + 2 < text.size() ? mime::hex_digit(text[i + 1]) : -1;
    int low = high < 0 ? -1 : mime::hex_digit(text[i + 2]);
    if (low < 0) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(static_cast<unsigned char>(high * 16 + low));
    i += 2;
  }
  return out;
}

}  // namespace

std::vector<std::string> addresses_in_field(std::string_view value) {
  return FieldReader(value).read();
}

std::vector<std::string> addresses_in_text(std::string_view text, const std::vector<mime::Url>& urls, size_t limit) {
  TextReader reader(limit);
  reader.read(text);
  for (const mime::Url& url : urls) {
    if (reader.full()) break;
    // RFC 6068, 2: several addresses with commas, and more in "?to=", "?cc=" and the text of "?body=".
    if (url.scheme == "mailto") reader.read(percent_decode(url.path));
  }
  return reader.take();
}

}  // namespace postern::lists
