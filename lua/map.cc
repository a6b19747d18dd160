// One reading of a map file. What is taken for what is said in maps.h; map_tables.h is how it is kept.
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "filters/base/domain.h"
#include "filters/base/ip.h"
#include "lua/map_tables.h"
#include "lua/maps.h"

namespace postern::rules {

namespace {

constexpr size_t kMaxName = 1000;  // octets; the DNS has 253, before U-labels are converted it may be more

bool all_in(std::string_view text, std::string_view octets) {
  return text.find_first_not_of(octets) == std::string_view::npos;
}

size_t count_of(std::string_view text, char c) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), c));
}

std::string_view first_word(std::string_view text) {
  return text.substr(0, text.find_first_of(" \t,;"));
}

// What a name may be made of before it is converted.
bool like_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxName && std::all_of(text.begin(), text.end(), [](char c) {
    return ascii_alnum(c) || c == '-' || c == '_' || c == '.' || static_cast<unsigned char>(c) >= 0x80;
  });
}

// A name as it is compared, or nothing when it is none.
std::string comparable_name(std::string_view name) {
  if (!like_name(name)) return {};
  return to_ascii_domain(name).value_or(std::string());
}

bool is_domain(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  while (true) {
    size_t dot = std::min(name.find('.'), name.size());
    if (dot == 0 || dot > 63) return false;
    if (dot == name.size()) return true;
    name.remove_prefix(dot + 1);
  }
}

// A text as it is compared: in lower case, and a name, or what stands behind the last '@', as A-labels.
std::string comparable(std::string_view text) {
  size_t at = text.rfind('@');
  size_t domain = at == std::string_view::npos ? 0 : at + 1;
  std::string name = comparable_name(text.substr(domain));
  return name.empty() ? to_lower(text) : to_lower(text.substr(0, domain)) + name;
}

// Of an e-mail address where its '@' is. A sentence that ends in one is none.
size_t at_of_address(std::string_view text) {
  size_t at = text.rfind('@');
  if (at == std::string_view::npos || at == 0 || !like_name(text.substr(at + 1))) return std::string_view::npos;
  std::string_view local = text.substr(0, at);
  bool quoted = local.size() > 1 && local.front() == '"' && local.back() == '"';
  bool plain = std::all_of(local.begin(), local.end(), [](char c) { return static_cast<unsigned char>(c) > ' '; });
  return plain || quoted ? at : std::string_view::npos;
}

// What nobody writes who does not mean a network.
bool like_network(std::string_view text) {
  if (text.empty()) return false;
  if (ascii_digit(text[0]) && all_in(text, "0123456789./-*")) {
    return count_of(text, '.') >= 2 || (count_of(text, '.') == 1 && text.find('/') != std::string_view::npos);
  }
  return all_in(text, "0123456789abcdefABCDEF:./") && count_of(text, ':') >= 2 &&
         (text.find("::") != std::string_view::npos || text.find('/') != std::string_view::npos);
}

// The expression of "/expression/" or "/expression/i" with perhaps a comment; empty data: it does not end.
struct Delimited {
  std::string_view expression;
  bool any_case = false;
};
Delimited delimited(std::string_view line) {
  for (size_t slash = line.find('/', 1); slash != std::string_view::npos; slash = line.find('/', slash + 1)) {
    std::string_view rest = line.substr(slash + 1);
    bool any_case = !rest.empty() && rest[0] == 'i';
    if (any_case) rest.remove_prefix(1);
    std::string_view behind = trim(rest);
    if (behind.empty() || (behind.size() < rest.size() && behind[0] == '#')) {
      return {line.substr(1, slash - 1), any_case};
    }
  }
  return {};
}

std::string_view without_comment(std::string_view line) {
  for (size_t hash = line.find('#'); hash != std::string_view::npos; hash = line.find('#', hash + 1)) {
    if (hash == 0 || line[hash - 1] == ' ' || line[hash - 1] == '\t') return trim(line.substr(0, hash));
  }
  return line;
}

bool invisible_at_an_end(std::string_view entry) {
  constexpr std::array<std::string_view, 3> kInvisible = {"\xc2\xa0", "\xe2\x80\x8b", "\xef\xbb\xbf"};
  return std::any_of(kInvisible.begin(), kInvisible.end(),
                     [entry](std::string_view space) { return entry.starts_with(space) || entry.ends_with(space); });
}

}  // namespace

