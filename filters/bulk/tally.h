// Tally: which clusters share most bands with a message.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "filters/bulk/postings.h"

namespace postern::bulk {

/// On the stack; of bounded size: what comes after the first kMost different ones is left out.
class Tally {
 public:
  static constexpr size_t kBest = 8;

  void add(Ref cluster, uint32_t weight) {
    // The bits of a Ref are a place's: neighbours are as likely as others. A multiplication spreads them.
    size_t at = cluster * 0x9e3779b1U >> (32 - kBits);
    while (entries_[at].cluster != cluster) {
      if (entries_[at].cluster == 0) {
        if (size_ == kMost) return;
        used_[size_++] = static_cast<uint16_t>(at);
        entries_[at].cluster = cluster;
        break;
      }
      at = (at + 1) % kSize;
    }
    entries_[at].weight += weight;
  }

  /// The best first; 0 where there are no more.
  [[nodiscard]] std::array<Ref, kBest> best() const {
    std::array<Entry, kBest> best{};
    for (size_t at = 0; at < size_; ++at) {
      Entry each = entries_[used_[at]];
      if (each.weight <= best.back().weight) continue;
      size_t place = kBest - 1;
      for (; place > 0 && best[place - 1].weight < each.weight; --place) best[place] = best[place - 1];
      best[place] = each;
    }
    std::array<Ref, kBest> clusters{};
    std::transform(best.begin(), best.end(), clusters.begin(), [](const Entry& each) { return each.cluster; });
    return clusters;
  }

 private:
  struct Entry {
    Ref cluster = 0;
    uint32_t weight = 0;
  };
  static constexpr unsigned kBits = 10;
  static constexpr size_t kSize = size_t{1} << kBits;
  static constexpr size_t kMost = kSize / 2;
  std::array<Entry, kSize> entries_{};
  std::array<uint16_t, kMost> used_{};
  size_t size_ = 0;
};

}  // namespace postern::bulk
