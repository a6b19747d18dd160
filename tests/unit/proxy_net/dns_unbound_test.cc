#include "proxy/net/dns_unbound.h"

#include <algorithm>

#include "proxy/net/answer_cache.h"
#include "tests/unit/proxy_net/dns_server.h"

namespace postern::net {
namespace {

using dns::Status;
using dns::Type;
constexpr unsigned kA = 1;
constexpr unsigned kCname = 5;
constexpr unsigned kTxt = 16;
constexpr Duration kLong = std::chrono::seconds(30);
const std::string kListed("\x7f\0\0\x02", 4);

struct UnboundTest : Net {
  UnboundTest() {
    DnsOptions options;
    options.servers = {server.address()};
    options.observer = [this](Type type, Status status, Duration) {
      observed.push_back(std::string(dns::to_string(type)) + " " + std::string(dns::to_string(status)));
    };
    client = UnboundClient::create(loop, clock, options).value();
  }
  dns::Answer ask(const std::string& name, Type type, Duration timeout = kLong) {
    std::optional<dns::Answer> answer;
    auto pending = client->lookup({name, type}, timeout, [&](const dns::Answer& got) { answer = got; });
    EXPECT_FALSE(answer) << "called back inside lookup()";
    turn_until(loop, [&] { return answer.has_value(); });
    return *answer;
  }

