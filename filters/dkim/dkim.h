// DKIM (RFC 6376, 8301, 8463): which domains vouch for this message?
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/dkim/body_hash.h"
#include "filters/dkim/keys.h"
#include "filters/dkim/signature.h"
#include "filters/message/headers.h"

namespace postern::dkim {

/// RFC 8601, 2.7.1. Policy: not acceptable here, whatever the mathematics say (rsa-sha1, a key below 1024 bits).
/// Neutral: the field cannot be read. PermError: no usable key.
enum class Result { Pass, Fail, Policy, Neutral, TempError, PermError };
[[nodiscard]] std::string_view to_string(Result result);

/// What is said of one signature. Domains in lower case, A-labels; texts of Neutral signatures may be empty.
struct Outcome {
  Result result = Result::Neutral;
  std::string domain;           // d=
  std::string selector;         // s=
  std::string identity;         // i=; any octets
  std::string algorithm;        // a=, printable: "rsa-sha256"
  std::string signature_start;  // header.b (RFC 6008)
  std::string reason;           // why it did not pass, or what its pass is worth; printable
  int key_bits = 0;             // 0: no key was seen
  bool partial = false;         // l= leaves some of the body unsigned: says nothing for DMARC
  bool testing = false;         // the key says t=y
};

struct Options {
  int64_t wall_seconds = 0;  // now, seconds since 1970, for t= and x=
};

/// The signatures of one message. begin() when the header is known, finish() when `bodies` is finished. One thread.
class Verifier {
 public:
  /// Signatures beyond the first kMaxSignatures are not looked at: their number is what a stranger chooses.
  static constexpr size_t kMaxSignatures = 10;

  /// Both outlive the verifier.
  Verifier(KeyFetcher& keys, BodyHasher& bodies, const Options& options)
      : keys_(keys), bodies_(bodies), options_(options) {}

  /// Reads the signatures, asks for keys and body hashes. Keeps no view of `header`.
  void begin(const message::Header& header);
  /// The d= of the signatures that can be read, without duplicates.
  [[nodiscard]] const std::vector<std::string>& domains() const { return domains_; }
  /// `keys` have been waited for, `bodies` is finished, `fields` are of the header of begin(). In the order of the
  /// fields.
  [[nodiscard]] std::vector<Outcome> finish(SignedHeader& fields) const;
  /// Fields that were not looked at.
  [[nodiscard]] size_t ignored() const { return ignored_; }

 private:
  struct Candidate {
    size_t field = 0;                    // index into header.fields
    Outcome outcome;                     // as far as it is known without key and body
    std::optional<Signature> signature;  // absent: outcome is final
    BodyHasher::Slot slot = 0;
  };
  [[nodiscard]] Candidate read(const message::Header& header, size_t field);
  [[nodiscard]] Outcome judge(const Candidate& candidate, SignedHeader& fields) const;

  KeyFetcher& keys_;
  BodyHasher& bodies_;
  Options options_;
  std::vector<Candidate> candidates_;
  std::vector<std::string> domains_;
  size_t ignored_ = 0;
  bool complete_ = true;  // the header: what it has beyond its bound is not covered by any hash of ours
};

}  // namespace postern::dkim
