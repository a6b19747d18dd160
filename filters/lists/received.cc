// Where earlier hops say that they got a message from.
#include <algorithm>
#include <utility>

#include "filters/base/bytes.h"
#include "filters/lists/names.h"

namespace postern::lists {
namespace {

constexpr size_t kMaxAddresses = 10;
constexpr size_t kMaxFields = 50;
/// Octets of a field that are read; the first part says from whom.
constexpr size_t kMaxField = 2000;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// [192.0.2.1], [IPv6:2001:db8::1] (RFC 5321, 4.1.3), and what is in use besides: [2001:db8::1], host[192.0.2.1],
/// [192.0.2.1]:25.
std::optional<IpAddress> in_brackets(std::string_view word) {
  size_t open = word.find('[');
  if (open == std::string_view::npos) return std::nullopt;
  std::string_view text = word.substr(open + 1);
  text = text.substr(0, text.find(']'));
  if (starts_nocase(text, "IPv6:")) text.remove_prefix(5);
  return IpAddress::parse(text);
}

/// 192.0.2.1 and user@192.0.2.1.
std::optional<IpAddress> bare(std::string_view word) {
  word.remove_prefix(word.rfind('@') + 1);
  if (starts_nocase(word, "IPv6:")) word.remove_prefix(5);
  return IpAddress::parse(word);
}

/// RFC 5321, 4.4: From-domain = "FROM" FWS Extended-Domain, where Extended-Domain ends in "(" TCP-info ")": what the
/// server saw itself. What stands outside of parentheses is what the client said in HELO, and counts only where there
/// is nothing else (some servers put what they saw there).
class FromClause {
 public:
  explicit FromClause(std::string_view value) : text_(value.substr(0, kMaxField)) {}

  std::optional<IpAddress> read() {
    if (!equal_nocase(take_word(), "from")) return std::nullopt;
    std::string_view before;
    while (!at_end()) {
      std::string_view word = take_word();
      if (depth_ == 0 && equal_nocase(word, "by")) break;
      // Some name what they were told, in parentheses too: "(HELO [192.0.2.1])", "(helo=[192.0.2.1])".
      bool told = equal_nocase(before, "helo") || equal_nocase(before, "ehlo") ||
                  word.substr(0, word.find('[')).find('=') != std::string_view::npos;
      before = word;
      if (!told && look_at(word)) break;
    }
    return seen_ ? seen_ : written_ ? written_ : said_;
  }

 private:
  /// True: no better one can follow.
  bool look_at(std::string_view word) {
    if (depth_ > 0) {
      seen_ = in_brackets(word);
      if (!seen_ && !written_) written_ = bare(word);
    } else if (first_) {
      first_ = false;
      said_ = in_brackets(word);
      if (!said_) said_ = bare(word);
    }
    return seen_.has_value();
  }

  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }

  /// Up to white space or a parenthesis; those before it are stepped over and counted. Empty at the end.
  std::string_view take_word() {
    for (; !at_end(); ++at_) {
      char c = text_[at_];
      if (c == '(') {
        ++depth_;
      } else if (c == ')') {
        if (depth_ > 0) --depth_;
      } else if (!is_space(c)) {
        break;
      }
    }
    size_t begin = at_;
    while (!at_end() && !is_space(text_[at_]) && text_[at_] != '(' && text_[at_] != ')') ++at_;
    return text_.substr(begin, at_ - begin);
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t depth_ = 0;
  bool first_ = true;
  std::optional<IpAddress> seen_;     // in parentheses and brackets
  std::optional<IpAddress> written_;  // in parentheses alone
  std::optional<IpAddress> said_;
};

}  // namespace

std::vector<IpAddress> received_addresses(const message::Header& header) {
  std::vector<IpAddress> found;
  size_t fields = 0;
  for (const message::Field& field : header.fields) {
    if (!equal_nocase(field.name, "Received")) continue;
    if (++fields > kMaxFields || found.size() == kMaxAddresses) break;
    auto address = FromClause(field.value).read();
    if (!address || !address_query(*address)) continue;
    if (std::find(found.begin(), found.end(), *address) == found.end()) found.push_back(*address);
  }
  return found;
}

}  // namespace postern::lists
