// The small HTTP server of the control thread: metrics, health, and whatever routes are added.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "filters/base/result.h"

struct event_base;

namespace postern::ops {

struct HttpRequest {
  std::string_view method;  // "GET"; a HEAD comes as GET
  std::string_view path;    // as sent, percent-escapes included
  std::string_view query;   // behind '?', as sent
  std::string_view body;
};

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string type = "application/json";
};
/// {"error":"..."} with this status.
[[nodiscard]] HttpResponse http_error(int status, std::string_view text);

/// Serves on one event_base, on its thread, and calls handlers there: they must be short. Bounded: kMaxConnections at a
/// time (further ones wait in the kernel), kMaxHeader and kMaxBody octets, kIdleSeconds without progress.
class HttpServer {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&)>;
  static constexpr size_t kMaxConnections = 64;
  static constexpr int kMaxHeader = 16 << 10;
  static constexpr int kMaxBody = 1 << 20;
  static constexpr int kIdleSeconds = 10;

  struct Options {
    std::string address;  // IP:PORT (0: any free port) or "unix:/path" (made with mode 0660, removed at the end)
    std::string token;    // empty: none is asked for; else every request needs "Authorization: Bearer TOKEN"
    size_t max_connections = kMaxConnections;
  };

  /// `base` outlives the server.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> listen(event_base* base, Options options);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  /// Closes the listener and every connection.
  ~HttpServer();

  /// `method` is "GET" (HEAD is served from it), "POST", "PUT" or "DELETE". A path ending in "/*" stands for every path
  /// below it; the longest that fits wins, an exact one before all. Replaces an earlier handler of the same two.
  void route(const std::string& method, const std::string& path, Handler handler);
  /// The TCP port, 0 for a Unix socket.
  [[nodiscard]] uint16_t port() const;
  /// After a reload.
  void set_token(std::string token);

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Why the gateway is not ready; empty: it is.
using Readiness = std::function<std::string()>;

class Metrics;
/// GET /metrics, /healthz and /readyz. `metrics` outlives the server.
void add_standard_routes(HttpServer& server, Metrics& metrics, Readiness readiness);

}  // namespace postern::ops
