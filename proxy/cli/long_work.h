// What long work on the command line needs: a line of progress on a terminal, and an end in good order at Ctrl-C.
#pragma once

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <string>

namespace postern::cli {

/// On standard error when that is a terminal, once the work has taken a second; gone when it ends. One thread.
class ProgressLine {
 public:
  /// `what`: what is counted, "messages", "files of ham": the first word has an s; `total`: of the parts of `done`.
  ProgressLine(std::string what, uint64_t total);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// `done` of the total; `count` is shown and gives the rate. At most one line in a quarter of a second.
  void show(uint64_t done, uint64_t count);
  void show(uint64_t done) { show(done, done); }

  /// "1200 messages, 40 %, 310 a second, 6 s left"
  [[nodiscard]] static std::string text(const std::string& what, uint64_t count, uint64_t done, uint64_t total,
                                        std::chrono::milliseconds elapsed);

 private:
  std::string what_;
  uint64_t total_;
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point begin_;
  std::chrono::steady_clock::time_point last_;
};

/// While it lives the first SIGINT or SIGTERM only sets a flag; the second one ends the program. One at a time.
class Interruptible {
 public:
  Interruptible();
  ~Interruptible();
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;
  /// Any thread.
  [[nodiscard]] static bool interrupted();

 private:
  struct sigaction old_int_ {};
  struct sigaction old_term_ {};
};

}  // namespace postern::cli
