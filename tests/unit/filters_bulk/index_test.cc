#include "filters/bulk/index.h"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/unit/filters_bulk/made_texts.h"

namespace postern::bulk {
namespace {

using test::kHour;
using test::kNoon;
using test::message;
using test::Texts;
using test::Words;

Index::Options small() {
  Index::Options options;
  options.memory = 4U << 20U;
  options.limit = 5;
  return options;
}

class IndexTest : public ::testing::Test {
 public:
  IndexTest() = default;
  IndexTest(const IndexTest&) = delete;
  IndexTest& operator=(const IndexTest&) = delete;
  ~IndexTest() override = default;

  Seen see(const Words& words, int64_t wall_ms = kNoon) {
    return index.see(message(fmt::format("id{}", ++messages), words, wall_ms));
  }

  Index index{small()};
  Texts texts{7};
  Words text = texts.text(100);
  int messages = 0;
};

TEST_F(IndexTest, AMessageAloneIsInNoCluster) {
  Seen seen = see(text);
  EXPECT_EQ(seen.outcome.count, 1U);
  EXPECT_EQ(seen.outcome.cluster, "");
  EXPECT_EQ(seen.outcome.first_seen, kNoon / 1000);
  EXPECT_EQ(seen.outcome.age, 0);
  EXPECT_EQ(seen.outcome.similarity, 0);
  EXPECT_EQ(seen.outcome.networks, 1U);
  EXPECT_EQ(seen.outcome.evidence, Evidence::Enough);
  EXPECT_EQ(seen.ticket.size(), 1U);
  EXPECT_EQ(see(texts.text(100)).outcome.count, 1U) << "of another text";
  EXPECT_EQ(index.stats().single, 2U);
  EXPECT_EQ(index.stats().clusters, 0U);
}

TEST_F(IndexTest, NoFingerprintNoCluster) {
  Sighting sighting;
  sighting.print.evidence = Evidence::Little;
  sighting.wall_ms = kNoon;
  sighting.network = 5;
  sighting.sender = 6;
  sighting.authenticated = true;
  sighting.recipients = {7, 8, 7, 0};
  for (int i = 0; i < 3; ++i) {
    Seen seen = index.see(sighting);
    EXPECT_EQ(seen.outcome.count, 1U);
    EXPECT_EQ(seen.outcome.evidence, Evidence::Little);
    EXPECT_TRUE(seen.ticket.empty());
    EXPECT_EQ(seen.outcome.cluster, "");
    EXPECT_EQ(seen.outcome.first_seen, kNoon / 1000);
    EXPECT_EQ(seen.outcome.networks, 1U);
    EXPECT_EQ(seen.outcome.senders, 1U);
    EXPECT_EQ(seen.outcome.domains, 0U) << "nobody answers for it";
    EXPECT_EQ(seen.outcome.recipients, 2U);
    EXPECT_EQ(seen.outcome.authenticated_share, 1);
  }
}

TEST_F(IndexTest, CopiesCountUpAndSayWhoSentThem) {
  Seen seen;
  for (uint32_t i = 1; i <= 20; ++i) {
    Sighting sighting = message(fmt::format("c{}", i), texts.copy(text, 0.1), kNoon + int64_t{i} * 60'000);
    sighting.network = i % 7 + 1;
    sighting.sender = i;
    sighting.domain = 9;
    sighting.authenticated = i % 4 == 0;
    sighting.recipients = {100 + i, 200 + i % 2};
    seen = index.see(sighting);
    EXPECT_EQ(seen.outcome.count, i);
  }
  EXPECT_EQ(seen.outcome.networks, 7U);
  EXPECT_EQ(seen.outcome.senders, 20U);
  EXPECT_EQ(seen.outcome.domains, 1U);
  EXPECT_EQ(seen.outcome.recipients, 22U);
  EXPECT_DOUBLE_EQ(seen.outcome.authenticated_share, 0.25);
  EXPECT_EQ(seen.outcome.first_seen, kNoon / 1000 + 60);
  EXPECT_EQ(seen.outcome.age, 19 * 60);
  EXPECT_GT(seen.outcome.similarity, 0.6);
  EXPECT_EQ(seen.outcome.cluster.size(), 13U);
  EXPECT_EQ(index.stats().clusters, 1U);
  EXPECT_EQ(index.stats().single, 0U);
}

TEST_F(IndexTest, TheLimitIsToldOnce) {
  for (int i = 1; i <= 12; ++i) EXPECT_EQ(see(text).crossed, i == 5) << i;
  EXPECT_EQ(index.stats().over_limit, 1U);
  index.set_limit(100);
  EXPECT_EQ(see(text).outcome.count, 13U);
  EXPECT_EQ(index.stats().over_limit, 0U);
}

TEST_F(IndexTest, FilesPicturesAndLinksHaveClustersOfTheirOwn) {
  auto with = [&](auto set) {
    Sighting sighting;
    sighting.id = fmt::format("x{}", ++messages);
    sighting.wall_ms = kNoon;
    set(sighting.print);
    return index.see(sighting);
  };
  for (int i = 0; i < 3; ++i) with([](Fingerprint& print) { print.files = {77, 78}; });
  Seen file = with([](Fingerprint& print) { print.files = {5, 78}; });
  EXPECT_EQ(file.outcome.count, 4U);
  EXPECT_EQ(file.outcome.aspect, Aspect::File);
  EXPECT_EQ(file.ticket.size(), 2U);
  with([](Fingerprint& print) { print.urls = 77; });
  Seen urls = with([](Fingerprint& print) { print.urls = 77; });
  EXPECT_EQ(urls.outcome.count, 2U);
  EXPECT_EQ(urls.outcome.aspect, Aspect::Urls);
  uint64_t picture = texts.number();
  with([&](Fingerprint& print) { print.pictures = {picture}; });
  Seen near = with([&](Fingerprint& print) { print.pictures = {picture ^ 0x1001'0010'0003ULL}; });
  EXPECT_EQ(near.outcome.count, 2U);
  EXPECT_EQ(near.outcome.aspect, Aspect::Picture);
  EXPECT_EQ(with([&](Fingerprint& print) { print.pictures = {picture ^ 0xffULL}; }).outcome.count, 1U) << "8 bits";
}

TEST_F(IndexTest, TheLargestClusterSpeaks) {
  for (uint32_t i = 0; i < 4; ++i) {
    Sighting sighting = message(fmt::format("f{}", i), texts.text(100));
    sighting.print.files = {42};
    Seen seen = index.see(sighting);
    EXPECT_EQ(seen.outcome.count, i + 1U);
    EXPECT_EQ(seen.outcome.aspect, i == 0 ? Aspect::Text : Aspect::File);
    EXPECT_EQ(seen.outcome.evidence, Evidence::Enough) << "the text's all the same";
  }
}

TEST_F(IndexTest, AFewWordsNeedACommonSite) {
  Words few = texts.text(15);
  auto lead_to = [&](std::vector<uint32_t> sites) {
    Sighting sighting = message(fmt::format("s{}", ++messages), few);
    sighting.print.sites = std::move(sites);
    return index.see(sighting).outcome.count;
  };
  EXPECT_EQ(lead_to({1, 2}), 1U);
  EXPECT_EQ(lead_to({2, 3}), 2U);
  EXPECT_EQ(lead_to({4}), 1U);
  EXPECT_EQ(lead_to({}), 1U);
  EXPECT_EQ(lead_to({}), 2U);
}

TEST_F(IndexTest, TheWindowForgets) {
  for (uint32_t i = 0; i < 10; ++i) {
    Sighting sighting = message(fmt::format("w{}", i), text, kNoon + i * kHour);
    sighting.network = i + 1;
    EXPECT_EQ(index.see(sighting).outcome.count, i + 1);
  }
  // The window's slices are 96 minutes: those of the first three hours have gone for certain.
  Seen later = see(text, kNoon + 28 * kHour);
  EXPECT_GE(later.outcome.count, 7U);
  EXPECT_LE(later.outcome.count, 8U);
  EXPECT_GE(later.outcome.networks, 6U);
  EXPECT_LE(later.outcome.networks, 8U);
  EXPECT_EQ(later.outcome.first_seen, kNoon / 1000);
  Seen last = see(text, kNoon + 60 * kHour);
  EXPECT_EQ(last.outcome.count, 1U) << "it is gone";
  EXPECT_EQ(last.outcome.cluster, "");
}

TEST_F(IndexTest, WhatIsForgottenIsNotListedAndFreesItsMemory) {
  for (int i = 0; i < 6; ++i) see(text);
  Seen seen = see(text);
  ASSERT_EQ(index.list(kNoon, 5, 10).size(), 1U);
  EXPECT_TRUE(index.list(kNoon + 26 * kHour, 1, 10).empty());
  EXPECT_FALSE(index.find(seen.ticket[0], kNoon + 26 * kHour));
  for (int i = 0; i < 2000; ++i) see(texts.text(20), kNoon + 26 * kHour + int64_t{i} * 1000);
  EXPECT_EQ(index.stats().clusters, 0U);
  EXPECT_EQ(index.stats().over_limit, 0U);
}

TEST_F(IndexTest, LetThroughIsKeptForAnAdmin) {
  Ticket ticket;
  for (uint32_t i = 1; i <= 15; ++i) {
    ticket = see(text).ticket;
    index.take(Let{ticket[0], Passed{fmt::format("id{}", i), "queued as " + std::string(60, 'q'), "sender@example.org",
                                     i, kNoon}});
  }
  auto report = index.find(ticket[0], kNoon + 5000);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->let_through, 15U);
  ASSERT_EQ(report->passed.size(), Index::kMaxPassed);
  EXPECT_EQ(report->passed[0].id, "id1") << "from the time when it was alone";
  EXPECT_EQ(report->passed[9].id, "id10");
  EXPECT_EQ(report->passed[9].queue.size(), 40U);
  EXPECT_EQ(report->passed[9].recipients, 10U);
  EXPECT_EQ(report->subject, "a subject");
  EXPECT_EQ(report->from, "sender@example.org");
  EXPECT_EQ(report->last_seen, kNoon / 1000);
  EXPECT_EQ(report->outcome.age, 5);
  EXPECT_EQ(report->outcome.cluster, cluster_name(ticket[0]));
  index.take(Let{12345, Passed{}});
  EXPECT_FALSE(index.find(12345, kNoon));
}

TEST_F(IndexTest, WithdrawnDoesNotCount) {
  Seen first = see(text);
  index.take(Withdrawn{first.ticket[0], kNoon});
  EXPECT_EQ(index.stats().single, 0U);
  EXPECT_EQ(see(text).outcome.count, 1U);
  Seen second = see(text);
  EXPECT_EQ(second.outcome.count, 2U);
  index.take(Withdrawn{second.ticket[0], kNoon});
  EXPECT_EQ(see(text).outcome.count, 2U);
  for (int i = 0; i < 5; ++i) index.take(Withdrawn{second.ticket[0], kNoon + i * kHour});
  EXPECT_FALSE(index.find(second.ticket[0], kNoon)) << "the last one has gone";
}

TEST_F(IndexTest, AllowedIsSaidAndStays) {
  see(text);
  Seen seen = see(text);
  uint64_t cluster = seen.ticket[0];
  EXPECT_FALSE(index.take(Allowed{99, true}));
  EXPECT_TRUE(index.take(Allowed{cluster, true}));
  EXPECT_TRUE(see(text).outcome.allowed);
  // It outlives its window and a flood of others.
  for (int i = 0; i < 20'000; ++i) {
    Sighting other;
    other.id = fmt::format("o{}", i);
    other.print.text.emplace();
    for (uint16_t& slot : other.print.text->words) slot = static_cast<uint16_t>(texts.number());
    for (uint16_t& slot : other.print.text->pairs) slot = static_cast<uint16_t>(texts.number());
    other.print.words = 100;
    other.wall_ms = kNoon + 30 * kHour;
    static_cast<void>(index.see(other));
  }
  ASSERT_EQ(index.list(kNoon + 30 * kHour, 0, 10).size(), 1U);
  Seen later = see(texts.copy(text, 0.1), kNoon + 31 * kHour);
  EXPECT_TRUE(later.outcome.allowed);
  EXPECT_EQ(later.outcome.count, 1U);
  EXPECT_EQ(later.outcome.cluster, cluster_name(cluster));
  EXPECT_TRUE(index.take(Allowed{cluster, false}));
  EXPECT_FALSE(see(text, kNoon + 31 * kHour).outcome.allowed);
}

TEST_F(IndexTest, ListsTheLargestFirst) {
  std::vector<Words> all;
  all.reserve(5);
  for (int i = 0; i < 5; ++i) all.push_back(texts.text(80));
  for (int i = 0; i < 5; ++i) {
    for (int copies = 0; copies <= 2 * i; ++copies) see(all[static_cast<size_t>(i)]);
  }
  auto reports = index.list(kNoon, 5, 2);
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_EQ(reports[0].outcome.count, 9U);
  EXPECT_EQ(reports[1].outcome.count, 7U);
  EXPECT_EQ(index.list(kNoon, 5, 100).size(), 3U);
  EXPECT_EQ(index.list(kNoon, 1, 100).size(), 4U) << "one was alone";
}

TEST_F(IndexTest, GatewaysThatSeeTheSameGiveTheSameNames) {
  Index other(small());
  for (int i = 0; i < 50; ++i) {
    Sighting sighting = message(fmt::format("g{}", i), texts.copy(text, i % 2 == 0 ? 0.2 : 0.9));
    Seen here = index.see(sighting);
    Seen there = other.see(sighting);
    EXPECT_EQ(here.ticket, there.ticket);
    EXPECT_EQ(here.outcome.count, there.outcome.count);
  }
}

TEST(ClusterName, IsReadBack) {
  for (uint64_t number : {0ULL, 1ULL, 0xffff'ffff'ffff'ffffULL, 0x0123'4567'89ab'cdefULL}) {
    uint64_t back = 5;
    std::string name = cluster_name(number);
    EXPECT_EQ(name.size(), 13U);
    EXPECT_TRUE(parse_cluster_name(name, back));
    EXPECT_EQ(back, number);
  }
  uint64_t unused = 0;
  EXPECT_FALSE(parse_cluster_name("", unused));
  EXPECT_FALSE(parse_cluster_name("g000000000000", unused)) << "more than 64 bits";
  EXPECT_FALSE(parse_cluster_name("000000000000u", unused));
  EXPECT_FALSE(parse_cluster_name(std::string("000000") + '\0' + "000000", unused));
  EXPECT_TRUE(parse_cluster_name("00000000000ZZ", unused));
}

}  // namespace
}  // namespace postern::bulk
