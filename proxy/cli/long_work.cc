#include "proxy/cli/long_work.h"

#include <algorithm>
#include <iostream>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace postern::cli {

namespace {

std::atomic<bool> stop_wanted{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // it is set in a signal handler

extern "C" void want_stop(int /*signal*/) {
  stop_wanted.store(true, std::memory_order_relaxed);
}

std::string duration_text(uint64_t seconds) {
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 7200) return fmt::format("{} min", seconds / 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds % 3600 / 60);
}

}  // namespace

ProgressLine::ProgressLine(std::string what, uint64_t total)
    : what_(std::move(what)),
      total_(total),
      terminal_(::isatty(STDERR_FILENO) == 1),
      begin_(std::chrono::steady_clock::now()),
      last_(begin_) {}

ProgressLine::~ProgressLine() {
  if (shown_) std::cerr << "\r\x1b[K" << std::flush;
}

std::string ProgressLine::text(const std::string& what, uint64_t count, uint64_t done, uint64_t total,
                               std::chrono::milliseconds elapsed) {
  std::string line = fmt::format("{} {}", count, what);
  // "files of spam": it is the first word that has the plural's s.
  size_t noun = std::min(what.find(' '), what.size());
  if (count == 1 && noun > 0 && what[noun - 1] == 's') line.erase(line.size() - what.size() + noun - 1, 1);
  auto milliseconds = static_cast<uint64_t>(elapsed.count());
  if (total > 0) line += fmt::format(", {} %", done * 100 / total);
  if (milliseconds == 0) return line;
  line += fmt::format(", {} a second", count * 1000 / milliseconds);
  if (done > 0 && done <= total) {
    line += fmt::format(", {} left", duration_text(milliseconds * (total - done) / done / 1000));
  }
  return line;
}

void ProgressLine::show(uint64_t done, uint64_t count) {
  auto now = std::chrono::steady_clock::now();
  auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - begin_);
  if (!terminal_ || elapsed < std::chrono::seconds(1) || now - last_ < std::chrono::milliseconds(250)) return;
  last_ = now;
  shown_ = true;
  std::cerr << '\r' << text(what_, count, done, total_, elapsed) << "\x1b[K" << std::flush;
}

Interruptible::Interruptible() {
  stop_wanted.store(false, std::memory_order_relaxed);
  struct sigaction action {};
  action.sa_handler = want_stop;
  // The second one finds the old meaning again: it ends the program whatever it is doing.
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, &old_int_);
  ::sigaction(SIGTERM, &action, &old_term_);
}

Interruptible::~Interruptible() {
  ::sigaction(SIGINT, &old_int_, nullptr);
  ::sigaction(SIGTERM, &old_term_, nullptr);
}

bool Interruptible::interrupted() {
  return stop_wanted.load(std::memory_order_relaxed);
}

}  // namespace postern::cli
