// MinHash: a sketch of the words of a text and of which follows which.
#pragma once

#include <cstdint>
#include <vector>

#include "filters/bulk/fingerprint.h"
#include "filters/bulk/words.h"

namespace postern::bulk {

struct Sketched {
  Sketch sketch;
  uint32_t words = 0;  // distinct ones; kinds are none. Near enough: two in a few thousand are taken for one
};
/// Of read_words(). Kinds count in pairs only. The same on every machine; see kFingerprintVersion. A set that is empty
/// has slots of 0.
[[nodiscard]] Sketched sketch(const std::vector<Word>& words);

}  // namespace postern::bulk
