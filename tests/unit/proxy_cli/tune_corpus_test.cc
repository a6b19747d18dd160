#include "proxy/cli/tune_corpus.h"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>

namespace postern::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class TuneCorpusTest : public ::testing::Test {
 public:
  TuneCorpusTest() = default;
  TuneCorpusTest(const TuneCorpusTest&) = delete;
  TuneCorpusTest& operator=(const TuneCorpusTest&) = delete;
  ~TuneCorpusTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "postern-tune-test-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    fs::create_directory(folder_ / "ham");
    fs::create_directory(folder_ / "spam");
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  [[nodiscard]] Result<TuneCorpus> read(unsigned jobs = 2) const {
    return read_corpus({{(folder_ / "ham").string(), false}, {(folder_ / "spam").string(), true}}, jobs);
  }
  static std::string mail(const std::string& from, const std::string& subject, const std::string& text) {
    return "From: " + from + "\nSubject: " + subject + "\n\n" + text + "\n";
  }
  static std::vector<uint32_t> campaigns(TuneCorpus& corpus) {
    std::vector<TuneMessage*> messages = corpus.messages();
    find_campaigns(messages);
    std::vector<uint32_t> numbers;
    numbers.reserve(messages.size());
    for (const TuneMessage* message : messages) numbers.push_back(message->campaign);
    return numbers;
  }

  fs::path folder_;
};

TEST_F(TuneCorpusTest, MessagesComeInOrderWithTheirKind) {
  write("ham/b.eml", mail("a@one.example", "x", "one"));
  write("ham/a.eml", mail("a@two.example", "y", "two"));
  write("spam/c.mbox",
        "From a@x Thu Jan  1 00:00:00 2026\nSubject: p\n\nhello\n\nFrom b@x Thu Jan  1 00:00:01 2026\nSubject: "
        "q\n\nworld\n");
  auto corpus = read();
  ASSERT_TRUE(corpus.has_value());
  std::vector<std::string> names;
  for (const TuneMessage* message : corpus->messages()) names.push_back(fs::path(message->name).filename().string());
  EXPECT_THAT(names, ElementsAre("a.eml", "b.eml", "c.mbox#1", "c.mbox#2"));
  EXPECT_FALSE(corpus->messages()[1]->spam);
  EXPECT_TRUE(corpus->messages()[2]->spam);
  EXPECT_EQ(corpus->messages()[3]->input, 1U);
}

TEST_F(TuneCorpusTest, OneSenderIsOneCampaign) {
  write("ham/1.eml", mail("Ann <a@one.example>", "lunch on Monday", "shall we eat together"));
  write("ham/2.eml", mail("Bob <b@one.example>", "figures", "here is what the third quarter brought"));
  write("ham/3.eml", mail("Eve <e@other.example>", "garden", "roses want water in June"));
  auto corpus = read();
  ASSERT_TRUE(corpus.has_value());
  auto numbers = campaigns(*corpus);
  EXPECT_EQ(numbers[0], numbers[1]);
  EXPECT_NE(numbers[0], numbers[2]);
}

TEST_F(TuneCorpusTest, SpamOfOneSubjectIsOneCampaignWhoeverSeemsToSendIt) {
  write("spam/1.eml", mail("a@one.example", "Your parcel 123 is waiting", "collect it here now please"));
  write("spam/2.eml", mail("a@two.example", "Re: your PARCEL 998 is waiting", "somebody has to pay customs fees"));
  write("spam/3.eml", mail("a@three.example", "cheap watches", "gold and silver for your wrist"));
  // Of ham that is a thread: its authors are not each other.
  write("ham/4.eml", mail("a@four.example", "minutes of the meeting", "attached as promised yesterday"));
  write("ham/5.eml", mail("a@five.example", "Re: minutes of the meeting", "thank you, one correction follows"));
  auto corpus = read();
  ASSERT_TRUE(corpus.has_value());
  auto numbers = campaigns(*corpus);  // ham first
  EXPECT_NE(numbers[0], numbers[1]);
  EXPECT_EQ(numbers[2], numbers[3]);
  EXPECT_NE(numbers[2], numbers[4]);
}

TEST_F(TuneCorpusTest, WhatIsCalledBothIsLeftOut) {
  write("ham/1.eml", mail("a@one.example", "s", "the very same text"));
  write("spam/1.eml", mail("a@one.example", "s", "the very same text"));
  write("spam/2.eml", mail("a@two.example", "s", "another text"));
  auto corpus = read();
  ASSERT_TRUE(corpus.has_value());
  EXPECT_EQ(corpus->contradictions, 2U);
  EXPECT_EQ(corpus->messages().size(), 1U);
}

TEST_F(TuneCorpusTest, EmptyFilesAreNamedAndDoNoHarm) {
  write("ham/1.eml", "");
  write("ham/2.eml", "  \t");
  write("ham/3.eml", std::string("\0\xff\r\n\r\n\0", 6));
  auto corpus = read();
  ASSERT_TRUE(corpus.has_value());
  EXPECT_EQ(corpus->messages().size(), 1U);
  ASSERT_EQ(corpus->bad.size(), 2U);
  EXPECT_THAT(corpus->bad[0], HasSubstr("1.eml: has nothing in it"));
}

TEST_F(TuneCorpusTest, NumbersDoNotDependOnThreads) {
  for (int i = 0; i < 40; ++i) {
    std::string number = std::to_string(i);
    write("ham/" + number + ".eml", mail("a@d" + std::to_string(i % 7) + ".example", "s" + number, "text " + number));
  }
  auto one = read(1);
  auto four = read(4);
  ASSERT_TRUE(one && four);
  auto numbers = campaigns(*one);
  EXPECT_EQ(numbers, campaigns(*four));
  EXPECT_EQ(std::set<uint32_t>(numbers.begin(), numbers.end()).size(), 7U);
}

TEST_F(TuneCorpusTest, AMissingFolderIsSaid) {
  auto corpus = read_corpus({{(folder_ / "nowhere").string(), false}}, 1);
  if (corpus) {
    EXPECT_THAT(corpus->bad, ElementsAre(HasSubstr("nowhere")));
  }
}

}  // namespace
}  // namespace postern::cli
