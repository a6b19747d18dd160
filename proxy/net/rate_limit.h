// NoteLimiter: a flood of the same trouble makes one line in the log, not a flood of lines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "filters/base/clock.h"

namespace postern::net {

/// One kind of note. One thread.
class NoteLimiter {
 public:
  static constexpr Duration kPause = std::chrono::seconds(10);

  /// The text to log now (with the number of those left out), or nothing.
  [[nodiscard]] std::optional<std::string> allow(std::string text, TimePoint now) {
    if (last_ && now - *last_ < kPause) {
      ++left_out_;
      return std::nullopt;
    }
    last_ = now;
    if (uint64_t count = std::exchange(left_out_, 0); count > 0) {
      text += " (and " + std::to_string(count) + " more like it)";
    }
    return text;
  }

 private:
  std::optional<TimePoint> last_;
  uint64_t left_out_ = 0;
};

}  // namespace postern::net
