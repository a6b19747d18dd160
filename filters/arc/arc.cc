#include "filters/arc/arc.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "filters/arc/chain.h"

namespace postern::arc {
namespace {

/// What one signature turned out to be; None: the message's effort is spent, and it was not looked at.
struct Verdict {
  Result result = Result::Fail;
  std::string reason;
};

Verdict failed(std::string reason) {
  return {Result::Fail, std::move(reason)};
}

/// Why this key cannot have made this signature (RFC 6376, 6.1.2; RFC 8301, 3.2), or nothing.
std::string_view unusable(const dkim::Key& key, dkim::Algorithm algorithm) {
  if (key.revoked) return "the key is revoked";
  auto type = algorithm == dkim::Algorithm::Ed25519Sha256 ? dkim::KeyType::Ed25519 : dkim::KeyType::Rsa;
  if (key.type != type) return "the key is of another type";
  if (type == dkim::KeyType::Rsa && key.bits < dkim::kMinRsaBits) return "the key is too small";
  if (!key.sha256) return "the key does not allow sha256";
  if (!key.for_email) return "the key is not for email";
  return {};
}

/// `digest` is asked for only when there is a key to try.
Verdict check_signature(dkim::KeyFetcher& keys, const dkim::Signature& signature,
                        const std::function<dkim::Digest()>& digest) {
  const dkim::KeyAnswer& answer = keys.answer(signature.domain, signature.selector);
  using Status = dkim::KeyAnswer::Status;
  // No answer is not an answer: nobody's chain fails because a name server is down.
  if (answer.status == Status::TempFail) return {Result::TempError, "key: " + answer.reason};
  if (answer.status != Status::Found) return failed("key: " + answer.reason);
  std::optional<dkim::Digest> hash;
  std::string reason = "no usable key";
  for (const dkim::KeyPtr& key : answer.keys) {
    std::string_view why = unusable(*key, signature.algorithm);
    if (!why.empty()) {
      reason = why;
      continue;
    }
    if (!hash) hash = digest();
    auto verified = keys.verify(*key, *hash, signature.signature);
    if (verified == dkim::KeyFetcher::Verified::Good) return {Result::Pass, {}};
    if (verified == dkim::KeyFetcher::Verified::TooMuch) return {Result::None, "too many signatures to verify"};
    reason = "the signature does not verify";
  }
  return failed(reason);
}

std::string place(size_t instance, std::string_view name) {
  return "i=" + std::to_string(instance) + ": " + std::string(name) + ": ";
}

}  // namespace

std::string_view to_string(Result result) {
  switch (result) {
    case Result::None: return "none";
    case Result::Pass: return "pass";
    case Result::Fail: return "fail";
    case Result::TempError: return "temperror";
  }
  return "none";
}

class Verifier::Impl {
 public:
  Impl(dkim::KeyFetcher& keys, dkim::BodyHasher& bodies, int64_t wall_seconds)
      : keys_(keys), bodies_(bodies), wall_seconds_(wall_seconds) {}

  void begin(const message::Header& header);
  [[nodiscard]] Outcome finish(const message::Header& header, dkim::SignedHeader& fields) const;

 private:
  /// Of instance `number`, which is one that message_signatures are looked at of.
  [[nodiscard]] Verdict check_message_signature(size_t number, dkim::SignedHeader& fields) const;
  [[nodiscard]] Outcome check_chain(const message::Header& header, dkim::SignedHeader& fields) const;
  [[nodiscard]] std::vector<dkim::Digest> sealed(const message::Header& header, dkim::SignedHeader& fields) const;
  [[nodiscard]] std::optional<size_t> oldest_pass(dkim::SignedHeader& fields) const;
  [[nodiscard]] bool partial() const;

  /// Lowest instance whose message signature is looked at.
  [[nodiscard]] size_t oldest_looked_at() const { return chain_->size() > kMaxMessageSignatures ? chain_->size() : 1; }
  [[nodiscard]] const ChainSet& set(size_t number) const { return (*chain_)[number - 1]; }

