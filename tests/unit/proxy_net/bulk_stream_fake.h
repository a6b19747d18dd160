// A Redis of the tests: a thread that speaks RESP on loopback, keeps one stream, and does on command what a real one
// does not: hang, close, lose everything, turn its clock back, answer nonsense.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "filters/base/clock.h"
#include "filters/base/fd.h"

namespace postern::net {

class FakeRedis {
 public:
  struct Entry {
    uint64_t ms = 0;
    std::string from, event;
  };

  FakeRedis() : wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    SystemClock clock;
    newest_ = static_cast<uint64_t>(clock.wall_ms()) * 1000;  // far ahead of any position that tests make up
    open();
    thread_ = std::thread([this] { run(); });
  }
  FakeRedis(const FakeRedis&) = delete;
  FakeRedis& operator=(const FakeRedis&) = delete;
  virtual ~FakeRedis() {
    stopping_ = true;
    wake();
    thread_.join();
  }

  [[nodiscard]] std::string store(const std::string& login = "") const {
    return fmt::format("redis://{}127.0.0.1:{}", login, port_);
  }
  /// It is gone: connections are cut, and new ones refused until open().
  void kill() {
    std::lock_guard lock(mutex_);
    listener_.reset();
    // The port stays ours: whoever goes on connecting to it could else be given it for his own end.
    reserved_ = bound();
    cut_ = true;
    wake();
  }
  void open() {
    std::lock_guard lock(mutex_);
    Fd listener = reserved_ ? std::move(reserved_) : bound();
    ASSERT_EQ(::listen(listener.get(), 16), 0);
    listener_ = std::move(listener);
    wake();
  }
  void cut() {
    std::lock_guard lock(mutex_);
    cut_ = true;
    wake();
  }
  /// It takes connections and octets, and does nothing (as after SIGSTOP).
  void hang(bool hanging) {
    std::lock_guard lock(mutex_);
    hanging_ = hanging;
    wake();
  }
  /// Everything is lost; the next entry's id is `back` before what it would be.
  void forget(uint64_t back = 0) {
    std::lock_guard lock(mutex_);
    stream_.clear();
    newest_ -= back;
  }
  /// What is said to this command from now on, `times` times; the command is carried out all the same.
  void answer(const std::string& command, std::string raw, int times = 1'000'000) {
    std::lock_guard lock(mutex_);
    odd_[command] = {std::move(raw), times};
  }
  /// The next entry is kept, and then all connections are cut before anybody hears of it.
  void swallow_next() {
    std::lock_guard lock(mutex_);
    swallow_ = true;
  }
  /// Somebody writes into the stream.
  void add(const std::string& from, const std::string& event) {
    std::lock_guard lock(mutex_);
    stream_.push_back({++newest_, from, event});
    wake();
  }
  [[nodiscard]] std::vector<Entry> entries() const {
    std::lock_guard lock(mutex_);
    return stream_;
  }
  /// Entries that are no probes.
  [[nodiscard]] size_t events() const {
    std::lock_guard lock(mutex_);
    return static_cast<size_t>(
        std::count_if(stream_.begin(), stream_.end(), [](const Entry& entry) { return !entry.event.empty(); }));
  }
  /// All commands so far, words joined by spaces (of XADD and XREAD the first word only).
  [[nodiscard]] std::vector<std::string> commands() const {
    std::lock_guard lock(mutex_);
    return commands_;
  }
  [[nodiscard]] size_t count(const std::string& command) const {
    std::lock_guard lock(mutex_);
    return static_cast<size_t>(std::count(commands_.begin(), commands_.end(), command));
  }

