// What of a message is learned and looked up: words, header features, links, as hashes; and three texts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "filters/message/headers.h"
#include "filters/mime/content.h"

namespace postern::classifier {

/// Files and models of another number cannot be compared with; it rises with each change of what read_features says.
inline constexpr uint32_t kFeaturesVersion = 3;
inline constexpr size_t kMaxFeatures = 4096;

/// A hash of the kind and the text of a feature; equal on every machine.
using Feature = uint32_t;

/// Of one message.
struct Reading {
  std::vector<Feature> features;  // sorted, each once, at most kMaxFeatures
  /// Subject and the beginning of what is shown, in which runs of octets are looked at: small letters, each digit a 0,
  /// one blank for white space. At most kMaxText octets.
  std::string text;
  /// Where the links lead, host and path, one in a line. At most kMaxLinks octets.
  std::string links;
  /// The fields that the author's program wrote, as it did. At most kMaxHeader octets.
  std::string header;

  static constexpr size_t kMaxText = 2200;
  static constexpr size_t kMaxLinks = 1500;
  static constexpr size_t kMaxHeader = 1024;
  bool operator==(const Reading&) const = default;
};

/// Nothing that tells how it came here (trace fields, what mailing lists and earlier filters add,
/// Authentication-Results): it would be learned instead of what the message says. Any octets; linear, bounded, tens of
/// microseconds for what people write. Clears `out`; its memory is used again.
void read_features(mime::Content& content, const message::Header& header, Reading& out);

/// A number that equal and nearly equal messages share (their features, not their octets): learned once.
[[nodiscard]] uint64_t digest_of(const std::vector<Feature>& features);

/// Who sent it, for bounding what one sender can teach: a hash of the domain of From's address (of the whole address
/// where it is at one of the large mailbox providers); 0: there is none.
[[nodiscard]] uint64_t sender_of(const message::Header& header);

}  // namespace postern::classifier
