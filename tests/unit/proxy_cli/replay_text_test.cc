// The report of `postern replay` as people read it, and what the journal counted of shadow rules.
#include <string>

#include <gmock/gmock.h>

#include "proxy/cli/counted.h"
#include "proxy/cli/replay.h"
#include "proxy/cli/shadow_counts.h"

namespace postern::cli {
namespace {

using rules::Verdict;
using testing::HasSubstr;
using testing::Not;

Sample sample(const std::string& name, Verdict before, Verdict after) {
  Sample made;
  made.name = name;
  made.before.verdict = made.before.mildest = made.before.strictest = before;
  made.after.emplace();
  made.after->verdict = made.after->mildest = made.after->strictest = after;
  return made;
}

/// Of a journal, by rules of which nothing is said.
Replayed replayed(size_t messages) {
  Replayed made(0);
  made.mode = "journal";
  made.sides = {{"recorded", nullptr, nullptr}, {"in force", nullptr, nullptr}};
  for (size_t i = 0; i < messages; ++i) {
    made.tally.add(sample(std::string(1, static_cast<char>('a' + i)), Verdict::Accept, Verdict::Tag));
  }
  return made;
}

TEST(ReplayText, CountsAsPeopleDo) {
  EXPECT_EQ(counted(0, "hit"), "0 hits");
  EXPECT_EQ(counted(1, "hit"), "1 hit");
  EXPECT_EQ(counted(2, "hit"), "2 hits");
  EXPECT_THAT(replay_text(replayed(1)), HasSubstr("1 message of the journal: recorded against in force\n"));
  EXPECT_THAT(replay_text(replayed(2)), HasSubstr("2 messages of the journal"));
  Replayed failed = replayed(1);
  failed.failures["BROKEN"] = 1;
  EXPECT_THAT(replay_text(failed), HasSubstr("  BROKEN: 1 message\n"));
}

TEST(ReplayText, RulesWithOneReasonStandTogetherWhatMattersMostFirst) {
  Replayed report = replayed(3);
  for (const char* rule : {"B1", "B2", "B3"}) report.left_out[rule] = {"it reads body", 3, 0};
  report.left_out["B4"] = {"it reads body", 1, 0};
  report.left_out["ZEN"] = {"list ZEN had not been asked", 3, 2};
  std::string text = replay_text(report);
  EXPECT_THAT(text, HasSubstr("\nWhat the journal does not tell: 0 verdicts hang on these rules\n"
                              "  list ZEN had not been asked (1 rule)\n"
                              "      ZEN  (of 3 messages, 2 verdicts)\n"
                              "  it reads body (4 rules)\n"
                              "      B4  (of 1 message, 0 verdicts)\n"
                              "      B1, B2, B3  (of 3 messages, 0 verdicts)\n"));
}

TEST(ReplayText, LongListsAreWrapped) {
  Replayed report = replayed(1);
  for (int i = 0; i < 300; ++i) report.left_out[fmt::format("RULE_NUMBER_{}", i)] = {"it reads body", 1, 0};
  std::string text = replay_text(report);
  for (size_t at = 0; at < text.size();) {
    size_t end = text.find('\n', at);
    EXPECT_LE(end - at, 96U) << text.substr(at, end - at);
    at = end + 1;
  }
}

TEST(ReplayText, NamesOfFilesDoNoHarmToATerminal) {
  Replayed report = replayed(0);
  report.tally.add(sample("\x1b[2J\xe2\x80\xaegone\n.eml", Verdict::Accept, Verdict::Reject));
  std::string text = replay_text(report);
  EXPECT_THAT(text, HasSubstr("\\x1b[2Jgone\\x0a.eml"));
  EXPECT_THAT(text, Not(HasSubstr("\xe2\x80\xae")));
}

TEST(ShadowCounts, InWords) {
  constexpr int64_t kSince = 1'700'000'000'000;
  EXPECT_EQ(shadow_text({1, {}}, kSince), "shadow: 1 hit since 2023-11-14 22:13 UTC, no verdict would have changed");
  EXPECT_EQ(shadow_text({2, {{{Verdict::Tag, Verdict::Reject}, 1}}}, kSince),
            "shadow: 2 hits since 2023-11-14 22:13 UTC, would have changed tag -> reject: 1");
}

}  // namespace
}  // namespace postern::cli
