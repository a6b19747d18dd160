// The room that the journal's files take, together.
#include <filesystem>

#include <gmock/gmock.h>

#include "proxy/ops/journal_file.h"
#include "tests/unit/proxy_ops/journal_fixture.h"

namespace postern::ops {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr uint64_t kMiB = uint64_t{1} << 20U;

class JournalSpaceTest : public JournalTest {
 public:
  JournalSpaceTest() { opened_ = file_.open(); }
  JournalSpaceTest(const JournalSpaceTest&) = delete;
  JournalSpaceTest& operator=(const JournalSpaceTest&) = delete;
  ~JournalSpaceTest() override = default;

 protected:
  void SetUp() override { ASSERT_TRUE(opened_) << opened_.error().message; }

  [[nodiscard]] uint64_t on_disk(const char* suffix) const {
    std::error_code error;
    auto octets = fs::file_size(path() + suffix, error);
    return error ? 0 : octets;
  }
  [[nodiscard]] uint64_t on_disk() const { return on_disk("") + on_disk("-wal") + on_disk("-shm"); }

  JournalFile::Outcome write(int count, size_t octets = 6000) {
    std::vector<JournalRow> rows;
    rows.reserve(static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) rows.push_back(row(number_++, octets));
    return file_.write(rows, {}, bounds_, SystemClock().wall_ms());
  }
  /// A transaction's worth, until so much was written.
  void fill(uint64_t octets) {
    int rows = static_cast<int>(bounds_.transaction() / 6000);
    for (uint64_t done = 0; done < octets; done += bounds_.transaction()) {
      JournalFile::Outcome outcome = write(rows);
      ASSERT_TRUE(outcome.written) << outcome.error;
      ASSERT_LE(on_disk(), bounds_.size) << number_;
      ASSERT_EQ(file_.bytes(), on_disk()) << "what the metric shows";
    }
  }

  JournalFile file_{path(), nullptr};
  JournalFile::Bounds bounds_{24h, 16 * kMiB};
  Result<void> opened_;
  int number_ = 0;
};

TEST_F(JournalSpaceTest, AllFilesTogetherStayWithinTheSize) {
  fill(48 * kMiB);
  EXPECT_GT(on_disk(""), bounds_.size / 2) << "it is made use of";
  EXPECT_GT(rows().size(), 1000U);
}

TEST_F(JournalSpaceTest, AllFilesTogetherStayWithinALargerSize) {
  bounds_.size = 64 * kMiB;
  fill(100 * kMiB);
  EXPECT_GT(on_disk(""), bounds_.size / 2);
}

TEST_F(JournalSpaceTest, InAQuietMomentTheLogIsGivenBack) {
  fill(2 * kMiB);
  ASSERT_GT(on_disk("-wal"), 0U);
  file_.settle();
  EXPECT_EQ(on_disk("-wal"), 0U);
  EXPECT_EQ(file_.bytes(), on_disk());
  EXPECT_TRUE(write(1).written);
}

TEST_F(JournalSpaceTest, ASmallerSizeIsReachedInSmallSteps) {
  bounds_.size = 64 * kMiB;
  fill(64 * kMiB);
  bounds_.size = 16 * kMiB;
  uint64_t before = on_disk("");
  size_t steps = 0;
  for (bool more = true; more && steps < 10'000; ++steps) {
    JournalFile::Outcome outcome = write(0);
    ASSERT_TRUE(outcome.written) << outcome.error;
    ASSERT_LE(on_disk("-wal"), before) << "what goes is not all written once more";
    more = outcome.more;
  }
  file_.settle();
  EXPECT_LE(on_disk(), bounds_.size);
  EXPECT_GT(steps, 10U);
  EXPECT_GT(rows().size(), 1000U) << "no more goes than has to";
}

TEST_F(JournalSpaceTest, AReaderThatDoesNotLetGoStopsTheWritingBeforeTheDiskIsFull) {
  fill(4 * kMiB);
  sqlite::Database reader;
  ASSERT_EQ(reader.open(path(), SQLITE_OPEN_READONLY, 0), SQLITE_OK);
  ASSERT_EQ(reader.run("BEGIN; SELECT count(*) FROM message"), SQLITE_OK);
  JournalFile::Outcome outcome;
  for (int i = 0; i < 1000; ++i) {
    outcome = write(50);
    if (!outcome.written) break;
  }
  EXPECT_TRUE(outcome.busy);
  EXPECT_FALSE(outcome.corrupt);
  EXPECT_THAT(outcome.error, HasSubstr("another program reads it for long"));
  EXPECT_LE(on_disk(), bounds_.size + bounds_.held_log());
  ASSERT_EQ(reader.run("COMMIT"), SQLITE_OK);
  outcome = write(50);
  EXPECT_TRUE(outcome.written) << outcome.error;
  EXPECT_LE(on_disk("-wal"), bounds_.log() + bounds_.transaction()) << "cut off again";
}

TEST_F(JournalSpaceTest, ALogThatIsTakenAwayTakesNothingWithIt) {
  fill(kMiB);
  size_t before = rows().size();
  fs::remove(path() + "-wal");
  ASSERT_TRUE(file_.open());
  EXPECT_EQ(rows().size(), before);
  EXPECT_TRUE(write(5).written);
  EXPECT_EQ(rows().size(), before + 5);
}

TEST_F(JournalSpaceTest, ALogThatIsTakenAwayWhileSomebodyReadsTakesNothingWithIt) {
  fill(kMiB);
  size_t before = rows().size();
  auto reader = JournalReader::open(path());
  ASSERT_TRUE(reader) << reader.error().message;
  ASSERT_EQ((*reader)->count(0).value(), before);
  fs::remove(path() + "-wal");
  ASSERT_TRUE(file_.open());
  EXPECT_TRUE(write(5).written);
  // Who has the lost log open has to open it anew.
  auto next = JournalReader::open(path());
  ASSERT_TRUE(next) << next.error().message;
  auto count = (*next)->count(0);
  ASSERT_TRUE(count) << count.error().message;
  EXPECT_EQ(*count, before + 5);
}

TEST_F(JournalSpaceTest, WhatIsRenamedIsWhole) {
  fill(kMiB);
  size_t before = rows().size();
  fs::rename(path(), path() + ".old");
  ASSERT_TRUE(file_.open());
  EXPECT_TRUE(write(5).written);
  EXPECT_EQ(rows().size(), 5U);
  auto reader = JournalReader::open(path() + ".old");
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_EQ((*reader)->count(0).value(), before);
}

}  // namespace
}  // namespace postern::ops
