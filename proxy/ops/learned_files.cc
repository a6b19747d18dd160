#include "proxy/ops/learned_files.h"

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filters/base/bytes.h"
#include "filters/base/fd.h"
#include "filters/base/files.h"

namespace postern::ops {
namespace {

namespace fs = std::filesystem;

std::string utc(int64_t wall_seconds) {
  auto seconds = static_cast<std::time_t>(wall_seconds);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

constexpr std::string_view kModel = "model";
constexpr std::string_view kBesideModel = "model.";

/// "model.17", and "model.17.Xy1aB2" of one that was not finished. Others in the directory are somebody else's.
std::vector<std::string> staged_in(const std::string& directory) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    const std::string name = entry->path().filename().string();
    bool beside =
        name.starts_with(kBesideModel) && name.size() > kBesideModel.size() && ascii_digit(name[kBesideModel.size()]);
    if (beside && entry->is_regular_file(ignored)) found.push_back(entry->path().string());
  }
  return found;
}

}  // namespace

std::string staged_model(const std::string& directory, uint64_t run) {
  return fmt::format("{}/{}{}", directory, kBesideModel, run);
}

bool has_staged(const std::string& directory) {
  return !staged_in(directory).empty();
}

Result<void> settle_staged(const std::string& directory, uint64_t run) {
  const std::string mine = staged_model(directory, run);
  const std::string model = fmt::format("{}/{}", directory, kModel);
  for (const std::string& path : staged_in(directory)) {
    std::error_code error;
    if (path != mine) {
      fs::remove(path, error);
    } else if (fs::file_size(path, error) > 0 && !error) {
      give_to_owner(path, directory);
      fs::rename(path, model, error);
    } else if (!error) {
      // The sign goes after what it stands for.
      fs::remove(model, error);
      if (!error) fs::remove(path, error);
    }
    if (error && path == mine) return learned_io_error(model, error.value());
  }
  if (!sync_directory(directory)) return learned_io_error(directory, errno);
  return {};
}

tl::unexpected<Error> learned_io_error(const std::string& path, int error) {
  std::string text = std::generic_category().message(error);
  if (error == EACCES || error == EPERM || error == EROFS) {
    return fail(Code::Io, fmt::format("{}: {}; run it as the owner of [classifier] directory, or as root", path, text));
  }
  return fail(Code::Io, fmt::format("{}: {}", path, text));
}

void give_to_owner(const std::string& path, const std::string& directory) {
  struct stat status {};
  if (::geteuid() != 0 || ::stat(directory.c_str(), &status) != 0 || status.st_uid == 0) return;
  // Where that fails the file stays ours: whoever cannot read it says so.
  if (::lchown(path.c_str(), status.st_uid, status.st_gid) != 0) return;
}

Result<void> make_learned_directory(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return {};
  fs::path parent = fs::path(path).parent_path();
  if (!parent.empty()) fs::create_directories(parent, error);
  if (error) return learned_io_error(path, error.value());
  // Others may look for the model: what is in it is no secret, what is learned from is (see below).
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return learned_io_error(path, errno);
  if (!fs::is_directory(path, error)) return learned_io_error(path, ENOTDIR);
  give_to_owner(path, parent.empty() ? "." : parent.string());
  return {};
}

/// SQLite would make it readable for all. An empty file is an empty database to it.
Result<void> make_learned_file(const std::string& path, const std::string& directory) {
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!file) return learned_io_error(path, errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return learned_io_error(path, errno);
  if (!S_ISREG(status.st_mode)) return fail(Code::Io, fmt::format("{}: it is not a file", path));
  if (status.st_size == 0) give_to_owner(path, directory);
  return {};
}

Result<std::string> set_learned_aside(const std::string& path, int64_t wall_seconds) {
  std::string bad = fmt::format("{}.bad-{}", path, utc(wall_seconds));
  for (int more = 2; ::access(bad.c_str(), F_OK) == 0; ++more) {
    bad = fmt::format("{}.bad-{}-{}", path, utc(wall_seconds), more);
  }
  if (::rename(path.c_str(), bad.c_str()) != 0) return learned_io_error(path, errno);
  // An unfinished transaction of that file must not be undone in the next one.
  ::rename((path + "-journal").c_str(), (bad + "-journal").c_str());
  return bad;
}

}  // namespace postern::ops
