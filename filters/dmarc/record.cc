#include "filters/dmarc/record.h"

#include <algorithm>
#include <array>
#include <utility>

#include "filters/base/bytes.h"

namespace postern::dmarc {
namespace {

constexpr std::string_view kVersion = "DMARC1";

struct Tag {
  std::string_view name;
  std::string_view value;
};

/// Cuts the first "name = value" off `rest`, without white space around. RFC 9989, 4.8: dmarc-sep, dmarc-tag.
Tag cut_tag(std::string_view& rest) {
  size_t end = std::min(rest.find(';'), rest.size());
  std::string_view text = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  size_t equals = text.find('=');
  if (equals == std::string_view::npos) return {};
  return {trim(text.substr(0, equals)), trim(text.substr(equals + 1))};
}

// RFC 9989, 4.8: dmarc-request; literals of ABNF have no case (RFC 5234, 2.3).
std::optional<Policy> parse_policy(std::string_view value) {
  for (Policy policy : {Policy::None, Policy::Quarantine, Policy::Reject}) {
    if (equal_nocase(value, to_string(policy))) return policy;
  }
  return std::nullopt;
}

/// RFC 3986, 3: what a URI is written in, without "," and "!", which must be encoded here (RFC 9989, 4.8).
bool is_uri_octet(char c) {
  static constexpr std::string_view others = "-._~:/?#[]@$&'()*+;=%";
  return ascii_alnum(c) || others.find(c) != std::string_view::npos;
}

/// RFC 9989, 4.8: obs-dmarc-report-size, to be overlooked.
std::string_view without_size(std::string_view uri) {
  size_t mark = uri.rfind('!');
  if (mark == std::string_view::npos) return uri;
  std::string_view size = uri.substr(mark + 1);
  if (!size.empty() && std::string_view("kmgt").find(ascii_lower(size.back())) != std::string_view::npos) {
    size.remove_suffix(1);
  }
  bool digits = !size.empty() && std::all_of(size.begin(), size.end(), ascii_digit);
  return digits ? uri.substr(0, mark) : uri;
}

bool is_uri(std::string_view uri) {
  uri = without_size(uri);
  size_t colon = uri.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == uri.size() || !ascii_alpha(uri[0])) return false;
  // RFC 3986, 3.1: scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ).
  auto in_scheme = [](char c) { return ascii_alnum(c) || c == '+' || c == '-' || c == '.'; };
  std::string_view scheme = uri.substr(0, colon);
  return std::all_of(scheme.begin(), scheme.end(), in_scheme) && std::all_of(uri.begin(), uri.end(), is_uri_octet);
}

/// RFC 9989, 4.8: dmarc-urilist. One good URI is enough (4.10.1).
bool has_uri(std::string_view list) {
  while (!list.empty()) {
    size_t comma = std::min(list.find(','), list.size());
    if (is_uri(trim(list.substr(0, comma)))) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

enum Known : size_t { P, Sp, Np, Adkim, Aspf, PsdFlag, T, Rua, Count };
constexpr std::array<std::string_view, Count> kNames = {"p", "sp", "np", "adkim", "aspf", "psd", "t", "rua"};

/// The tags that matter here. Of a name that stands twice the first counts, the second is the error.
std::array<std::optional<std::string_view>, Count> read_tags(std::string_view rest) {
  std::array<std::optional<std::string_view>, Count> values;
  while (!rest.empty()) {
    Tag tag = cut_tag(rest);
    for (size_t i = 0; i < Count; ++i) {
      if (!values[i] && equal_nocase(tag.name, kNames[i])) values[i] = tag.value;
    }
  }
  return values;
}

bool says(const std::optional<std::string_view>& value, std::string_view literal) {
  return value && equal_nocase(*value, literal);
}

Policy one_less(Policy policy) {
  return policy == Policy::Reject ? Policy::Quarantine : Policy::None;
}

}  // namespace

// RFC 9989, 4.7 and 4.8: dmarc-version = "v" equals %s"DMARC1", the first tag; only the value has case.
bool is_record(std::string_view text) {
  if (text.empty() || ascii_lower(text[0]) != 'v') return false;
  Tag version = cut_tag(text);
  return equal_nocase(version.name, "v") && version.value == kVersion;
}

Record parse_record(std::string_view text) {
  cut_tag(text);
  auto tags = read_tags(text);
  Record record;
  record.strict_dkim = says(tags[Adkim], "s");
  record.strict_spf = says(tags[Aspf], "s");
  record.testing = says(tags[T], "y");
  if (says(tags[PsdFlag], "y")) record.psd = Record::Psd::Yes;
  if (says(tags[PsdFlag], "n")) record.psd = Record::Psd::No;
  auto policy = [&tags](Known name) { return tags[name] ? parse_policy(*tags[name]) : std::nullopt; };
  record.sp = policy(Sp);
  record.np = policy(Np);
  std::optional<Policy> p = policy(P);
  // RFC 9989, 4.10.1: without a valid "p", or with an "sp" or "np" that is not valid, the record counts as "p=none"
  // when it asks for reports, and else is not applied at all.
  if (p && record.sp.has_value() == tags[Sp].has_value() && record.np.has_value() == tags[Np].has_value()) {
    record.p = *p;
  } else {
    record.sp.reset();
    record.np.reset();
    record.usable = tags[Rua] && has_uri(*tags[Rua]);
  }
  return record;
}

std::optional<Record> select_record(const std::vector<std::string>& texts) {
  const std::string* found = nullptr;
  for (const std::string& text : texts) {
    if (!is_record(text)) continue;
    if (found != nullptr) return std::nullopt;
    found = &text;
  }
  if (found == nullptr) return std::nullopt;
  return parse_record(*found);
}

// RFC 9989, 4.10.1, and 4.7, "np", "sp" and "t".
Policy policy_of(const Record& record, bool below, bool exists) {
  Policy policy = record.p;
  if (below) policy = !exists && record.np ? *record.np : record.sp.value_or(record.p);
  return record.testing ? one_less(policy) : policy;
}

}  // namespace postern::dmarc
