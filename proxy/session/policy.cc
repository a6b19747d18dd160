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

void Policy::finish(bool tls_available) {
  server.hostname = hostname;
  server.max_message = limits.message_size;
  server.max_recipients = limits.recipients;
  server.max_errors = limits.errors;
  server.bare_newline = bare_newline;
  server.tls_available = tls_available;
}

}  // namespace postern::session
