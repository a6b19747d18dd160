// JournalReader: looks into a journal that somebody else may be writing.
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "proxy/ops/journal.h"
#include "proxy/ops/journal_file.h"
#include "proxy/ops/sqlite.h"

namespace postern::ops {
namespace {

constexpr int kPatienceMs = 5000;
// A look that lasts keeps the writer from beginning its log anew, so it is done in pieces.
constexpr int64_t kPiece = 200;

constexpr std::string_view kColumns = "SELECT place, id, time, verdict, score, rules, data, header FROM message ";

JournalRow row_of(const sqlite::Statement& statement) {
  JournalRow row;
  row.id = statement.octets(1);
  row.wall_ms = statement.integer(2);
  row.verdict = statement.octets(3);
  row.score = statement.real(4);
  row.rules_version = statement.octets(5);
  row.data = statement.octets(6);
  row.header = statement.octets(7);
  return row;
}

/// A path as SQLite's URIs have it (RFC 3986, 2.1).
std::string uri_of(const std::string& path) {
  std::string out = "file:";
  for (char c : path) {
    if (ascii_alnum(c) || c == '/' || c == '.' || c == '-' || c == '_') {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02x}", static_cast<unsigned char>(c));
    }
  }
  return out + "?immutable=1";
}

}  // namespace

class JournalReader::Impl {
 public:
  explicit Impl(std::string path) : path_(std::move(path)) {}

  Result<void> open() {
    std::error_code error;
    if (!std::filesystem::exists(path_, error)) {
      return fail(Code::NotFound, path_ + ": " + (error ? error.message() : "there is no such file"));
    }
    int code = look(path_, SQLITE_OPEN_READONLY);
    // Where nobody writes it there may be no log, and who may only read cannot make one. Then nothing changes either.
    if (code != SQLITE_OK && !sqlite::is_corrupt(code) && is_at_rest()) {
      code = look(uri_of(path_), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
    }
    if (code != SQLITE_OK) return failed(code);
    if (application_ != kJournalApplication) return fail(Code::BadInput, path_ + ": it is no journal of ours");
    if (version_ != kJournalVersion) {
      return fail(Code::BadInput, fmt::format("{}: it is of version {}, not {}", path_, version_, kJournalVersion));
    }
    return {};
  }

  Result<std::vector<JournalRow>> find(std::string_view id) {
    std::vector<JournalRow> rows;
    sqlite::Statement statement;
    std::string upper = to_upper(id);
    int code = prepare(statement, "WHERE id IN (?1, ?2) ORDER BY place DESC LIMIT 100");
    if (code != SQLITE_OK) return failed(code);
    statement.bind_text(1, upper).bind_text(2, id);
    for (code = statement.step(); code == SQLITE_ROW; code = statement.step()) rows.push_back(row_of(statement));
    if (code != SQLITE_DONE) return failed(code);
    return rows;
  }

  Result<void> read(int64_t since_ms, int64_t after, const std::function<bool(int64_t place, JournalRow row)>& use) {
    auto first = first_place(since_ms);
    if (!first) return tl::unexpected(std::move(first.error()));
    if (*first == 0) return {};
    sqlite::Statement statement;
    int code = prepare(statement, "WHERE place > ?1 AND time >= ?2 ORDER BY place LIMIT ?3");
    if (code != SQLITE_OK) return failed(code);
    int64_t last = std::max(after, *first - 1);
    while (true) {
      std::vector<std::pair<int64_t, JournalRow>> piece;
      piece.reserve(static_cast<size_t>(kPiece));
      statement.bind(1, last).bind(2, since_ms).bind(3, kPiece);
      for (code = statement.step(); code == SQLITE_ROW; code = statement.step()) {
        piece.emplace_back(statement.integer(0), row_of(statement));
      }
      auto end = code == SQLITE_DONE ? Result<void>() : failed(code);
      statement.reset();
      for (auto& [place, row] : piece) {
        last = place;
        if (!use(place, std::move(row))) return {};
      }
      if (!end || piece.empty()) return end;
    }
  }

  Result<std::optional<JournalRules>> rules(std::string_view version) {
    sqlite::Statement statement;
    int code = statement.prepare(db_.get(), "SELECT version, data FROM rules WHERE version = ?1");
    if (code != SQLITE_OK) return failed(code);
    code = statement.bind_text(1, version).step();
    if (code == SQLITE_DONE) return std::nullopt;
    if (code != SQLITE_ROW) return failed(code);
    return JournalRules{statement.octets(0), statement.octets(1)};
  }

  Result<uint64_t> count(int64_t since_ms) {
    sqlite::Statement statement;
    int code = statement.prepare(db_.get(), "SELECT count(*) FROM message WHERE time >= ?1");
    if (code != SQLITE_OK) return failed(code);
    code = statement.bind(1, since_ms).step();
    if (code != SQLITE_ROW) return failed(code);
    return static_cast<uint64_t>(statement.integer(0));
  }

 private:
  int look(const std::string& name, int flags) {
    int code = db_.open(name, flags, kPatienceMs);
    if (code == SQLITE_OK) code = db_.ask("PRAGMA application_id", application_);
    if (code == SQLITE_OK) code = db_.ask("PRAGMA user_version", version_);
    return code;
  }

  [[nodiscard]] bool is_at_rest() const {
    std::error_code error;
    auto size = std::filesystem::file_size(path_ + "-wal", error);
    return error || size == 0;
  }

  int prepare(sqlite::Statement& statement, std::string_view condition) {
    return statement.prepare(db_.get(), fmt::format("{}{}", kColumns, condition));
  }

  /// 0 where there is none. The whole index is looked through: a fraction of a second. With a bare `place` SQLite would
  /// go through the rows instead, which are a hundred times as long.
  Result<int64_t> first_place(int64_t since_ms) {
    sqlite::Statement statement;
    int code = statement.prepare(db_.get(), "SELECT min(+place) FROM message WHERE time >= ?1");
    if (code != SQLITE_OK) return failed(code);
    code = statement.bind(1, since_ms).step();
    if (code != SQLITE_ROW) return failed(code);
    return statement.integer(0);
  }

  [[nodiscard]] tl::unexpected<Error> failed(int code) const {
    return fail(sqlite::is_corrupt(code) ? Code::BadInput : Code::Io, path_ + ": " + db_.error());
  }

  std::string path_;
  sqlite::Database db_;
  int64_t application_ = 0;
  int64_t version_ = 0;
};

JournalReader::JournalReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

JournalReader::~JournalReader() = default;

Result<std::unique_ptr<JournalReader>> JournalReader::open(const std::string& path) {
  auto impl = std::make_unique<Impl>(path);
  if (auto opened = impl->open(); !opened) return tl::unexpected(std::move(opened.error()));
  return std::unique_ptr<JournalReader>(new JournalReader(std::move(impl)));
}

Result<std::vector<JournalRow>> JournalReader::find(std::string_view id) {
  return impl_->find(id);
}

Result<void> JournalReader::read(int64_t since_ms, int64_t after,
                                 const std::function<bool(int64_t place, JournalRow row)>& use) {
  return impl_->read(since_ms, after, use);
}

Result<std::optional<JournalRules>> JournalReader::rules(std::string_view version) {
  return impl_->rules(version);
}

Result<uint64_t> JournalReader::count(int64_t since_ms) {
  return impl_->count(since_ms);
}

}  // namespace postern::ops
