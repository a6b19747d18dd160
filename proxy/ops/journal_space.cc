// The room that the journal takes: its file, and the log beside it (WAL) through which it is written.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "proxy/ops/journal_file.h"
#include "proxy/session/message_id.h"

namespace postern::ops {
namespace {

namespace fs = std::filesystem;

constexpr int kShortPatienceMs = 100;  // where it may as well be done later

/// 0 where there is none.
uint64_t octets_of(const std::string& path) {
  std::error_code error;
  auto octets = fs::file_size(path, error);
  return error ? 0 : octets;
}

}  // namespace

uint64_t JournalFile::Bounds::log() const {
  return std::clamp(size / 16, uint64_t{1} << 20U, uint64_t{16} << 20U);
}

uint64_t JournalFile::Bounds::file() const {
  return size - std::min(size / 2, 2 * log());
}

uint64_t JournalFile::Bounds::held_log() const {
  return std::max(size / 4, 4 * log());
}

/// A little each time: a setting that shrinks must not stop the writing for long. There is always room left for the
/// next transaction, since the file grows before this makes any.
int JournalFile::trim(size_t written, const Bounds& bounds, int64_t now_ms, bool& more) {
  constexpr uint64_t kMostWhenIdle = 100;
  uint64_t most = written + written / 4 + kMostWhenIdle;
  int64_t keep = std::chrono::duration_cast<std::chrono::milliseconds>(bounds.keep).count();
  int64_t oldest = now_ms - keep;
  std::string first = session::first_message_id(std::max<int64_t>(oldest, 0));
  remove_old_.bind_text(1, first).bind(2, oldest).bind(3, static_cast<int64_t>(most));
  if (int code = remove(remove_old_, more); code != SQLITE_OK) return code;
  Size size;
  if (int code = measure(size); code != SQLITE_OK) return code;
  uint64_t used = size.all - size.free;
  uint64_t allowed = bounds.file() - std::min(bounds.file() / 4, bounds.transaction());
  if (used <= allowed) return SQLITE_OK;
  uint64_t excess = (used - allowed) / row_octets_ + 1;
  remove_first_.bind(1, static_cast<int64_t>(std::min(most, excess)));
  return remove(remove_first_, more);
}

int JournalFile::remove(sqlite::Statement& which, bool& more) {
  int code = which.run();
  if (code == SQLITE_OK) more = more || sqlite3_changes(db_.get()) > 0;
  return code;
}

int JournalFile::measure(Size& size) {
  for (auto [statement, octets] : {std::pair{&pages_, &size.all}, std::pair{&free_, &size.free}}) {
    int code = statement->step();
    if (code == SQLITE_ROW) *octets = static_cast<uint64_t>(statement->integer(0) * page_size_);
    statement->reset();
    if (code != SQLITE_ROW) return code;
  }
  return SQLITE_OK;
}

/// Gives back what is free, a transaction's worth each time, when that is much or the file is too large: in steady use
/// rows that go make room for those that come.
int JournalFile::shrink(const Bounds& bounds, bool& more) {
  Size size;
  int code = measure(size);
  if (code != SQLITE_OK || size.free == 0) return code;
  bool much = size.free > bounds.size / 8 && size.free > size.all / 8;
  if (!much && size.all <= bounds.file()) return code;
  more = true;
  auto page = static_cast<uint64_t>(page_size_);
  uint64_t excess = much ? size.free : std::min(size.free, size.all - bounds.file() + page);
  uint64_t pages = std::min(bounds.transaction(), excess) / page;
  return db_.run(fmt::format("PRAGMA incremental_vacuum({})", std::max<uint64_t>(pages, 1)).c_str());
}

uint64_t JournalFile::log_octets() const {
  return static_cast<uint64_t>(log_frames_ * page_size_);
}

/// The log goes back into the file before it is too large, and is then used again from its beginning; what it had more
/// is cut off there.
int JournalFile::bound_log(const Bounds& bounds) {
  if (auto limit = static_cast<int64_t>(bounds.log()); limit != log_limit_) {
    if (db_.run(fmt::format("PRAGMA journal_size_limit={}", limit).c_str()) == SQLITE_OK) log_limit_ = limit;
  }
  return log_octets() < bounds.log() ? SQLITE_OK : checkpoint(SQLITE_CHECKPOINT_PASSIVE);
}

bool JournalFile::is_log_held(const Bounds& bounds) {
  if (log_octets() < bounds.held_log()) return false;
  return checkpoint(SQLITE_CHECKPOINT_RESTART) != SQLITE_OK;
}

bool JournalFile::settle() {
  if (!is_open()) return true;
  bool settled = checkpoint(SQLITE_CHECKPOINT_TRUNCATE) == SQLITE_OK;
  if (settled) log_frames_ = 0;
  weigh();
  return settled;
}

/// SQLITE_BUSY: somebody reads what would have to go.
int JournalFile::checkpoint(int mode) {
  sqlite3_busy_timeout(db_.get(), kShortPatienceMs);
  int code = sqlite3_wal_checkpoint_v2(db_.get(), "main", mode, nullptr, nullptr);
  sqlite3_busy_timeout(db_.get(), kJournalPatienceMs);
  return code;
}

void JournalFile::weigh() {
  bytes_ = octets_of(path_) + octets_of(path_ + "-wal") + octets_of(path_ + "-shm");
}

}  // namespace postern::ops
