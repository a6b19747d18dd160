// Signs messages for tests: DKIM fields and everything else that is signed alike (ARC), with keys made on the spot.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filters/dkim/canonical.h"

struct evp_pkey_st;

namespace postern::test {

/// A private key. Making RSA keys is slow: shared() makes one for each kind in a process.
class SigningKey {
 public:
  /// `bits`: of the modulus, for RSA.
  static SigningKey rsa(int bits = 2048, unsigned exponent = 65537);
  static SigningKey ed25519();
  /// From the 32 octets of the private key.
  static SigningKey ed25519(std::string_view secret);
  static const SigningKey& shared_rsa();
  static const SigningKey& shared_ed25519();

  [[nodiscard]] bool is_rsa() const { return rsa_; }
  /// The key record: "v=DKIM1; k=rsa; p=..." (SubjectPublicKeyInfo for RSA).
  [[nodiscard]] std::string record() const;
  /// p= alone; `bare`: RSAPublicKey instead of SubjectPublicKeyInfo.
  [[nodiscard]] std::string public_base64(bool bare = false) const;
  /// b= for these octets: RSA PKCS#1 v1.5 or Ed25519, over their SHA-256. `sha1`: rsa-sha1.
  [[nodiscard]] std::string sign(std::string_view octets, bool sha1 = false) const;

 private:
  explicit SigningKey(evp_pkey_st* key, bool rsa);
  std::shared_ptr<evp_pkey_st> key_;
  bool rsa_;
};

[[nodiscard]] std::string base64(std::string_view octets);
[[nodiscard]] std::string base64_sha256(std::string_view octets);
/// The whole canonical body.
[[nodiscard]] std::string canonical_body(dkim::Canon canon, std::string_view body);

struct SignOptions {
  std::string field_name = "DKIM-Signature";
  std::string version = "v=1; ";  // "i=1; " for ARC-Message-Signature
  std::string domain = "example.org";
  std::string selector = "s";
  std::string algorithm;  // empty: what fits the key
  dkim::Canon header_canon = dkim::Canon::Relaxed;
  dkim::Canon body_canon = dkim::Canon::Relaxed;
  std::string canon_tag;  // empty: "c=" from the above
  std::vector<std::string> fields = {"from", "to", "subject"};
  std::string extra;     // more tags: "t=1; x=2; "
  long body_limit = -1;  // l=
};

/// The field, with CRLF, to be put in front of `message` (CRLF line ends, header and body).
[[nodiscard]] std::string sign_field(const SigningKey& key, std::string_view message, const SignOptions& options = {});
/// The message with it.
[[nodiscard]] std::string sign_message(const SigningKey& key, std::string_view message,
                                       const SignOptions& options = {});

}  // namespace postern::test
