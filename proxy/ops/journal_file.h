// The file of the journal as its one writer sees it: made, checked, written, trimmed, and set aside when it is broken.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/clock.h"
#include "filters/base/result.h"
#include "proxy/ops/journal.h"
#include "proxy/ops/sqlite.h"

namespace postern::ops {

// "Post" in ASCII, so that `file` and we know whose database it is; and the version of the tables.
inline constexpr int64_t kJournalApplication = 0x506f7374;
inline constexpr int64_t kJournalVersion = 1;
inline constexpr int kJournalPatienceMs = 2000;  // of the writer, for the locks of somebody who looks into the file

/// One thread. Every call may wait for the disk.
class JournalFile {
 public:
  using Report = std::function<void(std::string_view level, const std::string& text)>;
  struct Bounds {
    Duration keep{};
    uint64_t size = 0;  // octets of all its files together

    /// Of `size`: the log beside the file (WAL) goes back into it from this size on; a transaction, which may come on
    /// top with what it removes, has rows for about a quarter of it.
    [[nodiscard]] uint64_t log() const;
    [[nodiscard]] uint64_t transaction() const { return log() / 4; }
    /// What is left for the file itself.
    [[nodiscard]] uint64_t file() const;
    /// Who reads for long keeps the log from being used again. Beyond this nothing is written until they let go; so
    /// much may all files together have more than `size`.
    [[nodiscard]] uint64_t held_log() const;
  };
  /// What a write came to.
  struct Outcome {
    bool written = false;
    bool corrupt = false;  // the file is broken: set_aside()
    bool busy = false;     // another program is at it: once more, later
    bool more = false;     // something was removed or given back, so there may be more of that
    std::string error;
  };

  /// `report`: told when a file is set aside. Nothing is touched before open().
  JournalFile(std::string path, Report report) : path_(std::move(path)), report_(std::move(report)) {}
  JournalFile(const JournalFile&) = delete;
  JournalFile& operator=(const JournalFile&) = delete;
  ~JournalFile();

  /// Takes the lock (PATH.lock) and opens or makes the file; one that is broken or not ours is set aside first. Again
  /// after a failure, and when the file was taken away meanwhile.
  [[nodiscard]] Result<void> open();
  [[nodiscard]] bool is_open() const { return db_.is_open(); }
  /// How often it was opened: a file that was not there before has nothing of what was written.
  [[nodiscard]] uint64_t opened() const { return opened_; }
  /// Renames the file and begins a new one. `why`: for the warning.
  [[nodiscard]] Result<void> set_aside(const std::string& why);
  /// All or nothing, in one transaction, with some trimming: as many rows as are written and a few more. `rows`:
  /// Bounds::transaction() octets of them, about. `now_ms`: milliseconds since 1970.
  [[nodiscard]] Outcome write(std::span<const JournalRow> rows, const std::vector<JournalRules>& rules,
                              const Bounds& bounds, int64_t now_ms);
  /// Brings everything from the log into the file and leaves the log empty. For quiet moments; false: somebody reads
  /// what is in it, or the disk refused.
  bool settle();
  /// Octets of the file, its log and the log's index, as of the last write().
  [[nodiscard]] uint64_t bytes() const { return bytes_; }

 private:
  [[nodiscard]] Result<void> lock();
  [[nodiscard]] Result<void> make();
  /// The error's code is BadInput where the file should be set aside.
  [[nodiscard]] Result<void> open_database();
  [[nodiscard]] Result<void> check();
  [[nodiscard]] Result<void> prepare();
  [[nodiscard]] Result<void> rename_aside(const std::string& why);
  void close();
  [[nodiscard]] bool let_go_if_gone();
  [[nodiscard]] tl::unexpected<Error> failed(int code, const char* what) const;
  [[nodiscard]] Outcome failure(int code);
  [[nodiscard]] int insert(std::span<const JournalRow> rows, const std::vector<JournalRules>& rules);
  [[nodiscard]] int trim(size_t written, const Bounds& bounds, int64_t now_ms, bool& more);
  [[nodiscard]] int remove(sqlite::Statement& which, bool& more);
  [[nodiscard]] int shrink(const Bounds& bounds, bool& more);
  [[nodiscard]] int bound_log(const Bounds& bounds);
  int checkpoint(int mode);
  [[nodiscard]] bool is_log_held(const Bounds& bounds);
  [[nodiscard]] uint64_t log_octets() const;
  void weigh();
  /// Of all pages, and of those that are free.
  struct Size {
    uint64_t all = 0;
    uint64_t free = 0;
  };
  [[nodiscard]] int measure(Size& size);

  const std::string path_;
  const Report report_;
  int lock_ = -1;
  sqlite::Database db_;
  sqlite::Statement begin_;
  sqlite::Statement commit_;
  sqlite::Statement rollback_;
  sqlite::Statement insert_row_;
  sqlite::Statement insert_rules_;
  sqlite::Statement remove_old_;
  sqlite::Statement remove_first_;
  sqlite::Statement pages_;
  sqlite::Statement free_;
  int64_t page_size_ = 0;
  int64_t log_limit_ = -1;      // journal_size_limit, octets
  int64_t log_frames_ = 0;      // pages in the log after the last commit; told by SQLite
  uint64_t row_octets_ = 4096;  // of one row, about
  uint64_t bytes_ = 0;
  uint64_t opened_ = 0;
};

}  // namespace postern::ops
