// Signals of the process, told in a loop's own turn.
#pragma once

#include <functional>
#include <initializer_list>
#include <vector>

#include "proxy/net/loop.h"

namespace postern::net {

/// One of these a process. Told on the loop's thread, never in signal context; the loop outlives it. SIGPIPE is ignored
/// from construction on: a peer that is gone is an error of write(2), not the end of the process.
class SignalWatcher {
 public:
  using Callback = std::function<void(int number)>;

  SignalWatcher(Loop& loop, std::initializer_list<int> numbers, Callback callback);
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;
  ~SignalWatcher();

 private:
  static void on_signal(int number, short what, void* self) noexcept;

  Callback callback_;
  std::vector<event*> events_;
};

}  // namespace postern::net
