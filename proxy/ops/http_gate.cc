#include "proxy/ops/http_gate.h"

#include <algorithm>

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

namespace postern::ops {

HttpGate::HttpGate(event_base* base, evconnlistener* listener, size_t limit)
    : listener_(listener),
      limit_(limit),
      timer_(evtimer_new(
          base, [](evutil_socket_t, short, void* self) { static_cast<HttpGate*>(self)->tick(); }, this)) {}

HttpGate::~HttpGate() {
  for (bufferevent* connection : fresh_) bufferevent_decref(connection);
  event_free(timer_);
}

void HttpGate::enter(bufferevent* connection) {
  bufferevent_incref(connection);
  fresh_.push_back(connection);
  schedule(0);
  if (fresh_.size() + open_.size() < limit_ || paused_) return;
  paused_ = true;
  evconnlistener_disable(listener_);
}

void HttpGate::tick() {
  for (bufferevent* connection : fresh_) {
    int fd = bufferevent_getfd(connection);
    struct stat found {};
    if (fd >= 0 && fstat(fd, &found) == 0) open_.push_back({fd, found.st_ino});
    bufferevent_decref(connection);  // closes it, if it has ended meanwhile
  }
  fresh_.clear();
  if (!paused_ && open_.size() < limit_) return;
  forget_closed();
  if (open_.size() >= limit_) {
    schedule(50);
  } else if (paused_) {
    paused_ = false;
    evconnlistener_enable(listener_);
  }
}

void HttpGate::forget_closed() {
  auto ended = [](const Open& connection) {
    struct stat found {};
    return fstat(connection.fd, &found) != 0 || found.st_ino != connection.inode;
  };
  open_.erase(std::remove_if(open_.begin(), open_.end(), ended), open_.end());
}

void HttpGate::schedule(long milliseconds) {
  timeval delay{0, milliseconds * 1000};
  evtimer_add(timer_, &delay);
}

}  // namespace postern::ops
