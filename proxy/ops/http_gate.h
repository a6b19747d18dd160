// HttpGate: how many connections the HTTP server has, and no more than a limit.
#pragma once

#include <cstddef>
#include <vector>

#include <sys/stat.h>

struct bufferevent;
struct event;
struct event_base;
struct evconnlistener;

namespace postern::ops {

/// evhttp neither counts its connections nor says when one ends, and its way of accepting cannot be taken over. So each
/// connection is remembered as its descriptor and the inode of its socket: it has ended once that descriptor is closed
/// or is another socket. At the limit the listener is paused, and a timer looks until one has ended; further clients
/// wait in the kernel.
///
/// Not taken: a filter bufferevent, which is told when it is freed, but says that all is written while the socket still
/// writes, so that evhttp closes too early.
class HttpGate {
 public:
  /// `listener` outlives the gate's use: destroy the gate before it.
  HttpGate(event_base* base, evconnlistener* listener, size_t limit);
  HttpGate(const HttpGate&) = delete;
  HttpGate& operator=(const HttpGate&) = delete;
  ~HttpGate();

  /// A new connection, whose descriptor will be known in the next turn of the loop.
  void enter(bufferevent* connection);

 private:
  struct Open {
    int fd;
    ino_t inode;
  };
  void tick();
  void forget_closed();
  void schedule(long milliseconds);  // below a second

  evconnlistener* listener_;
  size_t limit_;
  event* timer_;
  bool paused_ = false;
  std::vector<bufferevent*> fresh_;  // each with a reference of ours
  std::vector<Open> open_;
};

}  // namespace postern::ops
