// The metrics of filters; a part of Metrics.
#pragma once

#include <string_view>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "filters/base/clock.h"
#include "proxy/ops/label_map.h"

namespace postern::ops {

/// Any thread. No lock after the first use of a filter's name and of a result's.
class FilterMetrics {
 public:
  /// `buckets`: of the time in seconds.
  FilterMetrics(prometheus::Registry& registry, prometheus::Histogram::BucketBoundaries buckets);

  void ran(std::string_view filter, std::string_view result, Duration time);
  /// Makes the series of a result exist, with 0.
  void expect(std::string_view filter, std::string_view result);

 private:
  struct Series {
    prometheus::Histogram* seconds;
  };
  Series& series(std::string_view filter);
  prometheus::Counter& result_of(std::string_view filter, std::string_view result);

  prometheus::Histogram::BucketBoundaries buckets_;
  prometheus::Family<prometheus::Histogram>& seconds_;
  prometheus::Family<prometheus::Counter>& results_;
  LabelMap<Series> series_{256};
  LabelMap<prometheus::Counter*> result_series_{1024};  // by "FILTER RESULT"
};

}  // namespace postern::ops
