#include "proxy/cli/gateway.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "proxy/cli/counted.h"
#include "proxy/ops/bulk_routes.h"

namespace postern::cli {
namespace {

constexpr unsigned kDiskThreads = 4;

template <class T>
std::string listeners_of(const T& config) {
  std::string all;
  for (const auto& listener : config.listeners) all += listener.address + ' ';
  return all;
}

}  // namespace

Gateway::Gateway(Loaded loaded)
    : loaded_(std::move(loaded)),
      log_(clock_, loaded_.config->log_format, loaded_.config->log_level),
      operations_(metrics_, log_),
      zones_(clock_, lists::Zone::State::Unknown),
      memory_(loaded_.config->policy.limits.memory),
      timers_(loop_),
      pool_(kDiskThreads),
      offload_(loop_, pool_, [](const Result<std::string>&) {}),
      links_(loop_, timers_),
      connector_(links_, offload_, hosts_, clock_),
      health_(timers_, connector_, backends_, operations_),
      map_watch_(timers_, offload_, [this](const auto& changes) { maps_looked_at(changes); }),
      classifier_(timers_, offload_, operations_, *loaded_.config,
                  [this](const session::ModelPtr& model) { return classifier_changed(model); }) {}

Gateway::~Gateway() = default;

// ---------------------------------------------------------------- start

Result<void> Gateway::start() {
  const ops::Config& config = *loaded_.config;
  metrics_.add_memory_kind("messages", [this] { return static_cast<double>(memory_.used()); });
  metrics_.configured(config);
  auto policy = std::make_shared<const session::Policy>(config.policy);
  operations_.in_force(policy, loaded_.rules);
  std::error_code error;
  std::filesystem::create_directories(config.policy.limits.spool, error);
  if (error) {
    log_.note("warning", "[limits] spool " + config.policy.limits.spool + ": " + error.message() +
                             "; messages over 1 MiB will be deferred with 452");
  }
  auto client_tls = net::TlsContext::client();
  if (!client_tls) return tl::unexpected(client_tls.error());
  links_.set_client_tls(*client_tls);
  open_journal();
  if (auto opened = open_bulk(); !opened) return opened;
  if (auto opened = open_lists(); !opened) return opened;
  if (auto opened = open_workers(); !opened) return opened;
  classifier_.start();
  if (auto opened = open_http(); !opened) return opened;
  watch_signals();
  health_.watch(config.policy.hostname, config.policy.backend);
  watch_lists();
  resolver_check_ = check_resolver();
  resolver_check_.start([] {});
  for (auto& worker : workers_) {
    worker->start();
    ++workers_running_;
  }
  map_watch_.watch(loaded_.rules);
  for (const auto& note : loaded_.rules->notes()) log_.note("warning", note);
  log_.note("info", fmt::format("serving on {}with {}, {}, version {}", listeners_of(config),
                                counted(workers_.size(), "worker"), counted(loaded_.rules->rules().size(), "rule"),
                                loaded_.rules->version()));
  return {};
}

/// Nobody's mail waits for a record of it: without one the gateway serves all the same.
void Gateway::open_journal() {
  const ops::Config& config = *loaded_.config;
  if (config.journal_path.empty()) return;
  ops::Journal::Options options;
  options.path = config.journal_path;
  options.keep = config.journal_keep;
  options.size = config.journal_size;
  auto journal = ops::Journal::open(
      std::move(options), [this](std::string_view level, const std::string& text) { log_.note(level, text); });
  if (!journal) {
    log_.note("warning", "[journal] path " + journal.error().message + "; serving without a journal");
    return;
  }
  journal_ = std::move(*journal);
  journal_path_ = config.journal_path;
  operations_.set_journal(journal_.get());
  metrics_.watch_journal([this] { return journal_->statistics(); });
}

/// After a reload. One that could not be opened before is tried again.
void Gateway::reload_journal() {
  const ops::Config& config = *loaded_.config;
  if (!journal_) return open_journal();
  if (config.journal_path != journal_path_) {
    log_.note("warning", "[journal] path takes effect at a restart: until then it is " + journal_path_);
  }
  journal_->set_bounds(config.journal_keep, config.journal_size);
}

Result<void> Gateway::open_bulk() {
  if (loaded_.config->bulk_store == "off") return {};
  bulk_ = std::make_unique<BulkKeeper>(clock_, timers_, offload_, operations_, *loaded_.config);
  if (auto started = bulk_->start(); !started) return started;
  bulk_->show_in(metrics_);
  return {};
}

/// Probes of DNS lists and what follows from them. Zones change on any thread: the control thread hears of it by its
/// inbox, which refuses when that has gone, and is the only one that knows which workers there are.
Result<void> Gateway::open_lists() {
  net::DnsOptions options;
  options.servers = loaded_.config->dns_servers;
  // A probe must hear what the list says now, not what it said a while ago.
  auto dns = net::RenewableDns::create(loop_, clock_, std::move(options), std::chrono::milliseconds(100));
  if (!dns) return tl::unexpected(std::move(dns.error()));
  probe_dns_ = std::move(*dns);
  list_monitor_ = std::make_unique<net::ListMonitor>(timers_, *probe_dns_, clock_, zones_, operations_);
  zones_.changed = [inbox = loop_.inbox(), this](lists::Zone&) {
    static_cast<void>(inbox->post([this] { lists_changed(); }));
  };
  zones_.wants_probe = [inbox = loop_.inbox(), this](lists::Zone& zone) {
    static_cast<void>(inbox->post([this, &zone] { list_monitor_->probe_now(zone); }));
  };
  return {};
}

/// The lists of the rules that are in force now.
void Gateway::watch_lists() {
  list_monitor_->watch(loaded_.rules->lists(), loaded_.config->list_probes, loaded_.config->policy.dns.lookup);
  lists_changed();
}

/// Once, at start: the commonest reason why lists fail is the way to them.
Task<void> Gateway::check_resolver() {
  const ops::Config& config = *loaded_.config;
  auto report =
      co_await lists::check_resolver(*probe_dns_, config.dns_servers, lists::fresh_salt(), config.policy.dns.lookup);
  for (const std::string& fault : report.faults) log_.note("warning", fault);
  for (const std::string& note : report.notes) log_.note("info", note);
}

void Gateway::lists_changed() {
  const lists::ListsPtr& lists = loaded_.rules->lists();
  auto zones = zones_.of(*lists);
  for (size_t i = 0; i < zones.size(); ++i) {
    if (zones[i]) operations_.list_state((*lists)[i].name, zones[i]->state() == lists::Zone::State::Up);
  }
  for (auto& worker : workers_) worker->lists_changed();
}

bool Gateway::classifier_changed(const session::ModelPtr& model) {
  metrics_.classifier_learned(model ? model->ham() : 0, model ? model->spam() : 0, model ? model->trained_at() : 0);
  bool all = true;
  for (auto& worker : workers_) all = worker->classifier_changed(model) && all;
  return all;
}

unsigned Gateway::worker_count() const {
  unsigned configured = loaded_.config->workers;
  return configured > 0 ? configured : std::max(1U, std::thread::hardware_concurrency());
}

Result<net::Generation> Gateway::generation(const Loaded& loaded) const {
  net::Generation generation;
  generation.policy = std::make_shared<const session::Policy>(loaded.config->policy);
  generation.rules = loaded.rules;
  if (!loaded.config->tls_pairs.empty()) {
    std::vector<net::CertificateFiles> files;
    for (const auto& pair : loaded.config->tls_pairs) files.push_back({pair.certificate, pair.key});
    auto tls = net::TlsContext::server(files);
    if (!tls) return tl::unexpected(tls.error());
    generation.tls = *tls;
  }
  return generation;
}

Result<void> Gateway::open_workers() {
  const ops::Config& config = *loaded_.config;
  auto first = generation(loaded_);
  if (!first) return tl::unexpected(first.error());
  unsigned count = worker_count();
  auto handed = net::HandedSockets::from_environment();
  for (const auto& listener : config.listeners) {
    auto opened = net::ListenSockets::open(listener.address, count, handed);
    if (!opened) return tl::unexpected(opened.error());
    sockets_.push_back(std::move(*opened));
  }
  bulk::Index* bulk_index = bulk_ ? &bulk_->index() : nullptr;
  net::BulkStream* stream = bulk_ ? bulk_->stream() : nullptr;
  net::SharedServices shared{clock_, operations_, backends_,   memory_,   retries_,   connections_, hosts_,
                             pool_,  zones_,      operations_, dns_ring_, bulk_index, stream};
  for (unsigned index = 0; index < count; ++index) {
    net::WorkerOptions options;
    options.index = index;
    for (size_t i = 0; i < config.listeners.size(); ++i) {
      options.listeners.push_back({config.listeners[i].policy, sockets_[i].take(index)});
    }
    options.generation = *first;
    options.dns.servers = config.dns_servers;
    options.dns.observer = [this](dns::Type type, dns::Status status, Duration time) {
      metrics_.dns_query(type, status, time);
    };
    options.make_host = [this](const rules::RuleSetPtr& rule_set) {
      return std::make_shared<rules::Host>(rule_set, &operations_);
    };
    options.loop_lag = [this](Duration lag) { metrics_.loop_lag(lag); };
    options.ended = [inbox = loop_.inbox(), this] { static_cast<void>(inbox->post([this] { worker_ended(); })); };
    auto worker = net::Worker::create(shared, std::move(options));
    if (!worker) return tl::unexpected(worker.error());
    workers_.push_back(std::move(*worker));
  }
  return {};
}

Result<void> Gateway::open_http() {
  const ops::Config& config = *loaded_.config;
  if (config.http_address.empty()) return {};
  ops::HttpServer::Options options;
  options.address = config.http_address;
  options.token = config.http_token;
  auto server = ops::HttpServer::listen(loop_.base(), options);
  if (!server) return tl::unexpected(std::move(server.error()).in("[http] address"));
  http_ = std::move(*server);
  ops::add_standard_routes(*http_, metrics_, [this] { return not_ready(); });
  ops::add_list_route(*http_, operations_.list_statistics(), zones_);
  if (bulk_) {
    ops::add_bulk_routes(*http_, bulk_->index(), clock_,
                         [this](const bulk::Allowed& allowed) { return bulk_->allow(allowed); });
  } else {
    ops::add_no_bulk_routes(*http_);
  }
  return {};
}

std::string Gateway::not_ready() const {
  if (draining_) return "shutting down";
  if (!backends_.any_up(loaded_.config->policy.backend.addresses)) return "no backend is reachable";
  return "";
}

// ---------------------------------------------------------------- signals

void Gateway::watch_signals() {
  signals_ = std::make_unique<net::SignalWatcher>(loop_, std::initializer_list<int>{SIGHUP, SIGTERM, SIGINT},
                                                  [this](int number) { number == SIGHUP ? reload() : drain(); });
}

void Gateway::run() {
  loop_.run();
  // What the workers say on their way out belongs to it too.
  for (auto& worker : workers_) worker->join();
  if (bulk_) bulk_->finish();
  if (journal_) journal_->finish();
}

/// Loading and trying the examples takes its time, so it is done off the loop; nothing changes unless all of it is
/// good.
void Gateway::reload() {
  if (draining_) return;
  if (reloading_ || map_watch_.looking()) {
    reload_again_ = true;
    return;
  }
  reloading_ = true;
  map_watch_.hold();
  auto outcome = std::make_shared<tl::expected<Loaded, Problems>>(tl::unexpected(Problems{}));
  reload_work_ = offload_.run(
      [outcome, file = loaded_.config->file]() -> Result<std::string> {
        *outcome = load(file, Examples::Run, PatternCache::Keep);
        return std::string();
      },
      [this, outcome](const Result<std::string>& ran) {
        if (!ran) *outcome = tl::unexpected(Problems{ran.error().message});
        finish_reload(std::move(*outcome));
      });
}

void Gateway::finish_reload(tl::expected<Loaded, Problems> loaded) {
  reloading_ = false;
  tl::expected<net::Generation, Error> next;
  if (loaded) {
    next = generation(*loaded);
    if (!next) loaded = tl::unexpected(Problems{next.error().message});
  }
  if (!loaded) {
    for (const auto& problem : loaded.error()) log_.note("error", "reload refused, the old one stays: " + problem);
    metrics_.reloaded(false);
  } else {
    const ops::Config& config = *loaded->config;
    if (listeners_of(config) != listeners_of(*loaded_.config) || config.dns_servers != loaded_.config->dns_servers ||
        config.workers != loaded_.config->workers || config.http_address != loaded_.config->http_address) {
      log_.note("warning", "[[listen]], [dns] servers, workers and [http] address take effect at a restart");
    }
    loaded_ = std::move(*loaded);
    memory_.set_limit(config.policy.limits.memory);
    log_.configure(config.log_format, config.log_level);
    if (http_) http_->set_token(config.http_token);
    metrics_.configured(config);
    if (bulk_) bulk_->reload(config);
    classifier_.reload(config);
    operations_.in_force(next->policy, next->rules);
    reload_journal();
    for (auto& worker : workers_) {
      if (!worker->reload(*next)) log_.note("error", "a worker did not take the reload");
    }
    health_.watch(config.policy.hostname, config.policy.backend);
    watch_lists();
    metrics_.reloaded(true);
    for (const auto& note : loaded_.rules->notes()) log_.note("warning", note);
    log_.note("info", fmt::format("reloaded: {}, version {}", counted(loaded_.rules->rules().size(), "rule"),
                                  loaded_.rules->version()));
  }
  map_watch_.watch(loaded_.rules);
  if (std::exchange(reload_again_, false)) reload();
}

void Gateway::maps_looked_at(const std::vector<rules::Maps::Change>& changes) {
  for (const auto& change : changes) {
    log_.note(change.taken ? "info" : "error", "map " + change.text);
    metrics_.map_reloaded(change.taken);
  }
  if (!changes.empty()) metrics_.maps_loaded(loaded_.rules->maps());
  if (std::exchange(reload_again_, false)) reload();
}

void Gateway::drain() {
  if (draining_) return;
  draining_ = true;
  log_.note("info", "shutting down: finishing messages past their final dot");
  for (auto& worker : workers_) {
    if (!worker->drain(loaded_.config->policy.limits.drain)) worker->stop();
  }
}

void Gateway::worker_ended() {
  if (--workers_running_ == 0) loop_.stop();
}

}  // namespace postern::cli
