// MemoryBudget: bytes of all messages in flight, counted against [limits] memory.
#pragma once

#include <atomic>
#include <cstdint>

namespace postern::session {

/// Process-wide, thread-safe, lock-free. The limit may change at a reload.
class MemoryBudget {
 public:
  explicit MemoryBudget(uint64_t limit) : limit_(limit) {}
  void set_limit(uint64_t limit) { limit_.store(limit, std::memory_order_relaxed); }
  /// Takes `bytes` when they fit.
  [[nodiscard]] bool take(uint64_t bytes) {
    uint64_t limit = limit_.load(std::memory_order_relaxed);
    uint64_t used = used_.fetch_add(bytes, std::memory_order_relaxed);
    if (used + bytes <= limit) return true;
    used_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  void give_back(uint64_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  [[nodiscard]] uint64_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> limit_;
  std::atomic<uint64_t> used_{0};
};

}  // namespace postern::session
