// Clock: the only way this project asks for the time, so that tests can tell it.
#pragma once

#include <chrono>
#include <cstdint>

namespace postern {

using Duration = std::chrono::microseconds;
/// Monotonic; the epoch means nothing.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  [[nodiscard]] virtual TimePoint now() const = 0;
  /// Milliseconds since 1970, UTC.
  [[nodiscard]] virtual int64_t wall_ms() const = 0;
};

/// The machine's own clocks. Any thread.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override {
    return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
  }
  [[nodiscard]] int64_t wall_ms() const override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};

}  // namespace postern
