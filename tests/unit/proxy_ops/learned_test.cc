// What is learned is kept: over runs that end in order and runs that are killed, and over files that cannot be used.
#include "proxy/ops/learned.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/proxy_ops/files.h"

namespace postern::ops {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Taken = Learned::Taken;

constexpr int64_t kNow = 1'767'225'600;  // 2026-01-01T00:00:00Z

classifier::Example example(uint64_t digest, bool spam) {
  return {{{static_cast<uint32_t>(digest), 0xFFFFFFFFU}, std::string("a \0 text", 8), "a.example/\n", "From: x\n"},
          digest,
          digest + 7,
          spam};
}

class LearnedTest : public testing::Test {
 public:
  LearnedTest() = default;
  LearnedTest(const LearnedTest&) = delete;
  LearnedTest& operator=(const LearnedTest&) = delete;
  ~LearnedTest() override = default;

 protected:
  [[nodiscard]] std::string folder() const { return directory_.path() + "/a/classifier"; }
  [[nodiscard]] std::string file() const { return Learned::file_in(folder()); }
  Result<std::unique_ptr<Learned>> open(uint64_t most = 50'000) {
    Learned::Options options;
    options.directory = folder();
    options.wall_seconds = kNow;
    options.most = most;
    return Learned::open(std::move(options), [this](const std::string& text) { notes_.push_back(text); });
  }
  /// One run that learns these.
  void learn(const std::vector<classifier::Example>& examples, uint64_t most = 50'000) {
    auto store = open(most);
    ASSERT_TRUE(store) << store.error().message;
    for (const auto& each : examples) ASSERT_TRUE((*store)->learn(each));
    ASSERT_TRUE((*store)->commit());
  }
  /// The digests that are learned, those of spam with a minus.
  std::vector<int64_t> known() {
    std::vector<int64_t> digests;
    auto store = open();
    auto all = store ? (*store)->examples() : tl::unexpected(store.error());
    EXPECT_TRUE(all) << all.error().message;
    if (!all) return digests;
    digests.reserve(all->size());
    for (const auto& each : *all) {
      digests.push_back(each.spam ? -static_cast<int64_t>(each.digest) : static_cast<int64_t>(each.digest));
    }
    return digests;
  }
  /// The file is set aside, and says why; what comes is learned anew.
  void expect_set_aside(const std::string& why) {
    notes_.clear();
    learn({example(50, true)});
    EXPECT_THAT(notes_, ElementsAre(AllOf(HasSubstr(why), HasSubstr("set aside as " + file() + ".bad-20260101T0000"))));
    EXPECT_THAT(known(), ElementsAre(-50));
  }

