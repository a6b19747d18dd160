#include "tests/fakes/dkim_signer.h"

#include <algorithm>
#include <utility>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "filters/base/bytes.h"
#include "filters/base/result.h"
#include "filters/message/headers.h"

namespace postern::test {
namespace {

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string hash(std::string_view text, const EVP_MD* md) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  POSTERN_CHECK(EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(out.data()), &size, md, nullptr));
  out.resize(size);
  return out;
}

/// RFC 6376, 3.7, written down apart from the code under test: fields from the bottom up, each instance once.
std::string signed_octets(const message::Header& header, const SignOptions& options, std::string_view own) {
  std::string out;
  std::vector<bool> used(header.fields.size());
  for (const std::string& name : options.fields) {
    for (size_t i = header.fields.size(); i-- > 0;) {
      if (used[i] || !equal_nocase(header.fields[i].name, name)) continue;
      used[i] = true;
      dkim::append_canonical_field(options.header_canon, header.fields[i].raw, out);
      break;
    }
  }
  std::string last;
  dkim::append_canonical_field(options.header_canon, own, last);
  return out + last.substr(0, last.size() - 2);
}

std::string_view name_of(dkim::Canon canon) {
  return canon == dkim::Canon::Simple ? "simple" : "relaxed";
}

}  // namespace

SigningKey::SigningKey(evp_pkey_st* key, bool rsa) : key_(key, &EVP_PKEY_free), rsa_(rsa) {
  POSTERN_CHECK(key != nullptr);
}

SigningKey SigningKey::rsa(int bits, unsigned exponent) {
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
  BIGNUM* number = BN_new();
  EVP_PKEY* key = nullptr;
  POSTERN_CHECK(BN_set_word(number, exponent) == 1 && EVP_PKEY_keygen_init(context) == 1 &&
                EVP_PKEY_CTX_set_rsa_keygen_bits(context, bits) == 1 &&
                EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, number) == 1 && EVP_PKEY_keygen(context, &key) == 1);
  BN_free(number);
  EVP_PKEY_CTX_free(context);
  return SigningKey(key, true);
}

SigningKey SigningKey::ed25519() {
  return SigningKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), false);
}

SigningKey SigningKey::ed25519(std::string_view secret) {
  return SigningKey(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, octets(secret), secret.size()), false);
}

const SigningKey& SigningKey::shared_rsa() {
  static const SigningKey key = rsa();
  return key;
}

const SigningKey& SigningKey::shared_ed25519() {
  static const SigningKey key = ed25519();
  return key;
}

std::string SigningKey::public_base64(bool bare) const {
  std::string out;
  if (rsa_) {
    unsigned char* der = nullptr;
    int size = bare ? i2d_PublicKey(key_.get(), &der) : i2d_PUBKEY(key_.get(), &der);
    out.assign(reinterpret_cast<char*>(der), static_cast<size_t>(size));
    OPENSSL_free(der);
  } else {
    size_t size = 32;
    out.resize(size);
    POSTERN_CHECK(EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(out.data()), &size) == 1);
  }
  return base64(out);
}

std::string SigningKey::record() const {
  return std::string("v=DKIM1; k=") + (rsa_ ? "rsa" : "ed25519") + "; p=" + public_base64();
}

std::string SigningKey::sign(std::string_view text, bool sha1) const {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  // RFC 8463, 3: Ed25519 signs the hash as if it were the message.
  std::string input = rsa_ ? std::string(text) : hash(text, EVP_sha256());
  const EVP_MD* rsa_md = sha1 ? EVP_sha1() : EVP_sha256();
  size_t size = 0;
  std::string out;
  POSTERN_CHECK(EVP_DigestSignInit(context, nullptr, rsa_ ? rsa_md : nullptr, nullptr, key_.get()) == 1 &&
                EVP_DigestSign(context, nullptr, &size, octets(input), input.size()) == 1);
  out.resize(size);
  POSTERN_CHECK(
      EVP_DigestSign(context, reinterpret_cast<unsigned char*>(out.data()), &size, octets(input), input.size()) == 1);
  out.resize(size);
  EVP_MD_CTX_free(context);
  return base64(out);
}

std::string base64(std::string_view text) {
  std::string out((text.size() + 2) / 3 * 4 + 1, '\0');
  int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), octets(text), static_cast<int>(text.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

std::string base64_sha256(std::string_view text) {
  return base64(hash(text, EVP_sha256()));
}

std::string canonical_body(dkim::Canon canon, std::string_view body) {
  std::string out;
  dkim::BodyCanonicalizer canonicalizer(canon, [&](std::string_view piece) { out += piece; });
  canonicalizer.feed(body);
  canonicalizer.finish();
  return out;
}

std::string sign_field(const SigningKey& key, std::string_view text, const SignOptions& options) {
  message::Header header = message::parse_header(text);
  std::string body = canonical_body(options.body_canon, text.substr(header.body_offset));
  if (options.body_limit >= 0) body.resize(std::min(body.size(), static_cast<size_t>(options.body_limit)));
  std::string algorithm = options.algorithm;
  if (algorithm.empty()) algorithm = key.is_rsa() ? "rsa-sha256" : "ed25519-sha256";
  bool sha1 = algorithm == "rsa-sha1";
  std::string canon = options.canon_tag;
  if (canon.empty()) {
    canon = std::string("c=") + std::string(name_of(options.header_canon)) + "/" +
            std::string(name_of(options.body_canon)) + "; ";
  }
  std::string names;
  for (const std::string& name : options.fields) names += (names.empty() ? "" : ":") + name;
  std::string field = options.field_name + ": " + options.version + "a=" + algorithm + "; " + canon +
                      "d=" + options.domain + "; s=" + options.selector + ";\r\n\t" + options.extra + "h=" + names +
                      ";\r\n\t";
  if (options.body_limit >= 0) field += "l=" + std::to_string(options.body_limit) + "; ";
  field += "bh=" + base64(hash(body, sha1 ? EVP_sha1() : EVP_sha256())) + ";\r\n\tb=";
  return field + key.sign(signed_octets(header, options, field), sha1) + "\r\n";
}

std::string sign_message(const SigningKey& key, std::string_view message, const SignOptions& options) {
  return sign_field(key, message, options) + std::string(message);
}

}  // namespace postern::test
