#include "proxy/ops/list_metrics.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace postern::ops {
namespace {

/// From the resolver beside us to the end of all patience.
const prometheus::Histogram::BucketBoundaries& buckets() {
  static const prometheus::Histogram::BucketBoundaries boundaries{.0005, .001, .0025, .005, .01, .025, .05,
                                                                  .1,    .25,  .5,    1,    2.5, 5,    10};
  return boundaries;
}

}  // namespace

size_t list_result(std::string_view name) {
  static constexpr size_t kNoAnswer = 5;
  static_assert(kListResults[kNoAnswer] == "noanswer");
  const auto* found = std::find(kListResults.begin(), kListResults.end(), name);
  return found == kListResults.end() ? kNoAnswer : static_cast<size_t>(found - kListResults.begin());
}

ListMetrics::ListMetrics(prometheus::Registry& registry)
    : queries_(prometheus::BuildCounter()
                   .Name("postern_list_queries_total")
                   .Help("Questions to DNS lists, by what came of them.")
                   .Register(registry)),
      up_(prometheus::BuildGauge()
              .Name("postern_list_up")
              .Help("1 while the DNS list is believed, 0 while it is suspended or not probed yet.")
              .Register(registry)),
      decisive_(prometheus::BuildCounter()
                    .Name("postern_list_decisive_total")
                    .Help("Messages and refused clients with another verdict had there not been the DNS list.")
                    .Register(registry)),
      seconds_(
          prometheus::BuildHistogram()
              .Name("postern_list_seconds")
              .Help(
                  "Time to the answer of a DNS list in seconds; neither answers that were known already nor time-outs.")
              .Register(registry)) {}

ListMetrics::Series& ListMetrics::series(const std::string& list) {
  return series_.get(list, [this](std::string_view key) {
    const prometheus::Labels labels{{"list", std::string(key)}};
    Series made;
    for (size_t i = 0; i < kListResults.size(); ++i) {
      prometheus::Labels with_result = labels;
      with_result["result"] = std::string(kListResults[i]);
      made.queries[i] = &queries_.Add(with_result);
    }
    made.decisive = &decisive_.Add(labels);
    made.seconds = &seconds_.Add(labels, buckets());
    return made;
  });
}

void ListMetrics::in_force(const lists::Lists& lists) {
  std::map<std::string, prometheus::Gauge*> present;
  std::lock_guard lock(mutex_);
  for (const lists::List& list : lists) {
    if (!list.enabled) continue;
    series(list.name);
    present.emplace(list.name, &up_.Add({{"list", list.name}}));  // the same series twice is one
  }
  for (const auto& [name, gauge] : present_) {
    if (present.count(name) == 0) up_.Remove(gauge);
  }
  present_ = std::move(present);
}

void ListMetrics::asked(const std::string& list, size_t result, Duration time) {
  Series& of = series(list);
  of.queries[result]->Increment();
  if (was_answered(result) && time > Duration::zero()) of.seconds->Observe(std::chrono::duration<double>(time).count());
}

void ListMetrics::decisive(const std::string& list) {
  series(list).decisive->Increment();
}

void ListMetrics::state(const std::string& list, bool up) {
  std::lock_guard lock(mutex_);
  auto found = present_.find(list);
  if (found != present_.end()) found->second->Set(up ? 1 : 0);
}

}  // namespace postern::ops
