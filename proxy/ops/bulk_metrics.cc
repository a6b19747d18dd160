#include "proxy/ops/bulk_metrics.h"

#include <string>
#include <utility>

namespace postern::ops {
namespace {

prometheus::Family<prometheus::Gauge>& gauges(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

}  // namespace

BulkMetrics::BulkMetrics(prometheus::Registry& registry)
    : clusters_(gauges(registry, "postern_bulk_clusters", "Clusters of alike messages, of two members or more.")),
      single_(gauges(registry, "postern_bulk_single", "Messages remembered that were like no other so far.")),
      over_limit_(gauges(registry, "postern_bulk_over_limit",
                         "Clusters that have reached the limit of messages and had one within the window.")),
      bytes_(gauges(registry, "postern_bulk_bytes", "Memory in use for counting alike messages in bytes.")),
      up_(gauges(registry, "postern_bulk_store_up", "1 while the shared store is reached, else 0.")),
      shared_(prometheus::BuildCounter()
                  .Name("postern_bulk_shared_total")
                  .Help("Events shared with other gateways, by what became of them; alone: messages counted without.")
                  .Register(registry)) {}

void BulkMetrics::watch(std::function<bulk::Index::Stats()> index) {
  index_ = std::move(index);
  index_series_ = {&clusters_.Add({}), &single_.Add({}), &over_limit_.Add({}), &bytes_.Add({})};
}

void BulkMetrics::watch(std::function<BulkStoreStats()> store) {
  store_ = std::move(store);
  up_series_ = &up_.Add({});
  for (size_t i = 0; i < kEvents.size(); ++i) events_[i] = &shared_.Add({{"result", std::string(kEvents[i])}});
}

void BulkMetrics::refresh() {
  if (index_) {
    bulk::Index::Stats now = index_();
    index_series_.clusters->Set(static_cast<double>(now.clusters));
    index_series_.single->Set(static_cast<double>(now.single));
    index_series_.over_limit->Set(static_cast<double>(now.over_limit));
    index_series_.bytes->Set(static_cast<double>(now.bytes));
  }
  if (store_) {
    BulkStoreStats now = store_();
    up_series_->Set(now.up ? 1 : 0);
    const std::array<uint64_t, kEvents.size()> numbers{now.sent, now.received, now.dropped, now.refused, now.alone};
    // A counter cannot be set: it is raised by what has come since the last time, and by nothing where that is less.
    for (size_t i = 0; i < kEvents.size(); ++i) {
      double more = static_cast<double>(numbers[i]) - events_[i]->Value();
      if (more > 0) events_[i]->Increment(more);
    }
  }
}

}  // namespace postern::ops
