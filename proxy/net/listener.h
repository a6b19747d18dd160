// Listening sockets: opened once by the control thread, accepted from by every worker.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "filters/base/fd.h"
#include "proxy/net/address.h"
#include "proxy/net/loop.h"
#include "proxy/net/rate_limit.h"

struct event;

namespace postern::net {

/// Sockets handed over by the service manager (sd_listen_fds(3)).
struct HandedSockets {
  struct Socket {
    std::string name;
    int fd = -1;
  };
  std::vector<Socket> sockets;
  /// Those of this process's environment; empty when they are meant for another process. Call before threads start.
  static HandedSockets from_environment();
};

/// The sockets of one [[listen]] address. TCP: one for each worker (SO_REUSEPORT), so the kernel spreads the load.
/// UNIX and systemd: one socket, shared by all workers.
class ListenSockets {
 public:
  static constexpr int kBacklog = 4096;

  /// Fails when the address is taken, also when another process of ours has it ("0.0.0.0:25: bind: Address already in
  /// use"). Port 0 takes a free one.
  static Result<ListenSockets> open(const std::string& address, unsigned workers,
                                    const HandedSockets& handed = HandedSockets::from_environment());
  ListenSockets(ListenSockets&&) = default;
  ListenSockets& operator=(ListenSockets&&) = default;
  /// Removes the UNIX socket's path.
  ~ListenSockets();

  /// The sockets that the worker accepts from; each worker takes its own once.
  [[nodiscard]] std::vector<Fd> take(unsigned worker) { return std::move(by_worker_.at(worker)); }
  /// As bound; 0 for a UNIX socket.
  [[nodiscard]] uint16_t port() const { return port_; }

 private:
  ListenSockets() = default;
  Result<void> open_tcp(const Endpoint& endpoint, unsigned workers);
  Result<void> open_unix(const std::string& path);
  Result<void> take_handed(const std::string& name, const HandedSockets& handed);
  Result<void> share(unsigned workers);

  std::vector<std::vector<Fd>> by_worker_;
  std::vector<Fd> shared_;
  uint16_t port_ = 0;
  struct Unlink {
    void operator()(std::string* path) const;
  };
  std::unique_ptr<std::string, Unlink> path_;
};

/// Accepts connections from one socket in one loop. Where the process has no file descriptor left it pauses and says
/// so.
class Acceptor {
 public:
  static constexpr int kPerTurn = 64;
  static constexpr Duration kPause = std::chrono::milliseconds(200);
  using Accepted = std::function<void(Fd)>;  // non-blocking, closed on exec
  using Note = std::function<void(const std::string&)>;

  Acceptor(Loop& loop, const Clock& clock, Fd socket, Accepted accepted, Note note);
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;
  ~Acceptor();

 private:
  static void on_ready(int fd, short what, void* self) noexcept;
  static void on_resume(int fd, short what, void* self) noexcept;
  void accept_some();
  void pause(int error);

  const Clock& clock_;
  Fd socket_;
  Accepted accepted_;
  Note note_;
  NoteLimiter limiter_;
  event* ready_;
  event* resume_;
};

}  // namespace postern::net
