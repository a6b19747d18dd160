#include "filters/base/task.h"

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace postern {
namespace {

/// One question that the test answers later; keeps the contract of Pending.
class Oracle {
 public:
  Pending ask(std::function<void(int)> done) {
    done_ = std::move(done);
    return Pending(std::make_unique<Cancel>(*this));
  }
  void answer(int value) {
    auto done = std::exchange(done_, nullptr);
    done(value);
  }
  [[nodiscard]] bool asked() const { return static_cast<bool>(done_); }

 private:
  class Cancel : public Pending::Operation {
   public:
    explicit Cancel(Oracle& oracle) : oracle_(oracle) {}
    ~Cancel() override { oracle_.done_ = nullptr; }

   private:
    Oracle& oracle_;
  };
  std::function<void(int)> done_;
};

Task<int> ask(Oracle& oracle) {
  co_return co_await Await<int>([&oracle](Await<int>::Done done) { return oracle.ask(std::move(done)); });
}

Task<std::string> ask_twice(Oracle& oracle) {
  int first = co_await ask(oracle);
  int second = co_await ask(oracle);
  co_return std::to_string(first) + "+" + std::to_string(second);
}

Task<int> immediate(int value) {
  co_return value;
}

Task<void> set_flag(bool& flag) {
  flag = true;
  co_return;
}

TEST(Task, RunsOnlyWhenStarted) {
  bool flag = false;
  Task<void> task = set_flag(flag);
  EXPECT_FALSE(flag);
  int finished = 0;
  task.start([&finished] { ++finished; });
  EXPECT_TRUE(flag);
  EXPECT_EQ(finished, 1);
  EXPECT_TRUE(task.done());
}

TEST(Task, WaitsAndGoesOn) {
  Oracle oracle;
  int finished = 0;
  Task<std::string> task = ask_twice(oracle);
  task.start([&finished] { ++finished; });
  EXPECT_TRUE(oracle.asked());
  oracle.answer(1);
  EXPECT_TRUE(oracle.asked());
  EXPECT_EQ(finished, 0);
  EXPECT_FALSE(task.done());
  oracle.answer(2);
  EXPECT_EQ(finished, 1);
  EXPECT_EQ(task.take(), "1+2");
}

TEST(Task, DestroyingItCancelsWhatItWaitsFor) {
  Oracle oracle;
  int finished = 0;
  {
    Task<std::string> task = ask_twice(oracle);
    task.start([&finished] { ++finished; });
    EXPECT_TRUE(oracle.asked());
  }
  EXPECT_FALSE(oracle.asked());
  EXPECT_EQ(finished, 0);
}

TEST(Task, MayBeDestroyedUnstarted) {
  bool flag = false;
  { Task<void> task = set_flag(flag); }
  EXPECT_FALSE(flag);
}

TEST(Task, MayBeDestroyedByItsOwnEnd) {
  Oracle oracle;
  auto task = std::make_unique<Task<int>>(ask(oracle));
  int result = 0;
  task->start([&task, &result] {
    result = task->take();
    task.reset();
  });
  oracle.answer(7);
  EXPECT_EQ(result, 7);
  EXPECT_EQ(task, nullptr);
}

TEST(Task, MayBeDestroyedByItsOwnEndInsideStart) {
  auto task = std::make_unique<Task<int>>(immediate(5));
  int result = 0;
  task->start([&task, &result] {
    result = task->take();
    task.reset();
  });
  EXPECT_EQ(result, 5);
}

TEST(Task, MovingItDoesNotDisturbIt) {
  Oracle oracle;
  Task<int> first = ask(oracle);
  int finished = 0;
  first.start([&finished] { ++finished; });
  Task<int> second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that it is empty is what is tested
  oracle.answer(3);
  EXPECT_EQ(finished, 1);
  EXPECT_EQ(second.take(), 3);
  second = immediate(4);
  EXPECT_FALSE(second.done());
}

Task<int> throws_after(Oracle& oracle) {
  int value = co_await ask(oracle);
  if (value < 0) throw std::runtime_error("negative");
  co_return value;
}

Task<std::string> catches(Oracle& oracle) {
  std::string caught;
  try {
    co_await throws_after(oracle);
  } catch (const std::runtime_error& error) {
    caught = error.what();
  }
  co_return caught;
}

TEST(Task, ExceptionsComeOutWhereItIsAwaitedOrTaken) {
  Oracle oracle;
  Task<std::string> inner = catches(oracle);
  inner.start([] {});
  oracle.answer(-1);
  EXPECT_EQ(inner.take(), "negative");

  Task<int> outer = throws_after(oracle);
  outer.start([] {});
  oracle.answer(-1);
  EXPECT_TRUE(outer.done());
  EXPECT_THROW(outer.take(), std::runtime_error);
}

Task<int> sum(int count) {
  int total = 0;
  for (int i = 0; i < count; ++i) total += co_await immediate(i);
  co_return total;
}

TEST(Task, MoveOnlyResults) {
  Task<std::unique_ptr<int>> task = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(9); }();
  task.start([] {});
  EXPECT_EQ(*task.take(), 9);
}

TEST(Task, ManyTasksThatEndAtOnce) {
  Task<int> task = sum(1000);
  task.start([] {});
  EXPECT_EQ(task.take(), 499500);
}

}  // namespace
}  // namespace postern
