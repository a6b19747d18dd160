// Workers that share questions: loops with threads, clients that answer when they are told to, and the doors between
// them.
#pragma once

#include <algorithm>
#include <atomic>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "proxy/net/shared_dns.h"
#include "proxy/net/timers.h"

namespace postern::net {

inline constexpr Duration kLong = std::chrono::seconds(100);

/// A client that counts, and answers when it is told to (but a time-out by itself).
class HeldDns final : public dns::Client {
 public:
  explicit HeldDns(Loop& loop) : timers_(loop) {}

  Pending lookup(const dns::Question& question, Duration timeout, Callback callback) override {
    ++asked_[question.name];
    auto operation = std::make_unique<Operation>(*this, question.name, std::move(callback));
    Operation& started = *operation;
    started.timer = timers_.after(at_once_ ? Duration::zero() : timeout, [this, &started] {
      dns::Answer answer;
      if (at_once_) {
        answer = listed(60);
      } else {
        answer.reason = "timeout";
      }
      finish(started, answer);
    });
    return Pending(std::move(operation));
  }

  static dns::Answer listed(uint32_t ttl) {
    dns::Answer answer;
    answer.status = dns::Status::Found;
    answer.ttl = ttl;
    answer.addresses = {*IpAddress::parse("127.0.0.2")};
    return answer;
  }
  void answer(const std::string& name, const dns::Answer& answer) {
    while (true) {
      auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](auto* one) { return one->name == name; });
      if (found == waiting_.end()) return;
      finish(**found, answer);
    }
  }
  void set_at_once(bool at_once) { at_once_ = at_once; }
  [[nodiscard]] int asked(const std::string& name) const {
    auto found = asked_.find(name);
    return found == asked_.end() ? 0 : found->second;
  }
  [[nodiscard]] size_t waiting() const { return waiting_.size(); }

 private:
  struct Operation final : Pending::Operation {
    Operation(HeldDns& owner, std::string what, Callback then)
        : dns(owner), name(std::move(what)), callback(std::move(then)) {
      dns.waiting_.push_back(this);
    }
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;
    ~Operation() override { dns.waiting_.remove(this); }
    HeldDns& dns;
    std::string name;
    Callback callback;
    Pending timer;
  };
  void finish(Operation& operation, const dns::Answer& answer) {
    waiting_.remove(&operation);
    operation.timer.reset();
    Callback callback = std::move(operation.callback);
    callback(answer);
  }

  LoopTimers timers_;
  bool at_once_ = false;
  std::map<std::string, int> asked_;
  std::list<Operation*> waiting_;
};

/// One worker: a loop with its thread, a client and a door.
class Party {
 public:
  Party(const Clock& clock, const std::shared_ptr<DnsRing>& ring)
      : own(loop), door(std::make_unique<SharedDns>(loop, clock, ring, own)) {}
  Party(const Party&) = delete;
  Party& operator=(const Party&) = delete;
  virtual ~Party() { stop(); }

  void start() {
    thread_ = std::thread([this] { loop.run(); });
  }
  void stop() {
    if (!thread_.joinable()) return;
    loop.stop();
    thread_.join();
  }
  /// Runs it on the party's thread and waits until it is done. What an earlier one wrote to others is then with them.
  template <class F>
  auto on(F work) {
    std::packaged_task<decltype(work())()> task(std::move(work));
    EXPECT_TRUE(loop.post([&] { task(); }));
    return task.get_future().get();
  }

  Loop loop;
  HeldDns own;
  std::unique_ptr<SharedDns> door;

 private:
  std::thread thread_;
};

struct SharedDnsTest : ::testing::Test {
  explicit SharedDnsTest(size_t count = 3) {
    for (size_t i = 0; i < count; ++i) parties.push_back(std::make_unique<Party>(clock, ring));
    for (auto& party : parties) party->start();
  }
  SharedDnsTest(const SharedDnsTest&) = delete;
  SharedDnsTest& operator=(const SharedDnsTest&) = delete;
  /// As in the program: while one worker's door closes the others may still run.
  ~SharedDnsTest() override {
    for (auto& party : parties) leave(*party);
  }
  static void leave(Party& party) {
    if (party.door) party.on([&] { party.door.reset(); });
  }

  /// A question that only `owner`'s client would be asked.
  dns::Question question_of(size_t owner) {
    for (int i = 0;; ++i) {
      dns::Question question{fmt::format("n{}.{}.example", i, names++), dns::Type::A};
      Pending pending;
      parties[0]->on([&] { pending = parties[0]->door->lookup(question, kLong, [](const auto&) {}); });
      parties[0]->on([] {});
      bool found = parties[owner]->on([&] { return parties[owner]->own.asked(question.name) > 0; });
      parties[0]->on([&] { pending.reset(); });
      for (auto& party : parties) party->on([&] { party->own.answer(question.name, dns::Answer()); });
      if (found) return question;
    }
  }
  int asked(const std::string& name) {
    int sum = 0;
    for (auto& party : parties) sum += party->on([&] { return party->own.asked(name); });
    return sum;
  }
  /// One look-up, with what became of it.
  struct Call {
    std::promise<dns::Answer> promise;
    std::future<dns::Answer> answer = promise.get_future();
    std::atomic<int> calls{0};
    Pending pending;
  };
  std::unique_ptr<Call> call(Party& party, const dns::Question& question, Duration timeout = kLong) {
    auto made = std::make_unique<Call>();
    party.on([&, &out = *made] {
      out.pending = party.door->lookup(question, timeout, [&out](const dns::Answer& answer) {
        if (out.calls.fetch_add(1) == 0) out.promise.set_value(answer);
      });
      EXPECT_EQ(out.calls.load(), 0) << "called back inside lookup()";
    });
    party.on([] {});
    return made;
  }
  void release(size_t owner, const std::string& name, uint32_t ttl = 60) {
    parties[owner]->on([&] { parties[owner]->own.answer(name, HeldDns::listed(ttl)); });
  }

  SystemClock clock;
  std::shared_ptr<DnsRing> ring = std::make_shared<DnsRing>();
  std::vector<std::unique_ptr<Party>> parties;
  int names = 0;
};

}  // namespace postern::net
