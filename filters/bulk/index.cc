#include "filters/bulk/index.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <tuple>
#include <utility>

#include <xxhash.h>

#include "filters/bulk/index_impl.h"
#include "filters/bulk/tally.h"

namespace postern::bulk {
namespace {

/// Of what a cluster takes in all tables; most have no more than a head, a sketch and their bands.
constexpr uint64_t kPostingBytes = Bands::kText * sizeof(uint32_t);
constexpr uint64_t kTenthsOfBodies = 13;
constexpr uint64_t kClusterBytes = Shard::kHeadBytes + kTenthsOfBodies * kBodySize / 10 + kPostingBytes;

/// No value of begun_: whoever begins a cluster has to look whether there is another one.
constexpr uint64_t kUnsure = ~uint64_t{0};

unsigned shards_of(const Index::Options& options) {
  return std::bit_ceil(std::clamp(options.shards, 1U, 256U));
}

uint64_t heads_of(const Index::Options& options) {
  uint64_t memory = std::max<uint64_t>(options.memory, 1U << 20U);
  uint64_t heads = (memory - memory / 32) / kClusterBytes / shards_of(options);
  return std::clamp<uint64_t>(heads, 2, kMaxRef / shards_of(options) - 1);
}

/// What a band says that `found` clusters have: the more there are, the less. A bucket full of one band is a common
/// phrase.
uint32_t weight_of(size_t found) {
  constexpr uint32_t kAlone = 48;
  return found >= Postings::kBucket ? 0 : static_cast<uint32_t>(kAlone / found);
}

/// Few words say little unless they lead to the same place.
bool sites_agree(const Head& head, const Sighting& sighting, uint32_t words) {
  const std::vector<uint32_t>& sites = sighting.print.sites;
  if (words >= kFewWords || (head.site_count == 0 && sites.empty())) return true;
  auto end = head.sites.begin() + head.site_count;
  return std::any_of(sites.begin(), sites.end(),
                     [&](uint32_t site) { return std::find(head.sites.begin(), end, site) != end; });
}

/// Calls `use` with each thing that the message can be alike in.
template <typename F>
void each_unit(const Sighting& sighting, const Moment& when, const F& use) {
  const Fingerprint& print = sighting.print;
  if (print.text) use(Unit{sighting, Aspect::Text, 0, when});
  size_t files = std::min(print.files.size(), Fingerprint::kMaxFiles);
  for (size_t at = 0; at < files; ++at) use(Unit{sighting, Aspect::File, print.files[at], when});
  size_t pictures = std::min(print.pictures.size(), Fingerprint::kMaxPictures);
  for (size_t at = 0; at < pictures; ++at) use(Unit{sighting, Aspect::Picture, print.pictures[at], when});
  if (print.urls) use(Unit{sighting, Aspect::Urls, *print.urls, when});
}

void add_once(Ticket& ticket, uint64_t number) {
  if (std::find(ticket.begin(), ticket.end(), number) == ticket.end()) ticket.push_back(number);
}

}  // namespace

Index::Index(const Options& options) : impl_(std::make_unique<Impl>(options, limit_)), limit_(options.limit) {}
Index::~Index() = default;
Seen Index::see(const Sighting& sighting) {
  return impl_->see(sighting);
}

Index::Impl::Impl(const Options& options, const std::atomic<uint64_t>& limit)
    : limit_(limit), time_(options.window), postings_(heads_of(options) * shards_of(options) * kPostingBytes) {
  uint64_t heads = heads_of(options);
  shards_.reserve(shards_of(options));
  for (unsigned at = 0; at < shards_of(options); ++at) {
    shards_.push_back(std::make_unique<Shard>(heads, std::max<uint64_t>(heads * kTenthsOfBodies / 10, 8), time_));
  }
}

Index::Impl::Locked::Locked(Shard& one, Shard& two) {
  Shard* low = std::min(&one, &two, std::less<>());
  Shard* high = std::max(&one, &two, std::less<>());
  first_ = std::unique_lock(low->mutex);
  if (low != high) second_ = std::unique_lock(high->mutex);
}

Seen Index::Impl::see(const Sighting& sighting) {
  Seen seen;
  seen.ticket.reserve(2);
  Moment when = time_.settle(sighting.wall_ms);
  each_unit(sighting, when, [&](const Unit& unit) {
    Placed placed = place(unit);
    if (placed.number == 0) return;
    bool first = seen.ticket.empty();
    add_once(seen.ticket, placed.number);
    if (!first && placed.outcome.count <= seen.outcome.count) return;
    seen.outcome = std::move(placed.outcome);
    seen.crossed = placed.crossed;
  });
  if (seen.ticket.empty()) seen.outcome = alone(sighting, when);
  seen.outcome.evidence = sighting.print.evidence;
  return seen;
}

Ticket Index::Impl::where(const Sighting& sighting) const {
  Ticket ticket;
  each_unit(sighting, time_.at(sighting.wall_ms), [&](const Unit& unit) {
    Match match = search(unit, 0).best;
    if (match.ref != 0) add_once(ticket, match.number);
  });
  return ticket;
}

Index::Impl::Match Index::Impl::compare(const Unit& unit, Ref ref) const {
  const Shard& in = shard(ref);
  std::lock_guard lock(in.mutex);
  const Head& head = in.head(place_of(ref));
  Match match{ref, head.number, 0, 0};
  if (head.number == 0 || head.aspect != unit.aspect || Shard::expired(head, unit.when.slice)) return {};
  switch (unit.aspect) {
    case Aspect::File:
    case Aspect::Urls:
      match.score = head.key == unit.key ? 1 : 0;
      match.similarity = 1;
      break;
    case Aspect::Picture: {
      int bits = std::popcount(head.key ^ unit.key);
      match.score = bits <= kPictureDistance ? static_cast<unsigned>(64 - bits) : 0;
      match.similarity = 1 - bits / 64.0;
      break;
    }
    case Aspect::Text: {
      Likeness near = likeness(in.body<Sketch>(head.centre), unit.text());
      uint32_t words = std::min(head.words, unit.sighting.print.words);
      bool copy = is_copy(near, words, head.members) && sites_agree(head, unit.sighting, words);
      match.score = copy ? near.words + near.pairs : 0;
      match.similarity = similarity(near);
      break;
    }
  }
  return match.score > 0 ? match : Match{};
}

Index::Impl::Alike Index::Impl::search(const Unit& unit, Ref but) const {
  Bands bands = unit.look_ups();
  for (size_t at = 0; at < bands.size; ++at) postings_.prefetch(bands.at[at]);
  Tally tally;
  Postings::Found found;
  for (size_t at = 0; at < bands.size; ++at) {
    size_t size = postings_.find(bands.at[at], found);
    if (size == 0) continue;
    // One exact band is all that a file has: then its crowd is all of it.
    uint32_t weight = unit.aspect == Aspect::Text ? weight_of(size) : 1;
    for (size_t each = 0; each < size && weight > 0; ++each) tally.add(found[each], weight);
  }
  std::array<Ref, Tally::kBest> best = tally.best();
  for (Ref ref : best) shard(ref).prefetch(place_of(ref));
  Alike alike;
  for (Ref ref : best) {
    if (ref == 0 || ref == but) continue;
    Match match = compare(unit, ref);
    if (match.score > alike.best.score) {
      alike.second = std::exchange(alike.best, match);
    } else if (match.score > alike.second.score) {
      alike.second = match;
    }
  }
  return alike;
}

Index::Impl::Placed Index::Impl::place(const Unit& unit) {
  uint64_t begun = begun_.load(std::memory_order_acquire);
  // A cluster that was found may be joined to another or forgotten before it is locked: looked for again.
  for (int tries = 0; tries < kTries; ++tries) {
    Alike alike = search(unit, 0);
    if (alike.best.ref == 0) break;
    if (auto placed = join_alike(unit, alike)) return *std::move(placed);
    begun = kUnsure;
  }
  return begin_cluster(unit, begun);
}

std::optional<Index::Impl::Placed> Index::Impl::join_alike(const Unit& unit, const Alike& alike) {
  Ref ref = alike.best.ref;
  Ref other = alike.second.ref != 0 ? alike.second.ref : ref;
  Entries entries;
  std::optional<Placed> result;
  {
    Locked locked(shard(ref), shard(other));
    Shard& in = shard(ref);
    if (in.head(place_of(ref)).number != alike.best.number) return std::nullopt;
    rebase(in, place_of(ref), unit.when, time_.now());
    if (other != ref && shard(other).head(place_of(other)).number == alike.second.number) {
      rebase(shard(other), place_of(other), unit.when, time_.now());
      if (same_campaign(in, in.head(place_of(ref)), shard(other), shard(other).head(place_of(other)))) {
        ref = merge(ref, other, entries);
      }
    }
    Shard& kept = shard(ref);
    kept.pin(place_of(ref), 0);
    // A count that fell and rises again is told again, but not each time that it passes the limit by one.
    Head& head = kept.head(place_of(ref));
    if (head.told && kept.count(head, unit.when.slice) < limit_.load(std::memory_order_relaxed) / 2) head.told = false;
    join(kept, place_of(ref), unit, alike.best.similarity, entries.fresh);
    result = placed(ref, unit, entries);
  }
  enter(entries);
  return result;
}

// Both shards are locked. The smaller number stays: gateways that join the same clusters, in whatever order, end with
// the same one. That of a message which was alone so far is nobody's name yet.
Ref Index::Impl::merge(Ref one, Ref two, Entries& entries) {
  auto order = [&](Ref ref) {
    const Head& head = shard(ref).head(place_of(ref));
    return std::tuple(!head.counted, head.number);
  };
  Ref kept = order(one) <= order(two) ? one : two;
  Ref gone = kept == one ? two : one;
  // Unless it has no room for one more that is allowed.
  if (shard(gone).head(place_of(gone)).allowed && !shard(kept).allow(shard(kept).head(place_of(kept)), true)) {
    std::swap(kept, gone);
  }
  bool together = &shard(kept) == &shard(gone);
  shard(kept).pin(place_of(kept), together ? place_of(gone) : 0);
  if (!together) shard(gone).pin(place_of(gone), 0);
  entries.gone = gone;
  entries.gone_bands = bands_of(shard(gone), shard(gone).head(place_of(gone)));
  absorb(shard(kept), place_of(kept), shard(gone), place_of(gone));
  uint64_t number = shard(gone).head(place_of(gone)).number;
  shard(gone).forward(number, shard(kept).head(place_of(kept)).number);
  shard(gone).unpin();
  shard(gone).drop(place_of(gone));
  return kept;
}

// Its shard is locked.
Index::Impl::Placed Index::Impl::placed(Ref ref, const Unit& unit, Entries& entries) {
  Shard& in = shard(ref);
  Head& head = in.head(place_of(ref));
  Placed placed;
  entries.ref = ref;
  placed.number = head.number;
  placed.outcome = outcome_of(in, head, unit.when);
  uint64_t limit = limit_.load(std::memory_order_relaxed);
  bool over = placed.outcome.count >= limit;
  placed.crossed = over && !head.told;
  head.told = head.told || over;
  in.count_over(head, over);
  in.unpin();
  if (Shard::Place swept = in.sweep(limit); swept != 0) {
    entries.swept = ref_of(ref & (shards_.size() - 1), swept);
    refresh(in, swept, Fresh::kMost, entries.swept_fresh);
  }
  return placed;
}

void Index::Impl::enter(const Entries& entries) {
  for (size_t at = 0; at < entries.gone_bands.size; ++at) {
    postings_.replace(entries.gone_bands.at[at], entries.gone, entries.ref);
  }
  for (size_t at = 0; at < entries.fresh.size; ++at) postings_.prefetch(entries.fresh.bands[at]);
  for (size_t at = 0; at < entries.fresh.size; ++at) postings_.enter(entries.fresh.bands[at], entries.ref);
  for (size_t at = 0; at < entries.swept_fresh.size; ++at) {
    postings_.enter(entries.swept_fresh.bands[at], entries.swept);
  }
}

Index::Impl::Placed Index::Impl::begin_cluster(const Unit& unit, uint64_t begun_before) {
  // Gateways that see the same messages in one order give the same numbers.
  const std::string& id = unit.sighting.id;
  uint64_t number = XXH3_64bits_withSeed(id.data(), id.size(), unit.key + static_cast<uint64_t>(unit.aspect));
  Entries entries;
  Placed result;
  Ref own = 0;
  for (int tries = 0; own == 0 && tries < kTries; ++tries, number = number * 0x9e3779b97f4a7c15ULL + 1) {
    if (number == 0) continue;
    Shard& in = *shards_[shard_of(number)];
    std::lock_guard lock(in.mutex);
    if (in.find(number) != 0) continue;
    Shard::Place place = in.make(number);
    if (place == 0) return result;
    in.pin(place, 0);
    if (!begin(in, place, unit)) {
      in.unpin();
      in.drop(place);
      return result;
    }
    own = ref_of(shard_of(number), place);
    result = placed(own, unit, entries);
  }
  if (own == 0) return result;
  enter(entries);
  Bands bands = unit.bands();
  for (size_t at = 0; at < bands.size; ++at) postings_.enter(bands.at[at], own);
  // Who began one meanwhile could not find this one, nor this that one; who comes later here finds it.
  if (begun_.fetch_add(1, std::memory_order_acq_rel) == begun_before) return result;
  return join_twin(unit, own, std::move(result));
}

Index::Impl::Placed Index::Impl::join_twin(const Unit& unit, Ref own, Placed result) {
  for (int tries = 0; tries < kTries; ++tries) {
    Match twin = search(unit, own).best;
    if (twin.ref == 0) return result;
    Entries entries;
    {
      Locked locked(shard(own), shard(twin.ref));
      // Somebody else was faster and joined this one.
      if (shard(own).head(place_of(own)).number != result.number) return result;
      if (shard(twin.ref).head(place_of(twin.ref)).number != twin.number) continue;
      rebase(shard(twin.ref), place_of(twin.ref), unit.when, time_.now());
      Ref kept = merge(own, twin.ref, entries);
      shard(kept).head(place_of(kept)).similarity = static_cast<float>(twin.similarity);
      result = placed(kept, unit, entries);
    }
    enter(entries);
    return result;
  }
  return result;
}

}  // namespace postern::bulk
