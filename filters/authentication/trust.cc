#include "filters/authentication/trust.h"

#include <algorithm>

#include "filters/auth_results/parse.h"
#include "filters/base/bytes.h"
#include "filters/base/domain.h"

namespace postern::authentication {
namespace {

using auth_results::AuthResult;

/// The domain in "user@example.org", "@example.org" or "example.org".
std::string domain_of(std::string_view value) {
  size_t at = value.rfind('@');
  return to_ascii_domain(at == std::string_view::npos ? value : value.substr(at + 1)).value_or("");
}

std::string property(const AuthResult& result, std::string_view type) {
  for (const auto& each : result.properties) {
    if (equal_nocase(each.type, type)) return domain_of(each.value);
  }
  return "";
}

bool is_within(std::string_view domain, std::string_view organization) {
  if (domain.empty() || organization.empty()) return false;
  if (domain == organization) return true;
  return domain.size() > organization.size() && domain.ends_with(organization) &&
         domain[domain.size() - organization.size() - 1] == '.';
}

bool is_aligned_pass(const AuthResult& result, const dmarc::Outcome& dmarc) {
  if (result.result != "pass") return false;
  if (result.method == "spf") return is_within(property(result, "smtp.mailfrom"), dmarc.domain);
  if (result.method != "dkim") return false;
  std::string signer = property(result, "header.d");
  if (signer.empty()) signer = property(result, "header.i");
  return is_within(signer, dmarc.domain);
}

/// What this sealer recorded when the message reached it.
bool recorded_pass(const arc::Set& set, const dmarc::Outcome& dmarc) {
  // What large forwarders write is not all of RFC 8601, but leaves no doubt about methods, results and domains.
  auto parsed = auth_results::parse_auth_results(set.results, auth_results::Grammar::Deployed);
  if (!parsed) return false;
  bool judged = false;
  for (const auto& result : parsed->results) {
    if (result.method != "dmarc") continue;
    judged = true;
    std::string from = property(result, "header.from");
    if (result.result == "pass" && (from.empty() || from == dmarc.from)) return true;
  }
  if (judged) return false;
  return std::any_of(parsed->results.begin(), parsed->results.end(),
                     [&](const AuthResult& result) { return is_aligned_pass(result, dmarc); });
}

}  // namespace

bool is_trusted(std::string_view domain, const std::vector<std::string>& trusted) {
  return std::any_of(trusted.begin(), trusted.end(), [domain](const std::string& entry) {
    if (!entry.starts_with('.')) return entry == domain;
    return domain.size() > entry.size() && domain.ends_with(entry);
  });
}

std::string speaks_for(const arc::Outcome& chain, const dmarc::Outcome& dmarc,
                       const std::vector<std::string>& trusted) {
  // A body that the last sealer signed in part only may have been changed since (RFC 6376, 8.2).
  if (chain.result != arc::Result::Pass || chain.partial || dmarc.from.empty()) return "";
  for (auto set = chain.sets.rbegin(); set != chain.sets.rend() && is_trusted(set->sealer, trusted); ++set) {
    if (recorded_pass(*set, dmarc)) return set->sealer;
  }
  return "";
}

}  // namespace postern::authentication
