#include "filters/dkim/crypto.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <string>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

namespace postern::dkim {
namespace {

/// Fetched once for all: looking an algorithm up costs more than hashing a short field. Never freed, because OpenSSL
/// cleans up for itself at exit, before or after us.
const EVP_MD* sha256_md() {
  static const EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return md;
}

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// What goes wrong with strangers' keys and signatures is no news; left in OpenSSL's queue it would look like the fault
/// of the next TLS connection.
struct ForgetErrors {
  ForgetErrors() = default;
  ForgetErrors(const ForgetErrors&) = delete;
  ForgetErrors& operator=(const ForgetErrors&) = delete;
  ~ForgetErrors() { ERR_clear_error(); }
};

struct FreeContext {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, FreeContext>;

PublicKey own(EVP_PKEY* key) {
  return key == nullptr ? nullptr : PublicKey(key, &EVP_PKEY_free);
}

// X.690, 8.1: tag, length, contents. Only what keys are made of.
constexpr unsigned char kInteger = 0x02;
constexpr unsigned char kBitString = 0x03;
constexpr unsigned char kSequence = 0x30;

/// Cuts one element with that tag off the front and gives its contents. X.690, 10.1: DER has definite lengths only.
std::optional<std::string_view> cut(std::string_view& der, unsigned char tag) {
  if (der.size() < 2 || octets(der)[0] != tag) return std::nullopt;
  size_t length = octets(der)[1];
  size_t header = 2;
  if (length >= 0x80) {
    size_t count = length - 0x80;
    if (count == 0 || count > 3 || der.size() < 2 + count) return std::nullopt;
    length = 0;
    for (; header < 2 + count; ++header) length = length << 8U | octets(der)[header];
  }
  if (length > der.size() - header) return std::nullopt;
  std::string_view contents = der.substr(header, length);
  der.remove_prefix(header + length);
  return contents;
}

/// A positive INTEGER without its leading zeros; empty when it is none.
std::string_view cut_number(std::string_view& der) {
  auto contents = cut(der, kInteger);
  if (!contents || contents->empty() || octets(*contents)[0] >= 0x80) return {};
  contents->remove_prefix(std::min(contents->find_first_not_of('\0'), contents->size()));
  return *contents;
}

// RFC 8017, A.1.1: RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }.
RsaNumbers read_rsa_public_key(std::string_view der) {
  auto sequence = cut(der, kSequence);
  if (!sequence) return {};
  RsaNumbers numbers;
  numbers.modulus = cut_number(*sequence);
  numbers.exponent = cut_number(*sequence);
  return numbers.exponent.empty() ? RsaNumbers() : numbers;
}

/// BIGNUM parameters are in the machine's order.
std::string native(std::string_view number) {
  std::string out(number);
  if constexpr (std::endian::native == std::endian::little) std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace

void Sha256::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  if (!context_ || EVP_DigestInit_ex2(context_.get(), sha256_md(), nullptr) != 1) throw std::bad_alloc();
}

Sha256::Sha256(const Sha256& other) : context_(EVP_MD_CTX_new()) {
  if (!context_ || EVP_MD_CTX_copy_ex(context_.get(), other.context_.get()) != 1) throw std::bad_alloc();
}

void Sha256::update(std::string_view bytes) {
  if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1) throw std::bad_alloc();
}

Digest Sha256::so_far() const {
  Sha256 copy;
  if (EVP_MD_CTX_copy_ex(copy.context_.get(), context_.get()) != 1) throw std::bad_alloc();
  return copy.finish();
}

Digest Sha256::finish() {
  Digest digest;
  if (EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) != 1 ||
      EVP_DigestInit_ex2(context_.get(), nullptr, nullptr) != 1) {
    throw std::bad_alloc();
  }
  return digest;
}

Digest sha256(std::string_view text) {
  Sha256 hash;
  hash.update(text);
  return hash.finish();
}

RsaNumbers read_rsa_key(std::string_view der) {
  // RFC 3279, 2.3.1: rsaEncryption is 1.2.840.113549.1.1.1.
  static constexpr std::string_view kRsaEncryption = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
  std::string_view rest = der;
  auto info = cut(rest, kSequence);
  if (!info) return {};
  auto algorithm = cut(*info, kSequence);
  // RFC 6376, 3.6.1 says RSAPublicKey; its appendix C makes SubjectPublicKeyInfo, which is what is published. Both
  // count.
  if (!algorithm) return read_rsa_public_key(der);
  auto bits = cut(*info, kBitString);
  if (!algorithm->starts_with(kRsaEncryption) || !bits || bits->empty() || bits->front() != '\0') return {};
  return read_rsa_public_key(bits->substr(1));
}

int bits_of(std::string_view number) {
  if (number.empty()) return 0;
  return static_cast<int>(number.size() * 8) - std::countl_zero(octets(number)[0]);
}

PublicKey make_rsa_key(const RsaNumbers& numbers) {
  ForgetErrors forget;
  std::string modulus = native(numbers.modulus);
  std::string exponent = native(numbers.exponent);
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, reinterpret_cast<unsigned char*>(modulus.data()), modulus.size()),
      OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, reinterpret_cast<unsigned char*>(exponent.data()),
                              exponent.size()),
      OSSL_PARAM_construct_end()};
  KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
    return nullptr;
  }
  return own(key);
}

PublicKey make_ed25519_key(std::string_view text) {
  ForgetErrors forget;
  return own(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets(text), text.size()));
}

bool verify_rsa(const PublicKey& key, const Digest& digest, std::string_view signature) {
  ForgetErrors forget;
  KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  return context && EVP_PKEY_verify_init(context.get()) == 1 &&
         EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1 &&
         EVP_PKEY_CTX_set_signature_md(context.get(), sha256_md()) == 1 &&
         EVP_PKEY_verify(context.get(), octets(signature), signature.size(), digest.data(), digest.size()) == 1;
}

bool verify_ed25519(const PublicKey& key, const Digest& digest, std::string_view signature) {
  ForgetErrors forget;
  struct FreeDigestContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, FreeDigestContext> context(EVP_MD_CTX_new());
  return context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), octets(signature), signature.size(), digest.data(), digest.size()) == 1;
}

}  // namespace postern::dkim
