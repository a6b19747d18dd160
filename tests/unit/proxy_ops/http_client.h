// A client of the HTTP server, for tests of what it serves.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "proxy/ops/http.h"
#include "proxy/ops/metrics.h"

namespace postern::ops {

/// One client on the same loop; what it received, and whether the server closed.
class Client {
 public:
  Client(event_base* base, const sockaddr* address, int length)
      : bev_(bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE)) {
    bufferevent_setcb(bev_, &Client::read, nullptr, &Client::event, this);
    bufferevent_enable(bev_, EV_READ | EV_WRITE);
    bufferevent_socket_connect(bev_, address, length);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { bufferevent_free(bev_); }
  void send(const std::string& text) { bufferevent_write(bev_, text.data(), text.size()); }

  std::string received;
  bool closed = false;

 private:
  static void read(bufferevent* bev, void* self) {
    evbuffer* input = bufferevent_get_input(bev);
    size_t length = evbuffer_get_length(input);
    static_cast<Client*>(self)->received.append(reinterpret_cast<const char*>(evbuffer_pullup(input, -1)), length);
    evbuffer_drain(input, length);
  }
  static void event(bufferevent*, short what, void* self) {
    if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0) static_cast<Client*>(self)->closed = true;
  }
  bufferevent* bev_;
};

/// A server and its clients, on one loop.
class HttpTest : public testing::Test {
 public:
  HttpTest() = default;
  HttpTest(const HttpTest&) = delete;
  HttpTest& operator=(const HttpTest&) = delete;
  ~HttpTest() override {
    server_.reset();
    event_base_free(base_);
  }

 protected:
  void start(HttpServer::Options options) {
    auto server = HttpServer::listen(base_, std::move(options));
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    add_standard_routes(*server_, metrics_, [this] { return not_ready_; });
  }
  std::unique_ptr<Client> connect() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server_->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return std::make_unique<Client>(base_, reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  void run_until(const std::function<bool()>& done) {
    while (!done()) event_base_loop(base_, EVLOOP_ONCE);
  }
  /// The whole answer, with its connection closed at the end.
  std::string exchange(const std::string& method, const std::string& path, const std::string& fields = "",
                       const std::string& body = "") {
    auto client = connect();
    client->send(method + " " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + fields + "\r\n" + body);
    run_until([&] { return client->closed; });
    return client->received;
  }

  event_base* base_ = event_base_new();
  Metrics metrics_;
  std::string not_ready_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace postern::ops
