// Ids as people paste them, and the sum that explain shows.
#include "proxy/cli/explain_id.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "proxy/cli/explain_sum.h"
#include "proxy/session/message_id.h"

namespace postern::cli {
namespace {

constexpr const char* kId = "01HF7YAT00BBZ0QVE903NY9PRR";

TEST(ExplainId, AsItIsPasted) {
  for (const char* typed :
       {"01HF7YAT00BBZ0QVE903NY9PRR", "01hf7yat00bbz0qve903ny9prr", "[id 01HF7YAT00BBZ0QVE903NY9PRR]",
        "X-Postern-Id: 01HF7YAT00BBZ0QVE903NY9PRR", "id=01HF7YAT00BBZ0QVE903NY9PRR",
        "\"id\":\"01HF7YAT00BBZ0QVE903NY9PRR\",", "  01HF7YAT00BBZ0QVE903NY9PRR.\r\n", "01HF7YATOOBBZOQVE9O3NY9PRR",
        "550 5.7.1 refused: score 17.2, limit 15.0 (SPF_FAIL) [id 01HF7YAT00BBZ0QVE903NY9PRR]",
        "2026-11-22T22:05:49Z info message id=01HF7YAT00BBZ0QVE903NY9PRR client=192.0.2.1 helo=\"x\"",
        "helo=\"0123456789ABCDEFGHJKMNPQRS\" id=01HF7YAT00BBZ0QVE903NY9PRR"}) {
    EXPECT_EQ(id_in(typed), kId) << typed;
  }
}

TEST(ExplainId, WhatIsNone) {
  for (const char* typed : {"", "4F00D", "[id 01J…]", "01HF7YAT00BBZ0QVE903NY9PR", "01HF7YAT00BBZ0QVE903NY9PRRR",
                            "UUUUUUUUUUUUUUUUUUUUUUUUUU", "81HF7YAT00BBZ0QVE903NY9PRR", "a message from last night"}) {
    EXPECT_EQ(id_in(typed), "") << typed;
  }
  EXPECT_EQ(id_in(std::string("\0[id 01HF7YAT00BBZ0QVE903NY9PRR]", 32)), kId);
}

TEST(ExplainId, KnowsWhenItWasGiven) {
  constexpr int64_t kNow = 1'700'000'123'456;
  EXPECT_EQ(session::time_of_message_id(session::make_message_id(kNow)), kNow);
  EXPECT_EQ(id_in(session::make_message_id(kNow)).size(), 26U);
}

rules::Hit hit(const char* name, double score, const char* group = "", bool shadow = false) {
  rules::Hit made;
  made.rule = name;
  made.score = score;
  made.group = group;
  made.shadow = shadow;
  return made;
}

TEST(ExplainSum, AgreesWithTheEngine) {
  std::vector<rules::Hit> hits = {hit("A", 1.5),           hit("B", 7, "content"),
                                  hit("C", 5, "content"),  hit("D", -2, "good"),
                                  hit("DMARC_PASS", -0.5), hit("E", 100, "content", true),
                                  hit("F", 0.1, "header"), hit("G", 0.2, "of no known group")};
  rules::Groups groups = {
      {"content", {10, {{"DMARC_PASS", 6}, {"E", 1}, {"NEVER", 0}}}}, {"header", {4}}, {"good", {0}}};
  double score = rules::sum(hits, groups);
  Sum sum = work_out(hits, groups, score);
  EXPECT_EQ(sum.total, score);
  EXPECT_FALSE(sum.unknown);
  ASSERT_EQ(sum.groups.size(), 5U);
  EXPECT_EQ(sum.groups.at(0).group, "");
  const GroupSum& content = sum.groups.at(1);
  EXPECT_EQ(content.group, "content");
  EXPECT_EQ(content.together, 12);
  EXPECT_EQ(content.max, 10);
  EXPECT_EQ(content.damped, 6);
  EXPECT_EQ(content.damper, "DMARC_PASS");
  EXPECT_EQ(content.counts, 6);
  ASSERT_EQ(content.hits.size(), 2U);
  EXPECT_EQ(content.hits.front()->rule, "B");
}

TEST(ExplainSum, WhatACapTakesAwayIsSaid) {
  std::vector<rules::Hit> hits = {hit("B", 7, "content"), hit("C", 5, "content"), hit("KNOWN", 0)};
  auto words = [&hits](const rules::Groups& groups) {
    const GroupSum group = work_out(hits, groups, rules::sum(hits, groups)).groups.at(1);
    return fmt::format("{}|{}", rules::format_score(cut_of(group)), group_words(group));
  };
  EXPECT_EQ(words({}), "0.0|group content: 12.0 together");
  EXPECT_EQ(words({{"content", {20}}}), "0.0|group content: 12.0 together, at most 20.0");
  EXPECT_EQ(words({{"content", {20, {{"KNOWN", 12}}}}}),
            "0.0|group content: 12.0 together, at most 12.0 since KNOWN hit");
  EXPECT_EQ(words({{"content", {10}}}), "-2.0|group content: 12.0 together, may add 10.0 at most");
  EXPECT_EQ(words({{"content", {10, {{"KNOWN", 4}}}}}),
            "-8.0|group content: 12.0 together, may add 10.0 at most, but 4.0 since KNOWN hit");
  rules::Groups damped = {{"content", {10, {{"KNOWN", 4}}}}};
  EXPECT_EQ(group_json(work_out(hits, damped, 4).groups.at(1)).dump(),
            R"({"group":"content","together":12.0,"max":10.0,"damped":{"max":4.0,"by":"KNOWN"},"counts":4.0})");
  EXPECT_EQ(group_words(work_out(hits, damped, 4).groups.at(0)), "") << "no group, no cap";
}

TEST(ExplainSum, SaysWhatItCannotExplain) {
  std::vector<rules::Hit> hits = {hit("B", 7, "content"), hit("C", 5, "content")};
  Sum sum = work_out(hits, std::nullopt, 10);
  EXPECT_EQ(sum.total, 12);
  EXPECT_EQ(sum.unknown, -2);
  EXPECT_FALSE(work_out(hits, std::nullopt, 12).unknown);
}

}  // namespace
}  // namespace postern::cli
