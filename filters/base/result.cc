#include "filters/base/result.h"

#include <cstdio>
#include <cstdlib>

namespace postern {

void check_failed(const char* file, int line, const char* what) {
  std::fprintf(stderr, "postern: bug: %s:%d: %s\n", file, line, what);
  std::abort();
}

}  // namespace postern