 private:
  /// A socket on our port, a free one at first.
  Fd bound() {
    Fd bound(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    int on = 1;
    ::setsockopt(bound.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    // A listener that was closed lives on until the thread has left poll().
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    int failed = ::bind(bound.get(), raw, length);
    while (failed != 0 && errno == EADDRINUSE && std::chrono::steady_clock::now() < deadline) {
      wake();
      std::this_thread::yield();
      failed = ::bind(bound.get(), raw, length);
    }
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(::getsockname(bound.get(), raw, &length), 0);
    port_ = ntohs(address.sin_port);
    return bound;
  }

  struct Connection {
    Fd fd;
    std::string in, out;
    std::optional<uint64_t> waits;  // for entries behind this one
    std::chrono::steady_clock::time_point until;
    bool gone = false;
  };
  struct Odd {
    std::string raw;
    int times = 0;
  };

  void wake() const {
    uint64_t one = 1;
    [[maybe_unused]] ssize_t written = ::write(wake_.get(), &one, sizeof one);
  }

  void run() {
    while (!stopping_) {
      wait();
      std::lock_guard lock(mutex_);
      uint64_t count = 0;
      [[maybe_unused]] ssize_t got = ::read(wake_.get(), &count, sizeof count);
      if (std::exchange(cut_, false)) connections_.clear();
      while (listener_) {
        Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!fd) break;
        connections_.emplace_back().fd = std::move(fd);
      }
      if (hanging_) continue;
      for (auto& connection : connections_) serve(connection);
      // Whoever came first may wait for what the last one has just written.
      for (auto& connection : connections_) flush(connection);
      connections_.remove_if([](const Connection& connection) { return connection.gone; });
    }
  }

  void wait() {
    std::vector<pollfd> watched{{wake_.get(), POLLIN, 0}};
    {
      std::lock_guard lock(mutex_);
      if (listener_) watched.push_back({listener_.get(), POLLIN, 0});
      for (const auto& connection : connections_) {
        short what = connection.out.empty() ? POLLIN : POLLIN | POLLOUT;
        if (!hanging_) watched.push_back({connection.fd.get(), what, 0});
      }
    }
    ::poll(watched.data(), watched.size(), 20);
  }

  void serve(Connection& connection) {
    std::array<char, 65536> buffer;
    while (true) {
      ssize_t got = ::recv(connection.fd.get(), buffer.data(), buffer.size(), 0);
      if (got == 0 || (got < 0 && errno != EAGAIN)) connection.gone = true;
      if (got <= 0) break;
      connection.in.append(buffer.data(), static_cast<size_t>(got));
    }
    while (!connection.gone) {
      auto words = command(connection.in);
      if (words.empty()) break;
      carry_out(connection, words);
    }
  }

  void flush(Connection& connection) {
    if (connection.waits) read(connection);
    while (!connection.out.empty() && !connection.gone) {
      ssize_t sent = ::send(connection.fd.get(), connection.out.data(), connection.out.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN) connection.gone = true;
      if (sent <= 0) break;
      connection.out.erase(0, static_cast<size_t>(sent));
    }
  }

  static size_t number(std::string_view text) {
    size_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }
  /// One command out of `in`: "*N", then N times "$LENGTH" and the octets. Empty: there is none yet.
  static std::vector<std::string> command(std::string& in) {
    std::vector<std::string> words;
    size_t end = in.find("\r\n");
    if (end == std::string::npos) return {};
    size_t left = number(std::string_view(in).substr(1));
    size_t at = end + 2;
    for (; left > 0; --left) {
      end = in.find("\r\n", at);
      if (end == std::string::npos) return {};
      size_t length = number(std::string_view(in).substr(at + 1));
      if (in.size() < end + 2 + length + 2) return {};
      words.push_back(in.substr(end + 2, length));
      at = end + 2 + length + 2;
    }
    in.erase(0, at);
    return words;
  }

  void carry_out(Connection& connection, const std::vector<std::string>& words) {
    const std::string& verb = words.front();
    bool long_one = verb == "XADD" || verb == "XREAD";
    std::string said = verb;
    for (size_t at = 1; at < words.size() && !long_one; ++at) said += " " + words[at];
    commands_.push_back(said);
    auto odd = odd_.find(verb);
    std::string usual = "+OK\r\n";
    if (verb == "XADD") {
      // XADD key MAXLEN ~ 50000 * from F event E
      stream_.push_back({++newest_, words.at(7), words.at(9)});
      usual = bulk(fmt::format("{}-0", newest_));
      if (!stream_.back().event.empty() && std::exchange(swallow_, false)) {
        for (auto& each : connections_) each.gone = true;
        return;
      }
    }
    if (odd != odd_.end() && odd->second.times-- > 0) {
      connection.out += odd->second.raw;
    } else if (verb == "XREAD") {
      // XREAD COUNT n BLOCK ms STREAMS key id
      connection.waits = number(words.at(7));
      connection.until = std::chrono::steady_clock::now() + std::chrono::milliseconds(number(words.at(4)));
    } else {
      connection.out += usual;
    }
  }

  void read(Connection& connection) {
    auto first =
        std::find_if(stream_.begin(), stream_.end(), [&](const Entry& entry) { return entry.ms > *connection.waits; });
    if (first == stream_.end()) {
      if (std::chrono::steady_clock::now() < connection.until) return;
      connection.out += "*-1\r\n";
    } else {
      auto count = std::min<ptrdiff_t>(stream_.end() - first, 128);
      connection.out += fmt::format("*1\r\n*2\r\n{}*{}\r\n", bulk("postern:bulk:1"), count);
      for (auto entry = first; entry != first + count; ++entry) {
        connection.out += fmt::format("*2\r\n{}*4\r\n{}{}{}{}", bulk(fmt::format("{}-0", entry->ms)), bulk("from"),
                                      bulk(entry->from), bulk("event"), bulk(entry->event));
      }
    }
    connection.waits.reset();
  }
  static std::string bulk(std::string_view text) { return fmt::format("${}\r\n{}\r\n", text.size(), text); }

  mutable std::mutex mutex_;
  Fd wake_;
  Fd listener_;
  Fd reserved_;  // while it is killed: bound, and nobody listens
  uint16_t port_ = 0;
  bool cut_ = false, hanging_ = false, swallow_ = false;
  std::map<std::string, Odd> odd_;
  uint64_t newest_ = 0;
  std::vector<Entry> stream_;
  std::vector<std::string> commands_;
  std::list<Connection> connections_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace postern::net
