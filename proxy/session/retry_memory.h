// RetryMemory: the answer to a client that vanished before it could read our 250 and comes again (RFC 1047).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "filters/base/clock.h"

namespace postern::session {

/// Process-wide, thread-safe, bounded: kMaxEntries, each kept for kKeep.
class RetryMemory {
 public:
  static constexpr size_t kMaxEntries = 10'000;
  static constexpr Duration kKeep = std::chrono::minutes(10);
  using Key = std::array<uint64_t, 2>;  // hash over client, sender, recipients and content

  struct Found {
    bool pending = false;  // its first delivery is still under way
    std::string reply;     // else: the text of the 250 that was given
  };

  /// The client vanished while its message was being delivered; ends with remember() or forget().
  void pend(const Key& key, TimePoint now);
  void remember(const Key& key, std::string reply_text, TimePoint now);
  void forget(const Key& key);
  /// What the retry is to be told. An answer is taken out; a pending entry stays.
  [[nodiscard]] std::optional<Found> take(const Key& key, TimePoint now);

  /// Without the lock: on most gateways this is never anything but empty, and then no message need be hashed to ask.
  [[nodiscard]] bool empty() const { return empty_.load(std::memory_order_relaxed); }

 private:
  struct Entry {
    bool pending = false;
    std::string reply;
    TimePoint until;
  };
  void insert(const Key& key, Entry entry, TimePoint now);
  void expire(TimePoint now);
  std::atomic<bool> empty_{true};
  std::mutex mutex_;
  std::map<Key, Entry> entries_;
  std::deque<std::pair<TimePoint, Key>> order_;
};

}  // namespace postern::session