  TempDirectory directory_;
  std::vector<std::string> notes_;
};

TEST_F(LearnedTest, WhatIsLearnedIsThereInTheNextRun) {
  learn({example(1, false), example(2, true)});
  auto store = open();
  ASSERT_TRUE(store) << store.error().message;
  auto all = (*store)->examples();
  ASSERT_TRUE(all);
  ASSERT_THAT(*all, SizeIs(2));
  EXPECT_THAT((*all)[1].reading.features, ElementsAre(2U, 0xFFFFFFFFU));
  EXPECT_EQ((*all)[1].reading, example(2, true).reading);
  EXPECT_EQ((*all)[1].sender, 9U);
  auto counts = (*store)->counts();
  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->ham, 1U);
  EXPECT_EQ(counts->spam, 1U);
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(LearnedTest, AnyDigestIsKept) {
  learn({example(~uint64_t{0}, true), example(0, false), example(uint64_t{1} << 63U, false)});
  EXPECT_THAT(known(), SizeIs(3));
  auto store = open();
  ASSERT_TRUE(store);
  EXPECT_EQ((*store)->learn(example(~uint64_t{0}, true)).value(), Taken::Known);
}

TEST_F(LearnedTest, TheLatestWordCounts) {
  auto store = open();
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ((*store)->learn(example(1, false)).value(), Taken::New);
  EXPECT_EQ((*store)->learn(example(1, false)).value(), Taken::Known);
  EXPECT_EQ((*store)->learn(example(1, true)).value(), Taken::Relabelled);
  classifier::Example stranger = example(1, false);
  stranger.sender = 10;
  EXPECT_EQ((*store)->learn(stranger).value(), Taken::New) << "what another sender writes takes nothing away";
  EXPECT_TRUE((*store)->forget(1, 10).value());
  EXPECT_EQ((*store)->learn(example(1, true)).value(), Taken::Known);
  ASSERT_TRUE((*store)->commit());
  store->reset();
  EXPECT_THAT(known(), ElementsAre(-1));
}

TEST_F(LearnedTest, WhatIsForgottenIsGone) {
  learn({example(1, false), example(2, true)});
  {
    auto store = open();
    ASSERT_TRUE(store);
    EXPECT_TRUE((*store)->forget(2, 9).value());
    EXPECT_FALSE((*store)->forget(2, 9).value());
    EXPECT_FALSE((*store)->forget(3, 9).value());
    ASSERT_TRUE((*store)->commit());
  }
  EXPECT_THAT(known(), ElementsAre(1));
}

TEST_F(LearnedTest, OfEachKindTheYoungestAreKept) {
  learn({example(1, false), example(2, false), example(3, false), example(4, true)}, 3);
  // The first one is shown again, so it is as young as the new one.
  learn({example(1, false), example(5, false), example(6, true)}, 3);
  EXPECT_THAT(known(), ElementsAre(1, 3, -4, 5, -6));
}

TEST_F(LearnedTest, WithoutCommitNothingHasHappened) {
  learn({example(1, false)});
  {
    auto store = open();
    ASSERT_TRUE(store);
    ASSERT_TRUE((*store)->learn(example(2, true)));
    ASSERT_TRUE((*store)->forget(1, 9));
  }
  EXPECT_THAT(known(), ElementsAre(1));
}

TEST_F(LearnedTest, ARunThatIsKilledHasNotHappened) {
  learn({example(1, false)});
  pid_t child = ::fork();
  if (child == 0) {
    auto store = open();
    bool good = store.has_value();
    // More than SQLite keeps in memory, so that the file itself is half written.
    classifier::Example large = example(2, true);
    large.reading.features.assign(classifier::kMaxFeatures, 5);
    for (uint64_t digest = 2; good && digest < 7'000; ++digest) {
      large.digest = digest;
      good = (*store)->learn(large).has_value();
    }
    ::_exit(good ? 0 : 1);  // without any destructor
  }
  int status = 1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_TRUE(fs::exists(file() + "-journal")) << "the file was not half written, so this test says nothing";
  EXPECT_THAT(known(), ElementsAre(1));
  EXPECT_THAT(notes_, IsEmpty());
}

// The model and the store change together: what a run left that was killed before its commit is thrown away, what one
// left that was killed behind it is put in its place.
TEST_F(LearnedTest, AModelBelongsToWhatWasLearnedForIt) {
  auto write = [](const std::string& path, const std::string& text) { std::ofstream(path) << text; };
  auto read = [this] {
    std::ifstream model(Learned::model_in(folder()));
    return std::string(std::istreambuf_iterator<char>(model), {});
  };
  {
    auto store = open();
    ASSERT_TRUE(store);
    ASSERT_TRUE((*store)->learn(example(1, true)));
    write((*store)->staged(), "first");
    ASSERT_TRUE((*store)->commit());
    EXPECT_EQ(read(), "");
    ASSERT_TRUE((*store)->publish());
    EXPECT_EQ(read(), "first");
  }
  {  // killed before the commit
    auto store = open();
    ASSERT_TRUE(store);
    ASSERT_TRUE((*store)->learn(example(2, true)));
    write((*store)->staged(), "second");
    write((*store)->staged() + ".Xy1aB2", "sec");
    finish_learning(folder());  // one is at work: nothing happens
    EXPECT_TRUE(fs::exists((*store)->staged()));
  }
  finish_learning(folder());
  EXPECT_EQ(read(), "first");
  {  // killed behind it
    auto store = open();
    ASSERT_TRUE(store);
    ASSERT_TRUE((*store)->learn(example(3, true)));
    write((*store)->staged(), "third");
    ASSERT_TRUE((*store)->commit());
  }
  write(folder() + "/model.new", "somebody else's");
  finish_learning(folder());
  EXPECT_EQ(read(), "third");
  EXPECT_THAT(known(), testing::UnorderedElementsAre(-1, -3));
  {  // killed after all was forgotten
    auto store = open();
    ASSERT_TRUE(store);
    write((*store)->staged(), "");
    ASSERT_TRUE((*store)->commit());
  }
  EXPECT_TRUE(fs::exists(Learned::model_in(folder())));
  ASSERT_TRUE(open());
  EXPECT_FALSE(fs::exists(Learned::model_in(folder())));
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(folder())) left.push_back(entry.path().filename().string());
  EXPECT_THAT(left, testing::UnorderedElementsAre("learned.db", "model.new"));
}

