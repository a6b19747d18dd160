// Public keys (RFC 6376, 3.6; RFC 8463): fetched from the DNS while the body still arrives, decoded once.
#pragma once

#include <cstddef>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "filters/base/pending.h"
#include "filters/base/result.h"
#include "filters/base/signal.h"
#include "filters/base/task.h"
#include "filters/dkim/crypto.h"
#include "filters/dns/dns.h"

namespace postern::dkim {

enum class KeyType { Rsa, Ed25519 };

/// One key record. Immutable, shared by the messages that use it.
struct Key {
  KeyType type = KeyType::Rsa;
  int bits = 0;                  // RSA: size of the modulus; Ed25519: 256
  bool revoked = false;          // empty p=
  bool sha256 = true;            // h= allows it (absent: allows all)
  bool for_email = true;         // s= is absent, "*" or has "email"
  bool testing = false;          // t=y
  bool strict_identity = false;  // t=s: i= must be of exactly the domain d=
  PublicKey pkey;                // null when revoked, and when bits is above kMaxRsaBits
};
using KeyPtr = std::shared_ptr<const Key>;

/// Parses the text of one TXT record. Bounded: over kMaxKeyRecord octets is an error, and so is an RSA key with a
/// public exponent that makes verifying slow. RSA keys that are too small or over kMaxRsaBits are no error here: `bits`
/// says it. Code::BadInput with the reason, printable.
inline constexpr size_t kMaxKeyRecord = 4096;
inline constexpr int kMinRsaBits = 1024;  // RFC 8301, 3.2
inline constexpr int kMaxRsaBits = 4096;
[[nodiscard]] Result<Key> parse_key(std::string_view record);

/// Keys already decoded, by the text of their record (decoding costs several times what verifying costs). One worker's:
/// one thread. Least recently used go first.
class KeyCache {
 public:
  explicit KeyCache(size_t capacity = 1000) : capacity_(capacity) {}
  KeyCache(const KeyCache&) = delete;
  KeyCache& operator=(const KeyCache&) = delete;
  ~KeyCache() = default;
  Result<KeyPtr> get(std::string_view record);

 private:
  struct Entry {
    std::string record;
    KeyPtr key;
  };
  size_t capacity_;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_record_;
};

/// What the DNS said of one selector.
struct KeyAnswer {
  enum class Status { Found, Missing, Bad, TempFail } status = Status::TempFail;
  std::vector<KeyPtr> keys;  // Found: of several TXT records all that can be read, at most kMaxKeys (RFC 6376, 3.6.2.2)
  std::string reason;        // otherwise: why, for headers and logs
  static constexpr size_t kMaxKeys = 4;
};

/// The keys that one message needs. Each name is asked once, at once, however many signatures want it. One thread;
/// destroying it cancels. `dns` and `cache` outlive it.
class KeyFetcher {
 public:
  KeyFetcher(dns::Client& dns, KeyCache& cache, Duration timeout) : dns_(dns), cache_(cache), timeout_(timeout) {}
  KeyFetcher(const KeyFetcher&) = delete;
  KeyFetcher& operator=(const KeyFetcher&) = delete;
  ~KeyFetcher() = default;

  /// RFC 6376, 3.6.2.1: SELECTOR._domainkey.DOMAIN, both A-labels in lower case.
  void want(const std::string& domain, const std::string& selector);
  /// Done when all that was wanted so far is answered. One waiter at a time.
  Task<void> wait();
  /// After wait(); for what was never wanted TempFail.
  [[nodiscard]] const KeyAnswer& answer(const std::string& domain, const std::string& selector) const;

  /// What verifying costs is chosen by whoever publishes the keys, so a message has an effort that grows with its
  /// header and ends: 20 RSA-2048 verifications and one more a KiB (an RSA-4096 one counts four, an Ed25519 one five).
  /// Without this call there is no end.
  void limit_effort(size_t header_octets);
  /// Whether there is enough left to verify a signature of each of these signers.
  struct Signer {
    std::string domain;
    std::string selector;
  };
  [[nodiscard]] bool can_verify(const std::vector<Signer>& signers) const;
  enum class Verified { Good, Bad, TooMuch };
  /// As dkim::verify, until the effort is spent.
  [[nodiscard]] Verified verify(const Key& key, const Digest& digest, std::string_view signature);

 private:
  void answered(const std::string& name, const dns::Answer& answer);

  dns::Client& dns_;
  KeyCache& cache_;
  Duration timeout_;
  Signal changed_;
  size_t missing_ = 0;
  size_t effort_ = std::numeric_limits<size_t>::max();
  std::map<std::string, KeyAnswer> answers_;
  std::vector<Pending> pending_;
};

/// RFC 6376, 6.1.3 and RFC 8463, 3: whether `signature` is `key`'s over `digest` (SHA-256 of what was signed; Ed25519
/// signs the digest itself). False too when the key is revoked or OpenSSL fails.
[[nodiscard]] bool verify(const Key& key, const Digest& digest, std::string_view signature);

}  // namespace postern::dkim
