// BackendPool: connections to the backend that one session has finished with and the next may use.
#pragma once

#include <memory>
#include <vector>

#include "filters/base/clock.h"
#include "filters/base/pending.h"
#include "proxy/session/backend.h"
#include "proxy/session/ports.h"

namespace postern::session {

/// One a worker, one thread. Only for backends that are not told who the client is: XCLIENT and PROXY bind a connection
/// to one client. A connection waits kKeep at most, so that a quiet gateway holds none open, and a busy one saves
/// connecting, greeting and EHLO for most messages.
class BackendPool {
 public:
  static constexpr size_t kMost = 64;
  static constexpr Duration kKeep = std::chrono::seconds(1);

  BackendPool(Timers& timers, const Clock& clock) : timers_(timers), clock_(clock) {}
  BackendPool(const BackendPool&) = delete;
  BackendPool& operator=(const BackendPool&) = delete;
  ~BackendPool() = default;

  /// Takes an open backend without a transaction in it; anything else is told QUIT.
  void put(std::unique_ptr<Backend> backend);
  /// An open one for these options, or nullptr. It may die at any moment, as every connection that waited.
  [[nodiscard]] std::unique_ptr<Backend> take(const Backend::Options& options);
  [[nodiscard]] size_t size() const { return waiting_.size(); }

 private:
  struct Waiting {
    std::unique_ptr<Backend> backend;
    TimePoint until;
  };
  void expire();

  Timers& timers_;
  const Clock& clock_;
  std::vector<Waiting> waiting_;  // oldest first
  Pending timer_;
};

}  // namespace postern::session
