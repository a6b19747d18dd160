#include "filters/dkim/dkim.h"

#include <algorithm>
#include <utility>

#include "filters/base/bytes.h"
#include "filters/base/domain.h"

namespace postern::dkim {
namespace {

struct Verdict {
  Result result = Result::Neutral;
  std::string reason;
};

std::string_view identity_domain(const Signature& signature) {
  return std::string_view(signature.identity).substr(signature.identity.rfind('@') + 1);
}

bool signs_from(const Signature& signature) {
  return std::find(signature.signed_fields.begin(), signature.signed_fields.end(), "from") !=
         signature.signed_fields.end();
}

/// What the signature says against itself: found before anything is asked or hashed for it.
std::optional<Verdict> judge_alone(const Signature& signature, int64_t now) {
  // RFC 6376, 6.1.1: these end in PERMFAIL.
  if (!signs_from(signature)) return Verdict{Result::PermError, "From field is not signed"};
  std::string_view identity = identity_domain(signature);
  if (!is_at_or_below(identity, signature.domain)) {
    return Verdict{Result::PermError, "i= is not of the domain d="};
  }
  // RFC 6376, 3.5, x=: must be greater than t=.
  if (signature.signed_at && signature.expires_at && *signature.expires_at <= *signature.signed_at) {
    return Verdict{Result::PermError, "x= is not after t="};
  }
  // RFC 8301, 3.1: rsa-sha1 must not be verified.
  if (signature.algorithm == Algorithm::RsaSha1) {
    return Verdict{Result::Policy, "rsa-sha1 is not accepted (RFC 8301)"};
  }
  // RFC 6376, 3.3: other algorithms are ignored.
  if (signature.algorithm == Algorithm::Unknown) return Verdict{Result::Neutral, "unknown algorithm"};
  // RFC 6376, 3.5, x=: what it says once that time has passed. A t= in the future may be a clock of either side.
  if (signature.expires_at && now > *signature.expires_at) return Verdict{Result::Fail, "signature expired"};
  return std::nullopt;
}

/// RFC 6376, 6.1.2, and RFC 8301, 3.2: whether this key may be used for this signature at all.
std::optional<Verdict> judge_key(const Key& key, const Signature& signature) {
  if (key.revoked) return Verdict{Result::PermError, "key revoked"};
  bool ed25519 = signature.algorithm == Algorithm::Ed25519Sha256;
  if ((key.type == KeyType::Ed25519) != ed25519) return Verdict{Result::PermError, "key type does not match"};
  if (!key.sha256) return Verdict{Result::PermError, "key does not allow sha256"};
  if (!key.for_email) return Verdict{Result::PermError, "key is not for email"};
  if (key.strict_identity && identity_domain(signature) != signature.domain) {
    return Verdict{Result::PermError, "key does not allow i= of a subdomain"};
  }
  if (key.type == KeyType::Rsa && key.bits < kMinRsaBits) {
    return Verdict{Result::Policy, "key of " + std::to_string(key.bits) + " bits is too short (RFC 8301)"};
  }
  if (key.type == KeyType::Rsa && key.bits > kMaxRsaBits) {
    return Verdict{Result::Policy, "key of " + std::to_string(key.bits) + " bits is too long"};
  }
  return std::nullopt;
}

Outcome with(Outcome outcome, Verdict verdict) {
  outcome.result = verdict.result;
  outcome.reason = std::move(verdict.reason);
  return outcome;
}

void show_key(Outcome& outcome, const Key& key) {
  outcome.key_bits = key.bits;
  outcome.testing = key.testing;
}

}  // namespace

std::string_view to_string(Result result) {
  switch (result) {
    case Result::Pass: return "pass";
    case Result::Fail: return "fail";
    case Result::Policy: return "policy";
    case Result::Neutral: return "neutral";
    case Result::TempError: return "temperror";
    case Result::PermError: return "permerror";
  }
  return "neutral";
}

void Verifier::begin(const message::Header& header) {
  complete_ = header.complete;
  for (size_t i = 0; i < header.fields.size(); ++i) {
    if (!equal_nocase(header.fields[i].name, "DKIM-Signature")) continue;
    if (candidates_.size() == kMaxSignatures) {
      ++ignored_;
    } else {
      candidates_.push_back(read(header, i));
    }
  }
}

Verifier::Candidate Verifier::read(const message::Header& header, size_t field) {
  Candidate candidate;
  candidate.field = field;
  auto signature = parse_signature(header.fields[field].value);
  if (!signature) {
    candidate.outcome.reason = "malformed signature: " + signature.error().message;
    return candidate;
  }
  candidate.outcome.domain = signature->domain;
  candidate.outcome.selector = signature->selector;
  candidate.outcome.identity = signature->identity;
  candidate.outcome.algorithm = signature->algorithm_name;
  candidate.outcome.signature_start = signature->signature_start;
  if (std::find(domains_.begin(), domains_.end(), signature->domain) == domains_.end()) {
    domains_.push_back(signature->domain);
  }
  if (auto verdict = judge_alone(*signature, options_.wall_seconds)) {
    candidate.outcome = with(std::move(candidate.outcome), *std::move(verdict));
    return candidate;
  }
  keys_.want(signature->domain, signature->selector);
  candidate.slot = bodies_.want(signature->body_canon, signature->body_limit);
  candidate.signature = *std::move(signature);
  return candidate;
}

std::vector<Outcome> Verifier::finish(SignedHeader& fields) const {
  std::vector<Outcome> outcomes;
  outcomes.reserve(candidates_.size());
  for (const Candidate& candidate : candidates_) {
    outcomes.push_back(candidate.signature ? judge(candidate, fields) : candidate.outcome);
  }
  return outcomes;
}

/// What costs little is asked first: a forged signature ends before its header is hashed, let alone its key used.
Outcome Verifier::judge(const Candidate& candidate, SignedHeader& fields) const {
  const Signature& signature = *candidate.signature;
  Outcome outcome = candidate.outcome;
  if (!complete_) return with(std::move(outcome), {Result::PermError, "header has too many fields"});
  const KeyAnswer& answer = keys_.answer(signature.domain, signature.selector);
  if (answer.status != KeyAnswer::Status::Found) {
    bool later = answer.status == KeyAnswer::Status::TempFail;
    return with(std::move(outcome), {later ? Result::TempError : Result::PermError, answer.reason});
  }
  // RFC 6376, 3.6.2.2 and 6.1.2: of several records any may be the one.
  std::vector<const Key*> usable;
  std::optional<Verdict> refused;
  for (const KeyPtr& key : answer.keys) {
    auto verdict = judge_key(*key, signature);
    if (!verdict) usable.push_back(key.get());
    if (!refused) refused = std::move(verdict);
  }
  show_key(outcome, usable.empty() ? *answer.keys.front() : *usable.front());
  if (usable.empty()) return with(std::move(outcome), *std::move(refused));

  uint64_t size = bodies_.canonical_size(candidate.slot);
  if (signature.body_limit && *signature.body_limit > size) {
    return with(std::move(outcome), {Result::Fail, "l= is more than the body has"});
  }
  outcome.partial = signature.body_limit && *signature.body_limit < size;
  const Digest& digest = bodies_.digest(candidate.slot);
  if (signature.body_hash != std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size())) {
    return with(std::move(outcome), {Result::Fail, "body hash did not verify"});
  }
  Digest header_digest = fields.hash(signature.header_canon, signature.signed_fields, candidate.field);
  for (const Key* key : usable) {
    auto verified = keys_.verify(*key, header_digest, signature.signature);
    if (verified == KeyFetcher::Verified::TooMuch) {
      return with(std::move(outcome), {Result::Policy, "too many signatures to verify"});
    }
    if (verified == KeyFetcher::Verified::Bad) continue;
    show_key(outcome, *key);
    outcome.result = Result::Pass;
    if (outcome.partial) {
      outcome.reason =
          "partial: l= covers " + std::to_string(*signature.body_limit) + " of " + std::to_string(size) + " octets";
    }
    return outcome;
  }
  return with(std::move(outcome), {Result::Fail, "signature did not verify"});
}

}  // namespace postern::dkim
