// postern scan: judges messages as if they had just arrived.
#include <chrono>
#include <iostream>

#include <unistd.h>

#include "filters/base/ip.h"
#include "proxy/cli/cli.h"
#include "proxy/cli/mail_files.h"
#include "proxy/cli/scan_report.h"
#include "proxy/cli/scanner.h"

namespace postern::cli {
namespace {

/// On a terminal, for work that takes longer than a second.
class Progress {
 public:
  explicit Progress(size_t total) : total_(total), terminal_(::isatty(STDERR_FILENO) == 1) {}
  void step(size_t done) {
    auto now = std::chrono::steady_clock::now();
    if (!terminal_ || now - last_ < std::chrono::seconds(1)) return;
    last_ = now;
    shown_ = true;
    std::cerr << '\r' << done << " of " << total_ << " files" << std::flush;
  }
  ~Progress() {
    if (shown_) std::cerr << "\r\x1b[K" << std::flush;
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  size_t total_;
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace

int scan(const ScanOptions& options) {
  if (!options.ip.empty() && !IpAddress::parse(options.ip)) {
    std::cerr << "postern scan: --ip " << options.ip << ": not an IP address\n";
    return kUsage;
  }
  auto loaded = load_or_complain(options.config, Examples::Skip);
  if (!loaded) return kBadInput;
  auto files = find_messages(options.inputs);
  if (!files) {
    std::cerr << "postern scan: " << files.error().message << '\n';
    return kBadInput;
  }
  auto scanner = Scanner::create(*loaded, {options.ip, options.helo, options.from, options.rcpts, options.at},
                                 Scanner::Bulk::Count);
  if (!scanner) {
    std::cerr << "postern scan: " << scanner.error().message << '\n';
    return kBadInput;
  }
  Progress progress(files->size());
  int status = kDone;
  for (size_t i = 0; i < files->size(); ++i) {
    auto read = read_messages((*files)[i], [&](const InputMessage& message) {
      Judged judged = (*scanner)->judge(message);
      options.json ? print_json(judged) : print_text(judged);
    });
    if (!read) {
      std::cerr << "postern scan: " << read.error().message << '\n';
      status = kBadInput;
    }
    progress.step(i + 1);
  }
  return status;
}

}  // namespace postern::cli
