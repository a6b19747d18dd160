// Helpers of this folder's tests: a loop that turns until something has happened, links that remember, sockets, keys.
#pragma once

#include <array>
#include <cerrno>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "filters/base/fd.h"
#include "proxy/net/link.h"
#include "proxy/net/loop.h"
#include "proxy/net/timers.h"

namespace postern::net {

/// Turns the loop until `done`. A test that hangs is ended by the runner's time limit.
inline void turn_until(Loop& loop, const std::function<bool()>& done) {
  while (!done()) loop.turn(true);
}

/// Two connected, non-blocking TCP sockets on loopback.
inline std::pair<Fd, Fd> connected_pair() {
  Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(listener.get(), raw, length), 0);
  EXPECT_EQ(::listen(listener.get(), 1), 0);
  EXPECT_EQ(::getsockname(listener.get(), raw, &length), 0);
  Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(client.get(), raw, length), 0);
  Fd server(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  return {std::move(server), std::move(client)};
}

/// Blocking client's side: everything up to end of file (or a reset, which is appended as "<reset>").
inline std::string read_to_end(int fd) {
  std::string all;
  std::array<char, 65536> buffer;
  while (true) {
    ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got < 0) return all + "<reset>";
    if (got == 0) return all;
    all.append(buffer.data(), static_cast<size_t>(got));
  }
}
inline void send_text(int fd, std::string_view text) {
  ASSERT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

/// Remembers what a link told; a hook may do more.
struct Recorder : session::LinkEvents {
  void connected() override {
    log.emplace_back("connected");
    if (hook) hook("connected");
  }
  void received(std::string_view bytes) override {
    input += bytes;
    if (hook) hook("received");
  }
  void writable() override {
    ++writables;
    if (hook) hook("writable");
  }
  void secured(const session::TlsInfo& info) override {
    tls = info;
    log.emplace_back("secured");
    if (hook) hook("secured");
  }
  void end_of_input() override {
    log.emplace_back("end");
    if (hook) hook("end");
  }
  void failed(const std::string& text) override {
    why = text;
    log.emplace_back("failed");
    if (hook) hook("failed");
  }
  [[nodiscard]] bool saw(const std::string& event) const {
    return std::find(log.begin(), log.end(), event) != log.end();
  }

  std::string input;
  std::vector<std::string> log;
  std::string why;
  session::TlsInfo tls;
  int writables = 0;
  std::function<void(const std::string&)> hook;
};

struct Net : ::testing::Test {
  Loop loop;
  LoopTimers timers{loop};
  LinkPool links{loop, timers};
};

}  // namespace postern::net
