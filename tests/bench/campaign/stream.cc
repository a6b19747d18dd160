#include "tests/bench/campaign/stream.h"

#include <algorithm>
#include <array>
#include <deque>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "filters/bulk/index.h"
#include "tests/bench/campaign/cpu.h"
#include "tests/bench/campaign/mutate.h"

namespace postern::campaign {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kBeginMs = 1'772'000'000'000;
constexpr size_t kCampaigns = 1000;  // at a time
constexpr size_t kTopics = 200;      // of which different messages share words
constexpr size_t kBatch = 2000;

uint64_t resident() {
  std::ifstream file("/proc/self/statm");
  uint64_t size = 0;
  uint64_t pages = 0;
  file >> size >> pages;
  return pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

double mib(uint64_t octets) {
  return static_cast<double>(octets) / (1U << 20U);
}

void draw(bulk::Sketch::Slots& slots, Random& random) {
  for (size_t at = 0; at < slots.size(); at += 4) {
    const uint64_t bits = random();
    for (size_t lane = 0; lane < 4; ++lane) slots[at + lane] = static_cast<uint16_t>(bits >> (16 * lane));
  }
}

// Keeps about `kept` of 256 slots of `from`.
void mix(bulk::Sketch::Slots& slots, const bulk::Sketch::Slots& from, unsigned kept, Random& random) {
  for (size_t at = 0; at < slots.size(); at += 8) {
    const uint64_t bits = random();
    for (size_t lane = 0; lane < 8; ++lane) {
      if (((bits >> (8 * lane)) & 0xffU) < kept) slots[at + lane] = from[at + lane];
    }
  }
}

struct Drawn {
  bulk::Sketch sketch;
  uint64_t number = 0;
};

// Draws messages: three in ten of campaigns, two in ten with words of a topic, the others like nothing else.
class Source {
 public:
  explicit Source(const StreamOptions& options) : options_(options) {
    campaigns_.resize(kCampaigns);
    for (Drawn& campaign : campaigns_) renew(campaign);
    topics_.resize(kTopics);
    for (Drawn& topic : topics_) renew(topic);
    probe_ = campaigns_.front();
  }

  bulk::Sighting next() {
    const uint64_t at = drawn_++;
    bulk::Sighting sighting = blank();
    bulk::Sketch& sketch = *sighting.print.text;
    const uint64_t kind = random_() % 10;
    if (kind < 3) {
      // Campaigns come and go: each lasts about a tenth of a day.
      if (random_() % 2000 == 0) renew(campaigns_[1 + random_() % (kCampaigns - 1)]);
      copy(sketch, campaigns_[random_() % kCampaigns]);
    } else if (kind < 5) {
      mix(sketch.words, topics_[random_() % kTopics].sketch.words, 50, random_);
    }
    sighting.id = fmt::format("{:x}", at);
    return sighting;
  }
  /// A copy of the campaign that runs until stop_probe().
  bulk::Sighting probe() {
    bulk::Sighting sighting = blank();
    copy(*sighting.print.text, probe_);
    sighting.id = fmt::format("p{:x}", random_());
    return sighting;
  }
  void stop_probe() { renew(campaigns_.front()); }
  [[nodiscard]] int64_t now() const {
    const double share = static_cast<double>(drawn_) / static_cast<double>(options_.messages);
    return kBeginMs + static_cast<int64_t>(share * static_cast<double>(options_.days) * kDayMs);
  }

 private:
  void renew(Drawn& drawn) {
    draw(drawn.sketch.words, random_);
    draw(drawn.sketch.pairs, random_);
  }
  // As of a message with 20 % of the words replaced.
  void copy(bulk::Sketch& sketch, const Drawn& of) {
    mix(sketch.words, of.sketch.words, 171, random_);
    mix(sketch.pairs, of.sketch.pairs, 120, random_);
  }
  bulk::Sighting blank() {
    bulk::Sighting sighting;
    sighting.print.evidence = bulk::Evidence::Enough;
    sighting.print.words = 100;
    sighting.print.text.emplace();
    draw(sighting.print.text->words, random_);
    draw(sighting.print.text->pairs, random_);
    sighting.network = static_cast<uint32_t>(random_());
    sighting.sender = static_cast<uint32_t>(random_());
    sighting.domain = static_cast<uint32_t>(random_() % 100'000);
    sighting.recipients = {static_cast<uint32_t>(random_())};
    sighting.wall_ms = now();
    return sighting;
  }

  StreamOptions options_;
  Random random_{5};
  uint64_t drawn_ = 0;
  std::vector<Drawn> campaigns_;
  std::vector<Drawn> topics_;
  Drawn probe_;
};

struct Point {
  uint64_t messages = 0;
  double micros = 0;
};

}  // namespace

void print_stream(const StreamOptions& options) {
  Source source(options);
  const uint64_t before = resident();
  bulk::Index::Options index_options;
  index_options.memory = options.memory;
  bulk::Index index(index_options);
  fmt::print("\n## {} messages in {} days, window 1 day, memory {:.0f} MiB\n\n", options.messages, options.days,
             mib(options.memory));
  fmt::print(
      "| messages | CPU us a message | RSS of it, MiB | stats().bytes, MiB | clusters | single |\n"
      "| --- | --- | --- | --- | --- | --- |\n");
  std::deque<double> recent;  // us of the last batches
  std::vector<Point> points;
  uint64_t next_point = 10'000;
  uint64_t day_one = 0;
  std::vector<bulk::Sighting> batch(kBatch);
  const uint64_t first_day = options.messages / options.days;
  for (uint64_t done = 0; done < options.messages; done += kBatch) {
    for (bulk::Sighting& sighting : batch) sighting = source.next();
    const double begin = cpu_micros();
    for (const bulk::Sighting& sighting : batch) static_cast<void>(index.see(sighting));
    recent.push_back((cpu_micros() - begin) / static_cast<double>(kBatch));
    // Of the last ten batches, or of the last half of what there was.
    while (recent.size() > std::clamp<uint64_t>((done / kBatch + 1) / 2, 1, 10)) recent.pop_front();
    if (done + kBatch >= next_point || done + kBatch >= options.messages) {
      std::vector<double> sorted(recent.begin(), recent.end());
      std::sort(sorted.begin(), sorted.end());
      points.push_back({done + kBatch, sorted[sorted.size() / 2]});
      const bulk::Index::Stats stats = index.stats();
      const uint64_t now = resident();
      fmt::print("| {} | {:.1f} | {:.0f} | {:.0f} | {} | {} |\n", done + kBatch, points.back().micros,
                 mib(now > before ? now - before : 0), mib(stats.bytes), stats.clusters, stats.single);
      next_point *= 10;
    }
    if (day_one == 0 && done + kBatch >= first_day) {
      day_one = index.see(source.probe()).outcome.count;
      source.stop_probe();
    }
  }
  if (points.size() < 2) return;
  fmt::print("\nlast to first: {:.2f}\n", points.back().micros / points.front().micros);
  fmt::print("a campaign of the first day: {} messages then (about {:.0f} were sent), {} when one more comes now\n",
             day_one, 0.3 * static_cast<double>(first_day) / kCampaigns, index.see(source.probe()).outcome.count);
}

}  // namespace postern::campaign
