#include "filters/dmarc/walk.h"

#include <algorithm>

#include "filters/base/bytes.h"
#include "filters/dmarc/psl.h"

namespace postern::dmarc {
namespace {

/// The last `count` labels, of one or more.
std::string_view last_labels(std::string_view domain, size_t count) {
  size_t begin = domain.size() + 1;  // behind the dot that ends the part still to be passed
  for (; count > 0 && begin > 1; --count) {
    size_t dot = domain.rfind('.', begin - 2);
    begin = dot == std::string_view::npos ? 0 : dot + 1;
  }
  return domain.substr(begin);
}

}  // namespace

size_t count_labels(std::string_view domain) {
  return domain.empty() ? 0 : static_cast<size_t>(std::count(domain.begin(), domain.end(), '.')) + 1;
}

// RFC 9989, 4.10, steps 3, 4 and 7: behind a name of eight or more labels comes its parent of seven.
std::vector<std::string> walk_names(std::string_view domain) {
  std::vector<std::string> names = {std::string(domain)};
  size_t labels = count_labels(domain);
  if (labels < 2 || looks_like_address(domain)) return names;
  for (size_t left = std::min(labels - 1, kMaxWalk - 1); left > 0; --left) {
    names.emplace_back(last_labels(domain, left));
  }
  return names;
}

std::string_view common_parent(std::string_view a, std::string_view b) {
  size_t same = 0;
  while (same < a.size() && same < b.size() && a[a.size() - 1 - same] == b[b.size() - 1 - same]) ++same;
  std::string_view tail = a.substr(a.size() - same);
  auto begins_label = [same](std::string_view name) {
    return same == name.size() || name[name.size() - 1 - same] == '.';
  };
  if (begins_label(a) && begins_label(b)) return tail;
  size_t dot = tail.find('.');
  return dot == std::string_view::npos ? std::string_view() : tail.substr(dot + 1);
}

bool Known::note_asked(const std::string& domain) {
  Entry& entry = entries_[domain];
  if (entry.state != State::NotAsked) return false;
  entry.state = State::Asked;
  return true;
}

void Known::learn(const std::string& domain, const dns::Answer& answer) {
  Entry& entry = entries_[domain];
  entry.exists = answer.status == dns::Status::Found || answer.status == dns::Status::NoRecord;
  if (answer.status == dns::Status::TempFail) {
    entry.state = State::Failed;
    return;
  }
  std::optional<Record> record = select_record(answer.texts);
  entry.state = record ? State::Found : State::Nothing;
  if (record) entry.record = *record;
}

const Known::Entry& Known::at(const std::string& domain) const {
  static const Entry nothing;
  auto found = entries_.find(domain);
  return found == entries_.end() ? nothing : found->second;
}

Organization find_organization(const std::string& domain, Discovery discovery, const Known& known) {
  Organization out;
  out.domain = domain;
  if (discovery == Discovery::Psl) {
    out.domain = registrable_domain(domain).value_or(domain);
    return out;
  }
  for (const std::string& name : walk_names(domain)) {
    const Known::Entry& entry = known.at(name);
    if (entry.state == Known::State::NotAsked) out.asked = false;
    if (entry.state == Known::State::Failed) out.failed.push_back(name);
    if (entry.state != Known::State::Found) continue;
    // RFC 9989, 4.10.2, 2: the domain one label below one with psd=y, unless the walk began there.
    if (entry.record.psd == Record::Psd::Yes && name != domain) {
      out.domain = last_labels(domain, count_labels(name) + 1);
      out.psd = name;
      return out;
    }
    // 1 and 3: the first one with psd=n, or else the last one of all. A walk ends at either flag (4.10, steps 2 and 6).
    out.domain = name;
    if (entry.record.psd != Record::Psd::Unsaid) return out;
  }
  return out;
}

}  // namespace postern::dmarc
