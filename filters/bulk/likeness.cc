#include "filters/bulk/likeness.h"

#include <array>

namespace postern::bulk {
namespace {

unsigned equal_slots(const Sketch::Slots& a, const Sketch::Slots& b) {
  unsigned equal = 0;
  for (size_t slot = 0; slot < Sketch::kSlots; ++slot) equal += static_cast<unsigned>(a[slot] == b[slot]);
  return equal;
}

/// Slots, of 128, from some number of words on. First set by a prototype: copies of texts of 90 to 150 words, 30 % of
/// these replaced, had 46 slots of words and 18 of pairs in common (one in 200: less than 25 and 4), and 70 and 38 with
/// a centre of twenty (46 and 17). Different mails of one author or one list reached 30 and 9. Those below 26 words
/// were set with tests/bench/bulk; of 1,524 honest texts of 8 to 25 words in its corpora
/// sixteen pairs are as near that are not alike, all below 16 words; such need a site in common too (cluster.h).
struct Bounds {
  uint32_t from;  // distinct words of the shorter text
  unsigned words;
  unsigned pairs;
  unsigned settled_words;  // to the centre of many
  unsigned settled_pairs;
  unsigned many_words;  // so many that fewer pairs will do: what copies share is spread, what a footer has is not
  unsigned few_pairs;
};
// A few words are shared by chance more often, and one slot says less of them: empty bins repeat others. Below ten a
// courtesy is most of a text, so nearly all of it must be equal.
constexpr std::array<Bounds, 4> kBounds{{{40, 32, 10, 34, 12, 40, 6},
                                         {16, 36, 12, 34, 12, 42, 8},
                                         {10, 50, 24, 44, 18, 50, 24},
                                         {0, 64, 38, 64, 38, 64, 38}}};
constexpr uint64_t kSettled = 12;  // members from which on a centre hardly moves any more

}  // namespace

Likeness likeness(const Sketch& a, const Sketch& b) {
  return {equal_slots(a.words, b.words), equal_slots(a.pairs, b.pairs)};
}

bool is_copy(const Likeness& likeness, uint32_t fewer_words, uint64_t members) {
  const Bounds* least = kBounds.data();
  while (fewer_words < least->from) ++least;
  const bool settled = members >= kSettled;
  if (likeness.words >= least->many_words && likeness.pairs >= least->few_pairs) return true;
  return likeness.words >= (settled ? least->settled_words : least->words) &&
         likeness.pairs >= (settled ? least->settled_pairs : least->pairs);
}

double similarity(const Likeness& likeness) {
  return static_cast<double>(likeness.words) / Sketch::kSlots;
}

}  // namespace postern::bulk
