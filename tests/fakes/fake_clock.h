// A clock that stands still until a test moves it.
#pragma once

#include "filters/base/clock.h"

namespace postern::test {

class FakeClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override { return now_; }
  [[nodiscard]] int64_t wall_ms() const override { return wall_ms_; }

  void advance(Duration by) {
    now_ += by;
    wall_ms_ += std::chrono::duration_cast<std::chrono::milliseconds>(by).count();
  }
  void set_wall_ms(int64_t wall_ms) { wall_ms_ = wall_ms; }

 private:
  TimePoint now_{std::chrono::hours(1)};
  int64_t wall_ms_ = 1'700'000'000'000;
};

}  // namespace postern::test
