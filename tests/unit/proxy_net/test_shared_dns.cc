#include <atomic>
#include <functional>
#include <latch>

#include "proxy/net/dns_unbound.h"
#include "tests/unit/proxy_net/dns_server.h"
#include "tests/unit/proxy_net/shared_dns_fixture.h"

namespace postern::net {
namespace {

using dns::Status;
using dns::Type;
constexpr unsigned kA = 1;
const std::string kListed("\x7f\0\0\x02", 4);

/// Time goes on when the test says so, for all threads.
class SetClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override { return TimePoint(Duration(now_.load())); }
  [[nodiscard]] int64_t wall_ms() const override { return now_.load() / 1000; }
  void advance(Duration by) { now_ += by.count(); }

 private:
  std::atomic<int64_t> now_{1'000'000'000};
};

TEST_F(SharedDnsTest, AThousandLookupsOfTwoWorkersAskTheOwnerOnce) {
  dns::Question question = question_of(2);
  const int before = asked(question.name);
  const uint64_t crossed = ring->crossings();
  constexpr int kEach = 500;
  std::latch all(2L * kEach);
  std::vector<Pending> pending[2];
  for (size_t i = 0; i < 2; ++i) {
    pending[i].reserve(kEach);
    parties[i]->on([&] {
      for (int n = 0; n < kEach; ++n) {
        pending[i].push_back(parties[i]->door->lookup(question, kLong, [&](const dns::Answer& answer) {
          EXPECT_EQ(answer.status, Status::Found);
          EXPECT_EQ(answer.addresses.size(), 1U);
          all.count_down();
        }));
      }
    });
  }
  for (auto& party : parties) party->on([] {});
  release(2, question.name);
  all.wait();
  EXPECT_EQ(asked(question.name) - before, 1);
  EXPECT_EQ(ring->crossings() - crossed, 2U);
  // And from now on each of them knows.
  for (auto& party : parties) EXPECT_EQ(call(*party, question)->answer.get().status, Status::Found);
  EXPECT_EQ(asked(question.name) - before, 1);
  EXPECT_EQ(ring->crossings() - crossed, 2U);
  for (size_t i = 0; i < 2; ++i) parties[i]->on([&] { pending[i].clear(); });
}

TEST_F(SharedDnsTest, AnAnswerIsKeptAsLongAsItsTtlSaysAndNoLongerByWhoGotItLater) {
  SetClock time;
  auto other = std::make_shared<DnsRing>();
  Party owner(time, other);
  Party asker(time, other);
  owner.own.set_at_once(true);
  asker.own.set_at_once(true);
  owner.start();
  asker.start();
  dns::Question question;
  do {
    question = {fmt::format("n{}.example", names++), Type::A};
    EXPECT_EQ(call(owner, question)->answer.get().status, Status::Found);
  } while (owner.on([&] { return owner.own.asked(question.name); }) == 0);
  time.advance(std::chrono::seconds(50));
  EXPECT_EQ(call(asker, question)->answer.get().status, Status::Found);
  EXPECT_EQ(owner.on([&] { return owner.own.asked(question.name); }), 1);
  time.advance(std::chrono::seconds(9));
  EXPECT_EQ(call(asker, {"N" + question.name.substr(1), Type::A})->answer.get().status, Status::Found);
  EXPECT_EQ(owner.on([&] { return owner.own.asked(question.name); }), 1);
  time.advance(std::chrono::seconds(1));
  EXPECT_EQ(call(asker, question)->answer.get().status, Status::Found);
  EXPECT_EQ(owner.on([&] { return owner.own.asked(question.name); }), 2);
  EXPECT_EQ(asker.on([&] { return asker.own.asked(question.name); }), 0);
  owner.stop();
  asker.stop();
}

TEST_F(SharedDnsTest, FailuresAreToldToAllAndNotKept) {
  dns::Question question = question_of(1);
  int before = asked(question.name);
  for (int round = 1; round <= 2; ++round) {
    auto one = call(*parties[0], question);
    auto two = call(*parties[1], question);
    dns::Answer broken;
    broken.reason = "SERVFAIL";
    parties[1]->on([&] { parties[1]->own.answer(question.name, broken); });
    EXPECT_EQ(one->answer.get().reason, "SERVFAIL");
    EXPECT_EQ(two->answer.get().reason, "SERVFAIL");
    EXPECT_EQ(asked(question.name) - before, round);
  }
}

TEST_F(SharedDnsTest, ACancelledLookupNeverCallsBack) {
  dns::Question question = question_of(1);
  for (size_t who : {0U, 1U}) {
    auto cancelled = call(*parties[who], question);
    parties[who]->on([&] { cancelled->pending.reset(); });
    EXPECT_EQ(parties[who]->on([&] { return parties[who]->door->outstanding(); }), 0U);
    auto kept = call(*parties[who], question);
    release(1, question.name, 0);
    EXPECT_EQ(kept->answer.get().status, Status::Found);
    EXPECT_EQ(cancelled->calls.load(), 0);
  }
  // An answer that is known already, and waits for the next turn.
  auto keeper = call(*parties[0], question);
  release(1, question.name, 60);
  keeper->answer.get();
  std::atomic<int> calls{0};
  parties[0]->on([&] {
    Pending pending = parties[0]->door->lookup(question, kLong, [&](const auto&) { ++calls; });
    pending.reset();
  });
  call(*parties[0], question)->answer.get();
  EXPECT_EQ(calls.load(), 0);
}

TEST_F(SharedDnsTest, WhatNobodyWaitsForIsForgotten) {
  dns::Question mine = question_of(0);
  auto cancelled = call(*parties[0], mine);
  EXPECT_EQ(parties[0]->on([&] { return parties[0]->own.waiting(); }), 1U);
  parties[0]->on([&] { cancelled->pending.reset(); });
  EXPECT_EQ(parties[0]->on([&] { return parties[0]->own.waiting(); }), 0U);
  EXPECT_EQ(parties[0]->on([&] { return parties[0]->door->outstanding(); }), 0U);
}

TEST_F(SharedDnsTest, ATimeOutIsAnAnswerWhoeverAsks) {
  dns::Question question = question_of(1);
  for (size_t who : {0U, 1U}) {
    auto answer = call(*parties[who], question, std::chrono::milliseconds(20))->answer.get();
    EXPECT_EQ(answer.status, Status::TempFail);
    EXPECT_EQ(answer.reason, "timeout");
  }
  EXPECT_EQ(call(*parties[0], question, Duration::zero())->answer.get().reason, "timeout");
  EXPECT_EQ(call(*parties[0], {"a..example", Type::A})->answer.get().status, Status::NoName);
  EXPECT_EQ(parties[0]->on([&] { return parties[0]->door->outstanding(); }), 0U);
}

TEST_F(SharedDnsTest, ThePatientAreNotAnsweredWithTheTimeOutOfTheHasty) {
  for (size_t hasty_one : {0U, 1U}) {
    for (size_t patient_one : {0U, 1U}) {
      dns::Question question = question_of(1);
      auto hasty = call(*parties[hasty_one], question, std::chrono::milliseconds(20));
      auto patient = call(*parties[patient_one], question);
      EXPECT_EQ(hasty->answer.get().reason, "timeout");
      // The owner's client hears of it in some later turn, and may be asked anew then.
      while (patient->calls.load() == 0) release(1, question.name);
      EXPECT_EQ(patient->answer.get().status, Status::Found);
    }
  }
}

TEST_F(SharedDnsTest, AnOwnerThatHangsDelaysAndLosesNothing) {
  dns::Question question = question_of(1);
  std::promise<void> hang;
  std::promise<void> hanging;
  ASSERT_TRUE(parties[1]->loop.post([&, until = hang.get_future().share()] {
    hanging.set_value();
    until.wait();
  }));
  hanging.get_future().wait();
  auto delayed = call(*parties[0], question);
  // Its deadline does not need the owner.
  auto hasty = call(*parties[0], question, std::chrono::milliseconds(10));
  EXPECT_EQ(hasty->answer.get().reason, "timeout");
  EXPECT_EQ(delayed->calls.load(), 0);
  hang.set_value();
  release(1, question.name);
  EXPECT_EQ(delayed->answer.get().status, Status::Found);
}

TEST_F(SharedDnsTest, CallbacksMayAskAndDestroyAnything) {
  dns::Question question = question_of(1);
  Pending first;
  Pending doomed;
  int depth = 0;
  bool doomed_called = false;
  std::promise<void> done;
  std::function<void(const dns::Answer&)> again = [&](const dns::Answer&) {
    doomed.reset();
    // From the second time on the answer is known: a recursion would overflow the stack here.
    if (++depth == 20'000) return done.set_value();
    first = parties[0]->door->lookup(question, kLong, again);
  };
  parties[0]->on([&] {
    first = parties[0]->door->lookup(question, kLong, again);
    doomed = parties[0]->door->lookup(question, kLong, [&](const auto&) { doomed_called = true; });
  });
  parties[0]->on([] {});
  release(1, question.name);
  done.get_future().wait();
  parties[0]->on([&] { first.reset(); });
  EXPECT_FALSE(doomed_called);
}

TEST_F(SharedDnsTest, AWorkerAloneNeedsNobody) {
  auto alone = std::make_shared<DnsRing>();
  Party party(clock, alone);
  party.own.set_at_once(true);
  party.start();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(call(party, {fmt::format("n{}.example", i), Type::A})->answer.get().status, Status::Found);
  }
  EXPECT_EQ(alone->crossings(), 0U);
  party.stop();
}

TEST(SharedUnbound, ManyClientsOfTwoWorkersAreOneQuestionForTheServer) {
  SystemClock clock;
  DnsServer server;
  server.add("1.2.0.192.list.example", kA, kA, kListed);
  auto ring = std::make_shared<DnsRing>();
  constexpr int kEach = 200;
  std::latch all(2L * (kEach + 1));
  struct Worker {
    Loop loop;
    std::unique_ptr<UnboundClient> own;
    std::unique_ptr<SharedDns> door;
    std::vector<Pending> pending;
  };
  Worker workers[2];
  for (auto& worker : workers) {
    DnsOptions options;
    options.servers = {server.address()};
    worker.own = UnboundClient::create(worker.loop, clock, options).value();
    worker.door = std::make_unique<SharedDns>(worker.loop, clock, ring, *worker.own);
  }
  std::vector<std::jthread> threads;
  threads.reserve(2);
  for (auto& worker : workers) {
    threads.emplace_back([&] {
      worker.pending.reserve(kEach + 1);
      for (int n = 0; n < kEach; ++n) {
        worker.pending.push_back(
            worker.door->lookup({"1.2.0.192.list.example", Type::A}, kLong, [&](const dns::Answer& answer) {
              EXPECT_EQ(answer.addresses.size(), 1U) << answer.reason;
              all.count_down();
            }));
      }
      // Negative answers too.
      worker.pending.push_back(worker.door->lookup({"9.2.0.192.list.example", Type::A}, kLong, [&](const auto& answer) {
        EXPECT_EQ(answer.status, Status::NoName);
        all.count_down();
      }));
      worker.loop.run();
      worker.pending.clear();
      worker.door.reset();
    });
  }
  all.wait();
  EXPECT_EQ(server.asked("1.2.0.192.list.example"), 1);
  EXPECT_EQ(server.asked("9.2.0.192.list.example"), 1);
  for (auto& worker : workers) worker.loop.stop();
}

}  // namespace
}  // namespace postern::net
