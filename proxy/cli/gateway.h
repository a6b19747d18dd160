// Gateway: the running program. The control thread: signals, reload, HTTP, health probes; it owns the workers.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "filters/base/clock.h"
#include "filters/lists/zone.h"
#include "proxy/cli/bulk_keeper.h"
#include "proxy/cli/classifier_keeper.h"
#include "proxy/cli/cli.h"
#include "proxy/net/connection_counter.h"
#include "proxy/net/connector.h"
#include "proxy/net/dns_unbound.h"
#include "proxy/net/health.h"
#include "proxy/net/host_table.h"
#include "proxy/net/link.h"
#include "proxy/net/list_monitor.h"
#include "proxy/net/loop.h"
#include "proxy/net/map_watch.h"
#include "proxy/net/offload.h"
#include "proxy/net/shared_dns.h"
#include "proxy/net/signals.h"
#include "proxy/net/timers.h"
#include "proxy/net/worker.h"
#include "proxy/ops/http.h"
#include "proxy/ops/journal.h"
#include "proxy/ops/log.h"
#include "proxy/ops/metrics.h"
#include "proxy/ops/observer.h"
#include "proxy/session/backend_registry.h"
#include "proxy/session/memory_budget.h"
#include "proxy/session/retry_memory.h"

namespace postern::cli {

/// Lives on the thread that calls run(). Members are in the order of their dependencies: workers go first.
class Gateway {
 public:
  explicit Gateway(Loaded loaded);
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;
  ~Gateway();

  /// Opens sockets and starts the workers. Fails with what is wrong with the configuration on this machine.
  Result<void> start();
  /// Until SIGTERM or SIGINT, and until the messages past their final dot are finished.
  void run();
  /// Whether a reload was still being prepared when run() returned.
  [[nodiscard]] bool reloading() const { return reloading_; }

 private:
  Result<void> open_workers();
  Result<void> open_http();
  Result<void> open_bulk();
  void open_journal();
  void reload_journal();
  Result<void> open_lists();
  void watch_lists();
  Task<void> check_resolver();
  void lists_changed();
  [[nodiscard]] bool classifier_changed(const session::ModelPtr& model);
  Result<net::Generation> generation(const Loaded& loaded) const;
  void watch_signals();
  void reload();
  void maps_looked_at(const std::vector<rules::Maps::Change>& changes);
  void finish_reload(tl::expected<Loaded, Problems> loaded);
  void drain();
  void worker_ended();
  [[nodiscard]] std::string not_ready() const;
  [[nodiscard]] unsigned worker_count() const;

  Loaded loaded_;
  SystemClock clock_;
  ops::Metrics metrics_;
  ops::Log log_;
  ops::Operations operations_;
  lists::Zones zones_;
  std::shared_ptr<net::DnsRing> dns_ring_ = std::make_shared<net::DnsRing>();
  session::BackendRegistry backends_;
  session::MemoryBudget memory_;
  session::RetryMemory retries_;
  net::ConnectionCounter connections_;
  net::HostTable hosts_;
  net::Loop loop_;
  net::LoopTimers timers_;
  net::ThreadPool pool_;
  net::PoolOffload offload_;
  net::LinkPool links_;
  net::LinkConnector connector_;
  net::HealthMonitor health_;
  net::MapWatch map_watch_;
  std::unique_ptr<ops::Journal> journal_;  // null: nothing is recorded
  std::string journal_path_;               // of journal_; the configuration may name another meanwhile
  std::unique_ptr<BulkKeeper> bulk_;       // null: nobody counts alike messages
  ClassifierKeeper classifier_;
  std::unique_ptr<net::RenewableDns> probe_dns_;
  std::unique_ptr<net::ListMonitor> list_monitor_;
  Task<void> resolver_check_;
  std::unique_ptr<ops::HttpServer> http_;
  std::unique_ptr<net::SignalWatcher> signals_;
  std::vector<net::ListenSockets> sockets_;
  std::vector<std::unique_ptr<net::Worker>> workers_;
  size_t workers_running_ = 0;
  bool draining_ = false;
  bool reloading_ = false;
  bool reload_again_ = false;
  Pending reload_work_;
};

}  // namespace postern::cli
