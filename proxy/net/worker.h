// Worker: one thread with its own event loop, DNS client and sessions.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "filters/lists/check.h"
#include "filters/lists/zone.h"
#include "proxy/net/arrivals.h"
#include "proxy/net/bulk_stream.h"
#include "proxy/net/connector.h"
#include "proxy/net/dns_unbound.h"
#include "proxy/net/listener.h"
#include "proxy/net/offload.h"
#include "proxy/net/renewable_dns.h"
#include "proxy/net/shared_dns.h"
#include "proxy/net/timers.h"
#include "proxy/session/backend_pool.h"

namespace postern::net {

/// What all workers share: process-wide, thread-safe, outlives them.
struct SharedServices {
  const Clock& clock;
  session::Observer& observer;
  session::BackendRegistry& backends;
  session::MemoryBudget& memory;
  session::RetryMemory& retries;
  ConnectionCounter& connections;
  HostTable& hosts;
  ThreadPool& pool;
  lists::Zones& zones;
  lists::Observer& list_observer;
  std::shared_ptr<DnsRing> dns_ring;  // workers are created one after the other, and run when all are there
  bulk::Index* bulk = nullptr;        // null: nobody counts alike messages
  BulkStream* bulk_stream = nullptr;  // null: counts are this process's alone
};

/// What a reload replaces. `tls` null: no TLS.
struct Generation {
  session::PolicyPtr policy;
  rules::RuleSetPtr rules;
  std::shared_ptr<const TlsContext> tls;
};

struct WorkerOptions {
  struct Listener {
    session::ListenerPolicy policy;
    std::vector<Fd> sockets;
  };
  unsigned index = 0;
  std::vector<Listener> listeners;  // the worker's own sockets
  Generation generation;
  DnsOptions dns;
  /// Makes the rules' host. Called on the worker's thread, which then owns it.
  std::function<std::shared_ptr<rules::Host>(const rules::RuleSetPtr&)> make_host;
  /// How much later than asked a timer ran; about once a second. On the worker's thread.
  std::function<void(Duration)> loop_lag;
  /// The thread's last call, after drain() or stop() have done their work.
  std::function<void()> ended;
};

/// Methods belong to the control thread unless said otherwise.
class Worker {
 public:
  struct Stats {
    size_t sessions = 0;
    Duration loop_lag{};  // the last one measured
  };

  /// Fails on bad DNS servers or when TLS cannot be set up.
  static Result<std::unique_ptr<Worker>> create(const SharedServices& shared, WorkerOptions options);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  /// Stops and joins.
  ~Worker();

  void start();
  /// Sessions that began before keep what they began with. False when the worker takes no more orders.
  bool reload(Generation generation);
  /// Accepts no more, tells sessions to shut down, and ends when the last one is gone or after `limit`.
  bool drain(Duration limit);
  /// The state of a DNS list has changed: who waits for it looks again.
  void lists_changed();
  /// What the next messages are classified with; null: nothing was learned. False: say it again later.
  [[nodiscard]] bool classifier_changed(session::ModelPtr model);
  /// Ends at once: connections are cut. Any thread.
  void stop() { loop_.stop(); }
  void join();
  /// Any thread.
  [[nodiscard]] Stats stats() const { return {sessions_open_.load(), Duration(loop_lag_.load())}; }
  [[nodiscard]] bool ended() const { return ended_.load(); }

 private:
  struct Open {
    ConnectionCounter::Ticket ticket;
    std::unique_ptr<session::Session> session;
  };

  Worker(const SharedServices& shared, WorkerOptions options);
  void run();
  void use(Generation generation);
  void open_listeners();
  void arrived(Arrived arrived, const session::ListenerPolicy& listener);
  void session_ended(uint64_t id);
  void bury();
  void begin_drain(Duration limit);
  void check_drained();
  void measure_lag();

  SharedServices shared_;
  WorkerOptions options_;
  Loop loop_;
  LoopTimers timers_{loop_};
  LinkPool links_{loop_, timers_};
  PoolOffload offload_;
  LinkConnector connector_;
  session::BackendPool backends_;  // connections that wait for the next session
  std::unique_ptr<UnboundClient> dns_;
  std::unique_ptr<RenewableDns> own_list_dns_;
  uint64_t list_turns_ = 0;              // of shared_.zones, when own_list_dns_ was renewed last
  std::unique_ptr<SharedDns> list_dns_;  // until the thread ends: other workers use it too
  lists::Desk desk_;
  dkim::KeyCache keys_;
  std::unique_ptr<session::BulkStore> bulk_;
  session::Classifying classifying_;
  std::optional<session::Services> services_;  // set once, before any session
  Arrivals arrivals_;
  std::list<Acceptor> acceptors_;
  session::Snapshot snapshot_;
  std::unordered_map<uint64_t, Open> sessions_;
  uint64_t next_id_ = 1;
  std::vector<uint64_t> graveyard_;  // ended, destroyed in a turn of its own
  Pending burial_;
  Pending drain_timer_;
  bool draining_ = false;
  TimePoint drain_deadline_;
  TimePoint last_session_;  // while draining: when the last one ended
  Pending lag_timer_;
  std::atomic<size_t> sessions_open_{0};
  std::atomic<int64_t> loop_lag_{0};
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

}  // namespace postern::net
