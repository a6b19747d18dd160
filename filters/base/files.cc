#include "filters/base/files.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "filters/base/fd.h"

namespace postern {

bool read_rest(int file, size_t limit, std::string& out) {
  std::array<char, 65536> piece{};
  while (limit > 0) {
    ssize_t got = ::read(file, piece.data(), std::min(limit, piece.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0;
    out.append(piece.data(), static_cast<size_t>(got));
    limit -= static_cast<size_t>(got);
  }
  return true;
}

bool write_all(int file, std::string_view octets) {
  while (!octets.empty()) {
    ssize_t put = ::write(file, octets.data(), octets.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    octets.remove_prefix(static_cast<size_t>(put));
  }
  return true;
}

bool sync_directory(const std::string& directory) {
  Fd place(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return place && ::fsync(place.get()) == 0;
}

}  // namespace postern
