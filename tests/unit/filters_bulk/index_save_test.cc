// What an index knows outlives it: Index::save() and Index::load().
#include <algorithm>
#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "filters/bulk/index.h"
#include "filters/bulk/snapshot.h"

namespace postern::bulk {
namespace {

constexpr int64_t kNow = 1'767'225'600'000;  // 2026-01-01T00:00:00Z
constexpr int64_t kHour = 3'600'000;

Index::Options small() {
  Index::Options options;
  options.memory = 8U << 20U;
  options.limit = 30;
  options.shards = 4;
  return options;
}

/// Message `number` of a campaign: those of one are alike, those of two are not.
Sighting sighting(uint32_t campaign, uint32_t number, int64_t wall_ms = kNow) {
  std::mt19937 random(campaign);
  Sighting seen;
  seen.print.evidence = Evidence::Enough;
  seen.print.text.emplace();
  seen.print.words = 100;
  for (uint16_t& slot : seen.print.text->words) slot = static_cast<uint16_t>(random());
  for (uint16_t& slot : seen.print.text->pairs) slot = static_cast<uint16_t>(random());
  // Some slots differ from copy to copy.
  std::mt19937 own(campaign * 1000 + number);
  for (int i = 0; i < 20; ++i) {
    seen.print.text->words[own() % Sketch::kSlots] = static_cast<uint16_t>(own());
    seen.print.text->pairs[own() % Sketch::kSlots] = static_cast<uint16_t>(own());
  }
  seen.id = fmt::format("{}-{}", campaign, number);
  seen.from = fmt::format("sender{}@example.net", number);
  seen.subject = fmt::format("Größe {}", campaign);
  seen.network = static_cast<uint32_t>(own()) | 1U;
  seen.sender = static_cast<uint32_t>(own()) | 1U;
  seen.domain = 16 * (1 + number % 5);
  seen.authenticated = number % 4 == 0;
  seen.recipients = {static_cast<uint32_t>(own()) | 1U};
  seen.wall_ms = wall_ms;
  return seen;
}

void fill(Index& index, uint32_t campaign, uint32_t messages, int64_t wall_ms = kNow) {
  for (uint32_t number = 0; number < messages; ++number) {
    Seen seen = index.see(sighting(campaign, number, wall_ms));
    for (uint64_t cluster : seen.ticket) {
      index.take(Let{cluster, {fmt::format("id{}", number), "queued as ABCDEF", "a@example.net", 2, wall_ms}});
    }
  }
}

std::string saved(const Index& index, std::string_view position = "17-0") {
  std::string octets;
  auto written = index.save(position, [&](std::string_view piece) {
    octets += piece;
    return Result<void>();
  });
  EXPECT_TRUE(written);
  return octets;
}

void expect_same(const Report& a, const Report& b) {
  EXPECT_EQ(a.cluster, b.cluster);
  EXPECT_EQ(a.outcome.cluster, b.outcome.cluster);
  EXPECT_EQ(a.outcome.count, b.outcome.count);
  EXPECT_EQ(a.outcome.similarity, b.outcome.similarity);
  EXPECT_EQ(a.outcome.first_seen, b.outcome.first_seen);
  EXPECT_EQ(a.outcome.age, b.outcome.age);
  EXPECT_EQ(a.outcome.networks, b.outcome.networks);
  EXPECT_EQ(a.outcome.senders, b.outcome.senders);
  EXPECT_EQ(a.outcome.domains, b.outcome.domains);
  EXPECT_EQ(a.outcome.recipients, b.outcome.recipients);
  EXPECT_EQ(a.outcome.authenticated_share, b.outcome.authenticated_share);
  EXPECT_EQ(a.outcome.allowed, b.outcome.allowed);
  EXPECT_EQ(a.outcome.aspect, b.outcome.aspect);
  EXPECT_EQ(a.last_seen, b.last_seen);
  EXPECT_EQ(a.subject, b.subject);
  EXPECT_EQ(a.from, b.from);
  EXPECT_EQ(a.let_through, b.let_through);
  EXPECT_EQ(a.passed, b.passed);
}

void expect_same(const Index& a, const Index& b) {
  auto one = a.list(kNow, 1, 1000);
  auto other = b.list(kNow, 1, 1000);
  ASSERT_EQ(one.size(), other.size());
  auto by_number = [](const Report& x, const Report& y) { return x.cluster < y.cluster; };
  std::sort(one.begin(), one.end(), by_number);
  std::sort(other.begin(), other.end(), by_number);
  for (size_t i = 0; i < one.size(); ++i) expect_same(one[i], other[i]);
  EXPECT_EQ(a.stats().clusters, b.stats().clusters);
  EXPECT_EQ(a.stats().single, b.stats().single);
  EXPECT_EQ(a.stats().over_limit, b.stats().over_limit);
}

TEST(IndexSave, EverythingIsThereAgain) {
  Index index(small());
  fill(index, 1, 200);
  fill(index, 2, 20);
  fill(index, 3, 2, kNow - 3 * kHour);
  fill(index, 4, 1);
  Sighting file = sighting(5, 0);
  file.print = {};
  file.print.files = {0x1234567890abcdefU};
  (void)index.see(file);
  file.id = "another";
  (void)index.see(file);
  ASSERT_TRUE(index.take(Allowed{index.list(kNow, 200, 1).at(0).cluster, true}));

  Index later(small());
  auto position = later.load(saved(index), kNow);
  ASSERT_TRUE(position) << position.error().message;
  EXPECT_EQ(*position, "17-0");
  expect_same(index, later);

  // And it goes on the same.
  for (uint32_t campaign = 1; campaign <= 4; ++campaign) {
    Seen one = index.see(sighting(campaign, 999));
    Seen other = later.see(sighting(campaign, 999));
    EXPECT_EQ(one.outcome.count, other.outcome.count) << campaign;
    EXPECT_EQ(one.outcome.cluster, other.outcome.cluster) << campaign;
    EXPECT_EQ(one.ticket, other.ticket) << campaign;
    EXPECT_GE(other.outcome.count, 2U) << campaign;
  }
  file.id = "one more";
  EXPECT_EQ(later.see(file).outcome.count, 3U);
  EXPECT_FALSE(later.see(sighting(6, 0)).outcome.count > 1);
}

TEST(IndexSave, AnEmptyOneToo) {
  Index index(small());
  Index later(small());
  EXPECT_EQ(later.load(saved(index, ""), kNow).value(), "");
  EXPECT_EQ(later.stats().clusters + later.stats().single, 0U);
}

TEST(IndexSave, SavedTwiceItIsTheSame) {
  Index index(small());
  for (uint32_t campaign = 1; campaign <= 50; ++campaign) fill(index, campaign, campaign % 7 + 1);
  Index later(small());
  ASSERT_TRUE(later.load(saved(index), kNow));
  Index last(small());
  ASSERT_TRUE(last.load(saved(later), kNow));
  expect_same(index, last);
}

TEST(IndexSave, ACrossingIsNotToldTwice) {
  Index index(small());
  fill(index, 1, 31);
  Index later(small());
  ASSERT_TRUE(later.load(saved(index), kNow));
  EXPECT_FALSE(later.see(sighting(1, 100)).crossed);
  EXPECT_EQ(later.stats().over_limit, 1U);
}

TEST(IndexSave, WhatHasLeftTheWindowIsLeftOut) {
  Index index(small());
  fill(index, 1, 10, kNow);
  fill(index, 2, 10, kNow);
  uint64_t allowed = index.see(sighting(2, 10)).ticket.at(0);
  ASSERT_TRUE(index.take(Allowed{allowed, true}));
  fill(index, 3, 10, kNow + 20 * kHour);
  int64_t then = kNow + 30 * kHour;
  Index later(small());
  ASSERT_TRUE(later.load(saved(index), then));
  EXPECT_EQ(later.list(then, 3, 10).size(), 1U);
  EXPECT_EQ(later.see(sighting(3, 100, then)).outcome.count, 11U);
  EXPECT_EQ(later.see(sighting(1, 100, then)).outcome.count, 1U);
  Outcome known = later.see(sighting(2, 100, then)).outcome;
  EXPECT_EQ(known.cluster, cluster_name(allowed));
  EXPECT_TRUE(known.allowed) << "an admin's word is not forgotten";
}

TEST(IndexSave, AnIndexOfAnotherMakeTakesIt) {
  Index index(small());
  fill(index, 1, 25);
  fill(index, 2, 3);
  std::string octets = saved(index);
  Index::Options other = small();
  other.shards = 1;
  other.limit = 5;
  other.memory = 64U << 20U;
  Index later(other);
  ASSERT_TRUE(later.load(octets, kNow));
  EXPECT_EQ(later.see(sighting(1, 100)).outcome.count, 26U);
  EXPECT_EQ(later.see(sighting(2, 100)).outcome.count, 4U);
  // Slices of other lengths: what is in the window stays in it.
  for (Duration window : {Duration(std::chrono::hours(6)), Duration(std::chrono::hours(24 * 7))}) {
    other.window = window;
    Index changed(other);
    ASSERT_TRUE(changed.load(octets, kNow));
    EXPECT_EQ(changed.see(sighting(1, 100)).outcome.count, 26U);
  }
}

TEST(IndexSave, WithLessMemoryTheSmallGo) {
  Index::Options large = small();
  large.memory = 32U << 20U;
  Index index(large);
  for (uint32_t number = 0; number < 10'000; ++number) (void)index.see(sighting(100'000 + number, 0));
  for (uint32_t campaign = 1; campaign <= 20; ++campaign) fill(index, campaign, 20);
  ASSERT_GT(index.stats().single, 9'000U);
  Index::Options little = small();
  little.memory = 2U << 20U;
  Index later(little);
  ASSERT_TRUE(later.load(saved(index), kNow));
  EXPECT_LE(later.stats().bytes, little.memory);
  EXPECT_LT(later.stats().single, 9'000U);
  EXPECT_EQ(later.list(kNow, 20, 100).size(), 20U) << "campaigns are what it is for";
}

TEST(IndexSave, OneBadRecordAndNothingIsTaken) {
  Index index(small());
  for (uint32_t campaign = 1; campaign <= 5; ++campaign) fill(index, campaign, campaign);
  std::string octets = saved(index);
  auto whole = SnapshotReader::open(octets);
  ASSERT_TRUE(whole);
  std::vector<std::string> records;
  for (std::string_view record; whole->next(record);) records.emplace_back(record);

  auto with = [&](const std::vector<std::string>& changed) {
    std::string written;
    SnapshotWriter::Write write = [&](std::string_view piece) {
      written += piece;
      return Result<void>();
    };
    SnapshotWriter writer(write);
    EXPECT_TRUE(writer.begin("17-0"));
    for (const std::string& record : changed) EXPECT_TRUE(writer.record(record));
    EXPECT_TRUE(writer.end());
    return written;
  };
  for (size_t bad = 0; bad < records.size(); ++bad) {
    auto changed = records;
    changed[bad].pop_back();
    Index later(small());
    auto loaded = later.load(with(changed), kNow);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().message, fmt::format("cluster {} of {} cannot be read", bad + 1, records.size()));
    EXPECT_EQ(later.stats().clusters + later.stats().single, 0U);
    EXPECT_EQ(later.see(sighting(5, 77)).outcome.count, 1U);
    ASSERT_TRUE(index.see(sighting(5, 77)).outcome.count > 1);
  }
  // One that moved while it was saved is there twice.
  auto twice = records;
  twice.insert(twice.end(), records.begin(), records.end());
  Index later(small());
  ASSERT_TRUE(later.load(with(twice), kNow));
  Index once(small());
  ASSERT_TRUE(once.load(with(records), kNow));
  expect_same(once, later);
}

TEST(IndexSave, WhileOthersCount) {
  Index index(small());
  std::atomic<bool> done{false};
  std::atomic<uint32_t> counted{0};
  std::vector<std::thread> threads;
  threads.reserve(2);
  for (uint32_t thread = 0; thread < 2; ++thread) {
    threads.emplace_back([&, thread] {
      for (uint32_t number = 0; !done; ++number) {
        (void)index.see(sighting(number % 50, number * 2 + thread));
        (void)index.see(sighting(1000 + number * 2 + thread, 0));
        ++counted;
      }
    });
  }
  for (uint32_t i = 1; i <= 10; ++i) {
    while (counted < 100 * i) std::this_thread::yield();
    Index later(small());
    auto loaded = later.load(saved(index), kNow);
    EXPECT_TRUE(loaded) << loaded.error().message;
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
  Index later(small());
  ASSERT_TRUE(later.load(saved(index), kNow));
  EXPECT_EQ(later.stats().clusters, index.stats().clusters);
}

}  // namespace
}  // namespace postern::bulk
