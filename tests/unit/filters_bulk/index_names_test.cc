// Two indexes that counted apart tell each other what, as gateways do, and come to the same names.
#include <algorithm>
#include <deque>
#include <string>
#include <utility>
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

Index::Options small() {
  Index::Options options;
  options.memory = 4U << 20U;
  return options;
}

/// An index, and what others have not heard of it.
struct Node {
  Index index{small()};
  std::vector<Event> untold;

  uint64_t see(Sighting sighting) {
    Seen seen = index.see(sighting);
    sighting.counted_in = seen.ticket;
    untold.emplace_back(sighting);
    for (uint64_t cluster : seen.ticket) {
      Let let{cluster, {sighting.id, "queue", "", 1, kNoon}};
      index.take(let);
      untold.emplace_back(let);
    }
    return seen.ticket.empty() ? 0 : seen.ticket[0];
  }
  void hear(const std::vector<Event>& events) {
    for (const Event& event : events) {
      auto read = decode(encode(event));
      ASSERT_TRUE(read);
      bulk::apply(index, *read);
    }
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    std::vector<Report> reports = index.list(kNoon, 2, 100);
    names.reserve(reports.size());
    for (const Report& report : reports) names.push_back(report.outcome.cluster);
    return names;
  }
};

class IndexNames : public ::testing::Test {
 public:
  IndexNames() = default;
  IndexNames(const IndexNames&) = delete;
  IndexNames& operator=(const IndexNames&) = delete;
  ~IndexNames() override = default;

  Sighting copy() { return message(fmt::format("m{}", ++messages), texts.copy(text, 0.1)); }
  static void exchange(Node& one, Node& two) {
    std::vector<Event> of_one = std::exchange(one.untold, {});
    one.hear(two.untold);
    two.hear(of_one);
    two.untold.clear();
  }
  void exchange() { exchange(one, two); }
  /// It knows one campaign, by the smaller of the numbers, and either number leads to it.
  static void expect_one(const Node& node, uint64_t number, uint64_t other, uint64_t count) {
    std::string name = cluster_name(std::min(number, other));
    EXPECT_EQ(node.names(), std::vector<std::string>{name});
    for (uint64_t each : {number, other}) {
      auto report = node.index.find(each, kNoon);
      ASSERT_TRUE(report) << cluster_name(each);
      EXPECT_EQ(report->outcome.cluster, name);
      EXPECT_EQ(report->outcome.count, count);
      EXPECT_EQ(report->let_through, count);
      EXPECT_EQ(report->passed.size(), std::min<size_t>(count, Index::kMaxPassed));
    }
  }
  void expect_one(uint64_t number, uint64_t other, uint64_t count) {
    expect_one(one, number, other, count);
    expect_one(two, number, other, count);
  }

  Texts texts{11};
  Words text = texts.text(100);
  Node one, two;
  int messages = 0;
};

TEST_F(IndexNames, WhatBeganApartBecomesOne) {
  // Either may have the smaller number.
  for (int round = 0; round < 12; ++round) {
    Node first;
    Node second;
    text = texts.text(100);
    uint64_t number = first.see(copy());
    uint64_t other = second.see(copy());
    for (int n = 0; n < 3; ++n) {
      EXPECT_EQ(first.see(copy()), number);
      EXPECT_EQ(second.see(copy()), other);
    }
    exchange(first, second);
    expect_one(first, number, other, 8);
    expect_one(second, number, other, 8);
    EXPECT_EQ(first.see(copy()), std::min(number, other)) << "its copies find it where it is now";
    EXPECT_EQ(second.see(copy()), std::min(number, other));
  }
}

TEST_F(IndexNames, OneMessageEach) {
  uint64_t number = one.see(copy());
  uint64_t other = two.see(copy());
  exchange();
  expect_one(number, other, 2);
}

TEST_F(IndexNames, ALargeOneAndASmallOne) {
  uint64_t number = 0;
  for (uint32_t n = 0; n < 40; ++n) {
    Sighting sighting = copy();
    sighting.network = n + 1;
    sighting.recipients = {n * 2 + 101, n * 2 + 102};
    number = one.see(sighting);
  }
  uint64_t other = two.see(copy());
  EXPECT_EQ(two.see(copy()), other);
  exchange();
  expect_one(number, other, 42);
  for (const Node* node : {&one, &two}) {
    auto report = node->index.find(number, kNoon);
    EXPECT_EQ(report->outcome.networks, 40U);
    EXPECT_EQ(report->outcome.recipients, 81U);
  }
}

