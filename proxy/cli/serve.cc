// postern serve: the gateway in the foreground.
#include <iostream>

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include "proxy/cli/cli.h"
#include "proxy/cli/gateway.h"

namespace postern::cli {
namespace {

/// Each client needs a descriptor, and one for its backend: take all that the system allows us.
void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// Each message takes and gives back some hundred kilobytes: without this every one of them would grow and shrink the
/// heap with system calls. What stays is bounded by [limits] memory.
void keep_heap() {
  ::mallopt(M_TOP_PAD, 1 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

}  // namespace

int serve(const std::string& config_file) {
  raise_file_limit();
  keep_heap();
  auto loaded = load_or_complain(config_file, Examples::Run, PatternCache::Keep);
  if (!loaded) return kBadInput;
  Gateway gateway(std::move(*loaded));
  if (auto started = gateway.start(); !started) {
    std::cerr << "postern serve: " << started.error().message << '\n';
    return kBadInput;
  }
  gateway.run();
  // Rules that are still being compiled are for nobody any more, and cannot be stopped.
  if (gateway.reloading()) {
    std::cout.flush();
    std::cerr.flush();
    ::_exit(kDone);
  }
  return kDone;
}

}  // namespace postern::cli
