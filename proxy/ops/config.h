// postern.toml: one table says every key's type, default, bounds and meaning; all mistakes are reported at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "filters/base/clock.h"
#include "filters/base/result.h"
#include "proxy/session/policy.h"

namespace postern::ops {

struct TlsPair {
  std::string certificate;  // PEM files
  std::string key;
};

struct ListenConfig {
  std::string address;  // as configured: "0.0.0.0:25", "[::]:25", "unix:/path", "systemd:NAME"
  session::ListenerPolicy policy;
};

/// The whole configuration, checked. Immutable once loaded; shared between threads. Paths that were written relative to
/// the configuration file are absolute here, or relative to the working directory if the file's own name was.
struct Config {
  std::string file;
  unsigned workers = 0;  // 0 = one per core
  std::vector<ListenConfig> listeners;
  std::vector<TlsPair> tls_pairs;                  // empty: no TLS
  std::vector<std::string> dns_servers;            // "127.0.0.1@5353"; empty: resolve from the root
  Duration list_probes = std::chrono::minutes(5);  // between two probes of a DNS list that is well
  std::string rules_directory = "/etc/postern/rules";
  std::string pattern_cache = "/var/lib/postern/patterns.cache";  // empty: none
  std::string bulk_store = "memory";  // "off", or "redis://[[USER]:PASSWORD@]HOST:PORT[/DATABASE]"
  Duration bulk_window = std::chrono::hours(24);
  uint64_t bulk_memory = 256U << 20U;                        // octets
  std::string bulk_state = "/var/lib/postern/bulk";          // a directory; empty: nothing is kept
  uint64_t bulk_limit = 100;                                 // messages: from here on a cluster is listed and logged
  std::string journal_path = "/var/lib/postern/journal.db";  // empty: nothing is recorded
  Duration journal_keep = std::chrono::hours(24 * 7);
  uint64_t journal_size = uint64_t{1} << 30U;                        // octets of the file
  std::string classifier_directory = "/var/lib/postern/classifier";  // empty: nothing is classified
  std::string http_address = "127.0.0.1:9125";                       // or "unix:/path"
  std::string http_token;                                            // empty: no token is asked for
  enum class LogFormat { Text, Json } log_format = LogFormat::Text;
  std::string log_level = "info";
  session::Policy policy;  // hostname, relay, backend, verdict, limits, dns limits, smtp, quarantine
};
using ConfigPtr = std::shared_ptr<const Config>;

/// A mistake: "postern.toml:12:1: unknown key 'rejct' in [verdict] (did you mean 'reject'?)".
struct ConfigProblem {
  std::string file;
  int line = 0;  // 1-based; 0: the file as a whole
  int column = 0;
  std::string text;
  [[nodiscard]] std::string to_string() const;
};

/// Reads and checks a file; every mistake in it (and in the "@files" it names) at once, in order of place. A syntax
/// error is reported alone: behind it nothing can be told from anything. Blocks (files, the name of the machine): for
/// start-up, `check` and the control thread.
[[nodiscard]] tl::expected<ConfigPtr, std::vector<ConfigProblem>> load_config(const std::string& path);

}  // namespace postern::ops
