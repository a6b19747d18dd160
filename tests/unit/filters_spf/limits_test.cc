// Limits (RFC 7208, 4.6.4), hostile records, and the asynchronous side.
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/filters_spf/spf_fixture.h"

namespace postern::spf {
namespace {

class SpfLimits : public SpfCheck {
 protected:
  /// d0 includes `fan` names, each of which includes `fan` names ..., `depth` levels; the last ones are neutral.
  void amplifier(const std::string& name, int fan, int depth) {
    std::string record = "v=spf1";
    for (int i = 0; depth > 0 && i < fan; ++i) {
      std::string below = std::to_string(i) + "." + name;
      record += " include:" + below;
      amplifier(below, fan, depth - 1);
    }
    dns.txt(name, record + " ?all");
  }
};

TEST_F(SpfLimits, TenTermsOverIncludes) {
  amplifier("ok.org", 3, 1);
  amplifier("full.org", 10, 1);
  amplifier("bad.org", 11, 1);
  EXPECT_EQ(check("x@ok.org").result, Result::Neutral);
  EXPECT_EQ(check("x@full.org").result, Result::Neutral);
  Outcome outcome = check("x@bad.org");
  EXPECT_EQ(outcome.result, Result::PermError);
  EXPECT_EQ(outcome.reason, "more than 10 DNS terms (RFC 7208, 4.6.4)");
}

TEST_F(SpfLimits, AmplificationIsStopped) {
  amplifier("tree.org", 10, 3);
  EXPECT_EQ(check("x@tree.org").result, Result::PermError);
  EXPECT_LE(dns.queries(), 60U);
}

TEST_F(SpfLimits, ExchangersAmplifyNoFurther) {
  std::string record = "v=spf1";
  for (int term = 0; term < 10; ++term) {
    std::string name = "m" + std::to_string(term) + ".org";
    record += " mx:" + name;
    for (int host = 0; host < 10; ++host) {
      std::string exchanger = "h" + std::to_string(host) + "." + name;
      dns.mx(name, 10, exchanger).a(exchanger, "10.0.0.1");
    }
  }
  dns.txt("big.org", record + " -all");
  EXPECT_EQ(check("x@big.org").result, Result::Fail);
  EXPECT_LE(dns.queries(), 111U);
}

TEST_F(SpfLimits, ElevenExchangers) {
  for (int host = 0; host < 11; ++host) {
    std::string exchanger = "h" + std::to_string(host) + ".org";
    dns.mx("m.org", 10, exchanger).a(exchanger, "192.0.2." + std::to_string(host + 10));
  }
  dns.txt("m.org", "v=spf1 mx -all");
  // Also for a client that one of the first ten would match: their order is chance.
  EXPECT_EQ(check("x@m.org", "192.0.2.12").result, Result::PermError);
  Outcome outcome = check("x@m.org");
  EXPECT_EQ(outcome.result, Result::PermError);
  EXPECT_EQ(outcome.reason, "more than 10 MX names (RFC 7208, 4.6.4)");
}

TEST_F(SpfLimits, ReverseNamesBeyondTheTenthAreIgnored) {
  for (int i = 0; i < 20; ++i) {
    std::string name = "p" + std::to_string(i) + ".example.org";
    dns.ptr("3.2.0.192.in-addr.arpa", name).a(name, i < 10 ? "10.0.0.1" : "192.0.2.3");
  }
  EXPECT_EQ(judge("v=spf1 ptr -all"), Result::Fail);
}

TEST_F(SpfLimits, TwoVoidLookups) {
  dns.txt("two.org", "v=spf1 a:n1.org a:n2.org -all").txt("three.org", "v=spf1 a:n1.org exists:n2.org mx:n3.org -all");
  EXPECT_EQ(check("x@two.org").result, Result::Fail);
  Outcome outcome = check("x@three.org");
  EXPECT_EQ(outcome.result, Result::PermError);
  EXPECT_EQ(outcome.reason, "more than 2 void look-ups (RFC 7208, 4.6.4)");
}

TEST_F(SpfLimits, LoopsEnd) {
  dns.txt("a.org", "v=spf1 include:b.org -all").txt("b.org", "v=spf1 include:a.org -all");
  dns.txt("self.org", "v=spf1 include:self.org -all").txt("r.org", "v=spf1 redirect=r.org");
  EXPECT_EQ(check("x@a.org").result, Result::PermError);
  EXPECT_EQ(check("x@self.org").result, Result::PermError);
  EXPECT_EQ(check("x@r.org").result, Result::PermError);
}

// libspf2 alone cuts such records at 511 octets of compiled mechanisms without a word.
TEST_F(SpfLimits, TwoHundredMechanisms) {
  std::string record = "v=spf1";
  for (int i = 0; i < 199; ++i) record += " ip4:10.0.0." + std::to_string(i);
  dns.txt("big.org", record + " ip4:192.0.2.3 -all").txt("no.org", record + " -all");
  EXPECT_EQ(check("x@big.org").result, Result::Pass);
  EXPECT_EQ(check("x@no.org").result, Result::Fail);
}

TEST_F(SpfLimits, LongestNamesInEveryTerm) {
  std::string long_name;
  for (int i = 0; i < 3; ++i) long_name += std::string(60, static_cast<char>('a' + i)) + '.';
  std::string record = "v=spf1";
  for (int i = 0; i < 10; ++i) {
    std::string name = "n" + std::to_string(i) + "." + long_name + "org";
    dns.a(name, i == 9 ? "192.0.2.3" : "10.0.0.1");
    record += " a:" + name + "/31//127";
  }
  EXPECT_EQ(judge(record + " -all"), Result::Pass);
}

// CVE-2023-42118: this record smashes the stack of libspf2 when it sees it.
TEST_F(SpfLimits, MacrosThatOverflowLibspf2) {
  std::string macros;
  for (int i = 0; i < 127; ++i) macros += "%{d}";
  std::string tail(6000, 'A');
  EXPECT_EQ(judge("v=spf1 exists:" + macros + tail), Result::PermError);
  dns.txt("a.org", "v=spf1 exists:" + macros + tail + ".org -all");
  EXPECT_EQ(check("x@a.org").result, Result::Fail);
  dns.txt("b.org", "v=spf1 moo=" + macros + tail + " -all exp=e.b.org").txt("e.b.org", macros + tail);
  Outcome outcome = check("x@b.org");
  EXPECT_EQ(outcome.result, Result::Fail);
  EXPECT_EQ(outcome.explanation.size(), 1000U);
}

TEST_F(SpfLimits, HostileIdentities) {
  std::string huge(100000, '.');
  dns.txt("example.org", "v=spf1 exists:%{h}.x.org exists:%{l1r-}.%{hr}.x.org exists:%{s}.org -all exp=e.org");
  dns.txt("e.org", "%{H}%{l}");
  EXPECT_EQ(check(huge + "@example.org", kClient, huge).result, Result::Fail);
  // Three names that exist nowhere.
  EXPECT_EQ(check(std::string(70000, 'a') + "@example.org", kClient, std::string(1, '\0')).result, Result::PermError);
  EXPECT_EQ(check("x@" + huge).result, Result::None);
}

TEST_F(SpfLimits, AsksInParallelAndOnce) {
  dns.txt("example.org", "v=spf1 include:a.org include:b.org mx a:c.org -all").txt("a.org", "v=spf1 a:c.org");
  dns.txt("b.org", "v=spf1 ip4:10.0.0.1").a("c.org", "10.0.0.2").mx("example.org", 1, "c.org");
  auto task = check_mail_from(dns, {ip(kClient), "h.org", "x@example.org"}, options());
  task.start([] {});
  EXPECT_EQ(dns.pending(), 1U);  // the record
  ASSERT_TRUE(dns.run_one());
  EXPECT_EQ(dns.pending(), 4U);  // all that it names
  dns.run();
  ASSERT_TRUE(task.done());
  EXPECT_EQ(task.take().result, Result::Fail);
  EXPECT_EQ(dns.queries(), 5U);
}

TEST_F(SpfLimits, TimeoutsAreTempErrors) {
  dns.never("example.org");
  Outcome outcome = check();
  EXPECT_EQ(outcome.result, Result::TempError);
  EXPECT_EQ(outcome.reason, "DNS: timeout for example.org");
  dns.txt("b.org", "v=spf1 a:slow.org +all").never("slow.org");
  EXPECT_EQ(check("x@b.org").result, Result::TempError);
  dns.txt("c.org", "v=spf1 ptr +all").never("3.2.0.192.in-addr.arpa");
  EXPECT_EQ(check("x@c.org").result, Result::Pass);  // RFC 7208, 5.5: no match
}

TEST_F(SpfLimits, DestroyingTheTaskCancels) {
  dns.txt("example.org", "v=spf1 mx a:b.org include:c.org -all").mx("example.org", 1, "m.org");
  for (size_t delivered = 0; delivered < 3; ++delivered) {
    bool finished = false;
    auto task = std::make_optional(check_mail_from(dns, {ip(kClient), "h.org", "x@example.org"}, options()));
    task->start([&] { finished = true; });
    for (size_t i = 0; i < delivered; ++i) ASSERT_TRUE(dns.run_one());
    EXPECT_GT(dns.pending(), 0U);
    task.reset();
    EXPECT_EQ(dns.pending(), 0U);
    EXPECT_EQ(dns.run(), 0U);
    EXPECT_FALSE(finished);
  }
}

// Each thread has a libspf2 server of its own.
TEST(SpfThreads, DoNotMeet) {
  auto judge_many = [](const char* record, Result wanted, int* wrong) {
    test::FakeDns dns;
    dns.txt("example.org", record).txt("b.org", "v=spf1 a ?all").a("b.org", "192.0.2.3");
    for (int i = 0; i < 500; ++i) {
      auto task = check_mail_from(dns, {IpAddress::v4({192, 0, 2, 3}), "h.org", "x@example.org"}, {});
      task.start([] {});
      dns.run();
      *wrong += task.take().result == wanted ? 0 : 1;
    }
  };
  int wrong[2] = {0, 0};
  std::thread one(judge_many, "v=spf1 include:b.org -all", Result::Pass, &wrong[0]);
  std::thread two(judge_many, "v=spf1 -include:b.org +all", Result::Fail, &wrong[1]);
  one.join();
  two.join();
  EXPECT_EQ(wrong[0] + wrong[1], 0);
}

TEST_F(SpfLimits, ManyChecksInterleave) {
  dns.txt("pass.org", "v=spf1 include:p2.org -all").txt("p2.org", "v=spf1 a").a("p2.org", "192.0.2.3");
  dns.txt("fail.org", "v=spf1 include:f2.org -all").txt("f2.org", "v=spf1 a").a("f2.org", "10.0.0.1");
  std::vector<Task<Outcome>> tasks;
  for (int i = 0; i < 50; ++i) {
    std::string from = i % 2 == 0 ? "x@pass.org" : "x@fail.org";
    tasks.push_back(check_mail_from(dns, {ip(kClient), "h.org", from}, options()));
    tasks.back().start([] {});
  }
  dns.run();
  for (size_t i = 0; i < tasks.size(); ++i) {
    ASSERT_TRUE(tasks[i].done());
    EXPECT_EQ(tasks[i].take().result, i % 2 == 0 ? Result::Pass : Result::Fail);
  }
}

}  // namespace
}  // namespace postern::spf
