// A DNS server on loopback, UDP and TCP, in a thread of its own: answers from a table, forgets to answer, counts.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "tests/fakes/dns_wire.h"
#include "tests/unit/proxy_net/net_fixture.h"

namespace postern::net {

class DnsServer {
 public:
  struct Zone {
    std::string records;  // of the answer section
    unsigned answers = 0;
    unsigned rcode = 0;
    bool silent = false;
  };

  DnsServer() {
    SocketAddress address = to_socket_address(*IpAddress::parse("127.0.0.1"), 0);
    // The same number must be free for both; a taken one is tried again.
    while (true) {
      udp_.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      tcp_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      EXPECT_EQ(::bind(udp_.get(), address.get(), address.length), 0);
      port_ = local_of(udp_.get())->port;
      SocketAddress same = to_socket_address(*IpAddress::parse("127.0.0.1"), port_);
      if (::bind(tcp_.get(), same.get(), same.length) == 0) break;
    }
    EXPECT_EQ(::listen(tcp_.get(), 16), 0);
    EXPECT_EQ(::pipe(stop_), 0);
    thread_ = std::jthread([this] { run(); });
  }
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;
  ~DnsServer() {
    ::close(stop_[1]);
    thread_.join();
    ::close(stop_[0]);
  }

  [[nodiscard]] std::string address() const { return "127.0.0.1@" + std::to_string(port_); }
  /// Adds a record to what `name` answers for `type`.
  void add(const std::string& name, unsigned type, unsigned record_type, const std::string& data, uint32_t ttl = 60,
           const std::string& owner = "") {
    std::lock_guard lock(mutex_);
    Zone& zone = zones_[{name, type}];
    zone.records += DnsWire::record(owner.empty() ? name : owner, record_type, ttl, data);
    ++zone.answers;
  }
  void set_rcode(const std::string& name, unsigned type, unsigned rcode) {
    std::lock_guard lock(mutex_);
    zones_[{name, type}].rcode = rcode;
  }
  void set_silent(const std::string& name, unsigned type, bool silent) {
    std::lock_guard lock(mutex_);
    zones_[{name, type}].silent = silent;
  }
  /// Questions seen for this name.
  [[nodiscard]] int asked(const std::string& name) const {
    std::lock_guard lock(mutex_);
    auto found = asked_.find(name);
    return found == asked_.end() ? 0 : found->second;
  }
  [[nodiscard]] int over_tcp() const { return over_tcp_.load(); }

 private:
  void run() {
    std::array<pollfd, 3> fds{{{udp_.get(), POLLIN, 0}, {tcp_.get(), POLLIN, 0}, {stop_[0], POLLIN, 0}}};
    while (::poll(fds.data(), fds.size(), -1) > 0 && fds[2].revents == 0) {
      if (fds[0].revents != 0) serve_udp();
      if (fds[1].revents != 0) serve_tcp();
    }
  }
  void serve_udp() {
    std::array<char, 4096> buffer;
    SocketAddress from;
    from.length = sizeof from.storage;
    ssize_t size = ::recvfrom(udp_.get(), buffer.data(), buffer.size(), 0, from.get(), &from.length);
    if (size <= 12) return;
    std::string reply = answer({buffer.data(), static_cast<size_t>(size)}, 1200);
    if (!reply.empty()) ::sendto(udp_.get(), reply.data(), reply.size(), 0, from.get(), from.length);
  }
  void serve_tcp() {
    Fd client(::accept(tcp_.get(), nullptr, nullptr));
    std::array<char, 4096> buffer;
    ssize_t size = ::recv(client.get(), buffer.data(), 2, MSG_WAITALL);
    if (size != 2) return;
    size_t length = static_cast<unsigned char>(buffer[0]) * 256U + static_cast<unsigned char>(buffer[1]);
    if (length > buffer.size()) return;
    size = ::recv(client.get(), buffer.data(), length, MSG_WAITALL);
    if (size <= 12) return;
    ++over_tcp_;
    std::string reply = answer({buffer.data(), static_cast<size_t>(size)}, 65535);
    reply = DnsWire::u16(static_cast<unsigned>(reply.size())) + reply;
    ::send(client.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
  }
  std::string answer(std::string_view query, size_t limit) {
    DnsWire wire;
    wire.id = static_cast<unsigned char>(query[0]) * 256U + static_cast<unsigned char>(query[1]);
    size_t at = 12;
    while (at < query.size() && query[at] != 0) {
      auto length = static_cast<unsigned char>(query[at]);
      if (!wire.question_name.empty()) wire.question_name += '.';
      wire.question_name += query.substr(at + 1, length);
      at += length + 1U;
    }
    wire.question_type = static_cast<unsigned char>(query[at + 1]) * 256U + static_cast<unsigned char>(query[at + 2]);
    std::lock_guard lock(mutex_);
    ++asked_[wire.question_name];
    auto found = zones_.find({wire.question_name, wire.question_type});
    if (found == zones_.end()) {
      bool exists = false;
      for (const auto& [key, zone] : zones_) exists = exists || key.first == wire.question_name;
      wire.rcode(exists ? 0 : 3);
      return wire.authority(DnsWire::soa("example", 60, 60)).packet();
    }
    if (found->second.silent) return "";
    wire.rcode(found->second.rcode);
    wire.records = found->second.records;
    wire.answers = found->second.answers;
    std::string packet = wire.packet();
    if (packet.size() <= limit) return packet;
    wire.flags |= 0x0200U;  // truncated: ask again over TCP
    wire.records.clear();
    wire.answers = 0;
    return wire.packet();
  }

  Fd udp_;
  Fd tcp_;
  int stop_[2] = {-1, -1};
  uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, unsigned>, Zone> zones_;
  std::map<std::string, int> asked_;
  std::atomic<int> over_tcp_{0};
  std::jthread thread_;
};

}  // namespace postern::net
