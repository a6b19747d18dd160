// Task<T>: an asynchronous check written straight down. Destroying it is the cancellation.
#pragma once

#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "filters/base/pending.h"
#include "filters/base/result.h"

namespace postern {

template <class T>
class Task;

namespace task_detail {

/// At the end of a coroutine: go on with whoever awaits it, or tell the owner of the outermost one. That call is the
/// last thing that happens, so it may destroy the coroutine's frame.
struct FinalAwaiter {
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
    if (self.promise().continuation) return self.promise().continuation;
    auto finished = std::move(self.promise().finished);
    if (finished) finished();
    return std::noop_coroutine();
  }
  void await_resume() const noexcept {}
};

struct PromiseBase {
  std::coroutine_handle<> continuation;
  std::function<void()> finished;
  std::exception_ptr error;

  std::suspend_always initial_suspend() noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  template <class U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T take() {
    if (error) std::rethrow_exception(error);
    return std::move(*value);
  }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() noexcept {}
  void take() const {
    if (error) std::rethrow_exception(error);
  }
};

}  // namespace task_detail

/// Lazy: nothing runs before it is awaited or start()ed. One thread. Movable, not copyable. An exception (bad_alloc)
/// thrown inside comes out where it is awaited, or from take().
template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = task_detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;
  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      destroy();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Task() { destroy(); }

  /// For an owner that is no coroutine: runs until the first wait. `finished` is called once when the task has ended,
  /// possibly inside start(); it may destroy the task.
  void start(std::function<void()>&& finished) {
    POSTERN_CHECK(handle_ && !handle_.done());
    handle_.promise().finished = std::move(finished);
    handle_.resume();
  }
  [[nodiscard]] explicit operator bool() const { return static_cast<bool>(handle_); }
  [[nodiscard]] bool done() const { return handle_ && handle_.done(); }
  /// The result of a task that is done().
  T take() { return handle_.promise().take(); }

  auto operator co_await() && noexcept {
    struct Awaiter {
      Handle handle;
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) noexcept {
        handle.promise().continuation = caller;
        return handle;
      }
      T await_resume() { return handle.promise().take(); }
    };
    return Awaiter{handle_};
  }

 private:
  void destroy() {
    if (handle_) std::exchange(handle_, nullptr).destroy();
  }
  Handle handle_;
};

template <class T>
Task<T> task_detail::Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> task_detail::Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

/// Awaits an operation that answers by callback (see Pending): `co_await Await<Reply>([&](auto done) { return
/// backend.ask(std::move(done)); })`. The handle lives in the coroutine's frame, so destroying the task cancels it.
template <class T>
class [[nodiscard]] Await {
 public:
  using Done = std::function<void(T)>;
  using Start = std::function<Pending(Done)>;

  explicit Await(Start start) : start_(std::move(start)) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> caller) {
    pending_ = start_([this, caller](T value) {
      value_.emplace(std::move(value));
      caller.resume();
    });
  }
  T await_resume() { return std::move(*value_); }

 private:
  Start start_;
  std::optional<T> value_;
  Pending pending_;
};

}  // namespace postern
