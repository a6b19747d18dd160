// Workers that see copies at the same time. Worth most under ThreadSanitizer.
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "filters/bulk/index.h"
#include "tests/unit/filters_bulk/made_texts.h"

namespace postern::bulk {
namespace {

using test::kNoon;
using test::message;
using test::Texts;
using test::Words;

void run(unsigned threads, const std::function<void(unsigned)>& work) {
  std::atomic<unsigned> ready{0};
  std::vector<std::thread> all;
  all.reserve(threads);
  for (unsigned which = 0; which < threads; ++which) {
    all.emplace_back([&, which] {
      ++ready;
      while (ready < threads) std::this_thread::yield();
      work(which);
    });
  }
  for (std::thread& each : all) each.join();
}

TEST(IndexThreads, NoCopyIsLost) {
  Texts texts(1);
  for (int round = 0; round < 30; ++round) {
    Index index({});
    Words text = texts.text(60);
    Sketch sketch = test::sketch_of(text);
    run(4, [&](unsigned which) {
      for (int copy = 0; copy < 10; ++copy) {
        Sighting sighting = message(fmt::format("{}.{}", which, copy), {});
        sighting.print.text = sketch;
        sighting.print.words = 60;
        static_cast<void>(index.see(sighting));
      }
    });
    Sighting last = message("last", text);
    ASSERT_EQ(index.see(last).outcome.count, 41U);
    ASSERT_EQ(index.stats().clusters, 1U);
    ASSERT_EQ(index.stats().single, 0U);
  }
}

/// What a worker does with one of its messages.
void work(Index& index, Texts& own, const std::vector<Words>& campaigns, unsigned which, int i) {
  Words words = i % 3 == 0 ? own.copy(campaigns[own.number() % campaigns.size()], 0.3) : own.text(8);
  Sighting sighting = message(fmt::format("{}.{}", which, i), words, kNoon + int64_t{i} * 1000);
  if (i % 7 == 0) sighting.print.files = {own.number() % 100 + 1};
  if (i % 11 == 0) sighting.print.pictures = {own.number()};
  Seen seen = index.see(sighting);
  for (uint64_t cluster : seen.ticket) {
    if (i % 2 == 0) index.take(Let{cluster, Passed{sighting.id, "q", "f", 1, kNoon}});
    if (i % 5 == 0) index.take(Withdrawn{cluster, kNoon});
    if (i % 50 == 0) static_cast<void>(index.take(Allowed{cluster, i % 100 == 0}));
  }
}

/// What the control thread does meanwhile.
void look(const Index& index) {
  for (const Report& report : index.list(kNoon, 1, 50)) static_cast<void>(index.find(report.cluster, kNoon));
  static_cast<void>(index.stats());
  ASSERT_TRUE(index.save("here", [](std::string_view) { return Result<void>(); }));
}

TEST(IndexThreads, EverythingAtOnce) {
  Index::Options options;
  options.memory = 1U << 20U;
  options.limit = 20;
  Index index(options);
  Texts texts(2);
  std::vector<Words> campaigns;
  campaigns.reserve(5);
  for (int i = 0; i < 5; ++i) campaigns.push_back(texts.text(60));
  std::atomic<bool> done{false};
  std::thread reader([&] {
    while (!done) look(index);
  });
  run(4, [&](unsigned which) {
    Texts own(10 + which);
    for (int i = 0; i < 1500; ++i) work(index, own, campaigns, which, i);
  });
  done = true;
  reader.join();
  EXPECT_LE(index.stats().bytes, options.memory);
  EXPECT_GE(index.list(kNoon, 20, 50).size(), 5U);
}

}  // namespace
}  // namespace postern::bulk
