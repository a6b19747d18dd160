#include "proxy/net/loop.h"

#include <algorithm>
#include <csignal>
#include <cstdint>

#include <event2/event.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "filters/base/result.h"

namespace postern::net {

timeval to_timeval(Duration duration) {
  constexpr int64_t kMicro = 1'000'000;
  int64_t count = std::max<int64_t>(duration.count(), 0);
  return {static_cast<time_t>(count / kMicro), static_cast<suseconds_t>(count % kMicro)};
}

bool Inbox::post(Job job) {
  std::lock_guard lock(mutex_);
  if (closed_ || jobs_.size() >= kMaxJobs) return false;
  jobs_.push_back(std::move(job));
  if (jobs_.size() == 1) wake();
  return true;
}

void Inbox::wake() const {
  uint64_t one = 1;
  // Fails only when the counter is at its maximum, and then the loop is awake anyway.
  [[maybe_unused]] ssize_t written = ::write(wake_fd_.get(), &one, sizeof one);
}

Loop::Loop() {
  // A write to a connection that has gone is an error where it happens, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  event_config* config = event_config_new();
  POSTERN_CHECK(config != nullptr);
  // One thread a base: no locks.
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  // Changes of interest in one turn cancel each other out before the kernel hears of them. No descriptor of a loop is a
  // dup() of another, which is what this flag asks for.
  event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
  base_ = event_base_new_with_config(config);
  event_config_free(config);
  POSTERN_CHECK(base_ != nullptr);
  Fd wake_fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  POSTERN_CHECK(static_cast<bool>(wake_fd));
  wake_event_ = event_new(base_, wake_fd.get(), EV_READ | EV_PERSIST, on_wake, this);
  POSTERN_CHECK(wake_event_ != nullptr && event_add(wake_event_, nullptr) == 0);
  inbox_ = std::shared_ptr<Inbox>(new Inbox(std::move(wake_fd)));
}

Loop::~Loop() {
  std::vector<Inbox::Job> dropped;
  {
    std::lock_guard lock(inbox_->mutex_);
    inbox_->closed_ = true;
    dropped.swap(inbox_->jobs_);
  }
  dropped.clear();
  event_free(wake_event_);
  event_base_free(base_);
}

void Loop::run() {
  while (!stopping_.exchange(false)) event_base_loop(base_, EVLOOP_NO_EXIT_ON_EMPTY);
}

void Loop::turn(bool wait) {
  event_base_loop(base_, wait ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
}

void Loop::stop() {
  stopping_.store(true);
  inbox_->wake();
}

void Loop::on_wake(int fd, short, void* self) noexcept {
  uint64_t count = 0;
  [[maybe_unused]] ssize_t got = ::read(fd, &count, sizeof count);
  static_cast<Loop*>(self)->run_jobs();
}

void Loop::run_jobs() {
  std::vector<Inbox::Job> jobs;
  {
    std::lock_guard lock(inbox_->mutex_);
    jobs.swap(inbox_->jobs_);
  }
  for (auto& job : jobs) {
    job();
    job = nullptr;  // what it captured dies before the next one runs
  }
  if (stopping_.load()) event_base_loopbreak(base_);
}

}  // namespace postern::net
