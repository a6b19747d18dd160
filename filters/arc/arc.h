// ARC (RFC 8617): what earlier handlers of this message say that they saw, and whether their chain of seals holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/dkim/body_hash.h"
#include "filters/dkim/keys.h"
#include "filters/dkim/signature.h"
#include "filters/message/headers.h"

namespace postern::arc {

/// RFC 8617, 4.4; TempError: the DNS did not tell a key (never Fail for that).
enum class Result { None, Pass, Fail, TempError };
[[nodiscard]] std::string_view to_string(Result result);

/// One set of the chain, as its sealer wrote it.
struct Set {
  std::string sealer;    // d= of its ARC-Seal, lower case, A-labels
  std::string selector;  // s= of its ARC-Seal
  std::string results;   // the payload of its ARC-Authentication-Results behind "i=N;", unfolded; any octets
};

struct Outcome {
  Result result = Result::None;
  std::vector<Set> sets;  // i=1 first; only of a chain whose structure is sound
  std::string reason;     // Fail, TempError: why; printable
  /// Pass; RFC 8617, 5.2: lowest instance whose ARC-Message-Signature still verifies; 0: all do. Nothing: not all were
  /// looked at.
  std::optional<size_t> oldest_pass;
  bool partial = false;  // Pass: l= of the newest ARC-Message-Signature leaves some of the body unsigned: the chain
                         // must not speak for a DMARC failure
};

/// The chain of one message. The same two steps as dkim::Verifier. One thread.
class Verifier {
 public:
  static constexpr size_t kMaxSets = 50;  // RFC 8617, 4.2.1
  /// Of a longer chain only the newest message signature is looked at, which decides: each may cover all of the
  /// message.
  static constexpr size_t kMaxMessageSignatures = 10;

  /// Both outlive the verifier.
  /// `wall_seconds`: now, seconds since 1970, for x=.
  Verifier(dkim::KeyFetcher& keys, dkim::BodyHasher& bodies, int64_t wall_seconds);
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;
  ~Verifier();

  /// Reads the sets, checks the structure of the chain, asks for keys and body hashes. Keeps no view of `header`.
  void begin(const message::Header& header);
  /// `keys` have been waited for, `bodies` is finished, `header` is the one of begin().
  [[nodiscard]] Outcome finish(const message::Header& header, dkim::SignedHeader& fields) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::arc