struct Map::Inside {
  TextSet texts;
  TextSet at_or_below;  // names of Kind::Domain
  TextSet below;        // names of ".example.org"
  NetworkSet networks;
  ExpressionSet expressions;
  size_t size = 0;
  bool names = false;  // whether there is any in at_or_below or below

  [[nodiscard]] bool has_name(std::string_view name) const {
    if (at_or_below.has(name)) return true;
    while (true) {
      size_t dot = name.find('.');
      if (dot == std::string_view::npos) return false;
      name.remove_prefix(dot + 1);
      if (below.has(name) || at_or_below.has(name)) return true;
    }
  }
};

class Map::Reader {
 public:
  Reader(Kind kind, Inside& inside) : kind_(kind), inside_(inside) {}

  std::vector<Mistake> run(std::string_view text) {
    if (text.size() > kMaxFile) return {{0, fmt::format("is larger than {} MiB", kMaxFile >> 20U)}};
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    while (!text.empty() && mistakes_.size() < kMaxMistakes && inside_.size <= kMaxEntries) {
      size_t end = std::min(text.find('\n'), text.size());
      ++line_;
      read_line(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (inside_.size > kMaxEntries) mistake(fmt::format("there are more than {} entries", kMaxEntries));
    return std::move(mistakes_);
  }

 private:
  void mistake(std::string text) {
    if (mistakes_.size() < kMaxMistakes) mistakes_.push_back({line_, std::move(text)});
  }
  static std::string shown(std::string_view entry) { return "'" + escape_for_log(entry, 80) + "'"; }

  void read_line(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = trim(line);
    if (line.empty() || line[0] == '#') return;
    if (line.find('\0') != std::string_view::npos) {
      return mistake("has NUL octets: is the file UTF-16? UTF-8 is wanted");
    }
    auto control = [](char c) { return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f'; };
    if (std::any_of(line.begin(), line.end(), control)) return mistake("has a control octet: " + shown(line));
    bool slashes = line[0] == '/' && (kind_ == Kind::Auto || kind_ == Kind::Regex);
    Delimited expression = slashes ? delimited(line) : Delimited{};
    std::string_view entry = expression.expression.data() != nullptr ? expression.expression : without_comment(line);
    if (entry.size() > kMaxEntry) return mistake(fmt::format("is longer than {} octets", kMaxEntry));
    ++inside_.size;
    if (expression.expression.data() != nullptr) return read_expression(entry, expression.any_case);
    if (invisible_at_an_end(entry)) return mistake("begins or ends with a space that is not seen: " + shown(entry));
    switch (kind_) {
      case Kind::Auto: return read_any(entry);
      case Kind::Exact: return inside_.texts.add(comparable(entry));
      case Kind::Domain: return read_domain(entry);
      case Kind::Cidr: return read_network(entry);
      case Kind::Regex: return read_expression(entry, false);
    }
  }

  void read_any(std::string_view entry) {
    if (entry[0] == '/') {
      return mistake(shown(entry) + " has no end: an expression is written /.../ or /.../i (a file of kind \"exact\" " +
                     "takes it as text)");
    }
    if (IpNetwork::parse(entry) || like_network(entry)) return read_network(entry);
    if (entry[0] == '.' && entry.size() > 1 && entry[1] != '.') return read_domain(entry);
    if (std::string_view word = first_word(entry); word.size() < entry.size() && IpNetwork::parse(word)) {
      return mistake(shown(entry) + ": one entry a line, and behind it only a comment that begins with #");
    }
    if (std::string hint = hint_for(entry); !hint.empty()) return mistake(shown(entry) + hint);
    inside_.texts.add(comparable(entry));
  }

  // What is surely not meant as a text.
  static std::string hint_for(std::string_view entry) {
    if (entry.starts_with("*.") && like_name(entry.substr(2))) {
      return fmt::format(": write {} for every name below", escape_for_log(entry.substr(1), 80));
    }
    if (entry.starts_with("*@") && like_name(entry.substr(2))) {
      return fmt::format(": write {} for every address there", escape_for_log(entry.substr(1), 80));
    }
    if (entry.starts_with("@.")) {
      return fmt::format(": write {} for the addresses at every name below", escape_for_log(entry.substr(1), 80));
    }
    if (entry.size() > 1 && entry.ends_with('@') && entry.find_first_of(" \t") == std::string_view::npos) {
      return ": a local part at any domain is an expression: /^name@/";
    }
    auto plain = [](char c) { return ascii_alnum(c) || std::string_view("*.@_+-").find(c) != std::string_view::npos; };
    bool star = entry.find('*') != std::string_view::npos && entry.find_first_of(".@") != std::string_view::npos &&
                std::any_of(entry.begin(), entry.end(), ascii_alnum) && std::all_of(entry.begin(), entry.end(), plain);
    if (star) return ": '*' means nothing here; write an expression: /.../";
    std::string_view word = first_word(entry);
    if (word.size() == entry.size() || word.find_first_of(".@") == std::string_view::npos || word.ends_with('.'))
      return {};
    constexpr std::array<std::string_view, 8> kActions = {"OK",      "REJECT",  "DUNNO", "PERMIT",
                                                          "PREPEND", "DISCARD", "DEFER", "FILTER"};
    std::string_view action = first_word(trim(entry.substr(word.size())));
    if (std::find(kActions.begin(), kActions.end(), action) == kActions.end()) return {};
    return ": an entry stands alone, what it means is said by the rule";
  }

  void read_network(std::string_view entry) {
    auto network = IpNetwork::parse(entry);
    if (!network) {
      return mistake(shown(entry) + " is no address and no network: 192.0.2.0/24, 2001:db8::/32, 192.0.2.1" +
                     (kind_ == Kind::Auto ? " (a file of kind \"exact\" takes it as text)" : ""));
    }
    IpNetwork clean = clear_host_bits(*network);
    if (!(clean.address() == network->address())) {
      return mistake(fmt::format("{} has bits behind its prefix: is it {}, or the one address {}?", shown(entry),
                                 clean.to_string(), network->address().to_string()));
    }
    inside_.networks.add(*network);
  }

  void read_domain(std::string_view entry) {
    bool only_below = entry[0] == '.';
    std::string_view written = only_below ? entry.substr(1) : entry;
    if (entry.starts_with("*.")) {
      return mistake(
          fmt::format("{}: write {} for every name below", shown(entry), escape_for_log(entry.substr(1), 80)));
    }
    std::string name = comparable_name(written);
    if (!is_domain(name) || IpNetwork::parse(written) || like_network(written)) {
      return mistake(shown(entry) + " is no domain");
    }
    (only_below ? inside_.below : inside_.at_or_below).add(name);
    inside_.names = true;
  }

  void read_expression(std::string_view entry, bool any_case) {
    if (inside_.expressions.size() >= kMaxExpressions) {
      return mistake(fmt::format("there are more than {} expressions", kMaxExpressions));
    }
    auto added = inside_.expressions.add(entry, any_case);
    if (!added) mistake(fmt::format("the expression {} {}", shown(entry), added.error().message));
  }

  Kind kind_;
  Inside& inside_;
  int line_ = 0;
  std::vector<Mistake> mistakes_;
};

tl::expected<std::shared_ptr<const Map>, std::vector<Map::Mistake>> Map::parse(std::string_view text, Kind kind) {
  auto inside = std::make_unique<Inside>();
  std::vector<Mistake> mistakes = Reader(kind, *inside).run(text);
  if (!mistakes.empty()) return tl::unexpected(std::move(mistakes));
  inside->texts.build();
  inside->at_or_below.build();
  inside->below.build();
  inside->networks.build();
  inside->expressions.build();
  return std::shared_ptr<const Map>(new Map(std::move(inside)));
}

const std::vector<std::string>& Map::kind_names() {
  static const std::vector<std::string> kNames = {"auto", "exact", "domain", "cidr", "regex"};
  return kNames;
}

std::optional<Map::Kind> Map::parse_kind(std::string_view name) {
  const auto& names = kind_names();
  auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Kind>(found - names.begin());
}

Map::Map(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}

Map::~Map() = default;

size_t Map::size() const {
  return inside_->size;
}

bool Map::has(std::string_view value, const std::function<void()>& poll) const {
  if (auto address = IpAddress::parse(value); address && inside_->networks.has(*address)) return true;
  if (value.size() <= kMaxEntry) {
    std::string text = comparable(value);
    if (inside_->texts.has(text)) return true;
    size_t at = at_of_address(text);
    std::string_view whole = text;
    std::string_view name = at == std::string_view::npos ? whole : whole.substr(at + 1);
    if (at != std::string_view::npos && (inside_->texts.has(name) || inside_->texts.has(whole.substr(at)))) return true;
    if (inside_->names && like_name(name) && inside_->has_name(name)) return true;
  }
  return inside_->expressions.matches(value.substr(0, kMaxSubject), poll);
}

}  // namespace postern::rules
