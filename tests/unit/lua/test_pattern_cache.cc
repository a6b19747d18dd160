// The file that keeps a compiled pattern set: read when it fits, never when it could hurt.
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lua/patterns.h"

namespace postern::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Which patterns of a set matched, searched once.
std::vector<size_t> hits(const std::shared_ptr<const PatternSet>& set, Target target, std::string_view text,
                         std::string_view field = "") {
  PatternScanner scanner(set);
  Matches matches;
  scanner.begin(matches);
  scanner.scan(target, field, text, matches);
  std::vector<size_t> out;
  for (size_t i = 0; i < set->patterns().size(); ++i) {
    if (matches.matched(i)) out.push_back(i);
  }
  return out;
}

/// A directory of its own with a cache file in it.
class PatternCache : public testing::Test {
 public:
  PatternCache() {
    std::string name = testing::TempDir() + "patternsXXXXXX";
    directory_ = mkdtemp(name.data());
    file_ = directory_ + "/cache";
  }
  ~PatternCache() override {
    chmod(directory_.c_str(), 0700);
    unlink(file_.c_str());
    rmdir(directory_.c_str());
  }

 protected:
  /// Compiles with the cache, checks that the set works, says whether it came out of the file.
  bool cached(const std::vector<Pattern>& patterns) {
    notes_.clear();
    auto set = PatternSet::compile(patterns, file_, notes_);
    if (!set) {
      ADD_FAILURE() << set.error()[0].reason;
      return false;
    }
    EXPECT_THAT(hits(*set, Target::Body, "all that money"), ElementsAre(0));
    EXPECT_THAT(hits(*set, Target::Header, "abc", "Subject"), ElementsAre(1));
    EXPECT_THAT(hits(*set, Target::Raw, "\xff"), ElementsAre(2));
    return (*set)->from_cache();
  }
  [[nodiscard]] std::string octets() const {
    std::ifstream in(file_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void put(const std::string& data) const { std::ofstream(file_, std::ios::binary | std::ios::trunc) << data; }

  const std::vector<Pattern> patterns_ = {
      {Target::Body, "", "(?i)\\bmoney\\b"}, {Target::Header, "subject", "a\\Cc"}, {Target::Raw, "", "\\xff"}};
  std::string directory_;
  std::string file_;
  std::vector<std::string> notes_;
};

TEST_F(PatternCache, TheSecondTimeItIsRead) {
  EXPECT_FALSE(cached(patterns_));
  EXPECT_THAT(notes_, IsEmpty());
  struct stat status {};
  ASSERT_EQ(stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_TRUE(cached(patterns_));
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(PatternCache, OtherPatternsAreCompiledAndKept) {
  EXPECT_FALSE(cached(patterns_));
  auto other = patterns_;
  other[0].expression = "money";
  EXPECT_FALSE(cached(other));
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_TRUE(cached(other));
  EXPECT_FALSE(cached(patterns_));
}

TEST_F(PatternCache, AFieldOrTargetMakesADifference) {
  EXPECT_FALSE(cached(patterns_));
  auto other = patterns_;
  other.push_back({Target::Header, "from", "a"});
  EXPECT_FALSE(cached(other));
  other[3].field = "to";
  EXPECT_FALSE(cached(other));
  other[3] = {Target::Url, "", "a"};
  EXPECT_FALSE(cached(other));
  EXPECT_TRUE(cached(other));
}

TEST_F(PatternCache, ACutFileIsNotUsedAndMendsItself) {
  EXPECT_FALSE(cached(patterns_));
  const std::string whole = octets();
  for (size_t keep : {size_t{0}, size_t{1}, size_t{7}, size_t{8}, size_t{30}, whole.size() / 2, whole.size() - 1}) {
    put(whole.substr(0, keep));
    EXPECT_FALSE(cached(patterns_)) << keep;
    EXPECT_EQ(octets().size(), whole.size()) << keep;
  }
  put(whole + "x");
  EXPECT_FALSE(cached(patterns_));
  EXPECT_TRUE(cached(patterns_));
}

TEST_F(PatternCache, AnyFlippedBitIsNoticed) {
  EXPECT_FALSE(cached(patterns_));
  const std::string whole = octets();
  for (size_t at = 8; at < whole.size(); at += whole.size() / 40) {
    std::string bad = whole;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    put(bad);
    EXPECT_FALSE(cached(patterns_)) << at;
    EXPECT_THAT(notes_, ElementsAre(HasSubstr("damaged"))) << at;
  }
}

TEST_F(PatternCache, AFileThatOthersMayWriteToIsReplaced) {
  EXPECT_FALSE(cached(patterns_));
  chmod(file_.c_str(), 0622);
  EXPECT_FALSE(cached(patterns_));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("others may write to it")));
  EXPECT_TRUE(cached(patterns_));
}

TEST_F(PatternCache, AFileOfAnotherUserIsNotTrusted) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  EXPECT_FALSE(cached(patterns_));
  ASSERT_EQ(chown(file_.c_str(), 65534, 65534), 0);
  EXPECT_FALSE(cached(patterns_));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("belongs to another user (id 65534)")));
  EXPECT_TRUE(cached(patterns_));
}

TEST_F(PatternCache, WhatIsNoCacheStaysAsItIs) {
  put("something of value\n");
  EXPECT_FALSE(cached(patterns_));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("damaged"), HasSubstr("what is there is no pattern cache")));
  EXPECT_EQ(octets(), "something of value\n");
}

TEST_F(PatternCache, NoLinkPipeOrDirectoryIsFollowed) {
  ASSERT_EQ(symlink("elsewhere", file_.c_str()), 0);
  EXPECT_FALSE(cached(patterns_));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("symbolic link"), HasSubstr("is not written")));
  unlink(file_.c_str());
  ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
  EXPECT_FALSE(cached(patterns_));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("not a regular file"), HasSubstr("is not written")));
  unlink(file_.c_str());
  ASSERT_EQ(mkdir(file_.c_str(), 0700), 0);
  EXPECT_FALSE(cached(patterns_));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("not a regular file"), HasSubstr("is not written")));
  rmdir(file_.c_str());
}

TEST_F(PatternCache, WithoutAPlaceToWriteItCostsTimeOnly) {
  file_ = directory_ + "/missing/cache";
  EXPECT_FALSE(cached(patterns_));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("is not written: No such file or directory")));
  file_ = "/proc/postern-patterns";  // nobody may write here, root neither
  EXPECT_FALSE(cached(patterns_));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("is not written")));
}

TEST_F(PatternCache, TwoThatStartAtOnceDoNotHurtEachOther) {
  std::vector<int> good(4);
  std::vector<std::thread> threads;
  threads.reserve(good.size());
  for (int& count : good) {
    threads.emplace_back([this, &count] {
      for (int i = 0; i < 5; ++i) {
        std::vector<std::string> notes;
        auto set = PatternSet::compile(patterns_, file_, notes);
        count += set && notes.empty() && hits(*set, Target::Body, "money") == std::vector<size_t>{0};
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(good, testing::Each(5));
  EXPECT_TRUE(cached(patterns_));
}

}  // namespace
}  // namespace postern::rules
