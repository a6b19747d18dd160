#include "proxy/net/timers.h"

#include <event2/event.h>
#include <event2/event_struct.h>

namespace postern::net {
namespace {

class Timer final : public Pending::Operation {
 public:
  Timer(event_base* base, Duration delay, std::function<void()> callback) : callback_(std::move(callback)) {
    evtimer_assign(&event_, base, fired, this);
    timeval time = to_timeval(delay);
    POSTERN_CHECK(event_add(&event_, &time) == 0);
  }
  ~Timer() override { event_del(&event_); }

 private:
  static void fired(int, short, void* self) noexcept {
    // The owner may destroy the timer in the callback, so the callback must not live in it meanwhile.
    auto callback = std::move(static_cast<Timer*>(self)->callback_);
    callback();
  }

  event event_{};
  std::function<void()> callback_;
};

}  // namespace

Pending LoopTimers::after(Duration delay, std::function<void()> callback) {
  return Pending(std::make_unique<Timer>(loop_.base(), delay, std::move(callback)));
}

}  // namespace postern::net
