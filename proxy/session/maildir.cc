#include "proxy/session/maildir.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filters/base/fd.h"
#include "filters/base/files.h"
#include "proxy/session/doomed.h"

// The Maildir convention (D. J. Bernstein, "Using maildir format", and maildir(5)): a message is written whole to tmp/,
// synced, and then appears in new/ under its name, so that a reader never sees a part of one and needs no lock.
namespace postern::session {
namespace {

constexpr size_t kBuffer = 64U << 10U;
constexpr int kNameAttempts = 16;

tl::unexpected<Error> io_error(const std::string& path, int error) {
  return fail(Code::Io, path + ": " + std::generic_category().message(error));
}

std::string parent_of(const std::string& path) {
  size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// With its parents; each new name is synced, or a crash could take the directory with the message in it.
Result<void> make_directory(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    return S_ISDIR(status.st_mode) ? Result<void>() : Result<void>(io_error(path, ENOTDIR));
  }
  if (errno != ENOENT) return io_error(path, errno);
  std::string parent = parent_of(path);
  if (auto made = make_directory(parent); !made) return made;
  // EEXIST: another delivery made it meanwhile.
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return io_error(path, errno);
  if (!sync_directory(parent)) return io_error(parent, errno);
  return {};
}

Result<void> make_maildir(const std::string& directory) {
  for (const char* part : {"/tmp", "/new", "/cur"}) {
    if (auto made = make_directory(directory + part); !made) return made;
  }
  return {};
}

/// maildir(5): "time.MusecPpidQcount.host", '/' and ':' of the host written as \057 and \072.
std::string unique_name(const std::string& hostname) {
  static std::atomic<uint64_t> count{0};
  auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_1970);
  auto micros = std::chrono::duration_cast<std::chrono::microseconds>(since_1970 - seconds);
  std::string name = std::to_string(seconds.count()) + ".M" + std::to_string(micros.count()) + "P" +
                     std::to_string(::getpid()) + "Q" + std::to_string(count.fetch_add(1)) + ".";
  for (char c : hostname) {
    if (c == '/') {
      name += "\\057";
    } else if (c == ':') {
      name += "\\072";
    } else {
      name += c;
    }
  }
  return name;
}

/// Writes with CRLF turned into LF, buffered.
class LineFile {
 public:
  LineFile(int descriptor, const std::string& path) : descriptor_(descriptor), path_(path) {}

  Result<void> write(std::string_view piece) {
    while (!piece.empty()) {
      if (held_cr_ && piece.front() != '\n') buffer_ += '\r';
      held_cr_ = false;
      size_t cr = piece.find('\r');
      buffer_ += piece.substr(0, cr);
      if (buffer_.size() >= kBuffer) {
        if (auto flushed = flush(); !flushed) return flushed;
      }
      if (cr == std::string_view::npos) break;
      held_cr_ = true;
      piece.remove_prefix(cr + 1);
    }
    return {};
  }

  Result<void> finish() {
    if (std::exchange(held_cr_, false)) buffer_ += '\r';
    return flush();
  }

 private:
  Result<void> flush() {
    if (!write_all(descriptor_, buffer_)) return io_error(path_, errno);
    buffer_.clear();
    return {};
  }

  int descriptor_;
  const std::string& path_;
  std::string buffer_;
  bool held_cr_ = false;  // a CR ended the last piece: what follows decides
};

Result<void> fill(int descriptor, const std::string& path, const MessageProducer& produce) {
  LineFile file(descriptor, path);
  Result<void> produced = produce([&file](std::string_view piece) { return file.write(piece); });
  if (!produced) return produced;
  if (auto finished = file.finish(); !finished) return finished;
  if (::fsync(descriptor) != 0) return io_error(path, errno);
  return {};
}

/// link() never replaces a message that is there; file systems without links have rename(), and names that are unique.
Result<void> publish(const std::string& from, const std::string& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return {};
  bool no_links = errno == EPERM || errno == ENOSYS || errno == EOPNOTSUPP || errno == EMLINK;
  if (!no_links || ::rename(from.c_str(), to.c_str()) != 0) return io_error(to, errno);
  return {};
}

}  // namespace

Result<std::string> deliver_to_maildir(const std::string& directory, const std::string& hostname,
                                       const MessageProducer& produce) {
  if (directory.empty()) return fail(Code::BadInput, "no directory for the Maildir");
  if (auto made = make_maildir(directory); !made) return tl::unexpected(made.error());
  std::string name;
  std::string path;
  Fd file;
  for (int attempt = 0; !file && attempt < kNameAttempts; ++attempt) {
    name = unique_name(hostname);
    path = directory;
    path.append("/tmp/").append(name);
    file.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file && errno != EEXIST) break;
  }
  if (!file) return io_error(path, errno);

  Doomed temporary(path);
  if (auto filled = fill(file.get(), path, produce); !filled) return tl::unexpected(filled.error());
  // Network file systems report the last write errors here.
  if (::close(file.release()) != 0 && errno != EINTR) return io_error(path, errno);

  std::string target = directory + "/new/" + name;
  if (auto published = publish(path, target); !published) return tl::unexpected(published.error());
  // Until the directory is synced the message may still vanish, so it must not stay if that fails: the sender is told
  // to come again.
  Doomed delivered(target);
  if (std::string place = directory + "/new"; !sync_directory(place)) return io_error(place, errno);
  delivered.keep();
  return name;
}

}  // namespace postern::session
