// A witness of the DNS: told of every answer, of nothing that was given up.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "filters/dns/dns.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_dns.h"

namespace postern::dns {
namespace {

using test::FakeClock;
using test::FakeDns;

struct Told {
  std::string name;
  Status status;
  TimePoint asked;
};

TEST(Watched, IsToldBeforeWhoAsked) {
  FakeClock clock;
  FakeDns fake;
  fake.txt("a.example", "x");
  Budget budget(fake, clock, {});
  std::vector<Told> told;
  budget.set_witness([&told](const Question& question, const Answer& answer, TimePoint asked) {
    told.push_back({question.name, answer.status, asked});
  });
  size_t known = 0;
  TimePoint begin = clock.now();
  Pending found = budget.lookup({"a.example", Type::TXT}, [&](const Answer&) { known = told.size(); });
  clock.advance(std::chrono::seconds(1));
  fake.run();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(known, 1U);
  EXPECT_EQ(told.front().name, "a.example");
  EXPECT_EQ(told.front().status, Status::Found);
  EXPECT_EQ(told.front().asked, begin);
}

TEST(Watched, IsNotToldOfWhatWasGivenUp) {
  FakeClock clock;
  FakeDns fake;
  Watched watched(fake, clock);
  int told = 0;
  watched.set_witness([&told](const Question&, const Answer&, TimePoint) { ++told; });
  {
    Pending dropped = watched.lookup({"a.example", Type::A}, std::chrono::seconds(1), [](const Answer&) {});
  }
  fake.run();
  EXPECT_EQ(told, 0);
}

TEST(Watched, WhoAskedMayEndEverything) {
  FakeClock clock;
  FakeDns fake;
  auto watched = std::make_unique<Watched>(fake, clock);
  int told = 0;
  watched->set_witness([&told](const Question&, const Answer&, TimePoint) { ++told; });
  Pending asked;
  std::string owned(100, 'x');
  asked = watched->lookup({"a.example", Type::A}, std::chrono::seconds(1), [&, owned](const Answer&) {
    asked.reset();
    watched.reset();
  });
  fake.run();
  EXPECT_EQ(told, 1);
  EXPECT_FALSE(watched);
}

TEST(Watched, WithoutAWitnessNothingIsKept) {
  FakeClock clock;
  FakeDns fake;
  Watched watched(fake, clock);
  int answers = 0;
  Pending first = watched.lookup({"a.example", Type::A}, std::chrono::seconds(1), [&](const Answer&) { ++answers; });
  fake.run();
  EXPECT_EQ(answers, 1);
}

}  // namespace
}  // namespace postern::dns
