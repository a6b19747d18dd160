#include "proxy/net/offload.h"

#include <exception>
#include <unordered_map>

namespace postern::net {

ThreadPool::ThreadPool(unsigned threads) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
}

bool ThreadPool::submit(std::function<void()> job) {
  {
    std::lock_guard lock(mutex_);
    if (jobs_.size() >= kMaxJobs) return false;
    jobs_.push_back(std::move(job));
  }
  work_.notify_one();
  return true;
}

void ThreadPool::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
}

/// Who waits for what, by number: the answer comes from another thread and may find nobody. Used on the loop's thread;
/// only `orphaned` is called from any.
class PoolOffload::Register {
 public:
  explicit Register(Orphaned to_orphaned) : orphaned(std::move(to_orphaned)) {}
  uint64_t next = 1;
  std::unordered_map<uint64_t, Waiting*> waiting;
  const Orphaned orphaned;
};

class PoolOffload::Waiting final : public Pending::Operation {
 public:
  Waiting(std::shared_ptr<Register> to, std::function<void(Result<std::string>)> callback)
      : done(std::move(callback)), register_(std::move(to)), id_(register_->next++) {
    register_->waiting.emplace(id_, this);
  }
  ~Waiting() override { register_->waiting.erase(id_); }
  [[nodiscard]] uint64_t id() const { return id_; }

  std::function<void(Result<std::string>)> done;

 private:
  std::shared_ptr<Register> register_;
  uint64_t id_;
};

PoolOffload::PoolOffload(Loop& loop, ThreadPool& pool, Orphaned orphaned)
    : loop_(loop), pool_(pool), register_(std::make_shared<Register>(std::move(orphaned))) {}
PoolOffload::~PoolOffload() = default;

Pending PoolOffload::run(std::function<Result<std::string>()> work, std::function<void(Result<std::string>)> done) {
  auto waiting = std::make_unique<Waiting>(register_, std::move(done));
  auto answer = [to = register_, id = waiting->id()](Result<std::string> result) {
    auto found = to->waiting.find(id);
    if (found == to->waiting.end()) {
      if (to->orphaned) to->orphaned(result);
      return;
    }
    auto callback = std::move(found->second->done);
    to->waiting.erase(found);
    callback(std::move(result));
  };
  auto job = [work = std::move(work), answer, orphaned = register_, inbox = loop_.inbox()] {
    Result<std::string> result = fail(Code::Internal, "did not run");
    try {
      result = work();
    } catch (const std::exception& error) {
      result = fail(Code::Internal, error.what());
    }
    if (!inbox->post([answer, result] { answer(result); }) && orphaned->orphaned) orphaned->orphaned(result);
  };
  if (!pool_.submit(std::move(job))) {
    // Not inside this call. When even that does not fit, the caller's own deadline ends the wait.
    std::ignore = loop_.post([answer] { answer(fail(Code::Limit, "too much blocking work")); });
  }
  return Pending(std::move(waiting));
}

}  // namespace postern::net
