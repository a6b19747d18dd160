// Likeness: how near two sketches are, and when that means that the messages are copies of one another.
#pragma once

#include <cstdint>

#include "filters/bulk/fingerprint.h"

namespace postern::bulk {

/// Slots that are equal, of Sketch::kSlots.
struct Likeness {
  unsigned words = 0;
  unsigned pairs = 0;
};
[[nodiscard]] Likeness likeness(const Sketch& a, const Sketch& b);

/// Whether two texts are copies of one another. Words that were replaced here and there leave most words and some pairs
/// equal, spread over the whole; a footer or a quotation that two mails share leaves pairs equal, but few words. So
/// both must be near, and nearer the fewer words there are. `members`: of the cluster that one of the sketches is the
/// centre of; a centre of many is steadier than one message, so more may be asked of it.
[[nodiscard]] bool is_copy(const Likeness& likeness, uint32_t fewer_words, uint64_t members);

/// 0 to 1, for people and rules: the estimated share of words in common.
[[nodiscard]] double similarity(const Likeness& likeness);

/// A text of fewer distinct words that count is Evidence::Little.
constexpr uint32_t kLeastWords = 8;

/// Bits that differ between two hashes of pictures that show the same, at most.
constexpr int kPictureDistance = 6;

}  // namespace postern::bulk
