#include "filters/spf/policy.h"

#include <utility>

#include "filters/base/bytes.h"
#include "filters/spf/engine.h"

namespace postern::spf {
namespace {

std::string_view all_of(Result qualifier) {
  switch (qualifier) {
    case Result::Fail: return " -all";
    case Result::SoftFail: return " ~all";
    case Result::Neutral: return " ?all";
    default: return " +all";
  }
}

std::string token(size_t term) {
  return engine::Token{engine::Token::Kind::Term, term}.text();
}

}  // namespace

std::string dns_reason(const dns::Answer& answer, std::string_view name) {
  std::string what = answer.reason.empty() ? "failure" : escape_for_log(answer.reason, 60);
  return "DNS: " + what + " for " + escape_for_log(name, 100);
}

const Policy* Policies::find(std::string_view domain) const {
  auto at = policies_.find(to_lower(domain));
  return at == policies_.end() ? nullptr : at->second.get();
}

const Policy* Policies::read(std::string_view domain, const dns::Answer& answer) {
  auto& policy = policies_[to_lower(domain)];
  policy = std::make_unique<Policy>();
  policy->domain = std::string(domain);
  fill(*policy, answer);
  return policy.get();
}

/// Selects the record (RFC 7208, 4.4 and 4.5).
void Policies::fill(Policy& policy, const dns::Answer& answer) {
  auto fails = [&](Result result, std::string reason) {
    policy.error = result;
    policy.reason = std::move(reason);
  };
  std::string at = " at " + escape_for_log(policy.domain, 100);
  if (answer.status == dns::Status::TempFail) return fails(Result::TempError, dns_reason(answer, policy.domain));
  const std::string* text = nullptr;
  for (const std::string& candidate : answer.texts) {
    if (!is_record(candidate)) continue;
    if (text != nullptr) return fails(Result::PermError, "several SPF records" + at);
    text = &candidate;
  }
  if (text == nullptr) return fails(Result::None, "no SPF record" + at);
  auto record = parse_record(*text);
  if (!record) return fails(Result::PermError, record.error().message + at);
  rewrite(policy, *record);
  policy.explanation = record->explanation;
  policy.usable = true;
}

/// ip4 and ip6 are decided here, redirect goes last, everything behind the end of the evaluation is dropped.
void Policies::rewrite(Policy& policy, const Record& record) {
  policy.canonical = "v=spf1";
  int dns_terms = 0;
  for (const Directive& directive : record.directives) {
    bool network = directive.mechanism == Mechanism::Ip4 || directive.mechanism == Mechanism::Ip6;
    if (network && !matches(directive, client_)) continue;
    if (network || directive.mechanism == Mechanism::All) {
      policy.canonical += all_of(directive.qualifier);
      return;
    }
    policy.canonical += rewritten(policy, directive);
    // The term beyond the limit ends every evaluation that gets there: what follows is never seen.
    if (++dns_terms > kMaxDnsTerms) return;
  }
  if (!record.redirect) {
    policy.canonical += " ?all";  // RFC 7208, 4.7
    return;
  }
  // RFC 7208, 6.1: redirect counts when no directive matched, wherever it stands.
  policy.canonical += " redirect=" + token(terms_.size());
  Term& term = terms_.emplace_back();
  term.redirect = true;
  term.owner = &policy;
  term.target = record.redirect;
}

/// One directive that needs DNS. ptr becomes an "exists" whose answer we work out ourselves, so that the names which
/// the client's PTR gives never pass through libspf2.
std::string Policies::rewritten(const Policy& policy, const Directive& directive) {
  std::string out = " ";
  switch (directive.qualifier) {
    case Result::Fail: out += '-'; break;
    case Result::SoftFail: out += '~'; break;
    case Result::Neutral: out += '?'; break;
    default: break;
  }
  out += directive.mechanism == Mechanism::Ptr ? "exists" : to_string(directive.mechanism);
  out += ':';
  out += token(terms_.size());
  Term& term = terms_.emplace_back();
  term.mechanism = directive.mechanism;
  term.owner = &policy;
  term.target = directive.target;
  int prefix = client_.is_v4() ? directive.prefix4 : directive.prefix6;
  // libspf2 takes /0 for an error: there the client's own address is the answer instead.
  term.any_address = prefix == 0;
  if (prefix != 0 && prefix != client_.bits()) out += (client_.is_v4() ? "/" : "//") + std::to_string(prefix);
  return out;
}

}  // namespace postern::spf
