// What one message costs in the bulk index: alone in an empty one, among many clusters, in a full one.
#include <random>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "filters/bulk/index.h"
#include "filters/bulk/likeness.h"

namespace {

using postern::bulk::Fingerprint;
using postern::bulk::Index;
using postern::bulk::Sighting;
using postern::bulk::Sketch;

constexpr int64_t kNoon = 1'760'011'200'000;

class Messages {
 public:
  /// Alike with no other.
  Sighting random() {
    Sighting sighting;
    sighting.id = fmt::format("{:026}", ++number_);
    sighting.print.evidence = postern::bulk::Evidence::Enough;
    sighting.print.text = sketch();
    sighting.print.words = 100;
    sighting.network = static_cast<uint32_t>(random_());
    sighting.sender = static_cast<uint32_t>(random_());
    sighting.domain = static_cast<uint32_t>(random_());
    sighting.recipients = {static_cast<uint32_t>(random_())};
    sighting.wall_ms = kNoon + static_cast<int64_t>(number_);
    return sighting;
  }
  /// With four fifths of the slots of a campaign's.
  Sighting copy(const Sketch& campaign) {
    Sighting sighting = random();
    for (size_t slot = 0; slot < Sketch::kSlots; ++slot) {
      if (random_() % 5 != 0) sighting.print.text->words[slot] = campaign.words[slot];
      if (random_() % 5 > 1) sighting.print.text->pairs[slot] = campaign.pairs[slot];
    }
    return sighting;
  }
  Sketch sketch() {
    Sketch sketch;
    for (uint16_t& slot : sketch.words) slot = static_cast<uint16_t>(random_());
    for (uint16_t& slot : sketch.pairs) slot = static_cast<uint16_t>(random_());
    return sketch;
  }

 private:
  std::mt19937_64 random_{1};
  uint64_t number_ = 0;
};

/// `filled` messages have been seen: more than there is room for, and the index is full. Every `member`-th is of one of
/// a hundred campaigns, the others are alike with none.
void see(benchmark::State& state, int64_t filled, int member) {
  Index index({});
  Messages messages;
  std::vector<Sketch> campaigns;
  campaigns.reserve(100);
  for (int at = 0; at < 100; ++at) campaigns.push_back(messages.sketch());
  for (int64_t at = 0; at < filled; ++at) benchmark::DoNotOptimize(index.see(messages.random()));
  std::vector<Sighting> next;
  constexpr size_t kAhead = 4096;
  size_t at = kAhead;
  for (auto _ : state) {
    if (at == kAhead) {
      state.PauseTiming();
      next.clear();
      next.reserve(kAhead);
      for (int each = 0; each < static_cast<int>(kAhead); ++each) {
        bool of_campaign = member != 0 && each % member == 0;
        next.push_back(of_campaign ? messages.copy(campaigns[static_cast<size_t>(each / member) % 100])
                                   : messages.random());
      }
      at = 0;
      state.ResumeTiming();
    }
    benchmark::DoNotOptimize(index.see(next[at++]));
  }
  Index::Stats stats = index.stats();
  state.counters["clusters"] = static_cast<double>(stats.clusters);
  state.counters["single"] = static_cast<double>(stats.single);
  state.counters["MiB"] = static_cast<double>(stats.bytes) / (1U << 20U);
}

void see_singles(benchmark::State& state) {
  see(state, state.range(0), 0);
}
BENCHMARK(see_singles)->Arg(0)->Arg(1'000)->Arg(10'000)->Arg(100'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

void see_campaigns(benchmark::State& state) {
  see(state, state.range(0), 1);
}
BENCHMARK(see_campaigns)->Arg(0)->Arg(1'000)->Arg(10'000)->Arg(100'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

void compare(benchmark::State& state) {
  Messages messages;
  Sketch one = messages.sketch();
  Sketch two = messages.sketch();
  for (auto _ : state) {
    benchmark::DoNotOptimize(one);
    benchmark::DoNotOptimize(postern::bulk::likeness(one, two));
  }
}
BENCHMARK(compare);

}  // namespace
