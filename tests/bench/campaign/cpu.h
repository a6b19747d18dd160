// Processor time of this thread: on a machine under load the clock on the wall measures the load.
#pragma once

#include <ctime>

namespace postern::campaign {

[[nodiscard]] inline double cpu_micros() {
  std::timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

}  // namespace postern::campaign
