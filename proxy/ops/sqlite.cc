#include "proxy/ops/sqlite.h"

#include <utility>

namespace postern::ops::sqlite {

int Statement::prepare(sqlite3* db, std::string_view sql, bool kept) {
  finalize();
  unsigned flags = kept ? SQLITE_PREPARE_PERSISTENT : 0;
  return sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()), flags, &statement_, nullptr);
}

void Statement::finalize() {
  // What it returns is what its last step did.
  sqlite3_finalize(std::exchange(statement_, nullptr));
}

Statement& Statement::bind(int place, int64_t value) {
  sqlite3_bind_int64(statement_, place, value);
  return *this;
}

Statement& Statement::bind(int place, double value) {
  sqlite3_bind_double(statement_, place, value);
  return *this;
}

// SQLITE_STATIC is a null pointer: the octets stay where they are. An empty view may be null, which would bind NULL.
Statement& Statement::bind_text(int place, std::string_view text) {
  const char* data = text.data() != nullptr ? text.data() : "";
  sqlite3_bind_text64(statement_, place, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind_blob(int place, std::string_view octets) {
  const char* data = octets.data() != nullptr ? octets.data() : "";
  sqlite3_bind_blob64(statement_, place, data, octets.size(), SQLITE_STATIC);
  return *this;
}

void Statement::reset() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

int Statement::run() {
  int code = step();
  while (code == SQLITE_ROW) code = step();
  reset();
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

std::string Statement::octets(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data), static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

int Database::open(const std::string& name, int flags, int busy_ms) {
  close();
  int code = sqlite3_open_v2(name.c_str(), &db_, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (code == SQLITE_OK) code = sqlite3_busy_timeout(db_, busy_ms);
  return code;
}

void Database::close() {
  sqlite3_close(std::exchange(db_, nullptr));
}

int Database::run(const char* sql) {
  return sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
}

int Database::ask(const char* sql, int64_t& value) {
  Statement statement;
  int code = statement.prepare(db_, sql);
  if (code != SQLITE_OK) return code;
  code = statement.step();
  if (code == SQLITE_ROW) value = statement.integer(0);
  return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

int Database::ask(const char* sql, std::string& value) {
  Statement statement;
  int code = statement.prepare(db_, sql);
  if (code != SQLITE_OK) return code;
  code = statement.step();
  if (code == SQLITE_ROW) value = statement.octets(0);
  return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

std::string Database::error() const {
  return db_ != nullptr ? sqlite3_errmsg(db_) : "not open";
}

bool is_corrupt(int code) {
  int primary = code & 0xff;
  return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB;
}

}  // namespace postern::ops::sqlite
