// session::Timers on libevent.
#pragma once

#include "proxy/net/loop.h"
#include "proxy/session/ports.h"

namespace postern::net {

/// One thread: the loop's. Pending timers may outlive this object, not the loop.
class LoopTimers final : public session::Timers {
 public:
  explicit LoopTimers(Loop& loop) : loop_(loop) {}
  [[nodiscard]] Pending after(Duration delay, std::function<void()> callback) override;

 private:
  Loop& loop_;
};

}  // namespace postern::net
