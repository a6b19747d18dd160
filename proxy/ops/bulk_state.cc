#include "proxy/ops/bulk_state.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filters/base/fd.h"
#include "filters/bulk/snapshot.h"

namespace postern::ops {
namespace {

constexpr std::string_view kName = "clusters";
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

/// Removes a file unless told to keep it.
class Doomed {
 public:
  explicit Doomed(std::string path) : path_(std::move(path)) {}
  Doomed(const Doomed&) = delete;
  Doomed& operator=(const Doomed&) = delete;
  ~Doomed() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  void keep() { path_.clear(); }

 private:
  std::string path_;
};

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

Result<void> write_all(int file, std::string_view octets) {
  while (!octets.empty()) {
    ssize_t put = ::write(file, octets.data(), octets.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail(Code::Io, reason(errno));
    octets.remove_prefix(static_cast<size_t>(put));
  }
  return {};
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

Result<std::string> BulkState::load(bulk::Index& index, int64_t wall_ms) const {
  std::lock_guard<std::mutex> lock(one_);
  if (auto made = make_directory(directory_); !made) return tl::unexpected<Error>(made.error());
  remove_unfinished(directory_);
  // Whether files can be made here is asked by making one: permissions, a read-only file system and a full one have no
  // other answer in common.
  std::string probe;
  if (auto file = make_unfinished(directory_, probe); !file) return tl::unexpected<Error>(file.error());
  ::unlink(probe.c_str());

  auto octets = read_snapshot(in(directory_, kName));
  if (!octets && octets.error().code == Code::NotFound) return std::string();
  auto position = octets ? index.load(*octets, wall_ms) : std::move(octets);
  if (position) return position;
  auto bad = set_aside(directory_, wall_ms);
  if (!bad) return tl::unexpected<Error>(bad.error());
  note_("warning", fmt::format("bulk: {}: {}; set aside as {}, counting begins anew", in(directory_, kName),
                               position.error().message, *bad));
  return std::string();
}

Result<void> BulkState::save(const bulk::Index& index, std::string_view position) const {
  std::lock_guard<std::mutex> lock(one_);
  if (auto made = make_directory(directory_); !made) return made;
  std::string path;
  auto file = make_unfinished(directory_, path);
  if (!file) return tl::unexpected<Error>(file.error());
  Doomed unfinished(path);
  auto written = index.save(position, [&](std::string_view piece) { return write_all(file->get(), piece); });
  if (!written) return tl::unexpected<Error>(std::move(written.error()).in(path));
  // The order matters: were it renamed before its octets are on the disk, a crash could leave the name and not them.
  if (::fsync(file->get()) != 0) return io_error(path, errno);
  std::string whole = in(directory_, kName);
  if (::rename(path.c_str(), whole.c_str()) != 0) return io_error(whole, errno);
  unfinished.keep();
  Fd directory(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) return io_error(directory_, errno);
  return {};
}

}  // namespace postern::ops
