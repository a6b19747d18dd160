// Counters by SMTP reply code.
#pragma once

#include <array>
#include <atomic>
#include <string>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/family.h>

namespace postern::ops {

/// Counters by reply code; an atomic pointer a code, filled at first use (Family::Add gives the same series twice).
class CodeCounters {
 public:
  CodeCounters(prometheus::Family<prometheus::Counter>& family, prometheus::Labels labels)
      : family_(family), labels_(std::move(labels)) {}

  prometheus::Counter& at(int code) {
    bool known = code >= kFirst && code < kFirst + static_cast<int>(counters_.size());
    if (!known) return make("other");
    std::atomic<prometheus::Counter*>& slot = counters_[static_cast<size_t>(code - kFirst)];
    prometheus::Counter* counter = slot.load(std::memory_order_acquire);
    if (counter == nullptr) {
      counter = &make(std::to_string(code));
      slot.store(counter, std::memory_order_release);
    }
    return *counter;
  }

 private:
  static constexpr int kFirst = 200;
  prometheus::Counter& make(const std::string& code) {
    prometheus::Labels labels = labels_;
    labels["code"] = code;
    return family_.Add(labels);
  }
  prometheus::Family<prometheus::Counter>& family_;
  prometheus::Labels labels_;
  std::array<std::atomic<prometheus::Counter*>, 400> counters_{};
};

}  // namespace postern::ops
