// The end of a connection: what was written goes out, then our side is closed, then the peer's, each in bounded time.
//
// A socket that is closed while input waits in it sends a reset, and a reset makes the peer's system forget replies
// that it has not read yet. So after our half is closed the peer's bytes are read and dropped until it closes too.
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "proxy/net/link.h"

namespace postern::net {

class LinkPool::Lingering {
 public:
  using Place = std::list<std::unique_ptr<Lingering>>::iterator;

  Lingering(LinkPool& pool, bufferevent* bev, bool end_seen) : pool_(pool), bev_(bev), end_seen_(end_seen) {
    bufferevent_setcb(bev_, on_read, on_write, on_event, this);
    bufferevent_setwatermark(bev_, EV_WRITE, 0, 0);
    evtimer_assign(&timer_, pool_.loop_.base(), on_time, this);
  }
  Lingering(const Lingering&) = delete;
  Lingering& operator=(const Lingering&) = delete;
  ~Lingering() {
    event_del(&timer_);
    bufferevent_setcb(bev_, nullptr, nullptr, nullptr, nullptr);
    bufferevent_free(bev_);
  }

  void begin(Place place) {
    place_ = place;
    arm(kFlushTime);
    if (!end_seen_) bufferevent_enable(bev_, EV_READ);
    if (flushed()) close_our_side();
  }

 private:
  static void on_read(bufferevent* bev, void* self) noexcept {
    evbuffer* input = bufferevent_get_input(bev);
    auto* lingering = static_cast<Lingering*>(self);
    lingering->dropped_ += evbuffer_get_length(input);
    evbuffer_drain(input, evbuffer_get_length(input));
    if (lingering->dropped_ > kLingerInput) lingering->done();
  }
  static void on_write(bufferevent*, void* self) noexcept {
    auto* lingering = static_cast<Lingering*>(self);
    if (lingering->flushed()) lingering->close_our_side();
  }
  static void on_event(bufferevent*, short what, void* self) noexcept {
    auto* lingering = static_cast<Lingering*>(self);
    bool end = (static_cast<unsigned>(what) & BEV_EVENT_EOF) != 0;
    if (!end || lingering->flushed()) {
      lingering->done();
      return;
    }
    lingering->end_seen_ = true;
    bufferevent_enable(lingering->bev_, EV_WRITE);  // a TLS bufferevent has stopped both directions
  }
  static void on_time(int, short, void* self) noexcept {
    auto* lingering = static_cast<Lingering*>(self);
    if (!lingering->flushed()) {
      // The peer does not read: nothing of this connection shall stay in the kernel either.
      ::linger reset{1, 0};
      ::setsockopt(bufferevent_getfd(lingering->bev_), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    lingering->done();
  }

  [[nodiscard]] bool flushed() const { return evbuffer_get_length(bufferevent_get_output(bev_)) == 0; }
  void arm(Duration time) {
    timeval value = to_timeval(time);
    event_add(&timer_, &value);
  }
  void close_our_side() {
    if (closed_) return;
    closed_ = true;
    if (SSL* ssl = bufferevent_openssl_get_ssl(bev_); ssl != nullptr) {
      SSL_shutdown(ssl);  // sends close_notify and does not wait
      ERR_clear_error();
    }
    ::shutdown(bufferevent_getfd(bev_), SHUT_WR);
    if (end_seen_) {
      done();
    } else {
      arm(kLingerTime);
    }
  }
  /// Destroys itself.
  void done() { pool_.lingering_.erase(place_); }

  LinkPool& pool_;
  bufferevent* bev_;
  Place place_;
  event timer_{};
  size_t dropped_ = 0;
  bool end_seen_;
  bool closed_ = false;
};

LinkPool::LinkPool(Loop& loop, session::Timers& timers) : loop_(loop), timers_(timers) {}
LinkPool::~LinkPool() = default;

void LinkPool::linger(bufferevent* bev, bool end_seen) {
  lingering_.push_back(std::make_unique<Lingering>(*this, bev, end_seen));
  auto place = std::prev(lingering_.end());
  (*place)->begin(place);
}

}  // namespace postern::net
