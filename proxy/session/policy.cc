#include "proxy/session/policy.h"

#include <algorithm>

#include "filters/base/bytes.h"

namespace postern::session {
namespace {

void insert_sorted(std::vector<std::string>& list, std::string entry) {
  auto place = std::lower_bound(list.begin(), list.end(), entry);
  if (place == list.end() || *place != entry) list.insert(place, std::move(entry));
}

}  // namespace

void DomainSet::add(std::string_view entry) {
  if (!entry.empty() && entry.front() == '.') {
    insert_sorted(below_, to_lower(entry.substr(1)));
  } else {
    insert_sorted(exact_, to_lower(entry));
  }
}

bool DomainSet::contains(std::string_view domain) const {
  std::string name = to_lower(domain);
  if (!name.empty() && name.back() == '.') name.pop_back();
  if (std::binary_search(exact_.begin(), exact_.end(), name)) return true;
  if (below_.empty()) return false;
  for (size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
    if (dot > 0 && std::binary_search(below_.begin(), below_.end(), std::string_view(name).substr(dot + 1)))
      return true;
  }
  return false;
}

const rules::Thresholds& VerdictPolicy::thresholds_for(std::string_view recipient) const {
  std::string lower = to_lower(recipient);
  size_t at = std::min(lower.rfind('@'), lower.size());
  std::string_view domain = std::string_view(lower).substr(at);  // with the "@"
  for (const RecipientThresholds& some : overrides) {
    bool concerned = std::any_of(some.recipients.begin(), some.recipients.end(), [&](const std::string& entry) {
      return entry == lower || (!domain.empty() && entry == domain);
    });
    if (concerned) return some.thresholds;
  }
  return thresholds;
}

void Policy::finish(bool tls_available) {
  server.hostname = hostname;
  server.max_message = limits.message_size;
  server.max_recipients = limits.recipients;
  server.max_errors = limits.errors;
  server.bare_newline = bare_newline;
  server.tls_available = tls_available;
}

}  // namespace postern::session
