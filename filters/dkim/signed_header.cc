// Which octets of a header a signature covers.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/bytes.h"
#include "filters/dkim/signature.h"

namespace postern::dkim {
namespace {

constexpr std::string_view kCrlf = "\r\n";
constexpr std::string_view kBlanks = " \t\r\n";

bool less_nocase(std::string_view a, std::string_view b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](char x, char y) { return ascii_lower(x) < ascii_lower(y); });
}

}  // namespace

void SignedHeader::sort_fields() {
  if (sorted_) return;
  sorted_ = true;
  const auto& fields = header_.fields;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (!fields[i].name.empty()) by_name_.push_back(i);
  }
  std::stable_sort(by_name_.begin(), by_name_.end(),
                   [&](size_t a, size_t b) { return less_nocase(fields[a].name, fields[b].name); });
}

// RFC 6376, 3.7 and 5.4.2: a name that stands in h= once more takes the next instance further up, and nothing once none
// is left.
Digest SignedHeader::hash(Canon canon, const std::vector<std::string>& names, size_t own) {
  sort_fields();
  const auto& fields = header_.fields;
  Sha256 hash;
  std::vector<uint16_t> taken(by_name_.size());  // by the place of a name's first field
  for (const std::string& name : names) {
    auto first = std::lower_bound(by_name_.begin(), by_name_.end(), name, [&](size_t field, std::string_view wanted) {
      return less_nocase(fields[field].name, wanted);
    });
    auto last = std::upper_bound(first, by_name_.end(), name, [&](std::string_view wanted, size_t field) {
      return less_nocase(wanted, fields[field].name);
    });
    if (first == last) continue;
    auto& count = taken[static_cast<size_t>(first - by_name_.begin())];
    // RFC 6376, 3.5, h=: a signature names other signatures, never itself.
    if (count < last - first && *(last - 1 - count) == own) ++count;
    if (count >= last - first) continue;
    hash.update(canonical(canon, *(last - 1 - count)));
    ++count;
  }
  std::string mine;
  append_canonical_field(canon, without_signature(fields.at(own).raw), mine);
  hash.update(std::string_view(mine).substr(0, mine.size() - kCrlf.size()));
  return hash.finish();
}

std::string_view SignedHeader::canonical(Canon canon, size_t field) {
  std::string_view raw = header_.fields.at(field).raw;
  if (canon == Canon::Simple && raw.ends_with(kCrlf)) return raw;
  auto& forms = canon == Canon::Simple ? simple_ : relaxed_;
  if (forms.empty()) forms.resize(header_.fields.size());
  std::string& form = forms[field];
  if (form.empty()) {
    form.reserve(raw.size() + kCrlf.size());
    append_canonical_field(canon, raw, form);
  }
  return form;
}

// RFC 6376, 3.7: "with the value of the "b=" tag (including all surrounding whitespace) deleted".
std::string without_signature(std::string_view raw) {
  size_t end = raw.ends_with(kCrlf) ? raw.size() - kCrlf.size() : raw.size();
  size_t at = raw.find(':');
  while (at < end) {
    size_t tag = raw.find_first_not_of(kBlanks, at + 1);
    size_t stop = std::min(raw.find(';', at + 1), end);
    if (tag < stop && raw[tag] == 'b') {
      size_t equals = raw.find_first_not_of(kBlanks, tag + 1);
      if (equals < stop && raw[equals] == '=') {
        return std::string(raw.substr(0, equals + 1)).append(raw.substr(stop));
      }
    }
    at = stop;
  }
  return std::string(raw);
}

}  // namespace postern::dkim
