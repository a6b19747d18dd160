#include "proxy/ops/filter_metrics.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace postern::ops {

FilterMetrics::FilterMetrics(prometheus::Registry& registry, prometheus::Histogram::BucketBoundaries buckets)
    : buckets_(std::move(buckets)),
      seconds_(prometheus::BuildHistogram()
                   .Name("postern_filter_seconds")
                   .Help("Time from start to result of a filter.")
                   .Register(registry)),
      results_(prometheus::BuildCounter()
                   .Name("postern_filter_results_total")
                   .Help("Results of filters.")
                   .Register(registry)) {}

FilterMetrics::Series& FilterMetrics::series(std::string_view filter) {
  return series_.get(filter, [this](std::string_view key) {
    return Series{&seconds_.Add({{"filter", std::string(key)}}, buckets_)};
  });
}

prometheus::Counter& FilterMetrics::result_of(std::string_view filter, std::string_view result) {
  std::string both;
  both.reserve(filter.size() + 1 + result.size());
  both.append(filter).append(" ").append(result);
  return *result_series_.get(both, [this](std::string_view key) {
    size_t blank = std::min(key.find(' '), key.size());
    std::string name(key.substr(0, blank));
    std::string rest(blank < key.size() ? key.substr(blank + 1) : key);
    return &results_.Add({{"filter", name}, {"result", rest}});
  });
}

void FilterMetrics::ran(std::string_view filter, std::string_view result, Duration time) {
  series(filter).seconds->Observe(std::chrono::duration<double>(time).count());
  result_of(filter, result).Increment();
}

void FilterMetrics::expect(std::string_view filter, std::string_view result) {
  series(filter);
  result_of(filter, result);
}

}  // namespace postern::ops
