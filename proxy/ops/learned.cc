#include "proxy/ops/learned.h"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <tuple>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include "filters/base/fd.h"
#include "proxy/ops/learned_files.h"
#include "proxy/ops/sqlite.h"

namespace postern::ops {
namespace {

// In the file's head, so that another program's database is not taken for ours.
constexpr int kApplication = 0x50737452;
constexpr int kLayout = 2;
// Features of another version mean something else.
constexpr int kVersion = kLayout * 1000 + static_cast<int>(classifier::kFeaturesVersion);
constexpr const char* kLastRun = "SELECT coalesce(max(number), 0) FROM runs";
constexpr size_t kMostOctets = classifier::kMaxFeatures * 4;

Code code_of(int result) {
  switch (result & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Code::BadInput;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Code::Unavailable;
    case SQLITE_FULL: return Code::Limit;
    default: return Code::Io;
  }
}

/// SQLite keeps signed numbers; a digest is any 64 bits.
int64_t as_signed(uint64_t number) {
  return static_cast<int64_t>(number);
}

std::string to_octets(const std::vector<classifier::Feature>& features) {
  std::string octets;
  octets.reserve(features.size() * 4);
  for (classifier::Feature feature : features) {
    for (unsigned shift = 0; shift < 32; shift += 8) octets += static_cast<char>((feature >> shift) & 0xFFU);
  }
  return octets;
}

std::vector<classifier::Feature> to_features(std::string_view octets) {
  std::vector<classifier::Feature> features(octets.size() / 4);
  for (size_t at = 0; at < features.size() * 4; ++at) {
    features[at / 4] |= static_cast<uint32_t>(static_cast<unsigned char>(octets[at])) << (at % 4 * 8);
  }
  return features;
}

}  // namespace

// ---------------------------------------------------------------- the store

class Learned::Impl {
 public:
  Impl(Options options, Fd lock) : options_(std::move(options)), lock_(std::move(lock)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { close(); }

  Result<void> open();
  Result<void> begin();
  void close();
  Result<Taken> learn(const classifier::Example& example);
  Result<bool> forget(uint64_t digest, uint64_t sender);
  Result<uint64_t> trim();
  Result<uint64_t> commit();
  Result<Counts> counts();
  Result<std::vector<classifier::Example>> examples();
  [[nodiscard]] uint64_t last_run() const { return last_run_; }
  [[nodiscard]] const std::string& directory() const { return options_.directory; }

 private:
  [[nodiscard]] tl::unexpected<Error> error(int result) const { return fail(code_of(result), database_.error()); }
  [[nodiscard]] Result<void> outcome(int result) const;
  Result<int64_t> number_of(const char* question);
  Result<void> check();
  Result<void> make_tables();
  Result<uint64_t> drop_oldest(bool spam);

  const Options options_;
  Fd lock_;
  sqlite::Database database_;
  sqlite::Statement look_;
  sqlite::Statement put_;
  sqlite::Statement remove_;
  int64_t place_ = 0;      // the last one given out
  uint64_t last_run_ = 0;  // that was committed; 0: none
};

Result<void> Learned::Impl::outcome(int result) const {
  if (result != SQLITE_OK) return error(result);
  return {};
}

Result<int64_t> Learned::Impl::number_of(const char* question) {
  int64_t number = 0;
  if (int result = database_.ask(question, number); result != SQLITE_OK) return error(result);
  return number;
}

/// What was not committed is undone.
void Learned::Impl::close() {
  look_.finalize();
  put_.finalize();
  remove_.finalize();
  if (database_.is_open()) std::ignore = database_.run("ROLLBACK");
  database_.close();
}

/// Code::BadInput: the file is none of ours, or broken.
Result<void> Learned::Impl::open() {
  const std::string path = file_in(options_.directory);
  if (auto made = make_learned_file(path, options_.directory); !made) return made;
  // Somebody may look into it with sqlite3 at the same time.
  constexpr int kPatience = 5000;  // milliseconds
  if (int result = database_.open(path, SQLITE_OPEN_READWRITE, kPatience); result != SQLITE_OK) return error(result);
  // What is forgotten is not left lying about in free pages.
  int set = database_.run("PRAGMA secure_delete = ON; PRAGMA cache_size = -32768");
  return set == SQLITE_OK ? check() : outcome(set);
}

Result<void> Learned::Impl::check() {
  auto objects = number_of("SELECT count(*) FROM sqlite_master");
  if (!objects) return tl::unexpected(std::move(objects.error()));
  if (*objects == 0) return make_tables();
  auto application = number_of("PRAGMA application_id");
  if (!application) return tl::unexpected(std::move(application.error()));
  auto version = number_of("PRAGMA user_version");
  if (!version) return tl::unexpected(std::move(version.error()));
  if (*application != kApplication) return fail(Code::BadInput, "it is a database of another program");
  if (*version > kVersion) return fail(Code::Limit, "it was written by a later version of Postern");
  if (*version < kVersion) {
    return fail(Code::BadInput, "an earlier version of Postern wrote it, which looked at messages in another way");
  }
  std::string found;
  if (int result = database_.ask("PRAGMA quick_check(1)", found); result != SQLITE_OK) return error(result);
  if (found != "ok") return fail(Code::BadInput, std::move(found));
  return {};
}

Result<void> Learned::Impl::make_tables() {
  const std::string tables = fmt::format(
      "BEGIN IMMEDIATE;"
      "CREATE TABLE examples (digest INTEGER NOT NULL, spam INTEGER NOT NULL, sender INTEGER NOT NULL,"
      " time INTEGER NOT NULL, place INTEGER NOT NULL, features BLOB NOT NULL, text BLOB NOT NULL, links BLOB NOT "
      "NULL, header BLOB NOT NULL, PRIMARY KEY (digest, sender));"
      "CREATE INDEX by_place ON examples (spam, place);"
      "PRAGMA application_id = {}; PRAGMA user_version = {}; COMMIT",
      kApplication, kVersion);
  return outcome(database_.run(tables.c_str()));
}

Result<void> Learned::Impl::begin() {
  sqlite3* database = database_.get();
  int result = database_.run("BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS runs (number INTEGER NOT NULL)");
  if (result == SQLITE_OK)
    result = look_.prepare(database, "SELECT spam FROM examples WHERE digest = ? AND sender = ?", true);
  if (result == SQLITE_OK) {
    result = put_.prepare(database, "INSERT OR REPLACE INTO examples VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", true);
  }
  if (result == SQLITE_OK)
    result = remove_.prepare(database, "DELETE FROM examples WHERE digest = ? AND sender = ?", true);
  if (result != SQLITE_OK) return error(result);
  auto last = number_of("SELECT coalesce(max(place), 0) FROM examples");
  if (!last) return tl::unexpected(std::move(last.error()));
  auto run = number_of(kLastRun);
  if (!run) return tl::unexpected(std::move(run.error()));
  place_ = *last;
  last_run_ = static_cast<uint64_t>(std::max<int64_t>(*run, 0));
  return {};
}

Result<Learned::Taken> Learned::Impl::learn(const classifier::Example& example) {
  int found = look_.bind(1, as_signed(example.digest)).bind(2, as_signed(example.sender)).step();
  if (found != SQLITE_ROW && found != SQLITE_DONE) return error(found);
  Taken taken = Taken::New;
  if (found == SQLITE_ROW) taken = (look_.integer(0) != 0) == example.spam ? Taken::Known : Taken::Relabelled;
  look_.reset();
  const classifier::Reading& reading = example.reading;
  std::string features = to_octets(reading.features);
  put_.bind(1, as_signed(example.digest)).bind(2, int64_t{example.spam ? 1 : 0}).bind(3, as_signed(example.sender));
  put_.bind(4, options_.wall_seconds).bind(5, ++place_).bind_blob(6, features);
  put_.bind_blob(7, reading.text).bind_blob(8, reading.links).bind_blob(9, reading.header);
  if (int result = put_.run(); result != SQLITE_OK) return error(result);
  return taken;
}

Result<bool> Learned::Impl::forget(uint64_t digest, uint64_t sender) {
  if (int result = remove_.bind(1, as_signed(digest)).bind(2, as_signed(sender)).run(); result != SQLITE_OK)
    return error(result);
  return sqlite3_changes(database_.get()) > 0;
}

Result<uint64_t> Learned::Impl::drop_oldest(bool spam) {
  sqlite::Statement remove;
  int result = remove.prepare(database_.get(),
                              "DELETE FROM examples WHERE spam = ?1 AND place <= (SELECT place FROM examples WHERE "
                              "spam = ?1 ORDER BY place DESC LIMIT 1 OFFSET ?2)");
  if (result == SQLITE_OK) result = remove.bind(1, int64_t{spam ? 1 : 0}).bind(2, as_signed(options_.most)).run();
  if (result != SQLITE_OK) return error(result);
  return static_cast<uint64_t>(sqlite3_changes(database_.get()));
}

Result<uint64_t> Learned::Impl::trim() {
  auto ham = drop_oldest(false);
  if (!ham) return ham;
  auto spam = drop_oldest(true);
  if (!spam) return spam;
  return *ham + *spam;
}

Result<uint64_t> Learned::Impl::commit() {
  auto gone = trim();
  if (!gone) return gone;
  const std::string done =
      fmt::format("DELETE FROM runs; INSERT INTO runs VALUES ({}); COMMIT", as_signed(last_run_ + 1));
  if (int result = database_.run(done.c_str()); result != SQLITE_OK) return error(result);
  if (auto begun = begin(); !begun) return tl::unexpected(std::move(begun.error()));
  return gone;
}

Result<Learned::Counts> Learned::Impl::counts() {
  auto ham = number_of("SELECT count(*) FROM examples WHERE spam = 0");
  if (!ham) return tl::unexpected(std::move(ham.error()));
  auto spam = number_of("SELECT count(*) FROM examples WHERE spam = 1");
  if (!spam) return tl::unexpected(std::move(spam.error()));
  return Counts{static_cast<uint64_t>(*ham), static_cast<uint64_t>(*spam)};
}

Result<std::vector<classifier::Example>> Learned::Impl::examples() {
  auto count = counts();
  if (!count) return tl::unexpected(std::move(count.error()));
  std::vector<classifier::Example> all;
  all.reserve(count->ham + count->spam);
  sqlite::Statement read;
  int result =
      read.prepare(database_.get(),
                   "SELECT digest, spam, sender, features, text, links, header FROM examples ORDER BY digest, sender");
  if (result != SQLITE_OK) return error(result);
  for (;;) {
    result = read.step();
    if (result == SQLITE_DONE) return all;
    if (result != SQLITE_ROW) return error(result);
    std::string features = read.octets(3);
    classifier::Example example;
    example.reading.text = read.octets(4);
    example.reading.links = read.octets(5);
    example.reading.header = read.octets(6);
    if (features.size() % 4 != 0 || features.size() > kMostOctets ||
        example.reading.text.size() > classifier::Reading::kMaxText ||
        example.reading.links.size() > classifier::Reading::kMaxLinks ||
        example.reading.header.size() > classifier::Reading::kMaxHeader) {
      return fail(Code::BadInput, fmt::format("{}: a message in it is broken: put the file back from a backup, or "
                                              "delete it and learn again with --fresh",
                                              file_in(options_.directory)));
    }
    example.digest = static_cast<uint64_t>(read.integer(0));
    example.spam = read.integer(1) != 0;
    example.sender = static_cast<uint64_t>(read.integer(2));
    example.reading.features = to_features(features);
    all.push_back(std::move(example));
  }
}

// ---------------------------------------------------------------- Learned

Learned::Learned(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Learned::~Learned() = default;

namespace {

Result<Fd> lock_directory(const std::string& directory) {
  Fd lock(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock) return learned_io_error(directory, errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) return learned_io_error(directory, errno);
  return fail(Code::Unavailable, fmt::format("{}: another `postern learn` is at work here", directory));
}

}  // namespace

Result<std::unique_ptr<Learned>> Learned::open(Options options, const Note& note) {
  const std::string directory = options.directory;
  const std::string path = file_in(directory);
  const int64_t now = options.wall_seconds;
  if (auto made = make_learned_directory(directory); !made) return tl::unexpected(std::move(made.error()));
  auto lock = lock_directory(directory);
  if (!lock) return tl::unexpected(std::move(lock.error()));
  auto impl = std::make_unique<Impl>(std::move(options), std::move(*lock));
  auto opened = impl->open();
  if (!opened && opened.error().code == Code::BadInput) {
    impl->close();
    auto bad = set_learned_aside(path, now);
    if (!bad) return tl::unexpected(std::move(bad.error()));
    note(fmt::format("{}: {}; set aside as {}: what was in it must be learned again", path, opened.error().message,
                     *bad));
    opened = impl->open();
  }
  if (opened) opened = impl->begin();
  if (!opened) return tl::unexpected(std::move(opened.error()).in(path));
  if (auto settled = settle_staged(directory, impl->last_run()); !settled) return tl::unexpected(settled.error());
  return std::unique_ptr<Learned>(new Learned(std::move(impl)));
}

Result<Learned::Taken> Learned::learn(const classifier::Example& example) {
  return impl_->learn(example);
}

Result<bool> Learned::forget(uint64_t digest, uint64_t sender) {
  return impl_->forget(digest, sender);
}

Result<uint64_t> Learned::trim() {
  return impl_->trim();
}

Result<uint64_t> Learned::commit() {
  return impl_->commit();
}

std::string Learned::staged() const {
  return staged_model(impl_->directory(), impl_->last_run() + 1);
}

Result<void> Learned::publish() {
  return settle_staged(impl_->directory(), impl_->last_run());
}

Result<Learned::Counts> Learned::counts() {
  return impl_->counts();
}

Result<std::vector<classifier::Example>> Learned::examples() {
  return impl_->examples();
}

void finish_learning(const std::string& directory) {
  if (!has_staged(directory)) return;
  auto lock = lock_directory(directory);
  if (!lock) return;
  // Only looked at: what is broken is for `postern learn` to set aside. A journal of a run that was killed is undone
  // first, for which the file must be writable.
  constexpr int kPatience = 1000;  // milliseconds
  sqlite::Database database;
  int64_t application = 0;
  int64_t version = 0;
  int64_t run = 0;
  bool known = database.open(Learned::file_in(directory), SQLITE_OPEN_READWRITE, kPatience) == SQLITE_OK &&
               database.ask("PRAGMA application_id", application) == SQLITE_OK && application == kApplication &&
               database.ask("PRAGMA user_version", version) == SQLITE_OK && version == kVersion &&
               database.ask(kLastRun, run) == SQLITE_OK && run >= 0;
  // Whoever may read the store and not change the directory leaves it for somebody else.
  if (known) std::ignore = settle_staged(directory, static_cast<uint64_t>(run));
}

}  // namespace postern::ops
