#include "proxy/net/loop.h"

#include <atomic>
#include <thread>

#include "tests/unit/proxy_net/net_fixture.h"

namespace postern::net {
namespace {

TEST(Loop, RunsWhatOtherThreadsPost) {
  Loop loop;
  constexpr int kThreads = 4;
  constexpr int kEach = 500;
  int ran = 0;  // touched by the loop's thread only
  std::vector<std::jthread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        ASSERT_TRUE(loop.post([&] {
          if (++ran == kThreads * kEach) loop.stop();
        }));
      }
    });
  }
  loop.run();
  EXPECT_EQ(ran, kThreads * kEach);
}

TEST(Loop, StopBeforeRunIsNotForgotten) {
  Loop loop;
  loop.stop();
  loop.run();
  SUCCEED();
}

TEST(Loop, RefusesJobsWhenItIsGone) {
  auto loop = std::make_unique<Loop>();
  auto inbox = loop->inbox();
  auto token = std::make_shared<int>(1);
  EXPECT_TRUE(inbox->post([token] {}));
  loop.reset();
  EXPECT_EQ(token.use_count(), 1) << "a job that never ran is destroyed";
  EXPECT_FALSE(inbox->post([] {}));
}

TEST(Loop, QueueIsBounded) {
  Loop loop;
  for (size_t i = 0; i < Inbox::kMaxJobs; ++i) ASSERT_TRUE(loop.post([] {}));
  EXPECT_FALSE(loop.post([] {}));
}

TEST_F(Net, TimersRunInOrderAndNeverInsideTheCall) {
  std::string order;
  auto late = timers.after(std::chrono::milliseconds(20), [&] { order += "late "; });
  auto soon = timers.after(std::chrono::milliseconds(1), [&] { order += "soon "; });
  auto now = timers.after(Duration::zero(), [&] { order += "now "; });
  EXPECT_EQ(order, "");
  turn_until(loop, [&] { return order.size() >= 14; });
  EXPECT_EQ(order, "now soon late ");
}

TEST_F(Net, ATimerThatIsDestroyedNeverRuns) {
  bool cancelled_ran = false;
  bool done = false;
  auto cancelled = timers.after(Duration::zero(), [&] { cancelled_ran = true; });
  auto other = timers.after(std::chrono::milliseconds(5), [&] { done = true; });
  cancelled.reset();
  turn_until(loop, [&] { return done; });
  EXPECT_FALSE(cancelled_ran);
}

TEST_F(Net, ATimerMayBeReplacedInItsOwnCallback) {
  int count = 0;
  Pending timer;
  std::function<void()> again = [&] {
    if (++count < 3) timer = timers.after(Duration::zero(), again);
  };
  timer = timers.after(Duration::zero(), again);
  turn_until(loop, [&] { return count == 3; });
  EXPECT_EQ(count, 3);
}

TEST_F(Net, ATimerMayDestroyAnotherOneThatIsDue) {
  bool done = false;
  Pending a;
  Pending b;
  int ran = 0;
  a = timers.after(Duration::zero(), [&] {
    ++ran;
    b.reset();
  });
  b = timers.after(Duration::zero(), [&] {
    ++ran;
    a.reset();
  });
  auto end = timers.after(std::chrono::milliseconds(5), [&] { done = true; });
  turn_until(loop, [&] { return done; });
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace postern::net
