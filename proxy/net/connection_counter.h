// How many clients are connected, in all and from each address.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "filters/base/ip.h"

namespace postern::net {

/// Process-wide and thread-safe; outlives its tickets. Limits are given at each call, because a reload may change them.
class ConnectionCounter {
 public:
  /// One connection that is counted; gives its place back when it is destroyed. Moves between threads.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept
        : counter_(std::exchange(other.counter_, nullptr)), ip_(std::exchange(other.ip_, std::nullopt)) {}
    Ticket& operator=(Ticket&& other) noexcept {
      if (this != &other) {
        leave();
        counter_ = std::exchange(other.counter_, nullptr);
        ip_ = std::exchange(other.ip_, std::nullopt);
      }
      return *this;
    }
    ~Ticket() { leave(); }

    /// Counts the connection for its address, once it is known. False when `limit` are there already.
    [[nodiscard]] bool identify(const IpAddress& ip, size_t limit);
    [[nodiscard]] explicit operator bool() const { return counter_ != nullptr; }

   private:
    friend class ConnectionCounter;
    explicit Ticket(ConnectionCounter* counter) : counter_(counter) {}
    void leave();
    ConnectionCounter* counter_ = nullptr;
    std::optional<IpAddress> ip_;
  };

  /// An empty ticket when `limit` connections are there already.
  [[nodiscard]] Ticket enter(size_t limit);
  [[nodiscard]] size_t total() const { return total_.load(std::memory_order_relaxed); }

 private:
  struct Shard {
    std::mutex mutex;
    std::map<IpAddress, size_t> counts;
  };
  [[nodiscard]] Shard& shard(const IpAddress& ip);

  std::atomic<size_t> total_{0};
  std::array<Shard, 16> shards_;
};

}  // namespace postern::net
