// Policy: the part of the configuration that sessions live by. An immutable snapshot; a session keeps the one that it
// began with, so a reload never changes a session midway.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "filters/authentication/check.h"
#include "filters/base/clock.h"
#include "filters/base/ip.h"
#include "filters/dns/dns.h"
#include "lua/verdict.h"
#include "proxy/session/ports.h"
#include "proxy/smtp/client_engine.h"
#include "proxy/smtp/server_engine.h"

namespace postern::session {

/// Domains by exact name or, written ".example.org", everything below. Lower-case A-labels.
class DomainSet {
 public:
  void add(std::string_view entry);
  [[nodiscard]] bool contains(std::string_view domain) const;
  [[nodiscard]] bool empty() const { return exact_.empty() && below_.empty(); }

 private:
  std::vector<std::string> exact_;  // sorted
  std::vector<std::string> below_;  // sorted, without the dot
};

struct RelayPolicy {
  DomainSet domains;
  std::vector<IpNetwork> trusted;
  bool skip_filters = false;  // for trusted clients
};

struct BackendPolicy {
  enum class ClientInfo { Xclient, Proxy, None };
  std::vector<BackendAddress> addresses;  // tried in order
  ClientInfo client_info = ClientInfo::Xclient;
  smtp::ClientOptions::Tls tls = smtp::ClientOptions::Tls::Off;
  struct Route {
    DomainSet domains;
    std::vector<BackendAddress> addresses;
  };
  std::vector<Route> routes;
  Duration connect_timeout = std::chrono::seconds(30);  // connection, greeting, EHLO, XCLIENT together
  // Shorter than what a sender waits for us (RFC 5321, 4.5.3.2: 5 and 10 minutes), so that it hears our 451.
  Duration command_timeout = std::chrono::seconds(60);
  Duration content_timeout = std::chrono::minutes(5);  // after the final dot
};

struct LimitPolicy {
  uint64_t message_size = 50U << 20U;
  size_t recipients = 1000;
  size_t list_queries = 200;  // of DNS lists, for one message
  size_t connections = 20000;
  size_t connections_per_ip = 100;
  uint64_t memory = 1U << 30U;  // all messages in flight
  std::string spool = "/var/lib/postern/spool";
  Duration command_timeout = std::chrono::minutes(5);
  Duration data_timeout = std::chrono::minutes(10);
  size_t errors = 20;
  Duration drain = std::chrono::seconds(30);
};

/// Thresholds for some recipients.
struct RecipientThresholds {
  std::vector<std::string> recipients;  // "user@example.net", "@example.net"; lower case
  rules::Thresholds thresholds;
};

struct VerdictPolicy {
  rules::Thresholds thresholds;
  std::vector<RecipientThresholds> overrides;  // first match wins
  std::string subject_prefix;
  bool reveal = true;
  enum class Mixed { Split, Strictest } mixed = Mixed::Split;

  /// Those of one recipient, an address in any case.
  [[nodiscard]] const rules::Thresholds& thresholds_for(std::string_view recipient) const;
};

struct Policy {
  std::string hostname;
  RelayPolicy relay;
  BackendPolicy backend;
  VerdictPolicy verdict;
  LimitPolicy limits;
  dns::Budget::Limits dns;
  authentication::Settings authentication;
  smtp::BareNewline bare_newline = smtp::BareNewline::Normalize;
  Duration greet_delay = Duration::zero();
  std::string quarantine_maildir;

  /// What the SMTP engine needs of the above, kept here because it must outlive the engines. Filled by finish().
  smtp::ServerOptions server;
  void finish(bool tls_available);
};
using PolicyPtr = std::shared_ptr<const Policy>;

/// What a listener adds.
struct ListenerPolicy {
  std::string name;  // as configured: the metric label
  enum class Tls { Off, StartTls, Implicit } tls = Tls::StartTls;
  enum class Role { Inbound, Submission } role = Role::Inbound;
  std::vector<IpNetwork> proxy_protocol;
};

}  // namespace postern::session
