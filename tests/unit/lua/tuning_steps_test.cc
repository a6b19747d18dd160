// Rules that are steps of one number: their scores stay in order, whatever few messages seem to say.
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "lua/tuning.h"
#include "tests/unit/lua/tuning_world.h"

namespace postern::rules::tuning {
namespace {

using testing::HasSubstr;

/// A message has one step at most: how often each is the one, by place, for ham and for spam.
void add_steps(World& world, const std::vector<std::pair<std::string, std::pair<int, int>>>& steps) {
  uint32_t campaign = 0;
  for (const auto& [name, counts] : steps) {
    for (int i = 0; i < counts.first; ++i) world.add_hits({name}, false, ++campaign);
    for (int i = 0; i < counts.second; ++i) world.add_hits({name, i % 3 == 0 ? "CHEAP" : "OTHER"}, true, ++campaign);
  }
}

// By what each step says alone SURE_90 should weigh more than SURE_99 and SURE_99 more than SURE_999.
TEST(TuningSteps, StepsOfOneNumberKeepTheirOrder) {
  std::vector<Rate> rates{{rule("SURE_999", 6, "sure")},
                          {rule("SURE_99", 4, "sure")},
                          {rule("SURE_90", 2, "sure")},
                          {rule("SURE_70", 0.5, "sure")},
                          {rule("UNSURE_90", -1, "sure")},
                          {rule("UNSURE_99", -2, "sure")},
                          {rule("CHEAP", 1)},
                          {rule("OTHER", 0.5)}};
  World world(rates, {{"sure", {.max = 6}}});
  add_steps(world, {{"SURE_999", {6, 60}},
                    {"SURE_99", {3, 90}},
                    {"SURE_90", {0, 300}},
                    {"SURE_70", {60, 20}},
                    {"UNSURE_90", {300, 2}},
                    {"UNSURE_99", {300, 6}}});
  auto proposal = world.propose();
  ASSERT_TRUE(proposal.has_value());
  ASSERT_EQ(proposal->why_none, "");
  auto after = after_of(*proposal);
  auto score = [&](const char* name, double present) { return after.count(name) > 0 ? after[name] : present; };
  EXPECT_GT(score("SURE_90", 2), 3.0);
  EXPECT_LE(score("SURE_90", 2), score("SURE_99", 4));
  EXPECT_LE(score("SURE_99", 4), score("SURE_999", 6));
  EXPECT_LE(score("SURE_70", 0.5), score("SURE_90", 2));
  EXPECT_LE(score("UNSURE_99", -2), score("UNSURE_90", -1));
  EXPECT_LE(score("UNSURE_90", -1), 0.0);
}

// 9 < 10 < 100, and 100 has hardly any message: it goes where 10 leaves it room.
TEST(TuningSteps, AStepThatFewHaveIsNotPassedByTheOneBelow) {
  std::vector<Rate> rates{{rule("LINKS_9", 0.5)}, {rule("LINKS_10", 1)}, {rule("LINKS_100", 1.5)}, {rule("CHEAP", 2)},
                          {rule("OTHER", 2)},     {rule("PLAIN_1", 1)},  {rule("PLAIN_2", 0.5)}};
  World world(rates);
  add_steps(world, {{"LINKS_9", {80, 20}}, {"LINKS_10", {1, 300}}, {"LINKS_100", {0, 4}}});
  for (uint32_t i = 0; i < 300; ++i)
    world.add_hits({"PLAIN_1", "PLAIN_2"}, i % 2 == 0, 5000 + i);  // no steps: together
  auto proposal = world.propose();
  ASSERT_TRUE(proposal.has_value());
  ASSERT_EQ(proposal->why_none, "");
  auto after = after_of(*proposal);
  ASSERT_GT(after.count("LINKS_10"), 0U);
  EXPECT_GT(after["LINKS_10"], 2.0);
  ASSERT_GT(after.count("LINKS_100"), 0U);
  EXPECT_GE(after["LINKS_100"], after["LINKS_10"]);
  for (const Change& change : proposal->changes) {
    if (change.rule != "LINKS_100") continue;
    EXPECT_THAT(change.why, HasSubstr("between the steps"));
  }
}

TEST(TuningSteps, StepsMeanNothingOnShuffledLabels) {
  std::vector<Rate> steps{{rule("P_90", 3, "p"), 0, 0},
                          {rule("P_99", 4, "p"), 0, 0},
                          {rule("P_999", 6, "p"), 0, 0},
                          {rule("OTHER", 2), 0.2, 0.2}};
  for (unsigned seed = 1; seed <= 20; ++seed) {
    World world(steps, {{"p", {.max = 6}}});
    std::mt19937 random(seed);
    for (uint32_t i = 0; i < 500; ++i) {
      const char* name = steps[random() % 3].info.name.c_str();
      world.add_hits({name, "OTHER"}, random() % 2 == 0, i);
    }
    auto proposal = world.propose();
    ASSERT_TRUE(proposal.has_value());
    EXPECT_TRUE(proposal->changes.empty()) << seed;
  }
}

}  // namespace
}  // namespace postern::rules::tuning