  dkim::KeyFetcher& keys_;
  dkim::BodyHasher& bodies_;
  int64_t wall_seconds_;
  postern::Result<std::vector<ChainSet>> chain_;
  std::vector<dkim::BodyHasher::Slot> slots_;  // by instance - 1; of those looked at whose signature can be read
};

void Verifier::Impl::begin(const message::Header& header) {
  if (!header.complete) {
    chain_ = fail(Code::Limit, "header has too many fields");
    return;
  }
  chain_ = read_chain(header);
  if (!chain_ || chain_->empty()) return;
  // Its newest message signature decides first (RFC 8617, 5.2, step 4): where that cannot be read, no key is of use.
  if (!chain_->back().signature) return;
  slots_.resize(chain_->size());
  for (const ChainSet& each : *chain_) keys_.want(each.seal.domain, each.seal.selector);
  for (size_t number = oldest_looked_at(); number <= chain_->size(); ++number) {
    const auto& signature = set(number).signature;
    if (!signature) continue;
    keys_.want(signature->domain, signature->selector);
    slots_[number - 1] = bodies_.want(signature->body_canon, signature->body_limit);
  }
}

Outcome Verifier::Impl::finish(const message::Header& header, dkim::SignedHeader& fields) const {
  Outcome outcome;
  if (!chain_) {
    outcome.result = Result::Fail;
    outcome.reason = chain_.error().message;
    return outcome;
  }
  if (!chain_->empty()) outcome = check_chain(header, fields);
  for (const ChainSet& each : *chain_) outcome.sets.push_back({each.seal.domain, each.seal.selector, each.results});
  return outcome;
}

/// RFC 8617, 5.2, steps 4 to 7. What costs nothing comes first, and nothing comes after a failure: a forged chain is
/// done with at one hash or one signature. Step 5 says nothing about the chain, so it waits until the seals hold.
Outcome Verifier::Impl::check_chain(const message::Header& header, dkim::SignedHeader& fields) const {
  Outcome outcome;
  size_t newest = chain_->size();
  auto stop = [&outcome](const Verdict& verdict, size_t number, std::string_view name) {
    outcome.result = verdict.result == Result::None ? Result::Fail : verdict.result;
    outcome.reason = place(number, name) + verdict.reason;
    return outcome;
  };
  Verdict verdict = check_message_signature(newest, fields);
  if (verdict.result != Result::Pass) return stop(verdict, newest, "ARC-Message-Signature");

  // A chain holds when all its seals do, so there is no use in verifying some of them.
  std::vector<dkim::KeyFetcher::Signer> sealers;
  for (const ChainSet& each : *chain_) sealers.push_back({each.seal.domain, each.seal.selector});
  if (!keys_.can_verify(sealers)) {
    outcome.result = Result::Fail;
    outcome.reason = "too many seals to verify";
    return outcome;
  }
  std::vector<dkim::Digest> digests = sealed(header, fields);
  for (size_t number = newest; number >= 1; --number) {
    const dkim::Signature& seal = set(number).seal;
    verdict = check_signature(keys_, seal, [&] { return digests[number - 1]; });
    if (verdict.result != Result::Pass) return stop(verdict, number, "ARC-Seal");
  }
  outcome.result = Result::Pass;
  outcome.oldest_pass = oldest_pass(fields);
  outcome.partial = partial();
  return outcome;
}

Verdict Verifier::Impl::check_message_signature(size_t number, dkim::SignedHeader& fields) const {
  const auto& signature = set(number).signature;
  if (!signature) return failed(signature.error().message);
  // RFC 8617, 4.1.2: as in a DKIM-Signature (RFC 6376, 3.5, x=).
  if (signature->expires_at && wall_seconds_ > *signature->expires_at) return failed("the signature has expired");
  dkim::BodyHasher::Slot slot = slots_[number - 1];
  // RFC 6376, 3.5, l=: "The value of the "l=" tag MUST NOT be larger than the actual number of octets".
  if (signature->body_limit.value_or(0) > bodies_.canonical_size(slot)) return failed("l= is longer than the body");
  const dkim::Digest& body = bodies_.digest(slot);
  bool same = std::equal(body.begin(), body.end(), signature->body_hash.begin(), signature->body_hash.end(),
                         [](unsigned char a, char b) { return a == static_cast<unsigned char>(b); });
  if (!same) return failed("body hash mismatch");
  return check_signature(keys_, *signature, [&] {
    return fields.hash(signature->header_canon, signature->signed_fields, set(number).signature_field);
  });
}

/// RFC 8617, 5.1.1: seal i covers the sets 1 to i, each as results, message signature, seal, all relaxed; its own seal
/// has an empty b= and no CRLF. One pass: what a seal covers is what the one before it covers, that one's b= filled in.
std::vector<dkim::Digest> Verifier::Impl::sealed(const message::Header& header, dkim::SignedHeader& fields) const {
  std::vector<dkim::Digest> digests;
  dkim::Sha256 covered;
  for (const ChainSet& each : *chain_) {
    covered.update(fields.canonical(dkim::Canon::Relaxed, each.results_field));
    covered.update(fields.canonical(dkim::Canon::Relaxed, each.signature_field));
    std::string own;
    dkim::append_canonical_field(dkim::Canon::Relaxed, dkim::without_signature(header.fields[each.seal_field].raw),
                                 own);
    if (own.ends_with("\r\n")) own.resize(own.size() - 2);
    dkim::Sha256 with_own(covered);
    with_own.update(own);
    digests.push_back(with_own.finish());
    covered.update(fields.canonical(dkim::Canon::Relaxed, each.seal_field));
  }
  return digests;
}

/// RFC 8617, 5.2, step 5: "validating each prior AMS beginning with N-1". One whose key nobody told counts as not
/// holding.
std::optional<size_t> Verifier::Impl::oldest_pass(dkim::SignedHeader& fields) const {
  size_t number = chain_->size();
  size_t last = oldest_looked_at();
  Verdict verdict;
  for (; number > last; --number) {
    verdict = check_message_signature(number - 1, fields);
    if (verdict.result != Result::Pass) break;
  }
  if (number > last && verdict.result == Result::None) return std::nullopt;
  if (number > last) return number;
  if (last > 1) return std::nullopt;
  return 0;
}

/// RFC 6376, 8.2: what stands behind the limit may be anybody's.
bool Verifier::Impl::partial() const {
  const dkim::Signature& newest = *chain_->back().signature;
  return newest.body_limit && *newest.body_limit < bodies_.canonical_size(slots_.back());
}

Verifier::Verifier(dkim::KeyFetcher& keys, dkim::BodyHasher& bodies, int64_t wall_seconds)
    : impl_(std::make_unique<Impl>(keys, bodies, wall_seconds)) {}
Verifier::~Verifier() = default;

void Verifier::begin(const message::Header& header) {
  impl_->begin(header);
}

Outcome Verifier::finish(const message::Header& header, dkim::SignedHeader& fields) const {
  return impl_->finish(header, fields);
}

}  // namespace postern::arc
