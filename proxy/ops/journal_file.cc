#include "proxy/ops/journal_file.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace postern::ops {
namespace {

namespace fs = std::filesystem;

constexpr int kMode = 0640;                // others must not read whose mail it was
constexpr int64_t kWholeCheck = 64 << 20;  // octets: a smaller file is read as a whole when it is opened

// Large pages: of rows of 6 KB five go into one, and each page costs four calls of the system until it is in the file.
// Pages that are free are given back on demand only: most are used again at once.
constexpr const char* kMake =
    "PRAGMA page_size=32768;"
    "PRAGMA auto_vacuum=INCREMENTAL;"
    "PRAGMA journal_mode=WAL;";
// The index grows at its end, as the table does: ids begin with the time. It has the times too, so that who looks for a
// time reads it and not the table, and what is too old stands together at its beginning. One of times alone would cost
// the thread another sixteenth of its work.
constexpr const char* kTables =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE message(place INTEGER PRIMARY KEY, id TEXT NOT NULL, time INTEGER NOT NULL, verdict TEXT NOT NULL,"
    " score REAL NOT NULL, rules TEXT NOT NULL, data TEXT NOT NULL, header BLOB NOT NULL);"
    "CREATE INDEX message_id ON message(id, time);"
    "CREATE TABLE rules(version TEXT PRIMARY KEY, data TEXT NOT NULL);"
    "PRAGMA application_id=1349481332;"
    "PRAGMA user_version=1;"
    "COMMIT;";
static_assert(kJournalApplication == 1349481332 && kJournalVersion == 1);
// NORMAL: a commit survives our end, though perhaps not the machine's; the file is sound after both. When the log goes
// back into the file is ours to say: bound_log().
constexpr const char* kSettings =
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=NORMAL;"
    "PRAGMA wal_autocheckpoint=0;"
    "PRAGMA cache_size=-4096;"
    "PRAGMA temp_store=MEMORY;";

std::string system_error(int number) {
  return std::generic_category().message(number);
}

}  // namespace

JournalFile::~JournalFile() {
  close();
  if (lock_ >= 0) ::close(lock_);
}

tl::unexpected<Error> JournalFile::failed(int code, const char* what) const {
  return fail(sqlite::is_corrupt(code) ? Code::BadInput : Code::Io, fmt::format("{}: {}", what, db_.error()));
}

// A file of its own: closing any descriptor of the database would let go the locks that SQLite holds on it (POSIX).
Result<void> JournalFile::lock() {
  if (lock_ >= 0) return {};
  std::string name = path_ + ".lock";
  int file = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kMode);
  if (file < 0) return fail(Code::Io, name + ": " + system_error(errno));
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    int number = errno;
    ::close(file);
    if (number == EWOULDBLOCK) return fail(Code::Unavailable, path_ + ": another gateway writes it");
    return fail(Code::Io, name + ": " + system_error(number));
  }
  lock_ = file;
  return {};
}

Result<void> JournalFile::open() {
  if (is_open() && !let_go_if_gone()) return {};
  std::error_code ignored;  // what matters is whether the file can be made
  fs::create_directories(fs::path(path_).parent_path(), ignored);
  if (auto locked = lock(); !locked) return locked;
  auto opened = open_database();
  if (!opened && opened.error().code == Code::BadInput) {
    if (auto renamed = rename_aside(opened.error().message); !renamed) return renamed;
    opened = open_database();
  }
  if (!opened) {
    close();
    return tl::unexpected(std::move(opened.error()).in(path_));
  }
  ++opened_;
  return {};
}

