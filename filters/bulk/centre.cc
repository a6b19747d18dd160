#include "filters/bulk/centre.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "filters/bulk/postings.h"

namespace postern::bulk {
namespace {

/// One slot: the centre's value and the rival's.
struct Slot {
  uint16_t& centre;
  uint16_t& rival;
  uint8_t& votes;
  uint8_t& rivals_votes;
};

constexpr unsigned kMostVotes = std::numeric_limits<uint8_t>::max();

/// True when the centre has changed. Both are halved when one is full, so that a campaign that changes is followed.
bool vote_in(const Slot& slot, uint16_t value) {
  if (value == slot.centre) {
    if (slot.votes == kMostVotes) {
      slot.votes /= 2;
      slot.rivals_votes /= 2;
    }
    ++slot.votes;
    return false;
  }
  if (slot.rivals_votes == 0) {
    slot.rival = value;
    slot.rivals_votes = 1;
    return false;
  }
  if (value != slot.rival) {
    --slot.rivals_votes;
    return false;
  }
  // The rival never has more votes than the centre, so there is room.
  if (slot.rivals_votes == kMostVotes) return false;
  ++slot.rivals_votes;
  if (slot.rivals_votes <= slot.votes) return false;
  std::swap(slot.centre, slot.rival);
  std::swap(slot.votes, slot.rivals_votes);
  return true;
}

struct Candidate {
  uint16_t value;
  unsigned votes;
};

/// Of the four candidates the two with most votes.
bool add_in(const Slot& slot, uint16_t centre, uint16_t rival, uint8_t votes, uint8_t rivals_votes) {
  std::array<Candidate, 4> all{{{slot.centre, slot.votes}, {slot.rival, slot.rivals_votes}, {}, {}}};
  size_t size = 2;
  for (Candidate other : {Candidate{centre, votes}, Candidate{rival, rivals_votes}}) {
    auto end = all.begin() + static_cast<std::ptrdiff_t>(size);
    auto same = std::find_if(all.begin(), end, [&](const Candidate& each) { return each.value == other.value; });
    if (same != end) {
      same->votes += other.votes;
    } else {
      all[size++] = other;
    }
  }
  for (size_t place = 0; place < 2; ++place) {
    for (size_t at = place + 1; at < size; ++at) {
      if (all[at].votes > all[place].votes) std::swap(all[at], all[place]);
    }
  }
  bool changed = all[0].value != slot.centre;
  unsigned shrink = all[0].votes > kMostVotes ? 2 : 1;
  slot.centre = all[0].value;
  slot.rival = all[1].value;
  slot.votes = static_cast<uint8_t>(std::min(all[0].votes / shrink, kMostVotes));
  slot.rivals_votes = static_cast<uint8_t>(std::min(all[1].votes / shrink, kMostVotes));
  return changed;
}

/// `each`(slot, half, place) for all slots; what changed, by band.
template <typename F>
Changed for_all(Sketch& centre, Rivals& rivals, Votes& votes, const F& each) {
  Changed changed;
  for (size_t at = 0; at < Sketch::kSlots; ++at) {
    Slot slot{centre.words[at], rivals.slots[0][at], votes.centre[0][at], votes.rival[0][at]};
    changed.words |= uint64_t{each(slot, 0, at)} << at % Bands::kWords;
  }
  for (size_t at = 0; at < Sketch::kSlots; ++at) {
    Slot slot{centre.pairs[at], rivals.slots[1][at], votes.centre[1][at], votes.rival[1][at]};
    bool moved = each(slot, 1, at);
    // The other half of the slots is in no band.
    if (at < 2 * Bands::kPairs) changed.pairs |= uint64_t{moved} << at % Bands::kPairs;
  }
  return changed;
}

}  // namespace

Votes first_votes() {
  Votes votes;
  for (Votes::Counts& half : votes.centre) half.fill(1);
  return votes;
}

Changed vote(Sketch& centre, Rivals& rivals, Votes& votes, const Sketch& message) {
  return for_all(centre, rivals, votes, [&](const Slot& slot, size_t half, size_t at) {
    return vote_in(slot, (half == 0 ? message.words : message.pairs)[at]);
  });
}

Changed add_votes(Sketch& centre, Rivals& rivals, Votes& votes, const Sketch& other, const Rivals& other_rivals,
                  const Votes& other_votes) {
  return for_all(centre, rivals, votes, [&](const Slot& slot, size_t half, size_t at) {
    return add_in(slot, (half == 0 ? other.words : other.pairs)[at], other_rivals.slots[half][at],
                  other_votes.centre[half][at], other_votes.rival[half][at]);
  });
}

}  // namespace postern::bulk
