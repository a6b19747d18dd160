#include "filters/bulk/files.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include <xxhash.h>

#include "filters/base/bytes.h"
#include "filters/bulk/picture.h"
#include "filters/mime/kind.h"
#include "filters/mime/mime.h"

namespace postern::bulk {
namespace {

constexpr size_t kLeast = 512;
// Of pictures whose size is not stated where picture_size() looks (WebP, HEIC): smaller ones are icons.
constexpr size_t kLeastPicture = 16U << 10U;
constexpr size_t kMaxTotal = 4 * kMaxHashed;

/// What programs add to every message of a person or a server.
bool is_furniture(const mime::Part& part) {
  static constexpr std::string_view kTypes[] = {"application/pkcs7-signature", "application/x-pkcs7-signature",
                                                "application/pgp-signature",   "application/pgp-encrypted",
                                                "application/pgp-keys",        "application/ics"};
  static constexpr std::string_view kNames[] = {"smime.p7s", "signature.asc", "publickey.asc"};
  if (std::find(std::begin(kTypes), std::end(kTypes), part.type) != std::end(kTypes)) return true;
  if (std::any_of(std::begin(kNames), std::end(kNames),
                  [&](std::string_view name) { return equal_nocase(part.name, name); })) {
    return true;
  }
  return part.type.starts_with("message/");
}

/// HTML that is to be opened is a page, not what the message says; other text is read where it stands, or is a footer.
bool may_be_file(const mime::Part& part) {
  if (part.multipart || part.message || is_furniture(part)) return false;
  return !part.type.starts_with("text/") || (part.type == "text/html" && part.disposition == "attachment");
}

bool is_picture(const mime::Part& part, std::string_view octets) {
  return part.type.starts_with("image/") || mime::detect_kind(octets).starts_with("image/");
}

class Hasher {
 public:
  Hasher(std::vector<uint64_t>& files, std::vector<uint64_t>& pictures) : files_(files), pictures_(pictures) {}

  void add(const mime::Part& part, bool cut) {
    mime::Defects defects;
    size_t most = std::min(kMaxHashed, left_);
    std::string octets = mime::decode(part, most, defects);
    left_ -= octets.size();
    // A file that is longer is known by its beginning, as long as that is always as long.
    bool whole = octets.size() < most && !cut;
    if ((!whole && octets.size() < kMaxHashed) || octets.size() < kLeast) return;
    if (is_picture(part, octets) && !add_picture(octets)) return;
    keep(files_, Fingerprint::kMaxFiles, XXH3_64bits(octets.data(), octets.size()));
  }

  [[nodiscard]] bool full() const {
    bool enough = files_.size() >= Fingerprint::kMaxFiles && pictures_.size() >= Fingerprint::kMaxPictures;
    return enough || left_ < kLeast;
  }

 private:
  /// False: unrelated messages have such pictures in common.
  bool add_picture(std::string_view octets) {
    std::optional<PictureSize> size = picture_size(octets);
    if (!size) return octets.size() >= kLeastPicture;
    if (!shows_something(*size)) return false;
    const uint64_t cost = decoding_cost(octets, *size);
    if (pictures_.size() >= Fingerprint::kMaxPictures || cost > cost_left_) return true;
    cost_left_ -= cost;
    std::optional<uint64_t> hash = picture_hash(octets);
    if (hash) keep(pictures_, Fingerprint::kMaxPictures, *hash);
    return true;
  }

  static void keep(std::vector<uint64_t>& hashes, size_t most, uint64_t hash) {
    if (hashes.size() < most && std::find(hashes.begin(), hashes.end(), hash) == hashes.end()) hashes.push_back(hash);
  }

  std::vector<uint64_t>& files_;
  std::vector<uint64_t>& pictures_;
  size_t left_ = kMaxTotal;
  uint64_t cost_left_ = kMaxPixels;
};

}  // namespace

void hash_files(mime::Content& content, std::vector<uint64_t>& files, std::vector<uint64_t>& pictures) {
  files.clear();
  pictures.clear();
  const mime::Message& message = content.structure();
  Hasher hasher(files, pictures);
  for (size_t i = 0; i < message.parts.size() && !hasher.full(); ++i) {
    bool cut = message.truncated && i + 1 == message.parts.size();
    if (may_be_file(message.parts[i])) hasher.add(message.parts[i], cut);
  }
}

}  // namespace postern::bulk