TEST_F(IndexNames, WhatIsAllowedOnOneIsAllowedOnTheOther) {
  uint64_t number = one.see(copy());
  EXPECT_EQ(one.see(copy()), number);
  uint64_t other = two.see(copy());
  EXPECT_EQ(two.see(copy()), other);
  EXPECT_TRUE(one.index.take(Allowed{number, true}));
  one.untold.emplace_back(Allowed{number, true});
  exchange();
  expect_one(number, other, 4);
  EXPECT_TRUE(one.index.find(other, kNoon)->outcome.allowed);
  EXPECT_TRUE(two.index.find(other, kNoon)->outcome.allowed);
  for (Node* node : {&one, &two}) node->hear({Allowed{other, false}});
  EXPECT_FALSE(one.index.find(number, kNoon)->outcome.allowed);
  EXPECT_FALSE(two.index.find(number, kNoon)->outcome.allowed);
}

TEST_F(IndexNames, TextAndFileEachHaveTheirOwn) {
  for (int n = 0; n < 3; ++n) {
    for (Node* node : {&one, &two}) {
      Sighting sighting = copy();
      sighting.print.files = {77};
      node->see(sighting);
    }
  }
  exchange();
  std::vector<Report> reports = one.index.list(kNoon, 2, 10);
  ASSERT_EQ(reports.size(), 2U);
  for (const Report& report : reports) {
    auto same = two.index.find(report.cluster, kNoon);
    ASSERT_TRUE(same);
    EXPECT_EQ(same->cluster, report.cluster);
    EXPECT_EQ(same->outcome.aspect, report.outcome.aspect);
    EXPECT_EQ(same->outcome.count, 6U);
  }
}

TEST_F(IndexNames, ManyGatewaysAndAnyOrder) {
  constexpr size_t kNodes = 5;
  std::deque<Node> nodes(kNodes);
  uint64_t least = UINT64_MAX;
  for (int n = 0; n < 2; ++n) {
    for (Node& node : nodes) least = std::min(least, node.see(copy()));
  }
  for (size_t to = 0; to < kNodes; ++to) {
    for (size_t step = 1; step < kNodes; ++step) nodes[to].hear(nodes[(to + step * (to + 1)) % kNodes].untold);
    // The last one's steps of five lead to itself.
    for (size_t from = 0; from < kNodes; ++from) nodes[to].hear(nodes[from].untold);
    EXPECT_EQ(nodes[to].names(), std::vector<std::string>{cluster_name(least)});
  }
}

TEST_F(IndexNames, WhatIsNotAlikeIsNotJoined) {
  uint64_t number = one.see(copy());
  EXPECT_EQ(one.see(copy()), number);
  text = texts.text(100);
  uint64_t other = one.see(copy());
  EXPECT_EQ(one.see(copy()), other);
  // Another gateway says that they are one; nothing that is seen here says so.
  one.index.adopt(number, other);
  one.index.adopt(other, number);
  EXPECT_EQ(one.names().size(), 2U);
  EXPECT_EQ(one.index.find(number, kNoon)->outcome.count, 2U);
  EXPECT_EQ(one.index.find(other, kNoon)->outcome.count, 2U);
}

TEST_F(IndexNames, NumbersOfNothing) {
  uint64_t number = one.see(copy());
  EXPECT_EQ(one.see(copy()), number);
  one.index.adopt(0, number);
  one.index.adopt(5, 0);
  one.index.adopt(5, 6);
  one.index.adopt(number, number);
  EXPECT_EQ(one.names(), std::vector<std::string>{cluster_name(number)});
  EXPECT_FALSE(one.index.find(5, kNoon));
}

TEST_F(IndexNames, WhatWasToldBeforeIsNotCountedAgain) {
  uint64_t number = one.see(copy());
  uint64_t other = two.see(copy());
  auto late = std::get<Sighting>(one.untold[0]);
  Ticket ticket = std::exchange(late.counted_in, {});
  two.hear({late});
  late.counted_in = ticket;
  late.told = true;
  two.hear({late});
  auto report = two.index.find(number, kNoon);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->outcome.count, 2U);
  EXPECT_EQ(report->cluster, std::min(number, other));
}

TEST_F(IndexNames, AFullIndexKeepsItsOwn) {
  Index::Options tiny;
  tiny.memory = 1U << 20U;
  Index full(tiny);
  for (int n = 0; n < 3000; ++n) {
    Seen seen = full.see(message(fmt::format("x{}", n), texts.text(60)));
    ASSERT_FALSE(seen.ticket.empty());
    uint64_t told = texts.number();
    full.adopt(told, seen.ticket[0]);
    // Whatever was told of it, it is there under one name and the other.
    auto report = full.find(seen.ticket[0], kNoon);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->cluster, std::min(told, seen.ticket[0]));
    EXPECT_TRUE(full.find(told, kNoon));
  }
  EXPECT_LE(full.stats().bytes, 1U << 20U);
}

}  // namespace
}  // namespace postern::bulk
