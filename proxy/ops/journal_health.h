// What is said in the log of a journal that cannot be written: the trouble once, and its end once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "filters/base/clock.h"

namespace postern::ops {

/// On a full disk every second write may succeed, by the room that the one before has left. So it is well again only
/// when rows have been written for some time and none was lost. One thread.
class JournalHealth {
 public:
  /// Without a loss.
  static constexpr Duration kWell = std::chrono::minutes(1);

  struct Note {
    bool warning = false;
    std::string text;
  };

  /// After each write: how many rows were written, how many are lost for good; `error` empty: nothing went wrong.
  /// Nothing where there is nothing new to say.
  [[nodiscard]] std::optional<Note> wrote(uint64_t written, uint64_t lost, const std::string& error, TimePoint now) {
    lost_ += lost;
    if (!error.empty()) {
      good_since_.reset();
      if (std::exchange(failing_, true)) return std::nullopt;
      return Note{true, fmt::format("journal {}; messages go on, what cannot wait is dropped", error)};
    }
    if (!failing_) {
      lost_ = 0;  // those that came too fast are counted by the metric
      return std::nullopt;
    }
    // Where nothing came, nothing was proved.
    if (written == 0) return std::nullopt;
    if (!good_since_) good_since_ = now;
    if (now - *good_since_ < kWell) return std::nullopt;
    failing_ = false;
    good_since_.reset();
    return Note{false, fmt::format("the journal is well again; {} entries were lost", std::exchange(lost_, 0))};
  }

 private:
  bool failing_ = false;
  uint64_t lost_ = 0;  // since the trouble began
  std::optional<TimePoint> good_since_;
};

}  // namespace postern::ops
