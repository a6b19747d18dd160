// Digests of addresses, for lists that do not want to say whom they list.
#include <array>
#include <cstdint>
#include <new>
#include <utility>

#include <openssl/evp.h>

#include "filters/lists/names.h"

namespace postern::lists {
namespace {

/// EVP_sha1() and EVP_sha256() would look the algorithm up anew each time. Lives as long as the process.
const EVP_MD* algorithm(List::Digest digest) {
  static const EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return digest == List::Digest::Sha1 ? sha1 : sha256;
}

std::string to_hex(const unsigned char* octets, size_t size) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(size * 2);
  for (size_t i = 0; i < size; ++i) out += {digits[octets[i] >> 4U], digits[octets[i] & 15U]};
  return out;
}

/// RFC 4648, 6, lower case; 3.2: without padding, for "=" stands in no name.
std::string to_base32(const unsigned char* octets, size_t size) {
  static constexpr char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
  std::string out;
  out.reserve((size * 8 + 4) / 5);
  uint32_t bits = 0;
  unsigned count = 0;
  for (size_t i = 0; i < size; ++i) {
    bits = (bits << 8U | octets[i]) & 0xfffU;
    for (count += 8; count >= 5; count -= 5) out += digits[(bits >> (count - 5)) & 31U];
  }
  if (count > 0) out += digits[(bits << (5 - count)) & 31U];
  return out;
}

/// std::bad_alloc when OpenSSL cannot work: an address without a digest would look as if it were not listed.
std::string digest_name(std::string_view text, List::Digest digest, List::Encoding encoding) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> octets{};
  unsigned size = 0;
  const EVP_MD* chosen = algorithm(digest);
  if (chosen == nullptr || EVP_Digest(text.data(), text.size(), octets.data(), &size, chosen, nullptr) != 1) {
    throw std::bad_alloc();
  }
  return encoding == List::Encoding::Hex ? to_hex(octets.data(), size) : to_base32(octets.data(), size);
}

}  // namespace

std::optional<Query> hash_query(std::string_view address, List::Digest digest, List::Encoding encoding) {
  // RFC 1035, 2.3.4: 64 digits are no label.
  if (digest == List::Digest::Sha256 && encoding == List::Encoding::Hex) return std::nullopt;
  auto normal = normal_address(address);
  if (!normal) return std::nullopt;
  std::string name = digest_name(*normal, digest, encoding);
  return Query{std::move(*normal), std::move(name)};
}

}  // namespace postern::lists
