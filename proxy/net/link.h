// session::Link on one bufferevent, plain or TLS, and the pool that makes links.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/fd.h"
#include "proxy/net/address.h"
#include "proxy/net/loop.h"
#include "proxy/net/tls.h"
#include "proxy/session/ports.h"

struct bufferevent;

namespace postern::net {

class LinkPool;

/// One connection. See session::Link; additions are marked. One thread: the loop's.
class BufferLink final : public session::Link {
 public:
  /// Read and delivered at once, at most: other connections want their turn.
  static constexpr size_t kReadPerTurn = 16U << 10U;

  /// Use LinkPool. With a bufferevent: an accepted link, the server's side; null: an outgoing one.
  BufferLink(LinkPool& pool, bufferevent* accepted);
  ~BufferLink() override;

  /// May be called again to hand the link to another user (addition).
  void attach(session::LinkEvents& events) override;
  void write(std::string_view bytes) override;
  [[nodiscard]] size_t queued() const override;
  void read_enabled(bool enabled) override;
  void start_tls() override;
  void close_after_flush() override;

  /// Addition: an outgoing link tries the addresses in order; connected() or failed() follows. `host`: for SNI.
  void connect(std::vector<SocketAddress> addresses, std::string host);
  /// Addition: failed(why) in a later turn.
  void fail_later(std::string why);
  /// Addition: keeps an operation that connect() waits for (resolving a name) for as long as the link lives.
  void hold(Pending pending) { later_ = std::move(pending); }

 private:
  /// While an outgoing link is not connected yet.
  struct Connecting {
    std::vector<SocketAddress> addresses;
    size_t next = 0;
    std::string why;  // the last failure
  };
  enum class State : uint8_t { Open, Connecting, Flushing, Handshaking, Dead };

  static void on_read(bufferevent* bev, void* self) noexcept;
  static void on_write(bufferevent* bev, void* self) noexcept;
  static void on_event(bufferevent* bev, short what, void* self) noexcept;
  template <class Function>
  void guarded(Function function) noexcept;

  void take_bufferevent(bufferevent* bev);
  void free_bufferevent();
  [[nodiscard]] size_t sent_at_once(std::string_view bytes);
  void deliver();
  void wrote();
  void happened(short what);
  void try_next_address();
  [[nodiscard]] bool must_hold() const { return state_ == State::Flushing || state_ == State::Connecting; }
  void write_held();
  void now_connected();
  void switch_to_tls();
  void secured();
  void failed(const std::string& why);
  [[nodiscard]] std::string why(const std::string& otherwise) const;

  LinkPool& pool_;
  bufferevent* bev_ = nullptr;
  session::LinkEvents* events_ = nullptr;
  bool* gone_ = nullptr;  // set while events are told: becomes true when the link dies in one
  std::unique_ptr<Connecting> connecting_;
  std::shared_ptr<const TlsContext> tls_;  // keeps what the connection began with
  std::string held_;                       // written while there is no bufferevent that may have it
  std::string host_;                       // outgoing: for SNI
  Pending later_;
  State state_ = State::Open;
  bool server_;
  bool read_wanted_ = false;
  bool end_seen_ = false;
  bool above_low_water_ = false;
};

/// Makes links and keeps those that only have to be closed. One for each loop; outlives its links.
class LinkPool {
 public:
  /// After close_after_flush(): time for the output to be taken, then for the peer's end of file.
  static constexpr Duration kFlushTime = std::chrono::seconds(10);
  static constexpr Duration kLingerTime = std::chrono::seconds(2);
  /// What a peer may still send meanwhile, in bytes; it is read and dropped.
  static constexpr size_t kLingerInput = 1U << 20U;

  LinkPool(Loop& loop, session::Timers& timers);
  LinkPool(const LinkPool&) = delete;
  LinkPool& operator=(const LinkPool&) = delete;
  ~LinkPool();

  /// For accepted links from now on; null: start_tls() fails.
  void set_server_tls(std::shared_ptr<const TlsContext> context) { server_tls_ = std::move(context); }
  void set_client_tls(std::shared_ptr<const TlsContext> context) { client_tls_ = std::move(context); }

  /// A link on an accepted, non-blocking socket. Reading begins with attach().
  [[nodiscard]] std::unique_ptr<BufferLink> accepted(Fd fd);
  /// A link without connection; see BufferLink::connect().
  [[nodiscard]] std::unique_ptr<BufferLink> outgoing(session::LinkEvents& events);
  /// Connections that are being closed.
  [[nodiscard]] size_t lingering() const { return lingering_.size(); }

 private:
  friend class BufferLink;
  class Lingering;
  void linger(bufferevent* bev, bool end_seen);

  Loop& loop_;
  session::Timers& timers_;
  std::shared_ptr<const TlsContext> server_tls_;
  std::shared_ptr<const TlsContext> client_tls_;
  std::list<std::unique_ptr<Lingering>> lingering_;
};

}  // namespace postern::net
