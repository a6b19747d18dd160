#include "proxy/cli/tune_report.h"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>

namespace postern::cli {
namespace {

using rules::tuning::Change;
using rules::tuning::Proposal;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Change change(const char* rule, double before, double after) {
  Change each;
  each.rule = rule;
  each.before = before;
  each.after = after;
  each.ham = 2;
  each.spam = 150;
  each.spam_share = 0.9876;
  each.why = "nearly only spam has it";
  return each;
}

Proposal proposal() {
  Proposal some;
  some.changes = {change("PILLS", 1.5, 3.2), change("GOOD_SIGN", -1, -0.5)};
  some.kept = {{"A", "it did not hit"},
               {"B", "it hit 3 messages, too few to learn from"},
               {"C", "it hit 1 message, too few to learn from"},
               {"D", "its 30 hits are of 2 senders or campaigns"}};
  some.before.ham = {1000, 5, 1};
  some.before.spam = {500, 400, 100};
  some.before.corpora = {some.before.ham, some.before.spam};
  some.after = some.before;
  some.after.ham = some.after.corpora[0] = {1000, 1, 0};
  some.after.spam = some.after.corpora[1] = {500, 490, 300};
  some.before.auc = 0.95;
  some.after.auc = 0.99;
  return some;
}

std::vector<TuneInput> inputs() {
  return {{"/mail/wanted", false}, {"/mail/junk\x1b[2J", true}};
}

TEST(TuneReport, FiguresAreMistakesOfEachInputBeforeAndAfter) {
  std::string text = tune_figures(proposal(), inputs(), {});
  EXPECT_THAT(text, HasSubstr("wrong at 6.0"));
  EXPECT_THAT(text, HasSubstr("wrong at 15.0"));
  EXPECT_THAT(text, testing::ContainsRegex(
                        "ham +1000 +5 \\(0.50 %\\) +1 \\(0.10 %\\) +1 \\(0.10 %\\) +0 \\(0.00 %\\)  /mail/wanted"));
  EXPECT_THAT(
      text, testing::ContainsRegex("spam +500 +100 \\(20.0 %\\) +10 \\(2.0 %\\) +400 \\(80.0 %\\) +200 \\(40.0 %\\)"));
  EXPECT_THAT(text, HasSubstr("AUC 0.9500 now, 0.9900 proposed"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(TuneReport, WithoutARefusalOnlyTheTagCounts) {
  rules::tuning::Options options;
  options.reject.reset();
  options.tag = 4.5;
  std::string text = tune_figures(proposal(), inputs(), options);
  EXPECT_THAT(text, HasSubstr("wrong at 4.5"));
  EXPECT_THAT(text, Not(HasSubstr("wrong at 15")));
}

TEST(TuneReport, ChangesComeWithTheirReasonsAndTheRestIsCounted) {
  std::string text = tune_changes(proposal());
  EXPECT_THAT(text, HasSubstr("1.5 -> 3.2 "));
  EXPECT_THAT(text, HasSubstr("ham     2, spam   150, S/O 0.988: nearly only spam has it"));
  EXPECT_THAT(text, HasSubstr("2  too few messages have them: B, C"));
  EXPECT_THAT(text, HasSubstr("1  too few senders or campaigns have them: D"));
  EXPECT_THAT(text, HasSubstr("1  it did not hit: A"));
}

TEST(TuneReport, ProposalBeginsWithWhatIsThere) {
  std::string text = tuned_local_lua("score \"OTHER\" (2)", proposal(), "2026-01-02");
  EXPECT_THAT(
      text, StartsWith("score \"OTHER\" (2)\n\n-- Proposed by postern tune on 2026-01-02, from 1000 messages of ham"));
  EXPECT_THAT(
      text,
      HasSubstr("\nscore \"PILLS\" (3.2)       -- was 1.5; ham 2, spam 150, S/O 0.988: nearly only spam has it\n"));
  EXPECT_THAT(text, HasSubstr("\nscore \"GOOD_SIGN\" (-0.5)  -- was -1.0; "));
  EXPECT_THAT(tuned_local_lua("", proposal(), "2026-01-02"), StartsWith("-- Proposed"));
}

TEST(TuneReport, ProposalIsLuaThatGivesTheseScores) {
  std::string rules =
      "rule 'PILLS' { about = 'a', score = 1.5, body = 'pills' }\n"
      "rule 'GOOD_SIGN' { about = 'b', score = -1, body = 'good' }\n";
  auto set = rules::RuleSet::from_texts(
      {{"rules/10.lua", rules}, {"rules/local.lua", tuned_local_lua("-- mine", proposal(), "2026-01-02")}}, {});
  ASSERT_TRUE(set.has_value()) << set.error().front().to_string();
  EXPECT_EQ((*set)->rules()[0].score, 3.2);
  EXPECT_EQ((*set)->rules()[1].score, -0.5);
}

TEST(TuneReport, WhatEndsTheFileStaysBehindTheProposal) {
  const std::string rules =
      "rule 'PILLS' { about = 'a', score = 1.5, body = 'pills' }\n"
      "rule 'GOOD_SIGN' { about = 'b', score = -1, body = 'good' }\n";
  for (const char* present : {"-- mine\nreturn", "-- mine\nreturn {}\n", "-- mine\ndo return end\nscore 'NOBODY' (1)\n",
                              "-- mine\n  if true then\n return end -- the rest is old\nscore 'PILLS' (9)", "return"}) {
    std::string text = tuned_local_lua(present, proposal(), "2026-01-02");
    auto set = rules::RuleSet::from_texts({{"rules/10.lua", rules}, {"rules/local.lua", text}}, {});
    ASSERT_TRUE(set.has_value()) << text << set.error().front().to_string();
    EXPECT_EQ((*set)->rules()[0].score, 3.2) << text;
    EXPECT_EQ((*set)->rules()[1].score, -0.5) << text;
    std::string_view last(present);
    EXPECT_THAT(text, EndsWith(std::string(last.starts_with("-- mine\n") ? last.substr(8) : last)));
  }
}

TEST(TuneReport, SuspectsAreNamedEscaped) {
  TuneMessage ham;
  ham.name = "a\x1b.eml";
  TuneMessage spam;
  spam.name = "b.eml";
  spam.spam = true;
  Proposal some = proposal();
  EXPECT_EQ(tune_suspects(some, {&ham, &spam}), "");
  some.suspicious_ham = {0};
  some.suspicious_spam = {1};
  std::string text = tune_suspects(some, {&ham, &spam});
  EXPECT_THAT(text, HasSubstr("called ham: a"));
  EXPECT_THAT(text, HasSubstr("called spam: b.eml"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace postern::cli
