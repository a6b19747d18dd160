#include "proxy/net/offload.h"

#include <future>
#include <stdexcept>

#include "tests/unit/proxy_net/net_fixture.h"

namespace postern::net {
namespace {

TEST_F(Net, OffloadedWorkRunsElsewhereAndAnswersHere) {
  ThreadPool pool(2);
  PoolOffload offload(loop, pool, nullptr);
  auto here = std::this_thread::get_id();
  std::string got;
  Pending pending;
  pending = offload.run(
      [here]() -> Result<std::string> { return std::this_thread::get_id() == here ? "on the loop" : "elsewhere"; },
      [&](Result<std::string> result) {
        EXPECT_EQ(std::this_thread::get_id(), here);
        got = result.value();
        pending.reset();
      });
  turn_until(loop, [&] { return !got.empty(); });
  EXPECT_EQ(got, "elsewhere");
}

TEST_F(Net, AnExceptionInOffloadedWorkIsAnError) {
  ThreadPool pool(1);
  PoolOffload offload(loop, pool, nullptr);
  std::optional<Result<std::string>> got;
  auto pending = offload.run([]() -> Result<std::string> { throw std::runtime_error("disk on fire"); },
                             [&](Result<std::string> result) { got = std::move(result); });
  turn_until(loop, [&] { return got.has_value(); });
  ASSERT_FALSE(*got);
  EXPECT_EQ(got->error().message, "disk on fire");
}

TEST_F(Net, WorkOfACancelledHandleIsFinishedAndItsOutcomeReported) {
  ThreadPool pool(1);
  std::string orphan;
  PoolOffload offload(loop, pool, [&](const Result<std::string>& result) { orphan = result.value(); });
  std::promise<void> go;
  bool called = false;
  auto pending = offload.run(
      [&go]() -> Result<std::string> {
        go.get_future().wait();
        return "copied";
      },
      [&](const auto&) { called = true; });
  pending.reset();
  go.set_value();
  turn_until(loop, [&] { return !orphan.empty(); });
  EXPECT_EQ(orphan, "copied");
  EXPECT_FALSE(called);
}

TEST(Offload, WorkFinishesWhenTheWorkerIsGone) {
  std::promise<std::string> orphan;
  std::promise<void> go;
  {
    ThreadPool pool(1);
    {
      Loop loop;
      PoolOffload offload(loop, pool, [&](const Result<std::string>& result) { orphan.set_value(result.value()); });
      auto pending = offload.run(
          [&go]() -> Result<std::string> {
            go.get_future().wait();
            return "copied";
          },
          [](const auto&) { FAIL(); });
    }
    go.set_value();
  }
  EXPECT_EQ(orphan.get_future().get(), "copied");
}

}  // namespace
}  // namespace postern::net
