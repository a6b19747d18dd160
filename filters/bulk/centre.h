// Centre: what most members of a cluster of texts have in each slot.
//
// Copies of a campaign differ from each other twice as much as from what they were made of. In each slot that
// original's value is the most frequent one, so a centre by votes draws nearer to it with each copy. Two candidates a
// slot are enough: the centre's own and a rival, which gives way when it is not met again.
#pragma once

#include <cstdint>

#include "filters/bulk/cluster.h"

namespace postern::bulk {

/// One vote is what the centre of a single message has.
[[nodiscard]] Votes first_votes();

/// Bands (of text_band) in which a slot of the centre has changed.
struct Changed {
  uint64_t words = 0;
  uint64_t pairs = 0;
};
/// A message votes.
Changed vote(Sketch& centre, Rivals& rivals, Votes& votes, const Sketch& message);
/// Another centre's votes are added.
Changed add_votes(Sketch& centre, Rivals& rivals, Votes& votes, const Sketch& other, const Rivals& other_rivals,
                  const Votes& other_votes);

}  // namespace postern::bulk
