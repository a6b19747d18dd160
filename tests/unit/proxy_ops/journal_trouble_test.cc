// The journal in trouble: broken files, full disks, a second gateway, an end without warning.
#include <csignal>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/ops/journal_health.h"
#include "proxy/ops/sqlite.h"
#include "tests/unit/proxy_ops/journal_fixture.h"

namespace postern::ops {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

class JournalTroubleTest : public JournalTest {
 protected:
  /// Of files that were set aside.
  [[nodiscard]] std::vector<std::string> aside() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory_.path())) {
      std::string name = entry.path().filename().string();
      if (name.starts_with("journal.db.broken-") && !name.ends_with("-wal")) names.push_back(entry.path().string());
    }
    return names;
  }
  /// Some thousand octets in the middle.
  void overwrite(uint64_t at, size_t octets) const {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file << std::string(octets, '\xa5');
  }
  void fill(int count) {
    auto journal = open();
    for (int number = 0; number < count; ++number) journal->put(row(number, 2000));
  }
  void expect_new_one() {
    auto journal = open();
    journal->put(row(77));
    journal->finish();
    EXPECT_THAT(rows(), SizeIs(1));
    EXPECT_THAT(aside(), SizeIs(1));
    EXPECT_THAT(said(), ElementsAre(AllOf(StartsWith("warning journal "), HasSubstr("set aside as "))));
  }
};

TEST_F(JournalTroubleTest, AFileOfAnotherProgramIsSetAside) {
  execute("CREATE TABLE t(a); INSERT INTO t VALUES('precious')");
  expect_new_one();
  std::ifstream kept(aside()[0], std::ios::binary);
  EXPECT_THAT(std::string(std::istreambuf_iterator<char>(kept), {}), HasSubstr("precious"));
}

TEST_F(JournalTroubleTest, AFileOfSomethingElseIsSetAside) {
  static_cast<void>(directory_.write("journal.db", "dear diary\n" + std::string(9000, 'x')));
  expect_new_one();
}

TEST_F(JournalTroubleTest, AFileOfALaterVersionIsSetAside) {
  fill(3);
  execute("PRAGMA user_version=2");
  expect_new_one();
}

TEST_F(JournalTroubleTest, AFileWithoutItsTablesIsSetAside) {
  fill(3);
  execute("DROP TABLE rules");
  expect_new_one();
}

TEST_F(JournalTroubleTest, ATornFileIsSetAside) {
  fill(500);
  fs::resize_file(path(), fs::file_size(path()) / 2);
  expect_new_one();
}

TEST_F(JournalTroubleTest, AFileWithABrokenPageIsSetAside) {
  fill(500);
  overwrite(fs::file_size(path()) / 2 / 8192 * 8192, 8192);
  expect_new_one();
}

TEST_F(JournalTroubleTest, AnEmptyFileIsMadeAJournal) {
  static_cast<void>(directory_.write("journal.db", ""));
  open()->put(row(1));
  EXPECT_THAT(rows(), SizeIs(1));
  EXPECT_THAT(aside(), IsEmpty());
}

TEST_F(JournalTroubleTest, ATornFileGivesAReaderWhatIsLeftOfIt) {
  fill(500);
  overwrite(fs::file_size(path()) * 3 / 4 / 8192 * 8192, 8192);
  auto reader = JournalReader::open(path());
  ASSERT_TRUE(reader) << reader.error().message;
  size_t count = 0;
  auto read = (*reader)->read(0, 0, [&](int64_t, const JournalRow&) { return ++count > 0; });
  EXPECT_FALSE(read);
  EXPECT_GT(count, 100U);
}

TEST_F(JournalTroubleTest, AFileThatIsTakenAwayIsBegunAnew) {
  auto journal = open();
  journal->put(JournalRules{"abc", "{}"});
  journal->put(row(1));
  ASSERT_TRUE(eventually([&] { return journal->statistics().written == 1; }));
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(path() + suffix);
  journal->put(row(2));
  journal->finish();
  auto left = rows();
  ASSERT_THAT(left, SizeIs(1));
  EXPECT_EQ(left[0].id, "01J2");
  EXPECT_TRUE(JournalReader::open(path()).value()->rules("abc").value()) << "rows name them";
}

TEST_F(JournalTroubleTest, ASecondGatewayDoesNotGetIt) {
  auto first = open();
  auto second = try_open();
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("another gateway writes it"));
  first->put(row(1));
  first.reset();
  EXPECT_TRUE(try_open()) << "once the first has gone";
  EXPECT_THAT(rows(), SizeIs(1));
}

TEST_F(JournalTroubleTest, APlaceThatCannotBeIsAnError) {
  Journal::Options options;
  options.path = directory_.write("file", "") + "/journal.db";
  auto journal = try_open(options);
  ASSERT_FALSE(journal);
  EXPECT_THAT(journal.error().message, HasSubstr("/file/journal.db"));
  options.path = directory_.path();
  EXPECT_FALSE(try_open(options)) << "a directory";
}

