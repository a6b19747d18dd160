#include "filters/base/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace postern {
namespace {

class Shared {
 public:
  Shared(size_t count, const std::function<void(size_t)>& work) : count_(count), work_(work) {}

  /// On each of the threads.
  void run() noexcept {
    for (size_t i = next_++; i < count_; i = next_++) {
      try {
        work_(i);
      } catch (...) {
        next_ = count_;
        std::lock_guard lock(mutex_);
        if (!thrown_) thrown_ = std::current_exception();
        return;
      }
    }
  }

  /// When all have ended.
  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  size_t count_;
  const std::function<void(size_t)>& work_;
  std::atomic<size_t> next_{0};
  std::mutex mutex_;
  std::exception_ptr thrown_;
};

}  // namespace

void in_parallel(size_t count, unsigned threads, const std::function<void(size_t)>& work) {
  Shared shared(count, work);
  {
    std::vector<std::jthread> others;
    size_t wanted = std::min<size_t>(threads, count);
    others.reserve(wanted);
    try {
      while (others.size() + 1 < wanted) others.emplace_back([&shared] { shared.run(); });
    } catch (const std::system_error& /*no more threads*/) {
      wanted = others.size() + 1;
    }
    shared.run();
  }
  shared.rethrow();
}

}  // namespace postern
