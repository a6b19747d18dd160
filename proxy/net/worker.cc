#include "proxy/net/worker.h"

#include <algorithm>
#include <exception>
#include <tuple>

namespace postern::net {
namespace {

constexpr Duration kLagInterval = std::chrono::seconds(1);
constexpr Duration kDrainInterval = std::chrono::milliseconds(20);
// After the last session its final replies may still be on their way.
constexpr Duration kLastWords = std::chrono::milliseconds(500);

}  // namespace

Worker::Worker(const SharedServices& shared, WorkerOptions options)
    : shared_(shared),
      options_(std::move(options)),
      offload_(loop_, shared_.pool,
               [&observer = shared_.observer](const Result<std::string>& result) {
                 // The client heard 451, or nothing; an admin should know that a copy may exist.
                 observer.note("warning", "blocking work ended after its session: " +
                                              (result ? "done, " + *result : "failed, " + result.error().message));
               }),
      connector_(links_, offload_, shared_.hosts, shared_.clock),
      backends_(timers_, shared_.clock),
      desk_(shared_.clock, shared_.list_observer),
      arrivals_(
          loop_, links_, timers_, shared_.clock, shared_.observer, shared_.connections,
          [this](Arrived client, const session::ListenerPolicy& listener) { arrived(std::move(client), listener); }) {}

Result<std::unique_ptr<Worker>> Worker::create(const SharedServices& shared, WorkerOptions options) {
  std::unique_ptr<Worker> worker(new Worker(shared, std::move(options)));
  auto dns = UnboundClient::create(worker->loop_, shared.clock, worker->options_.dns);
  if (!dns) return tl::unexpected(std::move(dns.error()));
  worker->dns_ = std::move(*dns);
  DnsOptions behind = worker->options_.dns;
  behind.answers = 0;  // SharedDns in front of it keeps them
  auto own = RenewableDns::create(worker->loop_, shared.clock, std::move(behind));
  if (!own) return tl::unexpected(std::move(own.error()));
  worker->own_list_dns_ = std::move(*own);
  worker->list_dns_ = std::make_unique<SharedDns>(worker->loop_, shared.clock, shared.dns_ring, *worker->own_list_dns_);
  if (shared.bulk != nullptr && shared.bulk_stream != nullptr) {
    worker->bulk_ = std::make_unique<SharedBulk>(worker->loop_, worker->timers_, *shared.bulk_stream, *shared.bulk);
  } else if (shared.bulk != nullptr) {
    worker->bulk_ = std::make_unique<session::LocalBulk>(*shared.bulk);
  }
  worker->services_.emplace(session::Services{
      shared.clock, worker->timers_, *worker->dns_, worker->keys_, worker->connector_, worker->offload_,
      shared.observer, worker->backends_, shared.backends, shared.memory, shared.retries, worker->snapshot_,
      *worker->list_dns_, worker->desk_, worker->bulk_.get(), &worker->classifying_});
  auto client_tls = TlsContext::client();
  if (!client_tls) return tl::unexpected(std::move(client_tls.error()));
  worker->links_.set_client_tls(std::move(*client_tls));
  return worker;
}

Worker::~Worker() {
  stop();
  join();
}

void Worker::start() {
  thread_ = std::thread([this] { run(); });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

bool Worker::reload(Generation generation) {
  return loop_.post([this, generation = std::move(generation)] { use(generation); });
}

bool Worker::drain(Duration limit) {
  return loop_.post([this, limit] { begin_drain(limit); });
}

void Worker::lists_changed() {
  // A worker whose inbox is full has no time for it; who waits there waits until the deadline of its look-ups.
  std::ignore = loop_.post([this] {
    // What a list said while it was sick must not count again when it is well, so it is not kept.
    if (shared_.zones.turns() != std::exchange(list_turns_, shared_.zones.turns()) && list_dns_) {
      list_dns_->forget();
      own_list_dns_->renew();
    }
    desk_.zones_changed();
  });
}

bool Worker::classifier_changed(session::ModelPtr model) {
  return loop_.post([this, model = std::move(model)] { classifying_.model = model; });
}

void Worker::run() {
  use(std::move(options_.generation));
  if (snapshot_.host) {
    open_listeners();
    measure_lag();
    loop_.run();
  }
  acceptors_.clear();
  arrivals_.clear();
  sessions_.clear();
  sessions_open_ = 0;
  snapshot_ = {};
  burial_.reset();
  drain_timer_.reset();
  lag_timer_.reset();
  services_.reset();
  // The others must not send questions to a loop that does not turn any more; what they asked goes back to them.
  list_dns_.reset();
  ended_ = true;
  if (options_.ended) options_.ended();
}

void Worker::use(Generation generation) {
  try {
    auto host = options_.make_host(generation.rules);
    snapshot_ = {generation.policy, std::move(host), lists::bind_lists(generation.rules->lists(), shared_.zones)};
  } catch (const std::exception& error) {
    shared_.observer.note("error", std::string("rules cannot be set up, the old ones stay: ") + error.what());
    return;
  }
  links_.set_server_tls(std::move(generation.tls));
  arrivals_.set_limits({generation.policy->limits.connections, generation.policy->limits.connections_per_ip});
}

void Worker::open_listeners() {
  for (auto& listener : options_.listeners) {
    for (auto& socket : listener.sockets) {
      acceptors_.emplace_back(
          loop_, shared_.clock, std::move(socket),
          [this, &policy = listener.policy](Fd fd) { arrivals_.take(std::move(fd), policy); },
          [this](const std::string& text) { shared_.observer.note("warning", text); });
    }
    listener.sockets.clear();
  }
}

void Worker::arrived(Arrived client, const session::ListenerPolicy& listener) {
  uint64_t id = next_id_++;
  auto session = std::make_unique<session::Session>(*services_, snapshot_, listener, std::move(client.link),
                                                    client.peer, client.secured, [this, id] { session_ended(id); });
  session::Session& greeted = *session;
  sessions_.emplace(id, Open{std::move(client.ticket), std::move(session)});
  sessions_open_ = sessions_.size();
  greeted.begin();
}

void Worker::session_ended(uint64_t id) {
  // Called from inside the session: it dies in a turn of its own.
  graveyard_.push_back(id);
  if (!burial_) burial_ = timers_.after(Duration::zero(), [this] { bury(); });
}

void Worker::bury() {
  burial_.reset();
  for (uint64_t id : std::exchange(graveyard_, {})) sessions_.erase(id);
  sessions_open_ = sessions_.size();
}

void Worker::begin_drain(Duration limit) {
  TimePoint now = shared_.clock.now();
  drain_deadline_ = now + limit;
  if (draining_) return;
  draining_ = true;
  last_session_ = now;
  acceptors_.clear();
  arrivals_.clear();
  // A session that ends in shut_down() stays in the map until bury().
  for (auto& [id, open] : sessions_) open.session->shut_down();
  check_drained();
}

void Worker::check_drained() {
  TimePoint now = shared_.clock.now();
  if (!sessions_.empty()) last_session_ = now;
  bool said_all = links_.lingering() == 0 || now - last_session_ >= kLastWords;
  if (now >= drain_deadline_ || (sessions_.empty() && said_all)) {
    auto busy =
        std::count_if(sessions_.begin(), sessions_.end(), [](const auto& item) { return item.second.session->busy(); });
    if (busy > 0) {
      shared_.observer.note("warning", "shutting down while " + std::to_string(busy) +
                                           " messages wait for the backend's answer; their senders will try again");
    }
    loop_.stop();
    return;
  }
  drain_timer_ = timers_.after(kDrainInterval, [this] { check_drained(); });
}

void Worker::measure_lag() {
  lag_timer_ = timers_.after(kLagInterval, [this, due = shared_.clock.now() + kLagInterval] {
    Duration lag = std::max(shared_.clock.now() - due, Duration::zero());
    loop_lag_ = lag.count();
    if (options_.loop_lag) options_.loop_lag(lag);
    measure_lag();
  });
}

}  // namespace postern::net
