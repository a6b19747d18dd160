// A journal in a directory of its own, and what was said about it.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "proxy/ops/journal.h"
#include "tests/unit/proxy_ops/files.h"

namespace postern::ops {

/// The machine's, moved by a test while the journal's thread looks at it.
class MovedClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override { return SystemClock().now() + later_.load(); }
  [[nodiscard]] int64_t wall_ms() const override { return SystemClock().wall_ms() + wall_later_ms_.load(); }
  void advance(Duration by) {
    later_ = later_.load() + by;
    set_wall(std::chrono::duration_cast<std::chrono::milliseconds>(by));
  }
  /// As an admin, or a machine that starts with a wrong clock.
  void set_wall(std::chrono::milliseconds by) { wall_later_ms_ += by.count(); }

 private:
  std::atomic<Duration> later_{Duration::zero()};
  std::atomic<int64_t> wall_later_ms_ = 0;
};

class JournalTest : public testing::Test {
 public:
  JournalTest() = default;
  JournalTest(const JournalTest&) = delete;
  JournalTest& operator=(const JournalTest&) = delete;
  ~JournalTest() override = default;

 protected:
  [[nodiscard]] std::string path() const { return directory_.path() + "/journal.db"; }

  Result<std::unique_ptr<Journal>> try_open(Journal::Options options = {}) {
    if (options.path.empty()) options.path = path();
    return Journal::open(std::move(options), [this](std::string_view level, const std::string& text) {
      std::lock_guard lock(mutex_);
      said_.push_back(std::string(level) + " " + text);
    });
  }
  std::unique_ptr<Journal> open(Journal::Options options = {}) {
    auto journal = try_open(std::move(options));
    if (!journal) throw std::runtime_error(journal.error().message);
    return std::move(*journal);
  }
  [[nodiscard]] std::vector<std::string> said() {
    std::lock_guard lock(mutex_);
    return said_;
  }

  static JournalRow row(int number, size_t size = 100) {
    JournalRow row;
    row.id = "01J" + std::to_string(number);
    row.wall_ms = SystemClock().wall_ms();
    row.data = R"({"v":1,"number":)" + std::to_string(number) + R"(,"pad":")" + std::string(size, 'x') + R"("})";
    row.header = "Subject: " + std::to_string(number) + "\r\n";
    row.rules_version = "abc";
    row.verdict = "accept";
    row.score = number / 2.0;
    return row;
  }

  [[nodiscard]] std::vector<JournalRow> rows(int64_t since_ms = 0) const {
    std::vector<JournalRow> rows;
    auto reader = JournalReader::open(path());
    EXPECT_TRUE(reader) << reader.error().message;
    if (!reader) return rows;
    auto read = (*reader)->read(since_ms, 0, [&](int64_t, JournalRow row) {
      rows.push_back(std::move(row));
      return true;
    });
    EXPECT_TRUE(read) << read.error().message;
    return rows;
  }

  /// Polls: nothing is asserted of how long it takes.
  template <class Condition>
  [[nodiscard]] static bool eventually(Condition condition) {
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }

  /// With SQLite itself, as another program would.
  void execute(const std::string& sql) const {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path().c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }

  TempDirectory directory_;

 private:
  std::mutex mutex_;
  std::vector<std::string> said_;
};

}  // namespace postern::ops
