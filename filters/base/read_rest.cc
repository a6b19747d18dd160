#include "filters/base/read_rest.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <unistd.h>

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

}  // namespace postern