/// Removed or renamed by somebody, or its log was: what is written then nobody finds. Closed in that case.
bool JournalFile::let_go_if_gone() {
  int moved = 0;
  int code = sqlite3_file_control(db_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  bool gone = code == SQLITE_OK && moved != 0;
  bool log_gone = ::access((path_ + "-wal").c_str(), F_OK) != 0;
  if (!gone && !log_gone) return false;
  // As long as we hold the log everything in it is there, and while somebody reads only we can bring it to the file.
  bool settled = settle();
  if (!gone && !settled) return false;
  close();
  if (gone) {
    std::error_code ignored;  // there may be none
    fs::remove(path_ + "-wal", ignored);
    fs::remove(path_ + "-shm", ignored);
  }
  return true;
}

Result<void> JournalFile::open_database() {
  // SQLite would make it readable for all.
  int file = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kMode);
  if (file < 0 && errno != EEXIST) return fail(Code::Io, system_error(errno));
  if (file >= 0) ::close(file);
  if (int code = db_.open(path_, SQLITE_OPEN_READWRITE, kJournalPatienceMs); code != SQLITE_OK)
    return failed(code, "open");
  int64_t objects = 0;
  int64_t application = 0;
  int code = db_.ask("SELECT count(*) FROM sqlite_master", objects);
  if (code == SQLITE_OK) code = db_.ask("PRAGMA application_id", application);
  if (code != SQLITE_OK) return failed(code, "read");
  if (objects == 0 && application == 0) {
    if (auto made = make(); !made) return made;
  }
  if (auto checked = check(); !checked) return checked;
  if (code = db_.run(kSettings); code != SQLITE_OK) return failed(code, "settings");
  if (auto prepared = prepare(); !prepared) return prepared;
  if (code = db_.ask("PRAGMA page_size", page_size_); code != SQLITE_OK) return failed(code, "read");
  log_limit_ = -1;
  log_frames_ = 0;
  auto committed = [](void* self, sqlite3*, const char*, int frames) {
    static_cast<JournalFile*>(self)->log_frames_ = frames;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(db_.get(), committed, this);
  weigh();
  return {};
}

Result<void> JournalFile::make() {
  int code = db_.run(kMake);
  if (code == SQLITE_OK) code = db_.run(kTables);
  if (code != SQLITE_OK) return failed(code, "make");
  return {};
}

/// Whose it is, and whether it can be read: the first and the last row, of a small file everything. A page that is
/// found broken later is dealt with then.
Result<void> JournalFile::check() {
  int64_t application = 0;
  int64_t version = 0;
  int code = db_.ask("PRAGMA application_id", application);
  if (code == SQLITE_OK) code = db_.ask("PRAGMA user_version", version);
  if (code != SQLITE_OK) return failed(code, "read");
  if (application != kJournalApplication) return fail(Code::BadInput, "it is no journal of ours");
  if (version != kJournalVersion) {
    return fail(Code::BadInput, fmt::format("it is of version {}, not {}", version, kJournalVersion));
  }
  std::string mode;
  code = db_.ask("PRAGMA journal_mode=WAL", mode);
  if (code != SQLITE_OK) return failed(code, "journal_mode");
  if (mode != "wal") return fail(Code::Io, "this place allows no write-ahead log");
  for (const char* end : {"SELECT length(data) + length(header) FROM message ORDER BY place LIMIT 1",
                          "SELECT length(data) + length(header) FROM message ORDER BY place DESC LIMIT 1",
                          "SELECT count(*) FROM rules"}) {
    int64_t size = 0;
    if (code = db_.ask(end, size); code != SQLITE_OK) {
      // Tables that are not there are no fault of the disk.
      return code == SQLITE_ERROR ? fail(Code::BadInput, db_.error()) : failed(code, "read");
    }
  }
  std::error_code error;
  auto size = fs::file_size(path_, error);
  if (error || static_cast<int64_t>(size) > kWholeCheck) return {};
  std::string verdict = "ok";
  if (code = db_.ask("PRAGMA quick_check(1)", verdict); code != SQLITE_OK) return failed(code, "check");
  if (verdict != "ok") return fail(Code::BadInput, verdict.substr(0, 200));
  return {};
}

Result<void> JournalFile::prepare() {
  struct Row {
    sqlite::Statement& statement;
    const char* sql;
  };
  const std::array<Row, 9> rows{{
      {begin_, "BEGIN IMMEDIATE"},
      {commit_, "COMMIT"},
      {rollback_, "ROLLBACK"},
      {insert_row_, "INSERT INTO message(id, time, verdict, score, rules, data, header) VALUES(?1,?2,?3,?4,?5,?6,?7)"},
      {insert_rules_, "INSERT OR REPLACE INTO rules(version, data) VALUES(?1,?2)"},
      {remove_old_,
       "DELETE FROM message WHERE place IN"
       " (SELECT place FROM message WHERE id < ?1 AND time < ?2 ORDER BY id LIMIT ?3)"},
      {remove_first_, "DELETE FROM message WHERE place IN (SELECT place FROM message ORDER BY place LIMIT ?1)"},
      {pages_, "PRAGMA page_count"},
      {free_, "PRAGMA freelist_count"},
  }};
  for (const Row& row : rows) {
    if (int code = row.statement.prepare(db_.get(), row.sql, true); code != SQLITE_OK) {
      return code == SQLITE_ERROR ? fail(Code::BadInput, db_.error()) : failed(code, "prepare");
    }
  }
  // Sets that no row can name any more: each reload makes one.
  int code = db_.run("DELETE FROM rules WHERE rowid NOT IN (SELECT rowid FROM rules ORDER BY rowid DESC LIMIT 500)");
  if (code != SQLITE_OK) return failed(code, "rules");
  return {};
}

void JournalFile::close() {
  for (sqlite::Statement* statement :
       {&begin_, &commit_, &rollback_, &insert_row_, &insert_rules_, &remove_old_, &remove_first_, &pages_, &free_}) {
    statement->finalize();
  }
  db_.close();
}

Result<void> JournalFile::set_aside(const std::string& why) {
  if (auto renamed = rename_aside(why); !renamed) return renamed;
  return open();
}

/// With its WAL, so that somebody may yet read it.
Result<void> JournalFile::rename_aside(const std::string& why) {
  close();
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  std::string stem = fmt::format("{}.broken-{}", path_, seconds.count());
  std::string name = stem;
  std::error_code error;
  for (int again = 1; fs::exists(name, error) && again < 1000; ++again) name = fmt::format("{}-{}", stem, again);
  fs::rename(path_, name, error);
  if (error) return fail(Code::Io, fmt::format("{}: {}; it cannot be set aside: {}", path_, why, error.message()));
  std::error_code ignored;  // there may be none
  fs::rename(path_ + "-wal", name + "-wal", ignored);
  fs::remove(path_ + "-shm", ignored);
  if (report_) report_("warning", fmt::format("journal {}: {}; set aside as {}", path_, why, name));
  return {};
}

JournalFile::Outcome JournalFile::write(std::span<const JournalRow> rows, const std::vector<JournalRules>& rules,
                                        const Bounds& bounds, int64_t now_ms) {
  Outcome outcome;
  if (!is_open()) {
    outcome.error = path_ + ": not open";
    return outcome;
  }
  if (is_log_held(bounds)) {
    outcome.busy = true;
    outcome.error = fmt::format("{}: another program reads it for long, and its log has {} MiB already", path_,
                                log_octets() >> 20U);
    return outcome;
  }
  int code = begin_.run();
  if (code == SQLITE_OK) code = insert(rows, rules);
  if (code == SQLITE_OK) code = trim(rows.size(), bounds, now_ms, outcome.more);
  if (code == SQLITE_OK) code = shrink(bounds, outcome.more);
  if (code == SQLITE_OK) code = commit_.run();
  if (code != SQLITE_OK) return failure(code);
  // What the log has is written, so only a broken file matters here: a full disk will say so at the next write.
  code = bound_log(bounds);
  weigh();
  outcome.written = true;
  outcome.corrupt = sqlite::is_corrupt(code);
  if (outcome.corrupt) outcome.error = fmt::format("{}: {}", path_, db_.error());
  return outcome;
}

JournalFile::Outcome JournalFile::failure(int code) {
  Outcome outcome;
  outcome.corrupt = sqlite::is_corrupt(code);
  outcome.busy = (code & 0xff) == SQLITE_BUSY;
  outcome.error = fmt::format("{}: {}", path_, db_.error());
  if (sqlite3_get_autocommit(db_.get()) == 0) static_cast<void>(rollback_.run());
  // On a full disk the log's own room is what can be had.
  if (!outcome.corrupt && !outcome.busy) static_cast<void>(settle());
  weigh();
  return outcome;
}

int JournalFile::insert(std::span<const JournalRow> rows, const std::vector<JournalRules>& rules) {
  for (const JournalRules& set : rules) {
    if (int code = insert_rules_.bind_text(1, set.version).bind_text(2, set.data).run(); code != SQLITE_OK) return code;
  }
  uint64_t octets = 0;
  for (const JournalRow& row : rows) {
    octets += row.data.size() + row.header.size();
    insert_row_.bind_text(1, row.id).bind(2, row.wall_ms).bind_text(3, row.verdict).bind(4, row.score);
    insert_row_.bind_text(5, row.rules_version).bind_text(6, row.data).bind_blob(7, row.header);
    if (int code = insert_row_.run(); code != SQLITE_OK) return code;
  }
  // A few small ones do not tell how large those are that go.
  if (!rows.empty()) row_octets_ = (7 * row_octets_ + octets / rows.size() + 100) / 8;
  return SQLITE_OK;
}

}  // namespace postern::ops
