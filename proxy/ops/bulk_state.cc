#include "proxy/ops/bulk_state.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <exception>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filters/base/files.h"
#include "filters/bulk/snapshot.h"
#include "proxy/session/doomed.h"

namespace postern::ops {
namespace {

constexpr std::string_view kName = "clusters";
// Never removed: who waits for it would have another one than who makes it anew.
constexpr std::string_view kLock = "lock";
constexpr Duration kLockPause = std::chrono::milliseconds(20);
// Written under such a name first; what a process left behind that was killed meanwhile is removed at the next start.
constexpr std::string_view kUnfinished = "clusters.new-";
constexpr std::string_view kBad = "clusters.bad-";
constexpr size_t kBadKept = 3;
constexpr size_t kReadAtOnce = 1U << 20U;

std::string reason(int error) {
  return std::generic_category().message(error);
}

tl::unexpected<Error> io_error(const std::string& path, int error) {
  return fail(Code::Io, fmt::format("{}: {}", path, reason(error)));
}

std::string in(const std::string& directory, std::string_view name) {
  return fmt::format("{}/{}", directory, name);
}

/// With its parents. Subjects and senders are in the file: nobody else's to read.
Result<void> make_directory(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return {};
  std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  if (error) return io_error(path, error.value());
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return io_error(path, errno);
  if (!std::filesystem::is_directory(path, error)) return io_error(path, ENOTDIR);
  return {};
}

/// Names in `directory` that begin with `prefix`, sorted. Only plain files: folders are not ours to remove.
std::vector<std::string> files(const std::string& directory, std::string_view prefix) {
  std::vector<std::string> found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string name = entry->path().filename().string();
    std::error_code gone;
    if (name.compare(0, prefix.size(), prefix) == 0 && entry->is_regular_file(gone)) found.push_back(std::move(name));
  }
  std::sort(found.begin(), found.end());
  return found;
}

void remove_unfinished(const std::string& directory) {
  for (const std::string& name : files(directory, kUnfinished)) ::unlink(in(directory, name).c_str());
}

/// With a name that no other process has, in case two of them share the directory.
Result<Fd> make_unfinished(const std::string& directory, std::string& path) {
  path = in(directory, fmt::format("{}XXXXXX", kUnfinished));
  Fd file(::mkostemp(path.data(), O_CLOEXEC));
  if (!file) return io_error(directory, errno);
  return file;
}

/// Reads until `octets` is full or the file ends, which cuts it.
Result<void> read_into(int file, std::string& octets, size_t from) {
  while (from < octets.size()) {
    ssize_t got = ::read(file, octets.data() + from, std::min(octets.size() - from, kReadAtOnce));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Code::Io, reason(errno));
    if (got == 0) break;
    from += static_cast<size_t>(got);
  }
  octets.resize(from);
  return {};
}

/// All of a snapshot that is there, whole or not; fails with why it cannot be read. Code::NotFound: there is none.
Result<std::string> read_snapshot(const std::string& path) {
  // Not waiting: in its place may be a FIFO.
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return fail(errno == ENOENT ? Code::NotFound : Code::Io, reason(errno));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail(Code::Io, reason(errno));
  if (!S_ISREG(status.st_mode)) return fail(Code::BadInput, "it is not a file");
  // Of what is no snapshot no more is read: it may be of any size.
  std::string octets(bulk::kSnapshotHead, '\0');
  if (auto read = read_into(file.get(), octets, 0); !read) return tl::unexpected<Error>(read.error());
  if (auto head = bulk::check_snapshot_head(octets); !head) return tl::unexpected<Error>(head.error());
  if (static_cast<uint64_t>(status.st_size) <= octets.size()) return octets;
  try {
    octets.resize(static_cast<size_t>(status.st_size));
  } catch (const std::exception&) {
    return fail(Code::Limit, fmt::format("{} octets are more than there is memory for", status.st_size));
  }
  if (auto read = read_into(file.get(), octets, bulk::kSnapshotHead); !read) return tl::unexpected<Error>(read.error());
  return octets;
}

std::string utc(int64_t wall_ms) {
  auto seconds = static_cast<std::time_t>(wall_ms / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec, wall_ms % 1000);
}

/// Returns the new path.
Result<std::string> set_aside(const std::string& directory, int64_t wall_ms) {
  std::string path = in(directory, kName);
  std::string bad = in(directory, fmt::format("{}{}", kBad, utc(wall_ms)));
  if (::rename(path.c_str(), bad.c_str()) != 0) return io_error(path, errno);
  std::vector<std::string> old = files(directory, kBad);
  for (size_t at = 0; at + kBadKept < old.size(); ++at) ::unlink(in(directory, old[at]).c_str());
  return bad;
}

}  // namespace

