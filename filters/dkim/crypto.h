// The two operations of mail signatures, hashing and verifying, and nothing else of OpenSSL. Any thread may use them,
// one object at a time.
#pragma once

#include <array>
#include <memory>
#include <string_view>

struct evp_md_ctx_st;  // OpenSSL's EVP_MD_CTX
struct evp_pkey_st;    // OpenSSL's EVP_PKEY

namespace postern::dkim {

using Digest = std::array<unsigned char, 32>;  // SHA-256

/// A running SHA-256. std::bad_alloc when OpenSSL cannot work: a hash that was not computed must not be compared.
class Sha256 {
 public:
  Sha256();
  /// Goes on from where the other stands.
  Sha256(const Sha256& other);
  Sha256& operator=(const Sha256&) = delete;
  ~Sha256() = default;
  void update(std::string_view bytes);
  /// Of all octets so far; more may follow.
  [[nodiscard]] Digest so_far() const;
  /// Of all octets; the next update() begins a new hash.
  [[nodiscard]] Digest finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

[[nodiscard]] Digest sha256(std::string_view text);

using PublicKey = std::shared_ptr<evp_pkey_st>;

/// An RSA key as numbers, octets with the highest first, without leading zeros.
struct RsaNumbers {
  std::string_view modulus;
  std::string_view exponent;
};
/// Reads SubjectPublicKeyInfo (RFC 5280, 4.1) and RSAPublicKey (RFC 8017, A.1.1), both in DER; nothing is allocated.
/// Absent modulus: neither.
[[nodiscard]] RsaNumbers read_rsa_key(std::string_view der);
[[nodiscard]] int bits_of(std::string_view number);

/// Null when OpenSSL refuses.
[[nodiscard]] PublicKey make_rsa_key(const RsaNumbers& numbers);
[[nodiscard]] PublicKey make_ed25519_key(std::string_view octets);

/// RSASSA-PKCS1-v1_5 over a SHA-256 digest (RFC 8017, 8.2.2). False too when OpenSSL fails.
[[nodiscard]] bool verify_rsa(const PublicKey& key, const Digest& digest, std::string_view signature);
/// PureEdDSA over the digest as the message (RFC 8463, 3). False too when OpenSSL fails.
[[nodiscard]] bool verify_ed25519(const PublicKey& key, const Digest& digest, std::string_view signature);

}  // namespace postern::dkim