/// No file may grow beyond this.
class FileLimit {
 public:
  explicit FileLimit(rlim_t octets) {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit{octets, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;
  ~FileLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    if (handler_ != SIG_ERR) static_cast<void>(std::signal(SIGXFSZ, handler_));
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = SIG_DFL;
};

TEST_F(JournalTroubleTest, AFullDiskCostsRowsAndIsSaidOnce) {
  MovedClock clock;
  Journal::Options options;
  options.clock = &clock;
  auto journal = open(options);
  uint64_t written = 0;
  auto write = [&](int number) {
    journal->put(row(number));
    ++written;
    return eventually([&] { return journal->statistics().written == written && !journal->statistics().broken; });
  };
  ASSERT_TRUE(write(0));
  for (int round = 0; round < 3; ++round) {
    {
      FileLimit full(1 << 20);
      journal->put(row(1, 2'000'000));
      ASSERT_TRUE(eventually([&] { return journal->statistics().broken; }));
    }
    ASSERT_TRUE(write(2)) << "there is room for a moment";
  }
  EXPECT_EQ(journal->statistics().dropped, 3U);
  EXPECT_THAT(said(), ElementsAre(AllOf(StartsWith("warning journal "), HasSubstr("what cannot wait is dropped"))));
  clock.advance(JournalHealth::kWell);
  ASSERT_TRUE(write(42));
  journal->finish();
  EXPECT_EQ(rows().back().id, "01J42");
  EXPECT_THAT(said(), ElementsAre(StartsWith("warning "), "info the journal is well again; 3 entries were lost"));
}

TEST_F(JournalTroubleTest, RowsWaitForAnotherProgramThatWrites) {
  auto journal = open();
  sqlite::Database other;
  ASSERT_EQ(other.open(path(), SQLITE_OPEN_READWRITE, 10'000), SQLITE_OK);
  ASSERT_EQ(other.run("BEGIN IMMEDIATE"), SQLITE_OK);
  for (int number = 0; number < 50; ++number) journal->put(row(number));
  ASSERT_TRUE(eventually([&] { return journal->statistics().broken; }));
  for (int number = 50; number < 100; ++number) journal->put(row(number));
  ASSERT_EQ(other.run("COMMIT"), SQLITE_OK);
  ASSERT_TRUE(eventually([&] { return journal->statistics().written == 100; }));
  EXPECT_EQ(journal->statistics().dropped, 0U);
  auto all = rows();
  ASSERT_THAT(all, SizeIs(100));
  EXPECT_EQ(all.back().id, "01J99") << "in their order";
  EXPECT_THAT(said(), ElementsAre(HasSubstr("locked")));
}

TEST_F(JournalTroubleTest, WhatWaitsForAnotherProgramIsBoundedAndNotWaitedForAtTheEnd) {
  Journal::Options options;
  options.waiting = 100'000;
  auto journal = open(options);
  sqlite::Database other;
  ASSERT_EQ(other.open(path(), SQLITE_OPEN_READWRITE, 10'000), SQLITE_OK);
  ASSERT_EQ(other.run("BEGIN IMMEDIATE"), SQLITE_OK);
  for (int number = 0; number < 10; ++number) journal->put(row(number, 20'000));
  uint64_t dropped = journal->statistics().dropped;
  EXPECT_GT(dropped, 0U);
  EXPECT_LT(dropped, 10U);
  journal->finish();
  EXPECT_EQ(journal->statistics().dropped, 10U);
  EXPECT_EQ(journal->statistics().waiting, 0U);
}

TEST_F(JournalTroubleTest, AClockThatIsSetBackLosesNothing) {
  MovedClock clock;
  Journal::Options options;
  options.keep = std::chrono::hours(1);
  options.clock = &clock;
  auto journal = open(options);
  auto put = [&](int number) {
    JournalRow next = row(number);
    next.wall_ms = clock.wall_ms();
    journal->put(std::move(next));
    return eventually([&, seen = static_cast<uint64_t>(number)] { return journal->statistics().written == seen; });
  };
  ASSERT_TRUE(put(1));
  clock.set_wall(-std::chrono::hours(24 * 365));
  ASSERT_TRUE(put(2));
  ASSERT_TRUE(put(3));
  EXPECT_THAT(rows(), SizeIs(3));
  EXPECT_EQ(JournalReader::open(path()).value()->find("01J3").value().size(), 1U);
  EXPECT_THAT(rows(clock.wall_ms() - 1'000'000), SizeIs(3)) << "the row of the future too";
  clock.advance(std::chrono::hours(2));
  ASSERT_TRUE(put(4));
  EXPECT_TRUE(eventually([&] { return rows().size() == 2; })) << "what is two hours old by either clock goes";
}

TEST_F(JournalTroubleTest, WhatWasWrittenIsThereAfterAnEndWithoutWarning) {
  for (int round = 0; round < 3; ++round) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Journal::Options options;
      options.path = path();
      auto journal = Journal::open(options, nullptr);
      // Tells after each how many were written before; until it is killed.
      for (int number = 0; journal; ++number) {
        (*journal)->put(row(number, 3000));
        if (number % 20 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        uint64_t written = (*journal)->statistics().written;
        if (write(pipe[1], &written, sizeof written) != sizeof written) break;
      }
      _exit(1);
    }
    close(pipe[1]);
    uint64_t written = 0;
    while (written < 500 && read(pipe[0], &written, sizeof written) == sizeof written) {}
    kill(child, SIGKILL);
    close(pipe[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status));
    ASSERT_GE(written, 500U);
    EXPECT_GE(rows().size(), written) << "for a reader, before a gateway is there";
    auto journal = open();
    journal->finish();
    EXPECT_GE(rows().size(), written);
    EXPECT_THAT(aside(), IsEmpty());
    for (const char* suffix : {"", "-wal", "-shm", ".lock"}) fs::remove(path() + suffix);
  }
}

}  // namespace
}  // namespace postern::ops
