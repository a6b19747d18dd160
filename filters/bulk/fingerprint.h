// Fingerprint: what messages are compared by. Two copies of a campaign have fingerprints that are near, whatever was
// done to tell them apart: other words here and there, other order, greetings, noise, look-alike letters, other links.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "filters/message/headers.h"
#include "filters/mime/content.h"

namespace postern::bulk {

/// Of what a fingerprint is made of: two of different versions cannot be compared. Raised with every change of
/// normalising, hashing or sketching, so that what was kept or comes from another gateway is not taken for ours.
constexpr uint16_t kFingerprintVersion = 3;

/// Whether the text of a message is enough to tell it from others by.
enum class Evidence {
  Enough,
  None,       // no text, or nobody looked
  Little,     // "ok", "thanks": too few words
  Bounce,     // a report of non-delivery: they are all alike
  AutoReply,  // "I am out of office": so are they
  Calendar,   // an invitation: the words are the calendar's
};
/// "enough", "none", "little", "bounce", "auto-reply", "calendar".
[[nodiscard]] std::string_view to_string(Evidence evidence);

/// By what a cluster's messages are alike.
enum class Aspect : uint8_t { Text, File, Picture, Urls };
/// "text", "file", "picture", "urls".
[[nodiscard]] std::string_view to_string(Aspect aspect);

/// MinHash of two sets: one permutation, kSlots bins, empty bins filled from others (densified), 16 bits of each
/// minimum. The share of equal slots estimates the Jaccard similarity of the sets.
/// Li, Owen, Zhang: One Permutation Hashing (2012); Shrivastava: Optimal Densification (2017).
struct Sketch {
  static constexpr size_t kSlots = 128;
  using Slots = std::array<uint16_t, kSlots>;
  Slots words{};  // of the distinct words that count
  Slots pairs{};  // of words that follow each other

  bool operator==(const Sketch&) const = default;
};

/// A value of a few hundred octets; nothing of the message is in it.
struct Fingerprint {
  static constexpr size_t kMaxSites = 4;
  static constexpr size_t kMaxFiles = 8;
  static constexpr size_t kMaxPictures = 4;

  Evidence evidence = Evidence::None;
  /// Set exactly when evidence is Enough.
  std::optional<Sketch> text;
  uint32_t words = 0;  // distinct words that count: how much evidence the text is
  /// Hashes of the registered domains that links lead to, sorted; few words are only alike if they also lead to the
  /// same site. At most kMaxSites.
  std::vector<uint32_t> sites;
  /// Hashes of the octets of attachments and embedded files large enough to be told apart; each once.
  std::vector<uint64_t> files;
  /// Of pictures: near when few bits differ (picture.h).
  std::vector<uint64_t> pictures;
  /// Hash of where the links lead, set when they are what the message consists of: Evidence is None or Little.
  std::optional<uint64_t> urls;

  [[nodiscard]] bool empty() const { return !text && files.empty() && pictures.empty() && !urls; }
  bool operator==(const Fingerprint&) const = default;
};

/// `content` and `header` are of the same message. `null_sender`: the envelope's. At most kMaxText octets of the text
/// are looked at. CPU: about 100 us for 20 KB of text; pictures are bounded on their own.
[[nodiscard]] Fingerprint fingerprint(mime::Content& content, const message::Header& header, bool null_sender);
constexpr size_t kMaxText = 64U << 10U;

}  // namespace postern::bulk
