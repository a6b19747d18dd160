#include "filters/auth_results/compose.h"

#include <utility>
#include <vector>

#include "filters/auth_results/encode.h"
#include "filters/base/bytes.h"
#include "filters/base/domain.h"

namespace postern::auth_results {
namespace {

using Results = std::vector<AuthResult>;

/// RFC 8601, 2.7.3.
void add_iprev(const Facts& facts, Results& results) {
  if (!facts.client.reverse) return;
  std::string result(dns::to_string(*facts.client.reverse));
  results.push_back({"iprev", std::move(result), {}, {{"policy.iprev", facts.client.ip.to_string()}}});
}

/// RFC 8601, 2.7.2.
void add_spf(const std::optional<spf::Outcome>& outcome, const char* property, std::string identity, Results& results) {
  if (!outcome) return;
  std::string result(spf::to_string(outcome->result));
  results.push_back({"spf", std::move(result), outcome->reason, {{property, std::move(identity)}}});
}

/// What SPF judged of MAIL FROM. Its domain may have come as U-labels; where the message is not internationalised only
/// A-labels can be written.
std::string mail_from_identity(const Facts& facts) {
  // RFC 7208, 2.4: for the null sender the identity is postmaster at HELO.
  if (facts.from.empty()) return facts.helo.empty() ? "" : "postmaster@" + facts.helo;
  size_t at = facts.from.rfind('@');
  if (facts.smtputf8 || at == std::string::npos) return facts.from;
  std::string_view domain = std::string_view(facts.from).substr(at + 1);
  auto ascii = is_ascii(domain) ? std::nullopt : to_ascii_domain(domain);
  return ascii ? facts.from.substr(0, at + 1) + *ascii : facts.from;
}

/// RFC 8601, 2.7.1. What a signature does not have is empty, and left out by the encoder.
AuthResult dkim_result(const dkim::Outcome& outcome) {
  AuthResult result;
  result.method = "dkim";
  result.result = dkim::to_string(outcome.result);
  result.reason = outcome.reason;
  result.properties.push_back({"header.d", outcome.domain});
  // Without i= the identity is the domain (RFC 6376, 3.5), which says nothing more.
  if (outcome.identity != "@" + outcome.domain) result.properties.push_back({"header.i", outcome.identity});
  result.properties.push_back({"header.s", outcome.selector});
  result.properties.push_back({"header.a", outcome.algorithm});
  result.properties.push_back({"header.b", outcome.signature_start});
  return result;
}

void add_dkim(const Facts& facts, Results& results) {
  for (const auto& outcome : facts.dkim) results.push_back(dkim_result(outcome));
  if (facts.dkim_ignored > 0) {
    bool one = facts.dkim_ignored == 1;
    // "Some aspect of the signature or signatures was not acceptable to the ADMD": their number.
    results.push_back({"dkim",
                       "policy",
                       std::to_string(facts.dkim_ignored) + (facts.dkim.empty() ? "" : " more") +
                           (one ? " signature was not looked at" : " signatures were not looked at"),
                       {}});
  } else if (facts.dkim.empty() && facts.dmarc) {
    // Without a DMARC outcome the message was not judged, and whether it is signed is not known.
    results.push_back({"dkim", "none", {}, {}});
  }
}

/// RFC 9989, Authentication-Results. policy.dmarc: what the domain asks for, where it asks for anything.
void add_dmarc(const Facts& facts, Results& results) {
  if (!facts.dmarc) return;
  const dmarc::Outcome& outcome = *facts.dmarc;
  AuthResult result;
  result.method = "dmarc";
  result.result = dmarc::to_string(outcome.result);
  result.reason = outcome.reason;
  if (!outcome.override_by.empty()) {
    if (!result.reason.empty()) result.reason += "; ";
    result.reason += "trusted ARC sealer " + outcome.override_by + " saw it pass";
  }
  result.properties.push_back({"header.from", outcome.from});
  if (!outcome.record_domain.empty()) {
    result.properties.push_back({"policy.dmarc", std::string(dmarc::to_string(outcome.policy))});
  }
  results.push_back(std::move(result));
}

/// RFC 8617, 6 and 10.2.
void add_arc(const Facts& facts, Results& results) {
  // IANA has no temperror for arc, and RFC 8601, 4 wants registered results only. None, pass or fail would be untrue.
  if (!facts.arc || facts.arc->result == arc::Result::TempError) return;
  AuthResult result;
  result.method = "arc";
  result.result = arc::to_string(facts.arc->result);
  result.reason = facts.arc->reason;
  if (facts.arc->result == arc::Result::Pass && facts.arc->oldest_pass) {
    result.properties.push_back({"header.oldest-pass", std::to_string(*facts.arc->oldest_pass)});
  }
  if (facts.arc->result != arc::Result::None) {
    result.properties.push_back({"smtp.remote-ip", facts.client.ip.to_string()});
  }
  results.push_back(std::move(result));
}

}  // namespace

std::string auth_results_field(std::string_view authserv_id, const Facts& facts) {
  Results results;
  add_iprev(facts, results);
  add_spf(facts.spf, "smtp.mailfrom", mail_from_identity(facts), results);
  add_spf(facts.helo_spf, "smtp.helo", facts.helo, results);
  add_dkim(facts, results);
  add_dmarc(facts, results);
  add_arc(facts, results);
  return encode_auth_results(authserv_id, results, facts.smtputf8 ? Charset::Utf8 : Charset::Ascii);
}

}  // namespace postern::auth_results
