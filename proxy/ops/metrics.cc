#include "proxy/ops/metrics.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <utility>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include "proxy/ops/bulk_metrics.h"
#include "proxy/ops/classifier_metrics.h"
#include "proxy/ops/code_counters.h"
#include "proxy/ops/filter_metrics.h"
#include "proxy/ops/journal_metrics.h"
#include "proxy/ops/label_map.h"
#include "proxy/ops/list_metrics.h"

namespace postern::ops {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using Buckets = Histogram::BucketBoundaries;

constexpr std::array<std::string_view, 7> kVerdicts{"accept", "tag",     "quarantine", "defer",
                                                    "reject", "discard", "error"};
constexpr std::array<std::string_view, 6> kRecipientResults{"accepted",     "refused_relay", "refused_backend",
                                                            "refused_rule", "deferred",      "refused_syntax"};
constexpr std::array<std::string_view, 4> kRuleFaults{"error", "cpu", "memory", "suspended"};
constexpr std::array<dns::Type, 8> kTypes{dns::Type::A,   dns::Type::AAAA, dns::Type::TXT, dns::Type::MX,
                                          dns::Type::PTR, dns::Type::NS,   dns::Type::SOA, dns::Type::CNAME};
constexpr std::array<dns::Status, 4> kStatuses{dns::Status::Found, dns::Status::NoName, dns::Status::NoRecord,
                                               dns::Status::TempFail};
/// Replies that every gateway gives; the others appear when given.
constexpr std::array<int, 10> kUsualCodes{220, 221, 250, 354, 421, 450, 451, 452, 550, 554};

const Buckets& score_buckets() {
  static const Buckets buckets{-5, 0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 50};
  return buckets;
}
const Buckets& byte_buckets() {
  static const Buckets buckets{1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 26};
  return buckets;
}
/// For what waits on a network: from a cached answer to the budget of a message.
const Buckets& wait_buckets() {
  static const Buckets buckets{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30};
  return buckets;
}
/// For rules: the limit of one is 50 ms of CPU time.
const Buckets& cpu_buckets() {
  static const Buckets buckets{1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 5e-2};
  return buckets;
}

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

struct ListenerSeries {
  Counter* total;
  Gauge* open;
};
struct BackendSeries {
  Gauge* up;
  Histogram* seconds;
  std::unique_ptr<CodeCounters> replies;
};
struct RuleSeries {
  Counter* hits;
  Histogram* seconds;
  std::array<Counter*, kRuleFaults.size()> errors;
};

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;

