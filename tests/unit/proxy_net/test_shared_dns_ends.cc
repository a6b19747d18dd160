// Workers that hang, leave, or stop in the middle of it.
#include <atomic>
#include <functional>
#include <future>

#include "tests/unit/proxy_net/shared_dns_fixture.h"

namespace postern::net {
namespace {

using dns::Status;
using dns::Type;

TEST_F(SharedDnsTest, AWorkerThatLeavesIsReplacedByTheAskersOwnClient) {
  dns::Question under_way = question_of(1);
  dns::Question unread = question_of(1);
  dns::Question later = question_of(1);
  auto one = call(*parties[0], under_way);
  // Asked in the same turn in which the owner leaves: the letter is never opened.
  std::promise<void> go;
  std::promise<void> hanging;
  std::promise<void> left;
  ASSERT_TRUE(parties[1]->loop.post([&, until = go.get_future().share()] {
    hanging.set_value();
    until.wait();
    parties[1]->door.reset();
    left.set_value();
  }));
  hanging.get_future().wait();
  auto two = call(*parties[0], unread);
  go.set_value();
  left.get_future().wait();
  auto three = call(*parties[0], later);
  for (const auto& question : {under_way, unread, later}) {
    EXPECT_EQ(parties[0]->on([&] { return parties[0]->own.asked(question.name); }), 1) << question.name;
    release(0, question.name);
  }
  EXPECT_EQ(one->answer.get().status, Status::Found);
  EXPECT_EQ(two->answer.get().status, Status::Found);
  EXPECT_EQ(three->answer.get().status, Status::Found);
}

TEST_F(SharedDnsTest, AnAskerThatLeavesIsNotMissed) {
  dns::Question question = question_of(1);
  auto gone = call(*parties[0], question);
  auto stays = call(*parties[2], question);
  leave(*parties[0]);
  release(1, question.name);
  EXPECT_EQ(stays->answer.get().status, Status::Found);
  parties[0]->on([&] { gone->pending.reset(); });
  EXPECT_EQ(gone->calls.load(), 0);
}

TEST_F(SharedDnsTest, LookupsMayOutliveTheDoor) {
  dns::Question own = question_of(0);
  dns::Question far = question_of(1);
  dns::Question known = question_of(0);
  auto keeper = call(*parties[0], known);
  release(0, known.name);
  keeper->answer.get();
  auto waits_here = call(*parties[0], own);
  auto waits_there = call(*parties[0], far);
  std::unique_ptr<Call> ready;
  std::atomic<int> calls{0};
  Pending pending;
  parties[0]->on([&] {
    pending = parties[0]->door->lookup(known, kLong, [&](const auto&) { ++calls; });
    parties[0]->door.reset();
  });
  release(1, far.name);
  parties[0]->on([&] {
    EXPECT_EQ(parties[0]->own.waiting(), 0U) << "nobody waits for it";
    pending.reset();
    waits_here->pending.reset();
    waits_there->pending.reset();
  });
  EXPECT_EQ(calls.load() + waits_here->calls.load() + waits_there->calls.load(), 0);
}

/// What one worker asks, round after round. Of its thread.
struct Asker {
  /// Eight questions, of which two are cancelled at once; `then` when the others are answered.
  void ask(SharedDns& door, const std::function<void()>& then) {
    pending.clear();
    for (int n = 0; n < 8; ++n) {
      dns::Question question{fmt::format("r{}.{}.example", round / 4, n), Type::A};
      if (n % 4 == 3) {
        static_cast<void>(door.lookup(question, kLong, [this](const dns::Answer&) { ++wrong; }));
        continue;
      }
      ++wanted;
      ++open;
      pending.push_back(door.lookup(question, kLong, [this, then](const dns::Answer& answer) {
        wrong += answer.status == Status::Found ? 0 : 1;
        ++answers;
        if (--open == 0) then();
      }));
    }
  }

  int round = 0;
  size_t open = 0;
  size_t answers = 0;
  size_t wanted = 0;
  size_t wrong = 0;
  std::vector<Pending> pending;
  std::promise<void> done;
};

/// Everybody asks everybody, cancels some, and leaves one after the other.
TEST_F(SharedDnsTest, EveryLookupEndsOnceWhileWorkersComeToTheirEnd) {
  constexpr int kRounds = 400;
  for (auto& party : parties) party->on([&] { party->own.set_at_once(true); });
  std::vector<Asker> askers(parties.size());
  std::vector<std::function<void()>> turn(parties.size());
  for (size_t i = 0; i < parties.size(); ++i) {
    turn[i] = [&, i] {
      Asker& self = askers[i];
      if (++self.round <= kRounds) {
        self.ask(*parties[i]->door, [&, i] { POSTERN_CHECK(parties[i]->loop.post(turn[i])); });
        return;
      }
      self.pending.clear();
      parties[i]->door.reset();
      self.done.set_value();
    };
  }
  for (size_t i = 0; i < parties.size(); ++i) EXPECT_TRUE(parties[i]->loop.post(turn[i]));
  for (auto& asker : askers) {
    asker.done.get_future().wait();
    EXPECT_EQ(asker.answers, asker.wanted);
    EXPECT_EQ(asker.wrong, 0U);
  }
}

}  // namespace
}  // namespace postern::net
