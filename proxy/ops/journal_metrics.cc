#include "proxy/ops/journal_metrics.h"

#include <utility>

namespace postern::ops {
namespace {

prometheus::Family<prometheus::Counter>& counters(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

/// A counter cannot be set: it is raised by what has come since the last time.
void raise_to(prometheus::Counter& counter, uint64_t number) {
  double more = static_cast<double>(number) - counter.Value();
  if (more > 0) counter.Increment(more);
}

}  // namespace

JournalMetrics::JournalMetrics(prometheus::Registry& registry)
    : entries_(counters(registry, "postern_journal_entries_total", "Entries written to the journal.")),
      dropped_(counters(registry, "postern_journal_dropped_total",
                        "Entries that the journal lost: the disk was too slow, full or broken.")),
      bytes_(prometheus::BuildGauge()
                 .Name("postern_journal_bytes")
                 .Help("Size of the journal's files in bytes: the file, its log and the log's index.")
                 .Register(registry)) {}

void JournalMetrics::watch(std::function<Journal::Statistics()> journal) {
  journal_ = std::move(journal);
  entries_series_ = &entries_.Add({});
  dropped_series_ = &dropped_.Add({});
  bytes_series_ = &bytes_.Add({});
}

void JournalMetrics::refresh() {
  if (!journal_) return;
  Journal::Statistics now = journal_();
  raise_to(*entries_series_, now.written);
  raise_to(*dropped_series_, now.dropped);
  bytes_series_->Set(static_cast<double>(now.bytes));
}

}  // namespace postern::ops
