#include "filters/authentication/trust.h"

#include <algorithm>
#include <utility>

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

bool is_aligned(std::string_view domain, const dmarc::Outcome& dmarc, bool strict) {
  if (domain.empty()) return false;
  return strict ? domain == dmarc.from : is_at_or_below(domain, dmarc.domain);
}

bool is_aligned_pass(const AuthResult& result, const dmarc::Outcome& dmarc) {
  if (result.result != "pass") return false;
  if (result.method == "spf") return is_aligned(property(result, "smtp.mailfrom"), dmarc, dmarc.strict_spf);
  if (result.method != "dkim") return false;
  std::string signer = property(result, "header.d");
  if (signer.empty()) signer = property(result, "header.i");
  return is_aligned(signer, dmarc, dmarc.strict_dkim);
}

bool recorded_pass(const std::vector<AuthResult>& results, const dmarc::Outcome& dmarc) {
  bool judged = false;
  bool passed = true;
  for (const auto& result : results) {
    if (result.method != "dmarc") continue;
    judged = true;
    std::string from = property(result, "header.from");
    passed = passed && result.result == "pass" && (from.empty() || from == dmarc.from);
  }
  if (judged) return passed;
  return std::any_of(results.begin(), results.end(),
                     [&](const AuthResult& result) { return is_aligned_pass(result, dmarc); });
}

/// The chain as it came to this sealer held: what earlier ones recorded may be believed if they are.
bool recorded_chain(const std::vector<AuthResult>& results) {
  bool passed = false;
  for (const auto& result : results) {
    if (result.method != "arc") continue;
    if (result.result != "pass") return false;
    passed = true;
  }
  return passed;
}

}  // namespace

bool is_trusted(std::string_view domain, const std::vector<std::string>& trusted) {
  return std::any_of(trusted.begin(), trusted.end(), [domain](const std::string& entry) {
    if (!entry.starts_with('.')) return entry == domain;
    return domain.size() > entry.size() && domain.ends_with(entry);
  });
}

std::string trusted_word(const arc::Outcome& chain, const dmarc::Outcome& dmarc,
                         const std::vector<std::string>& trusted) {
  if (dmarc.from.empty()) return "";
  for (auto set = chain.sets.rbegin(); set != chain.sets.rend() && is_trusted(set->sealer, trusted); ++set) {
    // What large forwarders write is not all of RFC 8601, but leaves no doubt about methods, results and domains.
    auto recorded = auth_results::parse_auth_results(set->results, auth_results::Grammar::Deployed);
    if (!recorded) return "";
    if (recorded_pass(recorded->results, dmarc)) return set->sealer;
    if (!recorded_chain(recorded->results)) return "";
  }
  return "";
}

void weigh_chain(const arc::Outcome& chain, const std::vector<std::string>& trusted, dmarc::Outcome& dmarc) {
  bool holds = chain.result == arc::Result::Pass;
  if (dmarc.result != dmarc::Result::Fail || (!holds && chain.result != arc::Result::TempError)) return;
  // A body that the last sealer signed in part only may have been changed since (RFC 6376, 8.2).
  if (chain.partial) return;
  std::string sealer = trusted_word(chain, dmarc, trusted);
  if (sealer.empty()) return;
  if (holds) {
    dmarc.override_by = std::move(sealer);
  } else {
    dmarc.result = dmarc::Result::TempError;
    dmarc.reason = "DNS does not say whether the seal of " + sealer + " holds";
  }
}

}  // namespace postern::authentication