  Family<Counter>& counters(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  Family<Gauge>& gauges(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }
  Family<Histogram>& histograms(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }

  Family<Counter>& connections = counters("postern_connections_total", "Connections accepted, by listener.");
  Family<Gauge>& connections_open = gauges("postern_connections_open", "Connections that are open now, by listener.");
  Family<Counter>& messages =
      counters("postern_messages_total", "Messages decided, by verdict; error: we could not deliver.");
  Histogram& score = histograms("postern_message_score", "Score of messages.").Add({}, score_buckets());
  Histogram& bytes = histograms("postern_message_bytes", "Size of messages in bytes.").Add({}, byte_buckets());
  Family<Counter>& recipients = counters("postern_recipients_total", "Recipients named, by what became of them.");
  CodeCounters replies{counters("postern_replies_total", "Replies given to clients, by code."), {}};
  Family<Counter>& rule_hits = counters("postern_rule_hits_total", "Messages a rule hit, shadow rules included.");
  Family<Histogram>& rule_seconds = histograms("postern_rule_seconds", "CPU time of one run of a rule in seconds.");
  Family<Counter>& rule_errors = counters("postern_rule_errors_total", "Runs of a rule that failed, by reason.");
  Family<Counter>& rule_changes =
      counters("postern_rule_would_change_total", "Messages whose verdict a shadow rule would have changed.");
  Family<Counter>& dns_queries = counters("postern_dns_queries_total", "DNS look-ups, by record type and result.");
  Histogram& dns_seconds =
      histograms("postern_dns_seconds", "Time of one DNS look-up in seconds.").Add({}, wait_buckets());
  Family<Gauge>& backend_up = gauges("postern_backend_up", "1 when the backend answered last, else 0.");
  Family<Histogram>& backend_seconds = histograms("postern_backend_seconds", "Time to a backend's reply in seconds.");
  Family<Counter>& backend_replies = counters("postern_backend_replies_total", "Replies of backends, by code.");
  Histogram& final_dot =
      histograms("postern_final_dot_seconds", "Time from the client's final dot to our reply in seconds.")
          .Add({}, wait_buckets());
  Histogram& loop_lag = histograms("postern_loop_lag_seconds", "How late timers of the event loops fire in seconds.")
                            .Add({}, Buckets{.0001, .0005, .001, .005, .01, .05, .1, .5, 1});
  Family<Gauge>& memory = gauges("postern_memory_bytes", "Memory in use in bytes, by what for.");
  Family<Counter>& reloads = counters("postern_reloads_total", "Reloads of configuration and rules, by result.");
  Family<Gauge>& map_entries = gauges("postern_map_entries", "Entries in force, by map file and kind.");
  Family<Counter>& map_reloads =
      counters("postern_map_reloads_total", "Changed map files that were read again, by result.");
  Family<Gauge>& rules_info = gauges("postern_rules_info", "1, with the version of the rules in force.");
  Counter& duplicates =
      counters("postern_duplicates_suppressed_total", "Retries answered without a second delivery.").Add({});
  Counter& bare_newlines =
      counters("postern_bare_newline_messages_total", "Messages that held a lone CR or LF.").Add({});

  BulkMetrics bulk{registry};
  JournalMetrics journal{registry};
  ClassifierMetrics classifier{registry};
  FilterMetrics filters{registry, wait_buckets()};
  ListMetrics lists{registry};
  LabelMap<ListenerSeries> listener_series{256};
  LabelMap<Counter*> recipient_series{64};
  LabelMap<BackendSeries> backend_series{256};
  LabelMap<RuleSeries> rule_series{16384};
  std::array<Counter*, kVerdicts.size()> verdict_counters{};
  std::array<std::array<Counter*, kStatuses.size()>, kTypes.size()> dns_counters{};
  Counter* reload_ok = &reloads.Add({{"result", "ok"}});
  Counter* reload_refused = &reloads.Add({{"result", "refused"}});
  Counter* map_reload_ok = &map_reloads.Add({{"result", "ok"}});
  Counter* map_reload_refused = &map_reloads.Add({{"result", "refused"}});
  std::mutex info_mutex;
  Gauge* info = nullptr;  // guarded by info_mutex
  std::string info_version;
  std::map<prometheus::Labels, Gauge*> maps;  // guarded by info_mutex
  std::vector<std::pair<Gauge*, std::function<double()>>> memory_kinds;

  Impl();
  ListenerSeries& listener(const std::string& name);
  BackendSeries& backend(const std::string& name);
  RuleSeries& rule(const std::string& name);
};

Metrics::Impl::Impl() {
  for (size_t i = 0; i < kVerdicts.size(); ++i) {
    verdict_counters[i] = &messages.Add({{"verdict", std::string(kVerdicts[i])}});
  }
  for (size_t i = 0; i < kTypes.size(); ++i) {
    for (size_t j = 0; j < kStatuses.size(); ++j) {
      dns_counters[i][j] = &dns_queries.Add(
          {{"type", std::string(dns::to_string(kTypes[i]))}, {"result", std::string(dns::to_string(kStatuses[j]))}});
    }
  }
  for (int code : kUsualCodes) replies.at(code);
}

ListenerSeries& Metrics::Impl::listener(const std::string& name) {
  return listener_series.get(name, [this](std::string_view key) {
    prometheus::Labels labels{{"listener", std::string(key)}};
    return ListenerSeries{&connections.Add(labels), &connections_open.Add(labels)};
  });
}

BackendSeries& Metrics::Impl::backend(const std::string& name) {
  return backend_series.get(name, [this](std::string_view key) {
    prometheus::Labels labels{{"backend", std::string(key)}};
    return BackendSeries{&backend_up.Add(labels), &backend_seconds.Add(labels, wait_buckets()),
                         std::make_unique<CodeCounters>(backend_replies, labels)};
  });
}

RuleSeries& Metrics::Impl::rule(const std::string& name) {
  return rule_series.get(name, [this](std::string_view key) {
    prometheus::Labels labels{{"rule", std::string(key)}};
    RuleSeries series{&rule_hits.Add(labels), &rule_seconds.Add(labels, cpu_buckets()), {}};
    for (size_t i = 0; i < kRuleFaults.size(); ++i) {
      prometheus::Labels with_reason = labels;
      with_reason["reason"] = std::string(kRuleFaults[i]);
      series.errors[i] = &rule_errors.Add(with_reason);
    }
    return series;
  });
}

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {
  for (std::string_view result : kRecipientResults) {
    impl_->recipient_series.get(result, [this](std::string_view key) {
      return &impl_->recipients.Add({{"result", std::string(key)}});
    });
  }
  add_memory_kind("resident", [] {
    // proc(5): the second number of statm is the resident set in pages.
    std::ifstream statm("/proc/self/statm");
    double size = 0;
    double resident = 0;
    statm >> size >> resident;
    return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
  });
}

Metrics::~Metrics() = default;

void Metrics::configured(const Config& config) {
  for (const ListenConfig& listen : config.listeners) impl_->listener(listen.policy.name);
  auto add = [this](const std::vector<session::BackendAddress>& addresses) {
    for (const session::BackendAddress& address : addresses) {
      for (int code : {250, 451, 550}) impl_->backend(address.text).replies->at(code);
    }
  };
  add(config.policy.backend.addresses);
  for (const auto& route : config.policy.backend.routes) add(route.addresses);
}

void Metrics::rules_loaded(const rules::RuleSet& rules) {
  for (const rules::RuleInfo& rule : rules.rules()) impl_->rule(rule.name);
  maps_loaded(rules.maps());
  if (rules.lists()) impl_->lists.in_force(*rules.lists());
  std::lock_guard lock(impl_->info_mutex);
  if (impl_->info != nullptr && impl_->info_version == rules.version()) return;
  if (impl_->info != nullptr) impl_->rules_info.Remove(impl_->info);
  impl_->info = &impl_->rules_info.Add({{"version", rules.version()}});
  impl_->info->Set(1);
  impl_->info_version = rules.version();
}

void Metrics::reloaded(bool ok) {
  (ok ? impl_->reload_ok : impl_->reload_refused)->Increment();
}

void Metrics::maps_loaded(const rules::Maps& maps) {
  std::map<prometheus::Labels, Gauge*> present;
  std::lock_guard lock(impl_->info_mutex);
  for (const rules::Maps::Entries& map : maps.entries()) {
    prometheus::Labels labels{{"map", map.file}, {"kind", rules::Map::kind_names()[static_cast<size_t>(map.kind)]}};
    Gauge& gauge = impl_->map_entries.Add(labels);  // the same series twice is one
    gauge.Set(static_cast<double>(map.count));
    present.emplace(std::move(labels), &gauge);
  }
  for (const auto& [labels, gauge] : impl_->maps) {
    if (present.count(labels) == 0) impl_->map_entries.Remove(gauge);
  }
  impl_->maps = std::move(present);
}

void Metrics::map_reloaded(bool ok) {
  (ok ? impl_->map_reload_ok : impl_->map_reload_refused)->Increment();
}

void Metrics::connection_opened(const std::string& listener) {
  ListenerSeries& series = impl_->listener(listener);
  series.total->Increment();
  series.open->Increment();
}

void Metrics::connection_closed(const std::string& listener) {
  impl_->listener(listener).open->Decrement();
}

void Metrics::replied(int code) {
  impl_->replies.at(code).Increment();
}

void Metrics::recipient(std::string_view result) {
  auto make = [this](std::string_view key) { return &impl_->recipients.Add({{"result", std::string(key)}}); };
  impl_->recipient_series.get(result, make)->Increment();
}

void Metrics::message(const session::MessageRecord& record) {
  auto found = std::find(kVerdicts.begin(), kVerdicts.end(), record.verdict);
  size_t index = found == kVerdicts.end() ? kVerdicts.size() - 1 : static_cast<size_t>(found - kVerdicts.begin());
  impl_->verdict_counters[index]->Increment();
  impl_->score.Observe(record.judgement.score);
  if (record.facts != nullptr) impl_->bytes.Observe(static_cast<double>(record.facts->size));
  impl_->final_dot.Observe(seconds(record.final_dot));
  if (record.duplicate) impl_->duplicates.Increment();
  if (record.bare_newlines != 0) impl_->bare_newlines.Increment();
}

void Metrics::filter(std::string_view filter, std::string_view result, Duration time) {
  impl_->filters.ran(filter, result, time);
}

void Metrics::backend_replied(const std::string& backend, int code, Duration time) {
  BackendSeries& series = impl_->backend(backend);
  series.seconds->Observe(seconds(time));
  series.replies->at(code).Increment();
}

void Metrics::backend_state(const std::string& backend, bool up) {
  impl_->backend(backend).up->Set(up ? 1 : 0);
}

void Metrics::rule_hit(const std::string& rule) {
  impl_->rule(rule).hits->Increment();
}

void Metrics::rule_ran(const std::string& rule, std::chrono::nanoseconds cpu) {
  impl_->rule(rule).seconds->Observe(seconds(cpu));
}

void Metrics::rule_failed(const std::string& rule, std::string_view reason) {
  auto found = std::find(kRuleFaults.begin(), kRuleFaults.end(), reason);
  size_t index = found == kRuleFaults.end() ? 0 : static_cast<size_t>(found - kRuleFaults.begin());
  impl_->rule(rule).errors[index]->Increment();
}

void Metrics::rule_would_change(const std::string& rule, rules::Verdict from, rules::Verdict to) {
  // Rare (a shadow rule that would have mattered): the family's own lock will do.
  impl_->rule_changes
      .Add({{"rule", rule}, {"from", std::string(rules::to_string(from))}, {"to", std::string(rules::to_string(to))}})
      .Increment();
}

void Metrics::list_asked(const std::string& list, std::string_view result, Duration time) {
  impl_->lists.asked(list, list_result(result), time);
}

void Metrics::list_decisive(const std::string& list) {
  impl_->lists.decisive(list);
}

void Metrics::list_state(const std::string& list, bool up) {
  impl_->lists.state(list, up);
}

void Metrics::dns_query(dns::Type type, dns::Status status, Duration time) {
  auto found_type = std::find(kTypes.begin(), kTypes.end(), type);
  auto found_status = std::find(kStatuses.begin(), kStatuses.end(), status);
  if (found_type != kTypes.end() && found_status != kStatuses.end()) {
    auto i = static_cast<size_t>(found_type - kTypes.begin());
    auto j = static_cast<size_t>(found_status - kStatuses.begin());
    impl_->dns_counters[i][j]->Increment();
  }
  impl_->dns_seconds.Observe(seconds(time));
}

void Metrics::loop_lag(Duration lag) {
  impl_->loop_lag.Observe(seconds(lag));
}

void Metrics::add_memory_kind(const std::string& kind, std::function<double()> bytes) {
  impl_->memory_kinds.emplace_back(&impl_->memory.Add({{"kind", kind}}), std::move(bytes));
}

void Metrics::watch_bulk(std::function<bulk::Index::Stats()> stats) {
  impl_->bulk.watch(std::move(stats));
  for (std::string_view result : kBulkResults) impl_->filters.expect("bulk", result);
}

void Metrics::watch_bulk_store(std::function<BulkStoreStats()> stats) {
  impl_->bulk.watch(std::move(stats));
}

void Metrics::classifier_learned(uint64_t ham, uint64_t spam, int64_t trained_at) {
  impl_->classifier.learned(ham, spam, trained_at);
  for (std::string_view result : kClassifierResults) impl_->filters.expect("classifier", result);
}

void Metrics::watch_journal(std::function<Journal::Statistics()> journal) {
  impl_->journal.watch(std::move(journal));
}

std::string Metrics::serialize() {
  impl_->bulk.refresh();
  impl_->journal.refresh();
  for (auto& [gauge, bytes] : impl_->memory_kinds) gauge->Set(bytes());
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, impl_->registry.Collect());
  return std::move(out).str();
}

}  // namespace postern::ops
