// Blocking work off the loop: a few threads for the process, and the way back to each worker.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "proxy/net/loop.h"
#include "proxy/session/ports.h"

namespace postern::net {

/// Thread-safe. Destroying it finishes what was submitted: work past the point of no return is never dropped.
class ThreadPool {
 public:
  static constexpr size_t kMaxJobs = 10'000;

  explicit ThreadPool(unsigned threads);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();
  /// False when kMaxJobs wait already.
  [[nodiscard]] bool submit(std::function<void()> job);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

/// session::Offload of one worker. One thread: the loop's.
class PoolOffload final : public session::Offload {
 public:
  /// Told of outcomes that nobody waits for any more (handle destroyed, worker gone). Any thread.
  using Orphaned = std::function<void(const Result<std::string>&)>;

  /// The pool outlives this; work that is under way may outlive it.
  PoolOffload(Loop& loop, ThreadPool& pool, Orphaned orphaned);
  ~PoolOffload() override;

  [[nodiscard]] Pending run(std::function<Result<std::string>()> work,
                            std::function<void(Result<std::string>)> done) override;

 private:
  class Waiting;
  class Register;
  Loop& loop_;
  ThreadPool& pool_;
  std::shared_ptr<Register> register_;
};

}  // namespace postern::net
