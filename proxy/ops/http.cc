#include "proxy/ops/http.h"

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "filters/base/bytes.h"
#include "proxy/ops/http_gate.h"
#include "proxy/ops/metrics.h"
#include "proxy/ops/values.h"

namespace postern::ops {
namespace {

struct FreeHttp {
  void operator()(evhttp* http) const { evhttp_free(http); }
};

/// As long for every wrong token of the same length: the time tells nothing of how much of it was right.
bool same_secret(std::string_view secret, std::string_view given) {
  unsigned difference = secret.size() == given.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    auto expected = static_cast<unsigned char>(secret[i % secret.size()]);
    difference |= static_cast<unsigned>(expected ^ static_cast<unsigned char>(given[i]));
  }
  return difference == 0;
}

std::string_view method_name(evhttp_cmd_type type) {
  switch (type) {
    case EVHTTP_REQ_GET:
    case EVHTTP_REQ_HEAD: return "GET";
    case EVHTTP_REQ_POST: return "POST";
    case EVHTTP_REQ_PUT: return "PUT";
    case EVHTTP_REQ_DELETE: return "DELETE";
    default: return "";
  }
}

struct Bound {
  sockaddr_storage address{};
  socklen_t length = 0;
  std::string unix_path;
};

Bound to_sockaddr(const HostPort& endpoint) {
  Bound out;
  std::string_view octets = endpoint.ip->octets();
  if (endpoint.ip->is_v4()) {
    auto* in = reinterpret_cast<sockaddr_in*>(&out.address);
    in->sin_family = AF_INET;
    in->sin_port = htons(endpoint.port);
    std::memcpy(&in->sin_addr, octets.data(), octets.size());
    out.length = sizeof(sockaddr_in);
  } else {
    auto* in6 = reinterpret_cast<sockaddr_in6*>(&out.address);
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(endpoint.port);
    std::memcpy(&in6->sin6_addr, octets.data(), octets.size());
    out.length = sizeof(sockaddr_in6);
  }
  return out;
}

Result<Bound> parse_address(const std::string& text) {
  if (!text.starts_with("unix:")) {
    auto endpoint = parse_host_port(text);
    if (!endpoint) return tl::unexpected(endpoint.error());
    if (!endpoint->ip) return fail(Code::BadInput, "a listener has an address, not a name");
    return to_sockaddr(*endpoint);
  }
  auto path = parse_unix_path(text);
  if (!path) return tl::unexpected(path.error());
  Bound out;
  auto* un = reinterpret_cast<sockaddr_un*>(&out.address);
  un->sun_family = AF_UNIX;
  path->copy(un->sun_path, sizeof un->sun_path - 1);
  out.length = sizeof(sockaddr_un);
  out.unix_path = std::move(*path);
  return out;
}

/// A socket that a killed process left behind keeps its name taken; one that somebody answers on stays.
void remove_dead_socket(const Bound& bound) {
  struct stat found {};
  if (lstat(bound.unix_path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return;
  int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return;
  bool dead =
      connect(probe, reinterpret_cast<const sockaddr*>(&bound.address), bound.length) != 0 && errno == ECONNREFUSED;
  close(probe);
  if (dead) unlink(bound.unix_path.c_str());
}

}  // namespace

HttpResponse http_error(int status, std::string_view text) {
  // Any octets may come in; what is no UTF-8 must not throw.
  nlohmann::json body{{"error", text}};
  return {status, body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n", "application/json"};
}

struct HttpServer::Impl {
  Options options;
  Bound bound;
  evconnlistener* listener = nullptr;  // owned by http once bound to it
  std::unique_ptr<evhttp, FreeHttp> http;
  std::map<std::string, std::map<std::string, Handler>> routes;  // path -> method -> handler
  std::unique_ptr<HttpGate> gate;

  [[nodiscard]] const std::map<std::string, Handler>* find(std::string_view path) const;
  [[nodiscard]] bool authorised(evhttp_request* request) const;
  HttpResponse respond(evhttp_request* request, std::string& allow);
  void serve(evhttp_request* request);
  [[nodiscard]] bufferevent* open_connection(event_base* base);
};

const std::map<std::string, HttpServer::Handler>* HttpServer::Impl::find(std::string_view path) const {
  auto exact = routes.find(std::string(path));
  if (exact != routes.end()) return &exact->second;
  while (true) {
    size_t slash = path.rfind('/');
    if (slash == std::string_view::npos) return nullptr;
    path = path.substr(0, slash);
    auto below = routes.find(std::string(path) + "/*");
    if (below != routes.end()) return &below->second;
  }
}

// RFC 6750, 2.1; the scheme's name is of either case (RFC 9110, 11.1).
bool HttpServer::Impl::authorised(evhttp_request* request) const {
  if (options.token.empty()) return true;
  const char* header = evhttp_find_header(evhttp_request_get_input_headers(request), "Authorization");
  if (header == nullptr) return false;
  std::string_view given(header);
  static constexpr std::string_view kScheme = "Bearer ";
  if (!starts_nocase(given, kScheme)) return false;
  return same_secret(options.token, trim(given.substr(kScheme.size())));
}

HttpResponse HttpServer::Impl::respond(evhttp_request* request, std::string& allow) {
  if (!authorised(request)) return http_error(401, "a bearer token is required");
  const evhttp_uri* uri = evhttp_request_get_evhttp_uri(request);
  const char* path = uri == nullptr ? nullptr : evhttp_uri_get_path(uri);
  const char* query = uri == nullptr ? nullptr : evhttp_uri_get_query(uri);
  const auto* handlers = path == nullptr ? nullptr : find(path);
  if (handlers == nullptr) return http_error(404, "no such resource");
  HttpRequest wanted;
  wanted.method = method_name(evhttp_request_get_command(request));
  auto handler = handlers->find(std::string(wanted.method));
  if (handler == handlers->end()) {
    for (const auto& [method, unused] : *handlers) {
      allow += (allow.empty() ? "" : ", ") + method + (method == "GET" ? ", HEAD" : "");
    }
    return http_error(405, "this resource allows " + allow);
  }
  wanted.path = path;
  wanted.query = query == nullptr ? "" : query;
  evbuffer* input = evhttp_request_get_input_buffer(request);
  size_t length = evbuffer_get_length(input);
  if (length > 0) wanted.body = {reinterpret_cast<const char*>(evbuffer_pullup(input, -1)), length};
  return handler->second(wanted);
}

void HttpServer::Impl::serve(evhttp_request* request) {
  std::string allow;
  HttpResponse response;
  try {
    response = respond(request, allow);
  } catch (const std::exception& error) {
    response = http_error(500, error.what());
  }
  evkeyvalq* headers = evhttp_request_get_output_headers(request);
  evhttp_add_header(headers, "Content-Type", response.type.c_str());
  evhttp_add_header(headers, "Cache-Control", "no-store");
  evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
  evhttp_add_header(headers, "Content-Length", std::to_string(response.body.size()).c_str());
  if (!allow.empty()) evhttp_add_header(headers, "Allow", allow.c_str());
  if (response.status == 401) evhttp_add_header(headers, "WWW-Authenticate", "Bearer realm=\"postern\"");
  // RFC 9110, 9.3.2: the answer to HEAD is that to GET without its content.
  if (evhttp_request_get_command(request) != EVHTTP_REQ_HEAD) {
    evbuffer_add(evhttp_request_get_output_buffer(request), response.body.data(), response.body.size());
  }
  evhttp_send_reply(request, response.status, nullptr, nullptr);
}

bufferevent* HttpServer::Impl::open_connection(event_base* base) {
  bufferevent* connection = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
  if (connection != nullptr) gate->enter(connection);
  return connection;
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
  impl_->gate.reset();
  impl_->http.reset();
  if (!impl_->bound.unix_path.empty()) unlink(impl_->bound.unix_path.c_str());
}

Result<std::unique_ptr<HttpServer>> HttpServer::listen(event_base* base, Options options) {
  auto bound = parse_address(options.address);
  if (!bound) return tl::unexpected(std::move(bound.error()).in("listen on " + options.address));
  if (!bound->unix_path.empty()) remove_dead_socket(*bound);

  auto impl = std::make_unique<Impl>();
  impl->options = std::move(options);
  impl->http.reset(evhttp_new(base));
  if (!impl->http) return fail(Code::Internal, "evhttp_new failed");
  impl->listener =
      evconnlistener_new_bind(base, nullptr, nullptr, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
                              128, reinterpret_cast<sockaddr*>(&bound->address), static_cast<int>(bound->length));
  if (impl->listener == nullptr) {
    std::string reason = std::error_code(errno, std::generic_category()).message();
    return fail(Code::Io, "listen on " + impl->options.address + ": " + reason);
  }
  impl->bound = std::move(*bound);
  if (!impl->bound.unix_path.empty()) chmod(impl->bound.unix_path.c_str(), 0660);
  if (evhttp_bind_listener(impl->http.get(), impl->listener) == nullptr) {
    evconnlistener_free(impl->listener);
    return fail(Code::Internal, "evhttp_bind_listener failed");
  }
  impl->gate = std::make_unique<HttpGate>(base, impl->listener, impl->options.max_connections);
  evhttp* http = impl->http.get();
  evhttp_set_max_headers_size(http, kMaxHeader);
  evhttp_set_max_body_size(http, kMaxBody);
  evhttp_set_timeout(http, kIdleSeconds);
  evhttp_set_default_content_type(http, nullptr);
  // All that the library knows, so that a method we do not serve is told what we do.
  evhttp_set_allowed_methods(http, 0x1ff);
  evhttp_set_bevcb(
      http, [](event_base* on, void* self) { return static_cast<Impl*>(self)->open_connection(on); }, impl.get());
  evhttp_set_gencb(
      http, [](evhttp_request* request, void* self) { static_cast<Impl*>(self)->serve(request); }, impl.get());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

void HttpServer::route(const std::string& method, const std::string& path, Handler handler) {
  impl_->routes[path][method] = std::move(handler);
}

uint16_t HttpServer::port() const {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getsockname(evconnlistener_get_fd(impl_->listener), reinterpret_cast<sockaddr*>(&address), &length) != 0)
    return 0;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
  return 0;
}

void HttpServer::set_token(std::string token) {
  impl_->options.token = std::move(token);
}

void add_standard_routes(HttpServer& server, Metrics& metrics, Readiness readiness) {
  static constexpr const char* kText = "text/plain; charset=utf-8";
  server.route("GET", "/metrics", [&metrics](const HttpRequest&) {
    return HttpResponse{200, metrics.serialize(), "text/plain; version=0.0.4; charset=utf-8"};
  });
  server.route("GET", "/healthz", [](const HttpRequest&) { return HttpResponse{200, "ok\n", kText}; });
  server.route("GET", "/readyz", [readiness = std::move(readiness)](const HttpRequest&) {
    std::string reason = readiness();
    return HttpResponse{reason.empty() ? 200 : 503, (reason.empty() ? "ready" : reason) + "\n", kText};
  });
}

}  // namespace postern::ops
