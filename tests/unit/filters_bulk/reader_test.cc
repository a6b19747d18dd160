#include "filters/bulk/reader.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace postern::bulk {
namespace {

std::string counted(std::string_view text, bool reply = true) {
  std::string out;
  for (std::string_view piece : counted_text(text, reply)) out += piece;
  return out;
}

TEST(Reader, QuotationsAreNotTheSenders) {
  EXPECT_EQ(counted("all\nof\nit"), "all\nof\nit");
  EXPECT_EQ(counted("I agree.\n\nOn Monday, Ann wrote:\n> first\n>> second\n>\n> third\nAnd so on.\n"),
            "I agree.\n\nAnd so on.\n");
  EXPECT_EQ(counted("Yes.\nOn Mon, 1 Jan 2024 at 10:00, Ann Other <ann@example.com>\nwrote:\n\n> first\n"), "Yes.\n\n");
  EXPECT_EQ(counted("Ann said:\nwell\n| quoted\n"), "Ann said:\nwell\n");
  EXPECT_EQ(counted("| a | b |\n| 1 | 2 |\n"), "| a | b |\n| 1 | 2 |\n") << "a table";
  EXPECT_EQ(counted("hello\n>From the start\n"), "hello\n>From the start\n") << "what mbox writers do to a line";
  EXPECT_EQ(counted("  > indented\nmine\n"), "mine\n");
}

TEST(Reader, OriginalMessages) {
  EXPECT_EQ(counted("Thanks!\n\n-----Original Message-----\nFrom: Ann\nlong text\n"), "Thanks!\n\n");
  EXPECT_EQ(counted("Danke!\n-----Urspr\u00fcngliche Nachricht-----\nVon: Ann\n"), "Danke!\n");
  EXPECT_EQ(counted("Thanks!\nFrom: Ann <a@example.com>\nSent: Monday\nTo: Bob\nSubject: x\n\nlong text\n"),
            "Thanks!\n");
  EXPECT_EQ(counted("From: my heart\nto yours\n"), "From: my heart\nto yours\n");
}

TEST(Reader, SignaturesAndFooters) {
  EXPECT_EQ(counted("text\n-- \nAnn Other\nthe company\n"), "text\n");
  EXPECT_EQ(counted("text\n--\nAnn Other\n"), "text\n") << "without its blank, as HTML has it";
  EXPECT_EQ(counted("text\n____________________________\nlist mailing list\nunsubscribe here\n"), "text\n");
  EXPECT_EQ(counted("text\n-- \nAnn\n____________________________\nlist footer\n"), "text\n");
  EXPECT_EQ(counted("text\n____________________________\nlist footer\n-- \nprovider's\n"), "text\n");
  std::string many;
  for (int i = 0; i < 30; ++i) many += "a line of the article itself\n";
  EXPECT_EQ(counted("head\n====================\n" + many), "head\n====================\n" + many)
      << "a line below a heading is no footer";
  EXPECT_EQ(counted("head\n-- \n" + many), "head\n-- \n" + many) << "nobody signs so long";
  EXPECT_EQ(counted("text\n-- \n" + std::string(2000, 'x')), "text\n-- \n" + std::string(2000, 'x'));
}

/// To quote and to sign is no way to say nothing.
TEST(Reader, WhenNothingElseIsThere) {
  EXPECT_EQ(counted("> all\n> quoted\n", true), "");
  EXPECT_EQ(counted("> all\n> quoted\n", false), "> all\n> quoted\n");
  EXPECT_EQ(counted("-- \nonly signed\n", false), "-- \nonly signed\n");
  EXPECT_EQ(counted("-- \nonly signed\n", true), "");
  std::string spam;
  for (int i = 0; i < 10; ++i) spam += "> buy our very cheap pills today\n";
  EXPECT_EQ(counted("some noise\n" + spam, false), "some noise\n" + spam) << "who quotes most, and answers nobody";
  EXPECT_EQ(counted("some noise\n" + spam, true), "some noise\n");
  std::string forwarded = "-----Original Message-----\nthe long text that somebody got and sends on to all\n";
  EXPECT_EQ(counted("look\n" + forwarded, false), "look\n" + forwarded);
}

TEST(Reader, AnyText) {
  EXPECT_EQ(counted(""), "");
  EXPECT_EQ(counted("\n\n"), "\n\n");
  EXPECT_EQ(counted("\r\n> x\r\ny\r\n"), "\r\ny\r\n");
  std::string lines(100'000, '\n');
  EXPECT_EQ(counted(lines), lines);
  std::string quotes;
  for (int i = 0; i < 30'000; ++i) quotes += ">\n\n";
  EXPECT_TRUE(counted_text(quotes, true).size() <= 30'000U);
  std::string rulers;
  for (int i = 0; i < 3000; ++i) rulers += "--------------------\n";
  EXPECT_LE(counted(rulers).size(), rulers.size());
}

}  // namespace
}  // namespace postern::bulk