TEST_F(LearnedTest, OneAtATime) {
  auto first = open();
  ASSERT_TRUE(first);
  auto second = open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::Unavailable);
  EXPECT_THAT(second.error().message, HasSubstr("another `postern learn` is at work"));
  first->reset();
  EXPECT_TRUE(open());
}

TEST_F(LearnedTest, NobodyElseMayReadIt) {
  learn({example(1, false)});
  struct stat status {};
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  ASSERT_EQ(::stat(folder().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0755U) << "the gateway looks for the model in it";
}

TEST_F(LearnedTest, WhatIsNoDatabaseIsSetAside) {
  fs::create_directories(folder());
  std::ofstream(file()) << std::string(5000, 'x');
  expect_set_aside("file is not a database");
}

TEST_F(LearnedTest, ABrokenDatabaseIsSetAside) {
  std::vector<classifier::Example> examples;
  examples.reserve(2000);
  for (uint64_t digest = 1; digest <= 2000; ++digest) examples.push_back(example(digest, false));
  learn(examples);
  fs::resize_file(file(), fs::file_size(file()) / 2);
  expect_set_aside(file());
}

TEST_F(LearnedTest, AnotherProgramsDatabaseIsSetAside) {
  fs::create_directories(folder());
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(file().c_str(), &database), SQLITE_OK);
  sqlite3_exec(database, "CREATE TABLE t (a)", nullptr, nullptr, nullptr);
  sqlite3_close(database);
  expect_set_aside("a database of another program");
}

TEST_F(LearnedTest, OfAnEarlierVersionItIsSetAsideAndOfALaterOneLeftAlone) {
  for (int version : {1, 999'999}) {
    learn({example(1, false)});
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(file().c_str(), &database), SQLITE_OK);
    sqlite3_exec(database, fmt::format("PRAGMA user_version = {}", version).c_str(), nullptr, nullptr, nullptr);
    sqlite3_close(database);
    if (version == 1) {
      expect_set_aside("an earlier version");
    } else {
      auto store = open();
      ASSERT_FALSE(store);
      EXPECT_THAT(store.error().message, HasSubstr("a later version"));
      EXPECT_TRUE(fs::exists(file()));
    }
  }
}

TEST_F(LearnedTest, WhereNothingCanBeMadeThatIsSaid) {
  std::string place = directory_.write("a", "a file");
  auto store = open();
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message, AllOf(HasSubstr(place), HasSubstr("Not a directory")));
}

TEST_F(LearnedTest, AFolderInItsPlaceIsLeftAlone) {
  fs::create_directories(file());
  auto store = open();
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message, HasSubstr(file()));
}

}  // namespace
}  // namespace postern::ops
