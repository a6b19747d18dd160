#include "filters/dmarc/judge.h"

#include <algorithm>

#include "filters/base/domain.h"

namespace postern::dmarc {
namespace {

bool has(const std::vector<Identifier::Method>& methods, Identifier::Method method) {
  return std::find(methods.begin(), methods.end(), method) != methods.end();
}

// RFC 9989, 9.2: "none" speaks of an author domain without a record. Without an author domain the evaluation fails for
// good, which is "permerror"; 11.5 wants such messages recognized.
Outcome without_author(Author::Kind kind) {
  Outcome outcome;
  outcome.result = Result::PermError;
  if (kind == Author::Kind::Missing) outcome.reason = "no From field";
  if (kind == Author::Kind::Malformed) outcome.reason = "From is malformed or has no address";
  if (kind == Author::Kind::Many) outcome.reason = "From names more than one domain, or stands there more than once";
  if (kind == Author::Kind::Unseen) outcome.reason = "header has too many fields";
  return outcome;
}

}  // namespace

Judge::Judge(const Author& author, const std::vector<Identifier>& identifiers, Discovery discovery, const Known& known)
    : author_(author), identifiers_(identifiers), discovery_(discovery), known_(known) {
  if (author.kind != Author::Kind::One) return;
  organization_ = find_organization(author.domain, discovery, known);
  find_policy();
}

// RFC 9989, 4.10.1: the record of the author domain, of its organizational domain, of its public suffix domain.
void Judge::find_policy() {
  std::vector<std::string> places = {author_.domain, organization_.domain};
  if (organization_.psd) places.push_back(*organization_.psd);
  for (const std::string& place : places) {
    Known::State state = known_.at(place).state;
    if (state == Known::State::Failed) settled_ = false;
    if (state != Known::State::Found) continue;
    record_ = &known_.at(place).record;
    record_domain_ = place;
    break;
  }
  // Below the record that was found, or above it, any record could have been the one.
  if (record_domain_ != author_.domain && !organization_.failed.empty()) settled_ = false;
}

Judge::Alignment Judge::align(const Identifier& identifier) const {
  const std::string& domain = identifier.domain;
  // RFC 9989, 4.10.2: the same domain, with a record that applies, needs no walk.
  if (domain == author_.domain) return Alignment::Yes;
  bool strict = identifier.method == Identifier::Method::Spf ? record_->strict_spf : record_->strict_dkim;
  std::string_view common = common_parent(domain, author_.domain);
  if (strict || common.empty() || !dns::is_valid_name(domain)) return Alignment::No;
  // Only what is within the organization can have the same one, unless that is not certain.
  if (organization_.failed.empty() && !is_at_or_below(domain, organization_.domain)) return Alignment::No;
  Organization other = find_organization(domain, discovery_, known_);
  if (!other.asked) return Alignment::NotAsked;
  std::vector<std::string> failed = organization_.failed;
  failed.insert(failed.end(), other.failed.begin(), other.failed.end());
  if (other.domain != organization_.domain) return failed.empty() ? Alignment::No : Alignment::Unsure;
  // What is strictly above both is the same for both, whatever it says. Elsewhere a record could part them.
  bool could_part = std::any_of(failed.begin(), failed.end(), [common](const std::string& name) {
    return !is_at_or_below(common, name) || name == common;
  });
  return could_part ? Alignment::Unsure : Alignment::Yes;
}

std::vector<std::string> Judge::missing() const {
  std::vector<std::string> domains;
  for (const Identifier& identifier : identifiers_) {
    if (align(identifier) == Alignment::NotAsked) domains.push_back(identifier.domain);
  }
  return domains;
}

// RFC 9989, 4.7, "np": only for domains below the one of the record.
bool Judge::asks_existence() const {
  if (!applies() || !below() || known_.at(author_.domain).exists) return false;
  return policy_of(*record_, true, true) != policy_of(*record_, true, false);
}

void Judge::judge_policy(Outcome& outcome, const std::optional<dns::Status>& existence) const {
  bool exists = true;
  if (asks_existence()) {
    if (!existence || *existence == dns::Status::TempFail) {
      outcome.policy = std::min(policy_of(*record_, true, true),
                                policy_of(*record_, true, false));  // of two, the one that asks less
      if (outcome.result != Result::Fail) return;
      outcome.result = Result::TempError;
      outcome.reason = "DNS does not say whether " + author_.domain + " exists";
      return;
    }
    exists = *existence != dns::Status::NoName;
  }
  outcome.policy = policy_of(*record_, below(), exists);
}

void Judge::judge_identifiers(Outcome& outcome) const {
  bool unsure = false;
  bool out_of_bound = false;
  for (const Identifier& identifier : identifiers_) {
    Alignment alignment = align(identifier);
    out_of_bound = out_of_bound || alignment == Alignment::NotAsked;
    bool passed = identifier.state == Identifier::State::Pass;
    unsure = unsure || alignment == Alignment::Unsure || (alignment == Alignment::Yes && !passed);
    if (alignment == Alignment::Yes && passed && !has(outcome.aligned, identifier.method)) {
      outcome.aligned.push_back(identifier.method);
    }
  }
  std::sort(outcome.aligned.begin(), outcome.aligned.end());
  // RFC 9989, 5.3.5: one that is aligned is enough.
  if (!outcome.aligned.empty()) {
    outcome.result = Result::Pass;
  } else if (!settled_ || unsure) {
    // RFC 9989, 5.3.6: without the answers that it takes, neither pass nor fail.
    outcome.result = Result::TempError;
    outcome.reason = settled_ ? "no answer to what decides on alignment" : "DNS does not give the policy record";
  } else {
    outcome.result = Result::Fail;
    if (out_of_bound) outcome.reason = "too many domains to look at them all";
  }
}

Outcome Judge::outcome(const std::optional<dns::Status>& existence) const {
  if (author_.kind != Author::Kind::One) return without_author(author_.kind);
  Outcome outcome;
  outcome.from = author_.domain;
  outcome.domain = organization_.domain;
  if (record_ == nullptr || !record_->usable) {
    // RFC 9989, 4.10.1: nothing is applied only when it is certain that there is nothing.
    outcome.result = settled_ ? Result::None : Result::TempError;
    outcome.reason =
        record_ != nullptr ? "the policy record at " + record_domain_ + " has no valid policy" : "no policy record";
    if (!settled_) outcome.reason = "DNS does not give the policy record";
    return outcome;
  }
  outcome.record_domain = record_domain_;
  outcome.testing = record_->testing;
  outcome.strict_spf = record_->strict_spf;
  outcome.strict_dkim = record_->strict_dkim;
  judge_identifiers(outcome);
  judge_policy(outcome, existence);
  return outcome;
}

}  // namespace postern::dmarc
