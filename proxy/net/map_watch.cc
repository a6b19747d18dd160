#include "proxy/net/map_watch.h"

#include <memory>
#include <string>
#include <utility>

namespace postern::net {

MapWatch::MapWatch(session::Timers& timers, session::Offload& offload, Looked looked)
    : timers_(timers), offload_(offload), looked_(std::move(looked)) {}

void MapWatch::watch(rules::RuleSetPtr rules) {
  rules_ = std::move(rules);
  if (!looking_) wait();
}

void MapWatch::hold() {
  rules_ = nullptr;
  timer_.reset();
}

void MapWatch::wait() {
  timer_.reset();
  if (rules_ != nullptr && !rules_->maps().names().empty()) {
    timer_ = timers_.after(kInterval, [this] { look(); });
  }
}

void MapWatch::look() {
  looking_ = true;
  auto changes = std::make_shared<std::vector<rules::Maps::Change>>();
  work_ = offload_.run(
      [changes, rules = rules_]() -> Result<std::string> {
        *changes = rules->maps().refresh();
        return std::string();
      },
      [this, changes](const Result<std::string>& ran) {
        looking_ = false;
        wait();
        // It did not run, or not to its end: the list may not be looked at.
        if (!ran) {
          looked_({{"", false, "maps were not looked at: " + ran.error().message}});
        } else {
          looked_(*changes);
        }
      });
}

}  // namespace postern::net
