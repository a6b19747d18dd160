#include "proxy/session/backend_pool.h"

#include <algorithm>
#include <utility>

namespace postern::session {
namespace {

bool same_place(const Backend::Options& a, const Backend::Options& b) {
  if (a.client_info != b.client_info) return false;
  auto same = [](const BackendAddress& x, const BackendAddress& y) { return x.text == y.text; };
  return a.tls == b.tls && a.hostname == b.hostname &&
         std::equal(a.addresses.begin(), a.addresses.end(), b.addresses.begin(), b.addresses.end(), same);
}

}  // namespace

void BackendPool::put(std::unique_ptr<Backend> backend) {
  bool usable = backend->is_open() && !backend->owes_reply() && !backend->bound_to_client();
  if (!usable || waiting_.size() >= kMost) {
    backend->quit();
    return;
  }
  waiting_.push_back({std::move(backend), clock_.now() + kKeep});
  if (!timer_) timer_ = timers_.after(kKeep, [this] { expire(); });
}

std::unique_ptr<Backend> BackendPool::take(const Backend::Options& options) {
  // The youngest first: the others may then expire.
  for (size_t i = waiting_.size(); i-- > 0;) {
    if (!same_place(waiting_[i].backend->options(), options)) continue;
    auto backend = std::move(waiting_[i].backend);
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
    if (backend->is_open()) return backend;
  }
  return nullptr;
}

void BackendPool::expire() {
  timer_.reset();
  TimePoint now = clock_.now();
  auto fresh =
      std::find_if(waiting_.begin(), waiting_.end(), [now](const Waiting& entry) { return entry.until > now; });
  for (auto entry = waiting_.begin(); entry != fresh; ++entry) entry->backend->quit();
  waiting_.erase(waiting_.begin(), fresh);
  if (!waiting_.empty()) timer_ = timers_.after(waiting_.front().until - now, [this] { expire(); });
}

}  // namespace postern::session
