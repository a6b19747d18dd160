#include "filters/bulk/postings.h"

#include <algorithm>

namespace postern::bulk {
namespace {

using Entry = std::atomic_ref<uint32_t>;

/// All bits depend on all (the finalizer of MurmurHash3).
uint64_t mixed(uint64_t value) {
  value ^= value >> 33U;
  value *= 0xff51afd7ed558ccdULL;
  value ^= value >> 33U;
  value *= 0xc4ceb9fe1a85ec53ULL;
  return value ^ value >> 33U;
}

/// The same rows of another kind or place are another band.
uint64_t band_hash(unsigned kind, size_t place, uint64_t rows) {
  return mixed(rows + mixed(uint64_t{kind} << 32U | place));
}

constexpr unsigned kWordKind = 0;
constexpr unsigned kPairKind = 1;
constexpr unsigned kPictureKind = 2;
constexpr unsigned kExactKind = 3;  // and the aspect

uint32_t entry_of(uint64_t band, Ref cluster) {
  return static_cast<uint32_t>(band & 0xffU) << 24U | cluster;
}

uint32_t get(const uint32_t& entry) {
  return Entry(const_cast<uint32_t&>(entry)).load(std::memory_order_relaxed);
}
void put(uint32_t& entry, uint32_t value) {
  Entry(entry).store(value, std::memory_order_relaxed);
}

uint64_t picture_band(size_t place, uint64_t bits) {
  return band_hash(kPictureKind, place, bits);
}
uint64_t picture_row(uint64_t picture, size_t place) {
  return picture >> (16 * place) & 0xffffU;
}

}  // namespace

uint64_t text_band(const Sketch& sketch, size_t band) {
  bool words = band < Bands::kWords;
  size_t place = words ? band : band - Bands::kWords;
  const Sketch::Slots& slots = words ? sketch.words : sketch.pairs;
  size_t step = words ? Bands::kWords : Bands::kPairs;
  uint64_t rows = uint64_t{slots[place]} << 16U | slots[place + step];
  return band_hash(words ? kWordKind : kPairKind, place, rows);
}

Bands text_bands(const Sketch& sketch) {
  Bands bands;
  for (; bands.size < Bands::kText; ++bands.size) bands.at[bands.size] = text_band(sketch, bands.size);
  return bands;
}

Bands exact_band(Aspect aspect, uint64_t key) {
  Bands bands;
  bands.at[0] = band_hash(kExactKind + static_cast<unsigned>(aspect), 0, key);
  bands.size = 1;
  return bands;
}

Bands picture_bands(uint64_t picture) {
  Bands bands;
  for (; bands.size < 4; ++bands.size) {
    bands.at[bands.size] = picture_band(bands.size, picture_row(picture, bands.size));
  }
  return bands;
}

Bands picture_look_ups(uint64_t picture) {
  Bands bands = picture_bands(picture);
  for (size_t place = 0; place < 4; ++place) {
    for (unsigned bit = 0; bit < 16; ++bit) {
      bands.at[bands.size++] = picture_band(place, picture_row(picture, place) ^ uint64_t{1} << bit);
    }
  }
  return bands;
}

/// Two that enter copies of one text go through the same buckets side by side: without this they would push out each
/// other's entries from all of them. Nobody waits for one that was stopped meanwhile: an entry is lost then.
class Postings::Busy {
 public:
  explicit Busy(Bucket& bucket) : busy_(bucket.busy) {
    for (int spins = 0; spins < 200 && !mine_; ++spins) mine_ = busy_.exchange(1, std::memory_order_acquire) == 0;
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() {
    if (mine_) busy_.store(0, std::memory_order_release);
  }

 private:
  Entry busy_;
  bool mine_ = false;
};

Postings::Postings(uint64_t bytes) : buckets_(std::max<uint64_t>(1, bytes / sizeof(Bucket))) {}

Postings::Bucket& Postings::bucket(uint64_t band) const {
  // The upper half of the hash, to a number below size(): no division.
  return buckets_[(band >> 32U) * buckets_.size() >> 32U];
}

void Postings::prefetch(uint64_t band) const {
  __builtin_prefetch(&bucket(band));
}

size_t Postings::find(uint64_t band, Found& found) const {
  const Bucket& in = bucket(band);
  size_t count = 0;
  for (const uint32_t& entry : in.entries) {
    uint32_t value = get(entry);
    found[count] = value & kMaxRef;
    count += value != 0 && value >> 24U == (band & 0xffU) ? 1 : 0;
  }
  return count;
}

void Postings::enter(uint64_t band, Ref cluster) {
  Bucket& in = bucket(band);
  Busy busy(in);
  uint32_t entered = entry_of(band, cluster);
  size_t at = 0;
  uint32_t pushed = get(in.entries[0]);
  if (pushed == entered) return;
  if (pushed == 0 && !used_.load(std::memory_order_relaxed)) used_.store(true, std::memory_order_relaxed);
  put(in.entries[0], entered);
  while (pushed != 0 && pushed != entered && ++at < kBucket) {
    uint32_t next = get(in.entries[at]);
    put(in.entries[at], pushed);
    pushed = next;
  }
}

void Postings::replace(uint64_t band, Ref from, Ref to) {
  Bucket& in = bucket(band);
  Busy busy(in);
  uint32_t old = entry_of(band, from);
  uint32_t fresh = entry_of(band, to);
  bool there = std::any_of(in.entries.begin(), in.entries.end(), [&](uint32_t& each) { return get(each) == fresh; });
  for (uint32_t& each : in.entries) {
    // A bucket has no gaps: what follows an empty entry is not looked for when one is entered.
    if (get(each) == old && !there) put(each, fresh);
  }
}

void Postings::clear() {
  for (size_t at = 0; at < buckets_.size(); ++at) {
    if (buckets_[at].entries[0] != 0) buckets_[at] = Bucket{};
  }
  release();
}

void Postings::release() {
  used_.store(false, std::memory_order_relaxed);
  buckets_.release();
}

}  // namespace postern::bulk
