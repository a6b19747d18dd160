// Metrics: everything /metrics shows (design.md, 7).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "filters/base/clock.h"
#include "filters/bulk/index.h"
#include "filters/dns/dns.h"
#include "lua/rules.h"
#include "proxy/ops/config.h"
#include "proxy/ops/journal.h"
#include "proxy/session/observer.h"

namespace postern::ops {

/// What there is to say of counts that several gateways share; see net::BulkStream::Stats. Numbers since the start.
struct BulkStoreStats {
  bool up = false;        // the store is reached, and what others see comes in
  uint64_t sent = 0;      // events told to the others
  uint64_t received = 0;  // events of the others
  uint64_t dropped = 0;   // events that the others will never see
  uint64_t refused = 0;   // events that could not be read
  uint64_t alone = 0;     // messages counted here because the store was gone or late
};

/// Any thread. The calls of the mail path take no process-wide lock; a first use of a new label value does, once.
class Metrics {
 public:
  Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;
  ~Metrics();

  /// Makes the series of listeners and backends exist with 0. At start and after a reload.
  void configured(const Config& config);
  /// Makes the series of the set's rules, maps and enabled lists exist, and names its version in postern_rules_info.
  void rules_loaded(const rules::RuleSet& rules);
  void reloaded(bool ok);
  /// How many entries each map has; series of maps that are not there any more go. rules_loaded() does it too.
  void maps_loaded(const rules::Maps& maps);
  /// A map file changed: taken, or the old entries stay.
  void map_reloaded(bool ok);

  void connection_opened(const std::string& listener);
  void connection_closed(const std::string& listener);
  void replied(int code);
  void recipient(std::string_view result);
  /// Everything that is counted once a message.
  void message(const session::MessageRecord& record);
  void filter(std::string_view filter, std::string_view result, Duration time);
  void backend_replied(const std::string& backend, int code, Duration time);
  void backend_state(const std::string& backend, bool up);
  void rule_hit(const std::string& rule);
  void rule_ran(const std::string& rule, std::chrono::nanoseconds cpu);
  void rule_failed(const std::string& rule, std::string_view reason);
  void rule_would_change(const std::string& rule, rules::Verdict from, rules::Verdict to);
  /// A question to a DNS list; `result`: see lists::Observer::list_asked.
  void list_asked(const std::string& list, std::string_view result, Duration time);
  void list_decisive(const std::string& list);
  /// Whether the list is believed now. Ignored for a list that is not in force (see rules_loaded).
  void list_state(const std::string& list, bool up);
  void dns_query(dns::Type type, dns::Status status, Duration time);
  /// How late a timer of an event loop fired.
  void loop_lag(Duration lag);

  /// postern_memory_bytes{kind}: `bytes` is asked at every serialize(), on its thread. Before the first serialize().
  /// "resident" is there already.
  void add_memory_kind(const std::string& kind, std::function<double()> bytes);

  /// Makes the series of alike messages exist; `stats` is asked at every serialize(), on its thread. Before the first
  /// one, and only where messages are counted.
  void watch_bulk(std::function<bulk::Index::Stats()> stats);
  /// The same for counts that are shared with other gateways.
  void watch_bulk_store(std::function<BulkStoreStats()> stats);

  /// How many messages the classifier has learned from, and when (seconds since 1970); all 0: it knows nothing.
  void classifier_learned(uint64_t ham, uint64_t spam, int64_t trained_at);

  /// The same for the journal; where it is opened late, on the thread of serialize().
  void watch_journal(std::function<Journal::Statistics()> journal);

  /// The text exposition format 0.0.4. One thread at a time.
  [[nodiscard]] std::string serialize();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::ops
