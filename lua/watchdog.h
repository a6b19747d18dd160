// Stops Lua code that runs too long: a CPU timer of the thread, whose signal makes the interpreter raise an error.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

struct lua_State;
struct lua_Debug;

namespace postern::rules {

/// Guards one stretch of calls into Lua on this thread, from construction to destruction: a slice (one rule) may use
/// `slice` of CPU time, all slices together `total`. At most one lives on a thread at a time. A real-time signal
/// (SIGRTMIN + 5) is taken for the whole process at first use; its handler does nothing outside a slice.
/// A count hook would be simpler and doubles the cost of every rule (measured), so it is only the way out for a system
/// that grants no timer.
class Watchdog {
 public:
  enum class Expired { No, Slice, Total };

  /// Work that is no rule's fault (decoding the message for whoever asks first) although a rule caused it: its time is
  /// taken from neither the slice nor the total. Only for work that is done once a message, or a rule could hide in it.
  /// Nothing when no watchdog is there.
  class Pause {
   public:
    Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;
    ~Pause();

   private:
    Watchdog* watchdog_;
    bool running_ = false;
    int64_t began_ = 0;
    int64_t began_wall_ = 0;
  };

  Watchdog(std::chrono::nanoseconds slice, std::chrono::nanoseconds total);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog();

  /// `lua`: the state or coroutine that will run; a hook belongs to one. `used`: CPU time that this rule had before it
  /// waited.
  void begin_slice(lua_State* lua, std::chrono::nanoseconds used = std::chrono::nanoseconds(0));
  /// CPU time of the slice, `used` included; the interpreter is ready for the next one.
  std::chrono::nanoseconds end_slice();
  /// What ran out in the last slice.
  [[nodiscard]] Expired expired() const { return static_cast<Expired>(expired_.load(std::memory_order_relaxed)); }
  /// Source line where the last slice was stopped; 0: unknown.
  [[nodiscard]] int line() const { return line_; }
  /// After work between slices that belongs to no rule.
  void skip() { advance(); }
  /// CPU time since construction.
  [[nodiscard]] std::chrono::nanoseconds used() const { return std::chrono::nanoseconds(now_ - armed_at_); }
  [[nodiscard]] bool out_of_total() const { return now_ >= until_; }

  /// For long loops in C++ that Lua called: raises the stop error when time is up. Only inside a slice.
  static void poll(lua_State* lua);
  /// The error object of a stop (a light userdata).
  [[nodiscard]] static void* token();

 private:
  struct Hooks;
  friend struct Hooks;
  static int64_t cpu_now();
  void advance();
  void on_timer();
  void check(int64_t now);
  void set_timer(int64_t nanoseconds) const;

  lua_State* lua_ = nullptr;  // of the slice
  int64_t slice_;
  int64_t armed_at_;
  int64_t until_;
  int64_t now_;   // CPU time; between two readings of that clock it goes on with the wall clock
  int64_t wall_;  // wall time of now_
  int line_ = 0;
  bool has_timer_ = false;
  std::atomic<int64_t> started_{0};
  std::atomic<bool> running_{false};
  std::atomic<int> expired_{0};
};

}  // namespace postern::rules