Result<std::string> BulkState::load(bulk::Index& index, int64_t wall_ms) {
  std::lock_guard<std::mutex> guard(one_);
  if (auto made = make_directory(directory_); !made) return tl::unexpected<Error>(made.error());
  auto whose = lock(patience_);
  Result<void> writable;
  if (!whose) {
    writable = tl::unexpected<Error>(whose.error());
  } else if (*whose == Whose::Ours) {
    remove_unfinished(directory_);
    // Whether files can be made here is asked by making one: permissions, a read-only file system and a full one have
    // no other answer in common.
    std::string probe;
    auto file = make_unfinished(directory_, probe);
    if (file) ::unlink(probe.c_str());
    if (!file) writable = tl::unexpected<Error>(file.error());
  }
  auto position = read(index, wall_ms);
  if (!off_.empty()) {
    warn(off_);
  } else if (!writable && (!position || !read_)) {
    return tl::unexpected<Error>(writable.error());
  } else if (!writable) {
    warn(writable.error().message);
  }
  return position;
}

/// The file's octets into the index. Sets `off_` where what is there must stay.
Result<std::string> BulkState::read(bulk::Index& index, int64_t wall_ms) {
  const std::string path = in(directory_, kName);
  auto octets = read_snapshot(path);
  if (!octets && octets.error().code == Code::NotFound) {
    // Without the lock somebody may write one meanwhile.
    read_ = static_cast<bool>(lock_);
    return std::string();
  }
  bulk::Index::Loaded loaded;
  auto position = octets ? index.load(*octets, wall_ms, &loaded) : std::move(octets);
  if (position) {
    read_ = true;
    if (loaded.kept >= loaded.all) return position;
    note_("warning", fmt::format("bulk: {}: kept {} of {} clusters and single messages: [bulk] memory has no room for "
                                 "more",
                                 path, loaded.kept, loaded.all));
    return position;
  }
  // What another process keeps is for that one to judge.
  if (!off_.empty()) return std::string();
  const Error& why = position.error();
  if (why.code == Code::Io) {
    off_ = fmt::format("{} cannot be read ({}) and is left as it is", path, why.message);
    return std::string();
  }
  auto bad = set_aside(directory_, wall_ms);
  if (!bad) {
    off_ =
        fmt::format("{}: {}; it cannot be set aside ({}) and is left as it is", path, why.message, bad.error().message);
    return std::string();
  }
  read_ = true;
  note_("warning", fmt::format("bulk: {}: {}; set aside as {}, counting begins anew", path, why.message, *bad));
  return std::string();
}

void BulkState::warn(const std::string& text) const {
  note_("warning", fmt::format("bulk: {}; counts will not survive a restart", text));
}

/// Whoever has it has it until it ends, however it ends.
Result<BulkState::Whose> BulkState::lock(Duration patience) {
  if (lock_) return Whose::Ours;
  const std::string path = in(directory_, kLock);
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return io_error(path, errno);
  auto end = std::chrono::steady_clock::now() + patience;
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    int error = errno;
    if (error == EINTR) continue;
    if (error != EWOULDBLOCK) return io_error(path, error);
    if (std::chrono::steady_clock::now() >= end) {
      off_ = fmt::format("another process keeps its state in {} (it has the lock {})", directory_, path);
      return Whose::Others;
    }
    std::this_thread::sleep_for(kLockPause);
  }
  lock_ = std::move(file);
  return Whose::Ours;
}

Result<void> BulkState::save(const bulk::Index& index, std::string_view position) {
  std::lock_guard<std::mutex> guard(one_);
  if (!off_.empty()) return fail(Code::Io, off_);
  if (auto made = make_directory(directory_); !made) return made;
  auto whose = lock(Duration::zero());
  if (!whose) return tl::unexpected<Error>(whose.error());
  if (*whose == Whose::Others) return fail(Code::Io, off_);
  // The directory was not there at the start, or not to be looked into.
  struct stat status {};
  std::string path = in(directory_, kName);
  if (!read_ && ::lstat(path.c_str(), &status) == 0) {
    off_ = fmt::format("{} was not there at the start, and is left as it is", path);
    return fail(Code::Io, off_);
  }
  auto written = write(index, position);
  if (written) read_ = true;
  return written;
}

bool BulkState::off() const {
  std::lock_guard<std::mutex> guard(one_);
  return !off_.empty();
}

/// Whatever fails leaves the file as it was.
Result<void> BulkState::write(const bulk::Index& index, std::string_view position) {
  std::string path;
  auto file = make_unfinished(directory_, path);
  if (!file) return tl::unexpected<Error>(file.error());
  session::Doomed unfinished(path);
  auto written = index.save(position, [&](std::string_view piece) -> Result<void> {
    if (!write_all(file->get(), piece)) return fail(Code::Io, reason(errno));
    return {};
  });
  if (!written) return tl::unexpected<Error>(std::move(written.error()).in(path));
  // The order matters: were it renamed before its octets are on the disk, a crash could leave the name and not them.
  if (::fsync(file->get()) != 0) return io_error(path, errno);
  std::string whole = in(directory_, kName);
  if (::rename(path.c_str(), whole.c_str()) != 0) return io_error(whole, errno);
  unfinished.keep();
  if (!sync_directory(directory_)) return io_error(directory_, errno);
  return {};
}

}  // namespace postern::ops