  SystemClock clock;
  DnsServer server;
  std::vector<std::string> observed;
  std::unique_ptr<UnboundClient> client;
};

TEST_F(UnboundTest, TellsTheFourAnswersApart) {
  server.add("listed.example", kA, kA, kListed);
  server.set_rcode("broken.example", kA, 2);
  auto found = ask("listed.example", Type::A);
  ASSERT_EQ(found.status, Status::Found) << found.reason;
  EXPECT_EQ(found.addresses.at(0).to_string(), "127.0.0.2");
  EXPECT_EQ(found.ttl, 60U);
  EXPECT_EQ(ask("nothing.example", Type::A).status, Status::NoName);
  EXPECT_EQ(ask("listed.example", Type::TXT).status, Status::NoRecord);
  auto broken = ask("broken.example", Type::A);
  EXPECT_EQ(broken.status, Status::TempFail);
  EXPECT_EQ(broken.reason, "SERVFAIL");
  EXPECT_EQ(observed, (std::vector<std::string>{"A found", "A no_name", "TXT no_record", "A temp_fail"}));
}

TEST_F(UnboundTest, BuiltInZonesAreAskedLikeAllOthers) {
  for (const char* name : {"mail.test", "a.invalid", "x.localhost", "1.2.0.192.in-addr.arpa", "1.0.0.10.in-addr.arpa",
                           "9.0.0.127.in-addr.arpa", "a.home.arpa", "a.onion",
                           "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"}) {
    server.add(name, kTxt, kTxt, DnsWire::text("hello"));
    auto answer = ask(name, Type::TXT);
    ASSERT_EQ(answer.status, Status::Found) << name << ": " << answer.reason;
    EXPECT_EQ(answer.texts.at(0), "hello");
  }
}

TEST_F(UnboundTest, NamesAndTextsMayHoldAnyOctet) {
  const std::string name = std::string("a\0\\ \"\xff", 6) + ".example";
  const std::string text("v=spf1\0 -all\xff", 13);
  server.add(name, kTxt, kTxt, DnsWire::text(text));
  auto answer = ask(name, Type::TXT);
  ASSERT_EQ(answer.status, Status::Found) << answer.reason;
  EXPECT_EQ(answer.texts.at(0), text);
}

TEST_F(UnboundTest, LongTextsComeOverTcp) {
  server.add("long.example", kTxt, kTxt, DnsWire::text(std::string(5000, 't')));
  EXPECT_EQ(ask("long.example", Type::TXT).texts.at(0), std::string(5000, 't'));
  EXPECT_GE(server.over_tcp(), 1);
}

TEST_F(UnboundTest, FollowsAliases) {
  server.add("alias.example", kA, kCname, DnsWire::name("real.example"));
  server.add("alias.example", kA, kA, kListed, 60, "real.example");
  server.add("real.example", kA, kA, kListed);
  auto answer = ask("alias.example", Type::A);
  ASSERT_EQ(answer.status, Status::Found) << answer.reason;
  EXPECT_EQ(answer.addresses.size(), 1U);
}

TEST_F(UnboundTest, ATimeOutIsAnAnswer) {
  server.set_silent("slow.example", kA, true);
  auto answer = ask("slow.example", Type::A, std::chrono::milliseconds(20));
  EXPECT_EQ(answer.status, Status::TempFail);
  EXPECT_EQ(answer.reason, "timeout");
  EXPECT_EQ(client->outstanding(), 0U) << "nobody waits for it any more";
  EXPECT_EQ(ask("slow.example", Type::A, Duration::zero()).reason, "timeout");
  EXPECT_EQ(observed, std::vector<std::string>{"A temp_fail"});
}

TEST_F(UnboundTest, AServerThatComesBackIsAskedAgain) {
  server.set_silent("slow.example", kA, true);
  EXPECT_EQ(ask("slow.example", Type::A, std::chrono::milliseconds(50)).reason, "timeout");
  server.add("other.example", kA, kA, kListed);
  EXPECT_EQ(ask("other.example", Type::A).status, Status::Found);
}

TEST_F(UnboundTest, NoNameNoQuestion) {
  EXPECT_EQ(ask("", Type::A).status, Status::NoName);
  EXPECT_EQ(ask("a..example", Type::A).status, Status::NoName);
  EXPECT_EQ(ask(std::string(64, 'x') + ".example", Type::A).status, Status::NoName);
  EXPECT_EQ(server.asked("a..example"), 0);
}

TEST_F(UnboundTest, ACancelledLookupNeverCallsBack) {
  server.add("listed.example", kA, kA, kListed);
  bool cancelled_called = false;
  auto cancelled = client->lookup({"listed.example", Type::A}, kLong, [&](const auto&) { cancelled_called = true; });
  cancelled.reset();
  EXPECT_EQ(client->outstanding(), 0U);
  EXPECT_EQ(ask("listed.example", Type::A).status, Status::Found);
  // The same for an answer that is known already and waits for the next turn.
  cancelled = client->lookup({"listed.example", Type::A}, kLong, [&](const auto&) { cancelled_called = true; });
  cancelled.reset();
  EXPECT_EQ(ask("listed.example", Type::A).status, Status::Found);
  EXPECT_FALSE(cancelled_called);
}

TEST_F(UnboundTest, EqualQuestionsShareOneAndEndByThemselves) {
  server.set_silent("shared.example", kA, true);
  int answers = 0;
  auto count = [&](const dns::Answer& answer) {
    EXPECT_EQ(answer.reason, "timeout");
    ++answers;
  };
  auto one = client->lookup({"shared.example", Type::A}, std::chrono::milliseconds(10), count);
  auto two = client->lookup({"SHARED.example", Type::A}, std::chrono::milliseconds(30), count);
  EXPECT_EQ(client->outstanding(), 1U);
  turn_until(loop, [&] { return answers == 1; });
  EXPECT_EQ(client->outstanding(), 1U) << "the second still waits";
  turn_until(loop, [&] { return answers == 2; });
  EXPECT_EQ(client->outstanding(), 0U);
}

TEST_F(UnboundTest, CallbacksMayAskAndDestroyAnything) {
  server.add("a.example", kA, kA, kListed);
  server.add("b.example", kA, kA, kListed);
  Pending first;
  Pending second;
  Pending doomed;
  int depth = 0;
  bool doomed_called = false;
  std::function<void(const dns::Answer&)> again = [&](const dns::Answer&) {
    doomed.reset();
    // From the second time on the answer is cached: a recursion would overflow the stack here.
    if (++depth < 20'000) first = client->lookup({"a.example", Type::A}, kLong, again);
  };
  first = client->lookup({"a.example", Type::A}, kLong, again);
  doomed = client->lookup({"a.example", Type::A}, kLong, [&](const auto&) { doomed_called = true; });
  turn_until(loop, [&] { return depth == 20'000; });
  EXPECT_FALSE(doomed_called);
}

TEST_F(UnboundTest, TtlZeroIsAskedAgainAndOthersAreNot) {
  server.add("zero.example", kA, kA, kListed, 0);
  server.add("kept.example", kA, kA, kListed, 60);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ask("zero.example", Type::A).status, Status::Found);
    EXPECT_EQ(ask("kept.example", Type::A).status, Status::Found);
  }
  EXPECT_GE(server.asked("zero.example"), 3);
  EXPECT_EQ(server.asked("kept.example"), 1);
  EXPECT_EQ(std::count(observed.begin(), observed.end(), "A found"), 4) << "kept answers are not look-ups";
}

TEST_F(UnboundTest, LookupsMayOutliveTheClient) {
  server.set_silent("slow.example", kA, true);
  server.add("a.example", kA, kA, kListed);
  ask("a.example", Type::A);
  bool called = false;
  auto waiting = client->lookup({"slow.example", Type::A}, kLong, [&](const auto&) { called = true; });
  auto ready = client->lookup({"a.example", Type::A}, kLong, [&](const auto&) { called = true; });
  client.reset();
  loop.turn(false);
  waiting.reset();
  ready.reset();
  EXPECT_FALSE(called);
}

TEST_F(UnboundTest, ManyAtOnce) {
  constexpr int kMany = 500;
  int found = 0;
  std::vector<Pending> pending;
  pending.reserve(kMany);
  for (int i = 0; i < kMany; ++i) server.add("n" + std::to_string(i) + ".example", kA, kA, kListed);
  for (int i = 0; i < kMany; ++i) {
    pending.push_back(client->lookup({"n" + std::to_string(i) + ".example", Type::A}, kLong,
                                     [&](const dns::Answer& a) { found += a.status == Status::Found ? 1 : 1000; }));
  }
  turn_until(loop, [&] { return found >= kMany; });
  EXPECT_EQ(found, kMany);
}

TEST(UnboundOptions, ABadServerIsNamed) {
  Loop loop;
  SystemClock clock;
  for (const char* bad : {"dns.example", "127.0.0.1@", "127.0.0.1@70000", "127.0.0.1:53", "::1@x"}) {
    DnsOptions options;
    options.servers = {bad};
    auto client = UnboundClient::create(loop, clock, options);
    ASSERT_FALSE(client) << bad;
    EXPECT_NE(client.error().message.find(bad), std::string::npos);
  }
  DnsOptions options;
  options.servers = {"::1@5353", "192.0.2.1"};
  EXPECT_TRUE(UnboundClient::create(loop, clock, options));
}

AnswerPtr found_answer(uint32_t ttl, size_t text = 0) {
  dns::Answer answer;
  answer.status = Status::Found;
  answer.ttl = ttl;
  if (text > 0) answer.texts.emplace_back(text, 'x');
  return std::make_shared<const dns::Answer>(std::move(answer));
}

TEST(AnswerCacheTest, KeepsForTheTtlAndNotLongerThanTheCap) {
  AnswerCache cache(10, 1U << 20U);
  TimePoint now{};
  cache.store({"a.example", Type::A}, found_answer(10), now);
  cache.store({"b.example", Type::A}, found_answer(100'000), now);
  EXPECT_TRUE(cache.find({"A.EXAMPLE", Type::A}, now + std::chrono::seconds(9)));
  EXPECT_FALSE(cache.find({"a.example", Type::TXT}, now));
  EXPECT_FALSE(cache.find({"a.example", Type::A}, now + std::chrono::seconds(10)));
  EXPECT_TRUE(cache.find({"b.example", Type::A}, now + AnswerCache::kMaxKept - Duration(1)));
  EXPECT_FALSE(cache.find({"b.example", Type::A}, now + AnswerCache::kMaxKept));
  EXPECT_EQ(cache.entries(), 0U);
  EXPECT_EQ(cache.bytes(), 0U);
}

TEST(AnswerCacheTest, TheLeastRecentlyUsedGoesFirst) {
  AnswerCache cache(2, 1U << 20U);
  TimePoint now{};
  cache.store({"a", Type::A}, found_answer(10), now);
  cache.store({"b", Type::A}, found_answer(10), now);
  EXPECT_TRUE(cache.find({"a", Type::A}, now));
  cache.store({"c", Type::A}, found_answer(10), now);
  EXPECT_TRUE(cache.find({"a", Type::A}, now));
  EXPECT_FALSE(cache.find({"b", Type::A}, now));
}

TEST(AnswerCacheTest, BoundedInBytes) {
  AnswerCache cache(10'000, 100'000);
  TimePoint now{};
  for (int i = 0; i < 1000; ++i) cache.store({"n" + std::to_string(i), Type::TXT}, found_answer(10, 4000), now);
  EXPECT_LE(cache.bytes(), 100'000U);
  EXPECT_GT(cache.entries(), 10U);
  cache.store({"huge", Type::TXT}, found_answer(10, 50'000), now);
  EXPECT_FALSE(cache.find({"huge", Type::TXT}, now)) << "one answer may not push out all others";
}

}  // namespace
}  // namespace postern::net
