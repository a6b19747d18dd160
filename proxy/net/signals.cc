#include "proxy/net/signals.h"

#include <csignal>
#include <utility>

#include <event2/event.h>

#include "filters/base/result.h"

namespace postern::net {

SignalWatcher::SignalWatcher(Loop& loop, std::initializer_list<int> numbers, Callback callback)
    : callback_(std::move(callback)) {
  std::signal(SIGPIPE, SIG_IGN);
  for (int number : numbers) {
    event* signal = evsignal_new(loop.base(), number, on_signal, this);
    POSTERN_CHECK(signal != nullptr && event_add(signal, nullptr) == 0);
    events_.push_back(signal);
  }
}

SignalWatcher::~SignalWatcher() {
  for (event* signal : events_) event_free(signal);
}

void SignalWatcher::on_signal(int number, short /*what*/, void* self) noexcept {
  static_cast<SignalWatcher*>(self)->callback_(number);
}

}  // namespace postern::net
