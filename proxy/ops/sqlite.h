// A thin hold on SQLite: what is open is closed, what is prepared is let go. One thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sqlite3.h>

namespace postern::ops::sqlite {

/// Result codes are SQLite's own, extended ones; SQLITE_OK is 0.
class Statement {
 public:
  Statement() = default;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { finalize(); }

  /// `db` outlives it, or finalize() is called before it is closed. `kept`: it is used often.
  [[nodiscard]] int prepare(sqlite3* db, std::string_view sql, bool kept = false);
  void finalize();

  // Places count from 1. Texts and blobs are not copied: they live until reset().
  Statement& bind(int place, int64_t value);
  Statement& bind(int place, double value);
  Statement& bind_text(int place, std::string_view text);
  Statement& bind_blob(int place, std::string_view octets);

  /// SQLITE_ROW, SQLITE_DONE or what went wrong.
  [[nodiscard]] int step() { return statement_ != nullptr ? sqlite3_step(statement_) : SQLITE_MISUSE; }
  void reset();
  /// step() for what gives no row, then reset(): SQLITE_OK or what went wrong.
  [[nodiscard]] int run();

  // Of the row; columns count from 0.
  [[nodiscard]] int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  [[nodiscard]] double real(int column) const { return sqlite3_column_double(statement_, column); }
  [[nodiscard]] std::string octets(int column) const;

 private:
  sqlite3_stmt* statement_ = nullptr;
};

class Database {
 public:
  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() { close(); }

  /// `flags`: SQLITE_OPEN_...; `name`: a path, or a URI with SQLITE_OPEN_URI. Waits `busy_ms` for locks of others.
  [[nodiscard]] int open(const std::string& name, int flags, int busy_ms);
  /// Statements of it are finalized before.
  void close();
  /// Statements without parameters, their rows thrown away.
  [[nodiscard]] int run(const char* sql);
  /// The first column of the first row; `value` stays where there is none.
  [[nodiscard]] int ask(const char* sql, int64_t& value);
  [[nodiscard]] int ask(const char* sql, std::string& value);
  /// What went wrong last, in SQLite's words.
  [[nodiscard]] std::string error() const;
  [[nodiscard]] sqlite3* get() const { return db_; }
  [[nodiscard]] bool is_open() const { return db_ != nullptr; }

 private:
  sqlite3* db_ = nullptr;
};

/// The file is no database, or pages of it are broken.
[[nodiscard]] bool is_corrupt(int code);

}  // namespace postern::ops::sqlite
