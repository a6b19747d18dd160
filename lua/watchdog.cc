#include "lua/watchdog.h"

#include <cerrno>
#include <csignal>
#include <ctime>

#include <lua.hpp>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "filters/base/result.h"

namespace postern::rules {

namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kShortest = 100'000;  // of a timer: rounding must not make a storm of signals
// The clock of CPU time is a system call, more than many a rule takes. So a short while of wall time is taken for CPU
// time (it can only be more), and after a longer one the clock is asked.
constexpr int64_t kTrustedWall = 100'000;
constexpr int kPollInstructions = 10'000;
constexpr int kEveryEvent = LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT;

// The handler runs on the thread whose time is up, so "this thread's" is the one it means. Constant-initialised: a
// signal handler must not run initialisers.
constinit thread_local Watchdog* current = nullptr;

char stop_token = 0;

int64_t wall_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int signal_number() {
  return SIGRTMIN + 5;
}

}  // namespace

struct Watchdog::Hooks {
  static void on_signal(int, siginfo_t*, void*) {
    int saved = errno;
    if (current != nullptr) current->on_timer();
    errno = saved;
  }

  // Set with count 1 and every mask, it fires again at whatever runs next until the slice is left.
  static void stop(lua_State* lua, lua_Debug* where) {
    // Time is often up inside of a library function: the line is that of the code that called it.
    for (int level = 0; current != nullptr && current->line_ == 0 && lua_getstack(lua, level, where) != 0; ++level) {
      if (lua_getinfo(lua, "l", where) != 0 && where->currentline > 0) current->line_ = where->currentline;
    }
    lua_pushlightuserdata(lua, token());
    lua_error(lua);
  }

  static void poll_hook(lua_State* lua, lua_Debug* where) {
    if (current == nullptr) return;
    current->check(cpu_now());
    if (current->expired() != Expired::No) stop(lua, where);
  }
};

namespace {

// A thread's timer: made at the first guarded stretch, kept until the thread ends.
class ThreadTimer {
 public:
  explicit ThreadTimer(void (*handler)(int, siginfo_t*, void*)) {
    static const bool installed = [handler] {
      struct sigaction action = {};
      action.sa_sigaction = handler;
      action.sa_flags = SA_SIGINFO | SA_RESTART;
      sigemptyset(&action.sa_mask);
      return sigaction(signal_number(), &action, nullptr) == 0;
    }();
    if (!installed) return;
    // Threads that leave signals to another one have them all blocked.
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, signal_number());
    if (pthread_sigmask(SIG_UNBLOCK, &ours, nullptr) != 0) return;
    struct sigevent event = {};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = signal_number();
    event._sigev_un._tid = static_cast<pid_t>(syscall(SYS_gettid));
    made_ = timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer_) == 0;
  }
  ThreadTimer(const ThreadTimer&) = delete;
  ThreadTimer& operator=(const ThreadTimer&) = delete;
  ~ThreadTimer() {
    if (made_) timer_delete(timer_);
  }
  [[nodiscard]] bool made() const { return made_; }
  [[nodiscard]] timer_t id() const { return timer_; }

 private:
  timer_t timer_ = {};
  bool made_ = false;
};

// What the handler needs, apart from the object above whose first use may initialise.
constinit thread_local timer_t current_timer = {};

}  // namespace

void* Watchdog::token() {
  return &stop_token;
}

int64_t Watchdog::cpu_now() {
  struct timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

void Watchdog::set_timer(int64_t nanoseconds) const {
  if (!has_timer_) return;
  struct itimerspec when = {};
  when.it_value.tv_sec = nanoseconds / kSecond;
  when.it_value.tv_nsec = nanoseconds % kSecond;
  timer_settime(current_timer, 0, &when, nullptr);
}

Watchdog::Watchdog(std::chrono::nanoseconds slice, std::chrono::nanoseconds total)
    : slice_(slice.count()),
      armed_at_(cpu_now()),
      until_(armed_at_ + total.count()),
      now_(armed_at_),
      wall_(wall_now()) {
  POSTERN_CHECK(current == nullptr);
  static thread_local ThreadTimer timer(&Hooks::on_signal);
  has_timer_ = timer.made();
  current_timer = timer.id();
  current = this;
  int64_t first = slice_ < total.count() ? slice_ : total.count();
  set_timer(first > kShortest ? first : kShortest);
}

Watchdog::~Watchdog() {
  set_timer(0);
  current = nullptr;
}

void Watchdog::advance() {
  int64_t wall = wall_now();
  int64_t passed = wall - wall_;
  wall_ = wall;
  now_ = passed > kTrustedWall || expired() != Expired::No ? cpu_now() : now_ + passed;
}

void Watchdog::begin_slice(lua_State* lua, std::chrono::nanoseconds used) {
  lua_ = lua;
  line_ = 0;
  expired_.store(0, std::memory_order_relaxed);
  started_.store(now_ - used.count(), std::memory_order_relaxed);
  if (!has_timer_) lua_sethook(lua_, &Hooks::poll_hook, LUA_MASKCOUNT, kPollInstructions);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  running_.store(true, std::memory_order_relaxed);
}

std::chrono::nanoseconds Watchdog::end_slice() {
  running_.store(false, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  advance();
  if (expired() != Expired::No || !has_timer_) lua_sethook(lua_, nullptr, 0, 0);
  if (expired() != Expired::No) set_timer(slice_ > kShortest ? slice_ : kShortest);
  int64_t used = now_ - started_.load(std::memory_order_relaxed);
  return std::chrono::nanoseconds(used > 0 ? used : 0);
}

Watchdog::Pause::Pause() : watchdog_(current) {
  if (watchdog_ == nullptr) return;
  running_ = watchdog_->running_.exchange(false, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  began_ = cpu_now();
  began_wall_ = wall_now();
}

Watchdog::Pause::~Pause() {
  if (watchdog_ == nullptr) return;
  int64_t took = cpu_now() - began_;
  watchdog_->armed_at_ += took;
  watchdog_->until_ += took;
  watchdog_->now_ += took;
  watchdog_->wall_ += wall_now() - began_wall_;
  watchdog_->started_.store(watchdog_->started_.load(std::memory_order_relaxed) + took, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  watchdog_->running_.store(running_, std::memory_order_relaxed);
}

void Watchdog::check(int64_t now) {
  if (now >= until_) {
    expired_.store(static_cast<int>(Expired::Total), std::memory_order_relaxed);
  } else if (now - started_.load(std::memory_order_relaxed) >= slice_) {
    expired_.store(static_cast<int>(Expired::Slice), std::memory_order_relaxed);
  }
}

// In the signal handler: only async-signal-safe calls (lua_sethook is made to be one). The timer is armed once a
// stretch, not once a rule, so it finds out here whose time it is and sets itself again for the rest.
void Watchdog::on_timer() {
  int64_t now = cpu_now();
  int64_t next = now + slice_;
  if (running_.load(std::memory_order_relaxed)) {
    check(now);
    if (expired() != Expired::No) {
      lua_sethook(lua_, &Hooks::stop, kEveryEvent, 1);
      return;
    }
    next = started_.load(std::memory_order_relaxed) + slice_;
    if (until_ < next) next = until_;
  }
  set_timer(next - now > kShortest ? next - now : kShortest);
}

void Watchdog::poll(lua_State* lua) {
  if (current == nullptr) return;
  if (!current->has_timer_) current->check(cpu_now());
  if (current->expired() == Expired::No) return;
  lua_Debug where;
  Hooks::stop(lua, &where);
}

}  // namespace postern::rules
