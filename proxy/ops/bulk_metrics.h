// The metrics of alike messages; a part of Metrics.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include "filters/bulk/index.h"
#include "proxy/ops/metrics.h"

namespace postern::ops {

/// What the filter "bulk" may come to, of one message.
inline constexpr std::array<std::string_view, 3> kBulkResults{"alone", "alike", "no_evidence"};

/// One thread at a time.
class BulkMetrics {
 public:
  explicit BulkMetrics(prometheus::Registry& registry);

  /// The series exist from here on; each callback is asked at every refresh(), on its thread.
  void watch(std::function<bulk::Index::Stats()> index);
  void watch(std::function<BulkStoreStats()> store);
  void refresh();

 private:
  static constexpr std::array<std::string_view, 5> kEvents{"sent", "received", "dropped", "refused", "alone"};
  struct IndexSeries {
    prometheus::Gauge* clusters = nullptr;
    prometheus::Gauge* single = nullptr;
    prometheus::Gauge* over_limit = nullptr;
    prometheus::Gauge* bytes = nullptr;
  };

  prometheus::Family<prometheus::Gauge>& clusters_;
  prometheus::Family<prometheus::Gauge>& single_;
  prometheus::Family<prometheus::Gauge>& over_limit_;
  prometheus::Family<prometheus::Gauge>& bytes_;
  prometheus::Family<prometheus::Gauge>& up_;
  prometheus::Family<prometheus::Counter>& shared_;
  std::function<bulk::Index::Stats()> index_;
  std::function<BulkStoreStats()> store_;
  IndexSeries index_series_;
  prometheus::Gauge* up_series_ = nullptr;
  std::array<prometheus::Counter*, kEvents.size()> events_{};
};

}  // namespace postern::ops
