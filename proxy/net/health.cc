#include "proxy/net/health.h"

#include <algorithm>
#include <variant>

#include "filters/base/bytes.h"

namespace postern::net {
namespace {

/// What the embedded delivery can do (it writes any bytes and answers like a server that pipelines).
smtp::Capabilities maildir_capabilities() {
  smtp::Capabilities capabilities;
  capabilities.extensions.pipelining = true;
  capabilities.extensions.size = true;
  capabilities.extensions.eightbitmime = true;
  capabilities.extensions.smtputf8 = true;
  capabilities.extensions.enhancedstatuscodes = true;
  return capabilities;
}

}  // namespace

/// One backend: a probe, a pause, a probe, ...
class HealthMonitor::Probe final : public session::LinkEvents {
 public:
  Probe(HealthMonitor& owner, session::BackendAddress address) : owner_(owner), address_(std::move(address)) {}

  void begin() {
    if (address_.kind == session::BackendAddress::Kind::Maildir) {
      report_up(maildir_capabilities());
      return;
    }
    smtp::ClientOptions options;
    options.hostname = owner_.hostname_;
    options.tls = owner_.policy_.tls;
    engine_ = std::make_unique<smtp::ClientEngine>(std::move(options));
    timer_ = owner_.timers_.after(owner_.policy_.connect_timeout, [this] { down("no answer in time"); });
    link_ = owner_.connector_.connect(address_, *this);
  }

  void connected() override {
    // A backend that expects the PROXY protocol takes nothing else first. UNKNOWN: we speak for ourselves.
    if (owner_.policy_.client_info == session::BackendPolicy::ClientInfo::Proxy) link_->write("PROXY UNKNOWN\r\n");
    pump();
  }
  void received(std::string_view bytes) override {
    engine_->feed(bytes);
    pump();
  }
  void secured(const session::TlsInfo&) override {
    engine_->secured();
    pump();
  }
  void end_of_input() override {
    engine_->peer_closed();
    pump();
    if (engine_) down("connection closed by the peer");
  }
  void failed(const std::string& why) override { down(why); }

 private:
  void pump() {
    // Each step may end the probe, and the engine with it.
    while (engine_) {
      auto action = engine_->next();
      if (!action) return;
      if (auto* send = std::get_if<smtp::client::Send>(&*action)) {
        link_->write(send->bytes);
      } else if (std::holds_alternative<smtp::client::StartTls>(*action)) {
        link_->start_tls();
      } else if (auto* ready = std::get_if<smtp::client::Ready>(&*action)) {
        finish(*ready);
      } else if (auto* broken = std::get_if<smtp::client::Broken>(&*action)) {
        down(broken->reply ? broken->why + ": " + broken->reply->to_string() : broken->why);
      }
    }
  }

  void finish(const smtp::client::Ready& ready) {
    engine_->quit();
    while (auto action = engine_->next()) {
      if (auto* send = std::get_if<smtp::client::Send>(&*action)) link_->write(send->bytes);
    }
    link_->close_after_flush();
    end();
    report_up(ready.capabilities);
    retry_ = kFirstRetry;
    timer_ = owner_.timers_.after(kInterval, [this] { begin(); });
  }

  void down(const std::string& why) {
    end();
    std::string reason = escape_for_log(why);
    owner_.observer_.backend_state(address_.text, false);
    if (owner_.registry_.report_down(address_.text, reason)) {
      owner_.observer_.note("warning", "backend " + address_.text + " is down: " + reason);
    }
    timer_ = owner_.timers_.after(retry_, [this] { begin(); });
    retry_ = std::min(retry_ * 2, kInterval);
  }

  void report_up(const smtp::Capabilities& capabilities) {
    owner_.observer_.backend_state(address_.text, true);
    if (owner_.registry_.report_up(address_.text, capabilities)) {
      owner_.observer_.note("info", "backend " + address_.text + " is up");
    }
  }

  void end() {
    link_.reset();
    engine_.reset();
  }

  HealthMonitor& owner_;
  session::BackendAddress address_;
  Duration retry_ = kFirstRetry;
  std::unique_ptr<smtp::ClientEngine> engine_;
  std::unique_ptr<session::Link> link_;
  Pending timer_;
};

HealthMonitor::HealthMonitor(session::Timers& timers, session::Connector& connector, session::BackendRegistry& registry,
                             session::Observer& observer)
    : timers_(timers), connector_(connector), registry_(registry), observer_(observer) {}
HealthMonitor::~HealthMonitor() = default;

void HealthMonitor::watch(const std::string& hostname, const session::BackendPolicy& policy) {
  probes_.clear();
  hostname_ = hostname;
  policy_ = policy;
  for (const auto& address : policy_.addresses) add(address);
  for (const auto& route : policy_.routes) {
    for (const auto& address : route.addresses) add(address);
  }
  for (auto& [text, probe] : probes_) probe->begin();
}

void HealthMonitor::add(const session::BackendAddress& address) {
  probes_.try_emplace(address.text, std::make_unique<Probe>(*this, address));
}

}  // namespace postern::net
