// Signal and Background: waiting inside a coroutine for something that happens outside of it.
#pragma once

#include <coroutine>
#include <functional>
#include <optional>
#include <utility>

#include "filters/base/task.h"

namespace postern {

/// "Something changed, look again": one coroutine waits, an event handler notifies. One thread. A waiter whose task is
/// destroyed is forgotten. `while (!condition) co_await signal;`
class Signal {
 public:
  Signal() = default;
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  ~Signal() = default;

  /// Resumes the waiter, if any. The waiter may destroy this object: touch nothing of it afterwards.
  void notify() {
    if (waiter_) std::exchange(waiter_, nullptr).resume();
  }

  auto operator co_await() noexcept {
    class Awaiter {
     public:
      explicit Awaiter(Signal& signal) : signal_(signal) {}
      Awaiter(const Awaiter&) = delete;
      Awaiter& operator=(const Awaiter&) = delete;
      ~Awaiter() {
        if (self_ && signal_.waiter_ == self_) signal_.waiter_ = nullptr;
      }
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> caller) {
        POSTERN_CHECK(!signal_.waiter_);
        self_ = caller;
        signal_.waiter_ = caller;
      }
      void await_resume() noexcept { self_ = nullptr; }

     private:
      Signal& signal_;
      std::coroutine_handle<> self_;
    };
    return Awaiter(*this);
  }

 private:
  std::coroutine_handle<> waiter_;
};

/// A task that runs while its owner does something else. Started at once; get() waits for its result; destroying it
/// (but not while get() is awaited elsewhere) cancels. One reader. An exception of the task comes out of get().
template <class T>
class Background {
 public:
  explicit Background(Task<T> task) : task_(std::move(task)) {
    task_.start([this] { changed_.notify(); });
  }
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background() = default;

  [[nodiscard]] bool ready() const { return task_.done(); }
  Task<T> get() {
    while (!task_.done()) co_await changed_;
    co_return task_.take();
  }

 private:
  Signal changed_;
  Task<T> task_;  // goes first: its destruction must not notify anybody
};

}  // namespace postern
