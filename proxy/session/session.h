// Session: joins the SMTP engines, the filters and the rules for one client. No libevent here: it talks to ports.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "filters/base/clock.h"
#include "filters/base/ip.h"
#include "filters/base/task.h"
#include "filters/classifier/model.h"
#include "filters/dkim/keys.h"
#include "filters/dns/dns.h"
#include "filters/lists/check.h"
#include "lua/rules.h"
#include "proxy/session/backend_registry.h"
#include "proxy/session/bulk_store.h"
#include "proxy/session/memory_budget.h"
#include "proxy/session/observer.h"
#include "proxy/session/policy.h"
#include "proxy/session/ports.h"
#include "proxy/session/retry_memory.h"

namespace postern::session {

class BackendPool;

/// Configuration and rules that a session begins with. It keeps the configuration for its whole life, and takes new
/// rules between two messages. The host belongs to the worker's thread.
struct Snapshot {
  PolicyPtr policy;
  std::shared_ptr<rules::Host> host;
  std::shared_ptr<const lists::Bound> lists;  // of the host's rules; never null where there is a host
};

using ModelPtr = std::shared_ptr<const classifier::Model>;

/// What the sessions of one worker classify with, on its thread.
struct Classifying {
  ModelPtr model;               // null: nothing was learned
  classifier::Reading reading;  // of the message that is looked at; its memory serves the next one
};

/// What all sessions of one worker share. References outlive every session.
struct Services {
  const Clock& clock;
  Timers& timers;
  dns::Client& dns;
  dkim::KeyCache& keys;  // of this worker
  Connector& connector;
  Offload& offload;
  Observer& observer;
  BackendPool& pool;
  BackendRegistry& backends;          // process-wide, thread-safe
  MemoryBudget& memory;               // process-wide, thread-safe
  RetryMemory& retries;               // process-wide, thread-safe
  const Snapshot& current;            // of this worker: what a session that began now would get
  dns::Client& list_dns;              // for DNS lists: equal questions of all workers are asked once
  lists::Desk& desk;                  // of this worker
  BulkStore* bulk = nullptr;          // of this worker; null: nobody counts alike messages
  Classifying* classifier = nullptr;  // of this worker; null: nobody classifies
};

/// Who is connected, after any PROXY header.
struct Peer {
  IpAddress ip;
  uint16_t port = 0;
  IpAddress local_ip;
  uint16_t local_port = 0;
};

class SessionImpl;

/// One client's connection from greeting to close. Lives on one worker. When it is over it calls `ended` once (never
/// inside a call of its owner into it... the owner retires it in a later turn and destroys it then).
class Session {
 public:
  /// `listener`, `services` and what it refers to outlive the session. `secured`: TLS is already up (implicit TLS).
  Session(const Services& services, Snapshot snapshot, const ListenerPolicy& listener, std::unique_ptr<Link> link,
          const Peer& peer, bool secured, std::function<void()> ended);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  /// Greets. Call once, after the constructor returned.
  void begin();
  /// The gateway is going down: 421 as soon as no message is past its final dot.
  void shut_down();
  /// A message is past its final dot and not answered yet: must not be cut off.
  [[nodiscard]] bool busy() const;

 private:
  std::unique_ptr<SessionImpl> impl_;
};

}  // namespace postern::session
