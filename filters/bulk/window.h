// Window: how many messages a cluster had lately, forgotten slice by slice; and the time that an index goes by.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "filters/base/clock.h"

namespace postern::bulk {

/// One slice more than a window has: the newest is not over yet, so a message counts for one window at least and for
/// one and a fifteenth at most.
constexpr unsigned kSlices = 16;

/// Slices as a set: bit `slice % kSlices`.
using SliceSet = uint16_t;
constexpr SliceSet kAllSlices = 0xffff;
[[nodiscard]] constexpr unsigned slot_of(int64_t slice) {
  return static_cast<unsigned>(slice) % kSlices;
}

/// When a message is counted.
struct Moment {
  int64_t slice = 0;  // since 1970, of Timeline's length; not negative
  int64_t ms = 0;     // milliseconds since 1970
};

/// What time it is, told only by the messages' stamps: other gateways' clocks, steps of our own, anybody's mistakes.
/// What one stamp says is believed of its own message only: clusters are forgotten for it, not taken away. The common
/// time, by which they are taken away, moves by small steps, or when kAgreed stamps in a row say so. Any thread.
class Timeline {
 public:
  explicit Timeline(Duration window);

  /// The moment at which a message of this stamp counts, which moves the common time. A stamp that is older than the
  /// window counts at its beginning.
  Moment settle(int64_t wall_ms);
  /// The same, but moves nothing.
  [[nodiscard]] Moment at(int64_t wall_ms) const;

  [[nodiscard]] int64_t slice_ms() const { return slice_ms_; }
  /// The common time; negative before the first message.
  [[nodiscard]] int64_t now() const { return now_.load(std::memory_order_relaxed); }
  /// Nobody says otherwise just now.
  [[nodiscard]] bool agreed() const { return against_.load(std::memory_order_relaxed) == 0; }

  static constexpr int64_t kNear = 2;  // slices that one stamp may move the common time
  static constexpr uint32_t kAgreed = 64;

 private:
  int64_t slice_ms_;
  std::atomic<int64_t> now_{-1};
  std::atomic<uint32_t> against_{0};  // stamps in a row that are far from now_
};

/// Counts by slice. A plain value, guarded by its cluster's lock.
struct Window {
  int64_t newest = 0;  // slice
  std::array<uint32_t, kSlices> all{};
  std::array<uint32_t, kSlices> authenticated{};

  /// Moves on to `slice` when that is later; returns the slices that were forgotten by it.
  SliceSet advance(int64_t slice);
  /// Counts at `slice`, at the newest one when that is further on than a window. After advance().
  void add(int64_t slice, bool is_authenticated);
  /// Takes one message off `slice`, off the newest one that has any when it has none.
  void withdraw(int64_t slice);
  /// As if the newest slice were `slice`, an earlier one: of a time that nobody believes in any more.
  void rebase(int64_t slice);
  /// Takes another's counts; both have been advanced to the same slice.
  void merge(const Window& other);

  /// Those that are still within the window at `slice`.
  [[nodiscard]] SliceSet live(int64_t slice) const;
  [[nodiscard]] uint64_t count(SliceSet slices) const;
  [[nodiscard]] uint64_t count_authenticated(SliceSet slices) const;
  [[nodiscard]] uint64_t count() const { return count(kAllSlices); }
};

}  // namespace postern::bulk
