#include "filters/dns/dns.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_dns.h"

namespace postern::dns {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Names, Validity) {
  std::string label(63, 'a');
  EXPECT_TRUE(is_valid_name("a"));
  EXPECT_TRUE(is_valid_name(label + ".b"));
  EXPECT_TRUE(is_valid_name(std::string_view("\0.\xff", 3)));
  EXPECT_FALSE(is_valid_name(""));
  EXPECT_FALSE(is_valid_name("."));
  EXPECT_FALSE(is_valid_name("a."));
  EXPECT_FALSE(is_valid_name(".a"));
  EXPECT_FALSE(is_valid_name("a..b"));
  EXPECT_FALSE(is_valid_name(label + "a.b"));
  std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');
  EXPECT_TRUE(is_valid_name(longest));
  EXPECT_FALSE(is_valid_name(longest + "b"));
}

/// A client that remembers the time-outs it was given.
class Recorder final : public Client {
 public:
  Pending lookup(const Question&, Duration timeout, Callback) override {
    timeouts.push_back(timeout);
    return {};
  }
  std::vector<Duration> timeouts;
};

TEST(BudgetTest, CutsTimeoutsAtTheDeadline) {
  Recorder recorder;
  test::FakeClock clock;
  Budget budget(recorder, clock, {seconds(5), seconds(8), 100});
  auto ask = [&](Duration timeout) { auto pending = budget.lookup({"a.org", Type::A}, timeout, nullptr); };
  ask(seconds(2));
  clock.advance(seconds(6));
  auto pending = budget.lookup({"a.org", Type::A}, nullptr);
  clock.advance(seconds(3));
  ask(seconds(2));
  budget.restart();
  ask(seconds(2));
  ASSERT_EQ(recorder.timeouts.size(), 4U);
  EXPECT_EQ(recorder.timeouts[0], seconds(2));
  EXPECT_EQ(recorder.timeouts[1], seconds(2));
  EXPECT_LE(recorder.timeouts[2], Duration::zero());
  EXPECT_EQ(recorder.timeouts[3], seconds(2));
}

TEST(BudgetTest, CountsLookups) {
  test::FakeDns fake;
  fake.a("a.org", "192.0.2.1");
  test::FakeClock clock;
  Budget budget(fake, clock, {seconds(5), seconds(8), 2});
  std::vector<Status> got;
  std::vector<Pending> pending;
  pending.reserve(3);
  for (int i = 0; i < 3; ++i) {
    pending.push_back(budget.lookup({"a.org", Type::A}, [&](const Answer& answer) { got.push_back(answer.status); }));
  }
  fake.run();
  EXPECT_EQ(got, (std::vector<Status>{Status::Found, Status::Found, Status::TempFail}));
}

Task<std::string> ask_all(Client& client, std::vector<Question> questions) {
  auto answers = co_await ask(client, std::move(questions), seconds(1));
  std::string out;
  for (const Answer& answer : answers) out += std::string(to_string(answer.status)) + ' ';
  co_return out;
}

TEST(AskTest, AnswersInTheOrderOfTheQuestions) {
  test::FakeDns fake;
  fake.never("slow.org").a("a.org", "192.0.2.1").temp_fail("bad.org");
  auto task = ask_all(
      fake,
      {{"slow.org", Type::A}, {"none.org", Type::A}, {"a.org", Type::A}, {"a.org", Type::MX}, {"bad.org", Type::TXT}});
  task.start([] {});
  EXPECT_FALSE(task.done());
  EXPECT_EQ(fake.pending(), 5U);
  fake.run();
  ASSERT_TRUE(task.done());
  EXPECT_EQ(task.take(), "temp_fail no_name found no_record temp_fail ");
}

TEST(AskTest, NothingToAskDoesNotWait) {
  test::FakeDns fake;
  auto task = ask_all(fake, {});
  task.start([] {});
  ASSERT_TRUE(task.done());
  EXPECT_EQ(task.take(), "");
}

TEST(AskTest, DestroyingTheTaskCancelsAll) {
  test::FakeDns fake;
  fake.a("a.org", "192.0.2.1");
  {
    auto task = ask_all(fake, {{"a.org", Type::A}, {"a.org", Type::A}});
    task.start([] {});
    EXPECT_TRUE(fake.run_one());
  }
  EXPECT_EQ(fake.pending(), 0U);
  EXPECT_EQ(fake.run(), 0U);
}

TEST(FakeDnsTest, AnswersLikeAZone) {
  test::FakeDns fake;
  fake.a("A.b.Org", "192.0.2.1").cname("www.org", "a.b.org").cname("l1.org", "l2.org").cname("l2.org", "L1.org");
  fake.txt("mix.org", "t").never("mix.org");
  auto status = [&](const char* name, Type type) { return fake.resolve({name, type}).status; };
  EXPECT_EQ(status("a.B.oRG", Type::A), Status::Found);
  EXPECT_EQ(status("a.b.org", Type::AAAA), Status::NoRecord);
  EXPECT_EQ(status("b.org", Type::A), Status::NoRecord);
  EXPECT_EQ(status("c.org", Type::A), Status::NoName);
  EXPECT_EQ(status("www.org", Type::A), Status::Found);
  EXPECT_EQ(status("l1.org", Type::A), Status::TempFail);
  EXPECT_EQ(status("mix.org", Type::TXT), Status::Found);
  EXPECT_EQ(status("mix.org", Type::A), Status::TempFail);
  EXPECT_EQ(status("a..org", Type::A), Status::NoName);
}

TEST(FakeDnsTest, CallbacksMayDestroyAndAsk) {
  test::FakeDns fake;
  fake.a("a.org", "192.0.2.1");
  Pending first;
  Pending second;
  Pending third;
  int calls = 0;
  first = fake.lookup({"a.org", Type::A}, seconds(1), [&](const Answer& answer) {
    ++calls;
    first.reset();
    second.reset();
    EXPECT_EQ(answer.addresses.size(), 1U);
    third = fake.lookup({"b.org", Type::A}, seconds(1), [&](const Answer&) { ++calls; });
  });
  second = fake.lookup({"a.org", Type::A}, seconds(1), [&](const Answer&) { ADD_FAILURE(); });
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(fake.run(), 2U);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(fake.queries(), 3U);
}

}  // namespace
}  // namespace postern::dns
