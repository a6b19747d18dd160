#include "proxy/net/link.h"

#include <array>
#include <cerrno>
#include <exception>
#include <new>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

namespace postern::net {
namespace {

// Every reply is a small write that the peer waits for: without this a TLS session stalls for 40 ms. Not for UNIX
// sockets, where it fails harmlessly.
void set_no_delay(int fd) {
  int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

size_t output_size(bufferevent* bev) {
  return evbuffer_get_length(bufferevent_get_output(bev));
}

}  // namespace

BufferLink::BufferLink(LinkPool& pool, bufferevent* accepted) : pool_(pool), server_(accepted != nullptr) {
  if (server_) {
    take_bufferevent(accepted);
  } else {
    state_ = State::Connecting;
  }
}

BufferLink::~BufferLink() {
  if (gone_ != nullptr) *gone_ = true;
  free_bufferevent();
}

void BufferLink::take_bufferevent(bufferevent* bev) {
  bev_ = bev;
  bufferevent_setcb(bev_, on_read, on_write, on_event, this);
  bufferevent_set_max_single_read(bev_, kReadPerTurn);
  bufferevent_setwatermark(bev_, EV_WRITE, kLowWater - 1, 0);
}

void BufferLink::free_bufferevent() {
  if (bev_ == nullptr) return;
  bufferevent_setcb(bev_, nullptr, nullptr, nullptr, nullptr);
  bufferevent_free(std::exchange(bev_, nullptr));
}

// gone_ points at a local only while its function runs, or the link is dead: g++ 12 cannot see that.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdangling-pointer"
#endif
/// Runs what libevent called us for. An exception (memory) costs this connection, not the program.
template <class Function>
void BufferLink::guarded(Function function) noexcept {
  bool gone = false;
  gone_ = &gone;
  try {
    function();
  } catch (const std::exception& error) {
    if (!gone) failed(error.what());
  }
  if (!gone) gone_ = nullptr;
}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

void BufferLink::on_read(bufferevent*, void* self) noexcept {
  auto* link = static_cast<BufferLink*>(self);
  link->guarded([link] { link->deliver(); });
}

void BufferLink::on_write(bufferevent*, void* self) noexcept {
  auto* link = static_cast<BufferLink*>(self);
  link->guarded([link] { link->wrote(); });
}

void BufferLink::on_event(bufferevent*, short what, void* self) noexcept {
  auto* link = static_cast<BufferLink*>(self);
  link->guarded([link, what] { link->happened(what); });
}

void BufferLink::attach(session::LinkEvents& events) {
  events_ = &events;
  read_enabled(true);
}

void BufferLink::write(std::string_view bytes) {
  if (state_ == State::Dead || bytes.empty()) return;
  if (must_hold()) {
    held_ += bytes;
    if (queued() >= kLowWater) above_low_water_ = true;
    return;
  }
  bytes.remove_prefix(sent_at_once(bytes));
  if (bytes.empty() || state_ == State::Dead) return;
  if (bufferevent_write(bev_, bytes.data(), bytes.size()) != 0) {
    fail_later("out of memory");
    return;
  }
  if (queued() >= kLowWater) above_low_water_ = true;
}

/// Most writes are one reply into an empty socket buffer: given to the kernel directly they cost one system call
/// instead of four (event on, wait, write, event off). Whatever it does not take goes the long way. An error is told
/// once by the kernel and then looks like an end of file, so it is kept here: a peer that was reset has read nothing.
size_t BufferLink::sent_at_once(std::string_view bytes) {
  if (tls_ != nullptr || output_size(bev_) != 0) return 0;
  ssize_t sent = ::send(bufferevent_getfd(bev_), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) return static_cast<size_t>(sent);
  bool full = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS || errno == ENOMEM;
  if (!full) fail_later(system_error("send", errno));
  return 0;
}

size_t BufferLink::queued() const {
  return held_.size() + (bev_ == nullptr ? 0 : output_size(bev_));
}

void BufferLink::read_enabled(bool enabled) {
  read_wanted_ = enabled;
  if (state_ != State::Open || end_seen_) return;
  if (!enabled) {
    bufferevent_disable(bev_, EV_READ);
    return;
  }
  bufferevent_enable(bev_, EV_READ);
  // What was read and not delivered comes first, but not inside this call.
  if (evbuffer_get_length(bufferevent_get_input(bev_)) > 0) {
    bufferevent_trigger(bev_, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
  }
}

void BufferLink::deliver() {
  if (state_ != State::Open) return;
  bool* gone = gone_;
  // Copied out, because the user may destroy the buffer that it came in. One turn at a time on a thread.
  thread_local std::array<char, kReadPerTurn> scratch;
  evbuffer* input = bufferevent_get_input(bev_);
  while (read_wanted_) {
    int size = evbuffer_remove(input, scratch.data(), scratch.size());
    if (size <= 0) return;
    events_->received({scratch.data(), static_cast<size_t>(size)});
    if (*gone || state_ != State::Open) return;
  }
}

void BufferLink::wrote() {
  if (state_ == State::Flushing) {
    if (output_size(bev_) == 0) switch_to_tls();
    return;
  }
  if (state_ != State::Open || !above_low_water_ || queued() >= kLowWater) return;
  above_low_water_ = false;
  if (events_ != nullptr) events_->writable();
}

void BufferLink::happened(short what) {
  auto flags = static_cast<unsigned>(what);
  if ((flags & BEV_EVENT_CONNECTED) != 0) {
    if (state_ == State::Handshaking) {
      secured();
    } else if (state_ == State::Connecting) {
      now_connected();
    }
    return;
  }
  if (state_ == State::Connecting) {
    connecting_->why = why("connection failed");
    try_next_address();
    return;
  }
  if ((flags & BEV_EVENT_EOF) == 0 || state_ != State::Open) {
    std::string reason = why("connection closed by the peer");
    failed(state_ == State::Handshaking ? "TLS: " + reason : reason);
    return;
  }
  bool* gone = gone_;
  deliver();
  if (*gone || state_ != State::Open || end_seen_) return;
  end_seen_ = true;
  // A TLS bufferevent stops both directions at the peer's close; ours is still good for writing.
  if (bufferevent_openssl_get_ssl(bev_) != nullptr) bufferevent_enable(bev_, EV_WRITE);
  if (events_ != nullptr) events_->end_of_input();
}

void BufferLink::now_connected() {
  connecting_.reset();
  state_ = State::Open;
  set_no_delay(bufferevent_getfd(bev_));
  write_held();
  read_enabled(read_wanted_);
  events_->connected();
}

void BufferLink::write_held() {
  std::string held = std::exchange(held_, {});
  if (!held.empty() && bufferevent_write(bev_, held.data(), held.size()) != 0) throw std::bad_alloc();
}

std::string BufferLink::why(const std::string& otherwise) const {
  int error = EVUTIL_SOCKET_ERROR();
  unsigned long tls_error = bufferevent_get_openssl_error(bev_);
  const char* reason = tls_error == 0 ? nullptr : ERR_reason_error_string(tls_error);
  if (reason != nullptr) return reason;
  return error == 0 || error == EAGAIN || error == EINPROGRESS ? otherwise : evutil_socket_error_to_string(error);
}

void BufferLink::failed(const std::string& why) {
  state_ = State::Dead;
  later_.reset();
  free_bufferevent();
  if (events_ != nullptr) events_->failed(why);
}

void BufferLink::fail_later(std::string why) {
  state_ = State::Dead;
  free_bufferevent();
  later_ = pool_.timers_.after(Duration::zero(), [this, why = std::move(why)] {
    // `why` lives in the callback that runs, so it survives the link.
    guarded([this, &why] { failed(why); });
  });
}

void BufferLink::connect(std::vector<SocketAddress> addresses, std::string host) {
  state_ = State::Connecting;
  host_ = std::move(host);
  connecting_ = std::make_unique<Connecting>();
  connecting_->addresses = std::move(addresses);
  connecting_->why = "no address";
  try_next_address();
}

void BufferLink::try_next_address() {
  while (connecting_->next < connecting_->addresses.size()) {
    const SocketAddress& address = connecting_->addresses[connecting_->next++];
    Fd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) {
      connecting_->why = system_error("socket", errno);
      continue;
    }
    if (::connect(fd.get(), address.get(), address.length) != 0 && errno != EINPROGRESS) {
      connecting_->why = system_error("connect", errno);
      continue;
    }
    // A fresh bufferevent each time: one that has failed cannot be used again.
    bufferevent* bev = bufferevent_socket_new(pool_.loop_.base(), fd.get(), BEV_OPT_CLOSE_ON_FREE);
    if (bev == nullptr) continue;
    [[maybe_unused]] int owned_by_bufferevent = fd.release();
    free_bufferevent();
    take_bufferevent(bev);
    // Without an address: it only waits for the connection that was begun.
    if (bufferevent_socket_connect(bev_, nullptr, 0) == 0) return;
    connecting_->why = "connect: refused by the event loop";
  }
  fail_later(std::exchange(connecting_, nullptr)->why);
}

void BufferLink::start_tls() {
  if (state_ != State::Open) return;
  if (end_seen_) {
    fail_later("TLS: the peer has ended its side");
    return;
  }
  const auto& context = server_ ? pool_.server_tls_ : pool_.client_tls_;
  if (!context) {
    fail_later("TLS is not configured");
    return;
  }
  tls_ = context;
  bufferevent_disable(bev_, EV_READ);
  // Plain text behind the command that brought us here must never be run as if it came through TLS (RFC 3207, 4.2).
  evbuffer* input = bufferevent_get_input(bev_);
  evbuffer_drain(input, evbuffer_get_length(input));
  state_ = State::Flushing;
  bufferevent_setwatermark(bev_, EV_WRITE, 0, 0);
  bufferevent_trigger(bev_, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
}

void BufferLink::switch_to_tls() {
  auto ssl = tls_->new_ssl(host_);
  if (!ssl) {
    failed("TLS: " + take_tls_error("out of memory"));
    return;
  }
  Fd fd(bufferevent_getfd(bev_));
  bufferevent_setfd(bev_, -1);
  free_bufferevent();
  bufferevent* bev = bufferevent_openssl_socket_new(pool_.loop_.base(), fd.get(), ssl.get(),
                                                    server_ ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING,
                                                    BEV_OPT_CLOSE_ON_FREE);
  if (bev == nullptr) {
    failed("TLS: " + take_tls_error("out of memory"));
    return;
  }
  // Both belong to the bufferevent now.
  [[maybe_unused]] SSL* raw_ssl = ssl.release();
  [[maybe_unused]] int raw_fd = fd.release();
  bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
  take_bufferevent(bev);
  state_ = State::Handshaking;
  write_held();
}

void BufferLink::secured() {
  state_ = State::Open;
  SSL* ssl = bufferevent_openssl_get_ssl(bev_);
  session::TlsInfo info;
  info.version = SSL_get_version(ssl);
  info.cipher = SSL_get_cipher_name(ssl);
  info.bits = SSL_get_cipher_bits(ssl, nullptr);
  read_enabled(read_wanted_);
  if (events_ != nullptr) events_->secured(info);
}

void BufferLink::close_after_flush() {
  later_.reset();
  connecting_.reset();
  // Before the handshake is done there is nothing that the peer could read.
  bool useful = state_ == State::Open || state_ == State::Flushing;
  state_ = State::Dead;
  if (bev_ == nullptr) return;
  if (!useful) {
    free_bufferevent();
    return;
  }
  bufferevent_setcb(bev_, nullptr, nullptr, nullptr, nullptr);
  pool_.linger(std::exchange(bev_, nullptr), end_seen_);
}

std::unique_ptr<BufferLink> LinkPool::accepted(Fd fd) {
  set_no_delay(fd.get());
  bufferevent* bev = bufferevent_socket_new(loop_.base(), fd.get(), BEV_OPT_CLOSE_ON_FREE);
  if (bev == nullptr) throw std::bad_alloc();
  [[maybe_unused]] int owned_by_bufferevent = fd.release();
  return std::make_unique<BufferLink>(*this, bev);
}

std::unique_ptr<BufferLink> LinkPool::outgoing(session::LinkEvents& events) {
  auto link = std::make_unique<BufferLink>(*this, nullptr);
  link->attach(events);
  return link;
}

}  // namespace postern::net
