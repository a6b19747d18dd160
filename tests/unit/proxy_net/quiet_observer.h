// session::Observer that remembers notes and states; thread-safe like every observer.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "proxy/session/observer.h"

namespace postern::net {

class QuietObserver final : public session::Observer {
 public:
  void connection_opened(const std::string&) override {}
  void connection_closed(const std::string&) override {}
  void replied(int code) override {
    std::lock_guard lock(mutex_);
    replies_.push_back(code);
  }
  void recipient(std::string_view) override {}
  void message(const session::MessageRecord&) override {}
  void filter(std::string_view, std::string_view, Duration) override {}
  void backend_replied(const std::string&, int, Duration) override {}
  void backend_state(const std::string& backend, bool up) override {
    std::lock_guard lock(mutex_);
    states_[backend] = up;
  }
  void refused(const session::RefusalRecord&) override {}
  void note(std::string_view, const std::string& text) override {
    std::lock_guard lock(mutex_);
    notes_.push_back(text);
  }

  [[nodiscard]] std::vector<std::string> notes() const {
    std::lock_guard lock(mutex_);
    return notes_;
  }
  [[nodiscard]] bool noted(const std::string& part) const {
    std::lock_guard lock(mutex_);
    for (const auto& note : notes_) {
      if (note.find(part) != std::string::npos) return true;
    }
    return false;
  }
  [[nodiscard]] bool is_up(const std::string& backend) const {
    std::lock_guard lock(mutex_);
    auto found = states_.find(backend);
    return found != states_.end() && found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<int> replies_;
  std::vector<std::string> notes_;
  std::map<std::string, bool> states_;
};

}  // namespace postern::net
