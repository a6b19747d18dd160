// The metrics of the journal; a part of Metrics.
#pragma once

#include <functional>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include "proxy/ops/journal.h"

namespace postern::ops {

/// One thread at a time.
class JournalMetrics {
 public:
  explicit JournalMetrics(prometheus::Registry& registry);

  /// The series exist from here on; `journal` is asked at every refresh(), on its thread.
  void watch(std::function<Journal::Statistics()> journal);
  void refresh();

 private:
  prometheus::Family<prometheus::Counter>& entries_;
  prometheus::Family<prometheus::Counter>& dropped_;
  prometheus::Family<prometheus::Gauge>& bytes_;
  std::function<Journal::Statistics()> journal_;
  prometheus::Counter* entries_series_ = nullptr;
  prometheus::Counter* dropped_series_ = nullptr;
  prometheus::Gauge* bytes_series_ = nullptr;
};

}  // namespace postern::ops
