// MapWatch: takes map files again when they change, while the gateway runs.
#pragma once

#include <functional>
#include <vector>

#include "lua/rules.h"
#include "proxy/session/ports.h"

namespace postern::net {

/// One thread: that of the timers. Files are looked at off the loop, one look at a time, kInterval after the end of the
/// last. `timers` and `offload` outlive it; destroying it forgets a look that is under way.
class MapWatch {
 public:
  static constexpr Duration kInterval = std::chrono::seconds(5);

  /// After each look, with what it found (mostly nothing). It may call everything here but the destructor.
  using Looked = std::function<void(const std::vector<rules::Maps::Change>&)>;

  MapWatch(session::Timers& timers, session::Offload& offload, Looked looked);
  MapWatch(const MapWatch&) = delete;
  MapWatch& operator=(const MapWatch&) = delete;
  ~MapWatch() = default;

  /// From now on the maps of these rules. Where they name none nothing is ever looked at.
  void watch(rules::RuleSetPtr rules);
  /// No look begins until watch(); one that is under way ends as always.
  void hold();
  [[nodiscard]] bool looking() const { return looking_; }

 private:
  void wait();
  void look();

  session::Timers& timers_;
  session::Offload& offload_;
  Looked looked_;
  rules::RuleSetPtr rules_;  // null: on hold
  bool looking_ = false;
  Pending timer_;
  Pending work_;
};

}  // namespace postern::net
