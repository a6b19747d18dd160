#include "filters/dmarc/psl.h"

#include <algorithm>

#include <libpsl.h>

#include "filters/base/bytes.h"
#include "filters/base/domain.h"
#include "filters/dns/dns.h"

namespace postern::dmarc {
namespace {

/// The newest of the list on disk and the one built into libpsl. Lives as long as the process: others may still ask
/// while it ends.
const psl_ctx_t* list() {
  static const psl_ctx_t* const loaded = psl_latest(nullptr);
  return loaded != nullptr ? loaded : psl_builtin();
}

}  // namespace

bool looks_like_address(std::string_view name) {
  std::string_view last = name.substr(name.rfind('.') + 1);
  return !last.empty() && std::all_of(last.begin(), last.end(), ascii_digit);
}

// libpsl compares octets: upper case, a final dot or a U-label finds a shorter suffix than there is, which would align
// strangers; and it takes the end of an address for a domain.
std::optional<std::string> registrable_domain(std::string_view name) {
  std::optional<std::string> ascii = to_ascii_domain(name);
  if (!ascii || !dns::is_valid_name(*ascii) || !is_ascii(*ascii) || ascii->find('\0') != std::string::npos ||
      looks_like_address(*ascii)) {
    return std::nullopt;
  }
  const char* found = psl_registrable_domain(list(), ascii->c_str());
  if (found == nullptr) return std::nullopt;
  return std::string(found);
}

}  // namespace postern::dmarc
