// Loop: one event_base with one thread that runs it, and the way in for all other threads.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include <sys/time.h>

#include "filters/base/clock.h"
#include "filters/base/fd.h"

struct event;
struct event_base;

namespace postern::net {

/// Negative durations become zero.
[[nodiscard]] timeval to_timeval(Duration duration);

/// The way into a loop from other threads. Shared: it may outlive its loop, and then refuses.
class Inbox {
 public:
  using Job = std::function<void()>;
  static constexpr size_t kMaxJobs = 100'000;

  /// Any thread. False when the loop is gone or kMaxJobs wait already; the job is then destroyed without having run.
  [[nodiscard]] bool post(Job job);

 private:
  friend class Loop;
  explicit Inbox(Fd wake_fd) : wake_fd_(std::move(wake_fd)) {}
  void wake() const;

  std::mutex mutex_;
  std::vector<Job> jobs_;
  bool closed_ = false;
  Fd wake_fd_;
};

/// Everything but post(), inbox() and stop() belongs to one thread: the one that calls run(), or before that the one
/// that created the loop. Everything that lives on the base (links, timers, DNS) is destroyed before it.
class Loop {
 public:
  /// Aborts when the system has no file descriptor left for it: nothing works without a loop.
  Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();

  [[nodiscard]] event_base* base() const { return base_; }
  /// Until stop(). May be called again.
  void run();
  /// One turn: waits for the first event if none is ready and `wait` is set.
  void turn(bool wait);
  /// Any thread. Ends run() after the current turn; called before run() it ends the next one.
  void stop();
  /// Any thread; see Inbox.
  [[nodiscard]] bool post(Inbox::Job job) { return inbox_->post(std::move(job)); }
  [[nodiscard]] std::shared_ptr<Inbox> inbox() const { return inbox_; }

 private:
  static void on_wake(int fd, short what, void* self) noexcept;
  void run_jobs();

  event_base* base_;
  std::shared_ptr<Inbox> inbox_;
  event* wake_event_;
  std::atomic<bool> stopping_{false};
};

}  // namespace postern::net
