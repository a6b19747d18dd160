// The index as records of a snapshot: each one a cluster.
#include <bit>
#include <thread>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "filters/bulk/index_impl.h"
#include "filters/bulk/snapshot.h"

namespace postern::bulk {
namespace {

// Under the lock of a shard at once, so that a message waits for some 50 us.
constexpr size_t kBatch = 16;

constexpr uint8_t kAllowed = 1;
constexpr uint8_t kTold = 2;
constexpr uint8_t kCentre = 4;
constexpr uint8_t kVotes = 8;
constexpr uint8_t kFlags = 15;
// Of a sample its age stands where its hash has none.
constexpr uint32_t kAge = kSlices - 1;

void pack(Packer& out, const Passed& passed) {
  out.text(passed.id);
  out.text(passed.queue);
  out.text(passed.from);
  out.u32(passed.recipients);
  out.i64(passed.wall_ms);
}

void pack(Packer& out, const ClusterImage::Set& set) {
  out.u8(set.level);
  out.u8(static_cast<uint8_t>(set.samples.size()));
  for (const ClusterImage::Seen& seen : set.samples) out.u32((seen.hash & ~kAge) | seen.age);
}

/// Slices with messages only: most clusters have one.
void pack_counts(Packer& out, const ClusterImage& cluster) {
  uint16_t used = 0;
  for (unsigned age = 0; age < kSlices; ++age) {
    if (cluster.all[age] != 0) used = static_cast<uint16_t>(used | 1U << age);
  }
  out.u16(used);
  for (unsigned age = 0; age < kSlices; ++age) {
    if (cluster.all[age] == 0) continue;
    out.u32(cluster.all[age]);
    out.u32(cluster.authenticated[age]);
  }
}

void pack(Packer& out, const ClusterImage& cluster) {
  bool votes = cluster.votes && cluster.rivals;
  out.u64(cluster.number);
  out.u8(static_cast<uint8_t>(cluster.aspect));
  out.u8(static_cast<uint8_t>(cluster.evidence));
  out.u8(static_cast<uint8_t>((cluster.allowed ? kAllowed : 0) | (cluster.told ? kTold : 0) |
                              (cluster.centre ? kCentre : 0) | (votes ? kVotes : 0)));
  out.u64(cluster.members);
  out.u64(cluster.let_through);
  out.i64(cluster.first_ms);
  out.i64(cluster.last_ms);
  out.i64(cluster.slice);
  out.i64(cluster.slice_ms);
  out.u64(cluster.key);
  out.u32(cluster.words);
  out.u32(std::bit_cast<uint32_t>(cluster.similarity));
  out.u8(static_cast<uint8_t>(cluster.sites.size()));
  for (uint32_t site : cluster.sites) out.u32(site);
  if (cluster.centre) {
    out.all(cluster.centre->words);
    out.all(cluster.centre->pairs);
  }
  if (votes) {
    for (const Sketch::Slots& slots : cluster.rivals->slots) out.all(slots);
    for (const Votes::Counts& counts : cluster.votes->centre) out.all(counts);
    for (const Votes::Counts& counts : cluster.votes->rival) out.all(counts);
  }
  pack_counts(out, cluster);
  for (const ClusterImage::Set& set : cluster.who) pack(out, set);
  out.text(cluster.subject);
  out.text(cluster.from);
  out.u8(static_cast<uint8_t>(cluster.passed.size()));
  for (const Passed& passed : cluster.passed) pack(out, passed);
}

Passed unpack_passed(Unpacker& in) {
  Passed passed;
  passed.id = in.text(kMaxId);
  passed.queue = in.text(kMaxQueue);
  passed.from = in.text(kMaxFrom);
  passed.recipients = in.u32();
  passed.wall_ms = in.i64();
  return passed;
}

void unpack(Unpacker& in, ClusterImage::Set& set) {
  set.level = in.u8();
  size_t size = in.u8();
  if (set.level > Distinct::kMaxLevel || size > Distinct::kMost) return in.refuse();
  set.samples.reserve(size);
  for (size_t at = 0; at < size; ++at) {
    uint32_t sample = in.u32();
    set.samples.push_back({sample & ~kAge, static_cast<uint8_t>(sample & kAge)});
  }
}

void unpack_counts(Unpacker& in, ClusterImage& cluster) {
  uint16_t used = in.u16();
  for (unsigned age = 0; age < kSlices; ++age) {
    if ((used >> age & 1U) == 0) continue;
    cluster.all[age] = in.u32();
    cluster.authenticated[age] = in.u32();
    if (cluster.all[age] == 0 || cluster.authenticated[age] > cluster.all[age]) in.refuse();
  }
}

void unpack_kinds(Unpacker& in, ClusterImage& cluster) {
  uint8_t aspect = in.u8();
  uint8_t evidence = in.u8();
  uint8_t flags = in.u8();
  if (aspect > static_cast<uint8_t>(Aspect::Urls) || evidence > static_cast<uint8_t>(Evidence::Calendar) ||
      flags > kFlags) {
    in.refuse();
    return;
  }
  cluster.aspect = static_cast<Aspect>(aspect);
  cluster.evidence = static_cast<Evidence>(evidence);
  cluster.allowed = (flags & kAllowed) != 0;
  cluster.told = (flags & kTold) != 0;
  if ((flags & kCentre) != 0) cluster.centre.emplace();
  if ((flags & kVotes) == 0) return;
  cluster.rivals.emplace();
  cluster.votes.emplace();
}

void unpack_text(Unpacker& in, ClusterImage& cluster) {
  size_t sites = in.u8();
  if (sites > Fingerprint::kMaxSites) return in.refuse();
  for (size_t at = 0; at < sites; ++at) cluster.sites.push_back(in.u32());
  if (cluster.centre) {
    in.all(cluster.centre->words);
    in.all(cluster.centre->pairs);
  }
  if (!cluster.rivals || !cluster.votes) return;
  for (Sketch::Slots& slots : cluster.rivals->slots) in.all(slots);
  for (Votes::Counts& counts : cluster.votes->centre) in.all(counts);
  for (Votes::Counts& counts : cluster.votes->rival) in.all(counts);
}

/// False: the record is none, or says what cannot be. Whether its parts fit together is asked of Impl::put().
bool unpack(std::string_view record, ClusterImage& cluster) {
  Unpacker in(record);
  cluster.number = in.u64();
  unpack_kinds(in, cluster);
  cluster.members = in.u64();
  cluster.let_through = in.u64();
  cluster.first_ms = in.i64();
  cluster.last_ms = in.i64();
  cluster.slice = in.i64();
  cluster.slice_ms = in.i64();
  cluster.key = in.u64();
  cluster.words = in.u32();
  cluster.similarity = std::bit_cast<float>(in.u32());
  // Not the other way round: it may be no number.
  if (!(cluster.similarity >= 0 && cluster.similarity <= 1)) in.refuse();
  unpack_text(in, cluster);
  unpack_counts(in, cluster);
  for (ClusterImage::Set& set : cluster.who) unpack(in, set);
  cluster.subject = in.text(kMaxSubject);
  cluster.from = in.text(kMaxFrom);
  size_t passed = in.u8();
  if (passed > Index::kMaxPassed) in.refuse();
  for (size_t at = 0; at < passed && in.ok(); ++at) cluster.passed.push_back(unpack_passed(in));
  return in.ok() && in.at_end();
}

}  // namespace

Result<void> Index::save(std::string_view position, const std::function<Result<void>(std::string_view)>& write) const {
  SnapshotWriter writer(write);
  if (auto begun = writer.begin(position); !begun) return begun;
  std::vector<ClusterImage> clusters;
  Packer record;
  for (size_t shard = 0; shard < impl_->shard_count(); ++shard) {
    size_t from = 0;
    do {
      clusters.clear();
      from = impl_->copy(shard, from, kBatch, clusters);
      for (const ClusterImage& cluster : clusters) {
        record.clear();
        pack(record, cluster);
        if (auto written = writer.record(record.packed()); !written) return written;
      }
      // Here rather than where the system takes the processor away from us: then it may be under the lock.
      std::this_thread::yield();
    } while (from != 0);
  }
  return writer.end();
}

Result<std::string> Index::load(std::string_view octets, int64_t wall_ms, Loaded* loaded) {
  auto snapshot = SnapshotReader::open(octets);
  if (!snapshot) return tl::unexpected<Error>(snapshot.error());
  auto wrong = [&](uint64_t place, std::string_view what) {
    impl_->clear();
    return fail(Code::BadInput, fmt::format("cluster {} of {} {}", place, snapshot->size(), what));
  };
  // A shard's lock is let go between batches of save(): a cluster that moved meanwhile may be there twice.
  std::unordered_set<uint64_t> numbers;
  std::vector<std::pair<uint64_t, std::string_view>> singles;
  uint64_t place = 0;
  uint64_t live = 0;
  auto put = [&](const ClusterImage& cluster) {
    Impl::Put done = impl_->put(cluster, wall_ms);
    if (done == Impl::Put::Live) ++live;
    return done != Impl::Put::Wrong;
  };
  for (std::string_view record; snapshot->next(record);) {
    ++place;
    ClusterImage cluster;
    if (!unpack(record, cluster)) return wrong(place, "cannot be read");
    if (!numbers.insert(cluster.number).second) continue;
    // Last, so that they go without when there is less memory than there was.
    if (cluster.members < 2 && !cluster.allowed) {
      singles.emplace_back(place, record);
    } else if (!put(cluster)) {
      return wrong(place, "contradicts itself");
    }
  }
  for (const auto& [at, record] : singles) {
    ClusterImage cluster;
    if (!unpack(record, cluster) || !put(cluster)) return wrong(at, "contradicts itself");
  }
  if (loaded != nullptr) {
    Stats now = stats();
    *loaded = {now.clusters + now.single, live};
  }
  return std::string(snapshot->position());
}

}  // namespace postern::bulk
