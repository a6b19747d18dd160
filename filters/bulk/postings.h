// Postings: from the bands of a fingerprint to the clusters that last had them. And what a fingerprint's bands are.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "filters/bulk/fingerprint.h"
#include "filters/bulk/slab.h"

namespace postern::bulk {

/// A cluster's shard and place, see Index::Impl. 1 to kMaxRef.
using Ref = uint32_t;
constexpr Ref kMaxRef = (1U << 24U) - 1;

/// Hashes of bands: two rows (slots) each. Of the words all slots are used: two copies with 30 % of their words
/// replaced, which have a third of their slots in common, share 6 of 64, and none once in a thousand times. Of the
/// pairs half of them: what they find is seldom chance.
struct Bands {
  static constexpr size_t kWords = 64;
  static constexpr size_t kPairs = 32;
  static constexpr size_t kText = kWords + kPairs;

  std::array<uint64_t, kText> at{};
  size_t size = 0;
};
[[nodiscard]] uint64_t text_band(const Sketch& sketch, size_t band);
[[nodiscard]] Bands text_bands(const Sketch& sketch);
/// Of a file or a set of links: one.
[[nodiscard]] Bands exact_band(Aspect aspect, uint64_t key);
/// Of a picture: 4 of 16 bits. To look up also those with one bit flipped: of 6 bits that differ at most one falls into
/// some of the four.
[[nodiscard]] Bands picture_bands(uint64_t picture);
[[nodiscard]] Bands picture_look_ups(uint64_t picture);

/// A table of fixed size: buckets of one cache line, the last entered first, the oldest pushed out. Who reads locks
/// nothing and may miss an entry that just moves or see it twice: what it leads to is compared anyway. Any thread.
class Postings {
 public:
  static constexpr size_t kBucket = 15;
  using Found = std::array<Ref, kBucket>;

  /// Of at most that size.
  explicit Postings(uint64_t bytes);

  void prefetch(uint64_t band) const;
  /// How many there are; each once but for races.
  [[nodiscard]] size_t find(uint64_t band, Found& found) const;
  void enter(uint64_t band, Ref cluster);
  /// Where `from` is, `to` shall be.
  void replace(uint64_t band, Ref from, Ref to);
  /// Nobody else uses it.
  void clear();
  /// Gives the memory back when no cluster is left; of one that is begun meanwhile entries may be lost.
  void release();

  /// Memory that was touched: all of it from the first message on, whose bands lie anywhere.
  [[nodiscard]] uint64_t bytes_used() const { return used_.load(std::memory_order_relaxed) ? buckets_.bytes() : 0; }

 private:
  // An entry: 8 bits of the band's hash, then the Ref; 0: empty. Plain so that they need not be touched to begin with;
  // read and written through atomic_ref.
  struct alignas(64) Bucket {
    std::array<uint32_t, kBucket> entries;
    uint32_t busy;  // somebody enters one
  };
  class Busy;
  [[nodiscard]] Bucket& bucket(uint64_t band) const;

  mutable Slab<Bucket> buckets_;
  std::atomic<bool> used_{false};
};

}  // namespace postern::bulk
