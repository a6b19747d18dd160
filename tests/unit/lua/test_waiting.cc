// Rules that ask the DNS: they wait, others do not, and what comes of it is as if nobody had waited.
#include <memory>
#include <optional>

#include "tests/fakes/fake_dns.h"
#include "tests/unit/lua/support.h"

namespace postern::rules {
namespace {

/// One message that is judged at the stage `message` while the test plays the DNS.
class Waiting : public ::testing::Test {
 protected:
  struct Job {
    Message message;
    Evaluation evaluation;
    bool done = false;
    Task<void> task;
  };

  void rules(const std::string& text, const Limits& limits = {}) {
    set_ = load(text, limits);
    host_ = std::make_unique<Host>(set_, &seen_);
  }
  std::unique_ptr<Job> judge(const std::string& helo = "") {
    auto job = std::make_unique<Job>();
    job->message.facts.helo = helo;
    job->task = host_->judge(Stage::Message, job->message.facts, job->evaluation, {&dns_, std::chrono::seconds(5)});
    job->task.start([raw = job.get()] { raw->done = true; });
    return job;
  }
  static std::vector<std::string> hits(const Job& job) {
    std::vector<std::string> names;
    for (const Hit& hit : job.evaluation.hits) {
      names.push_back(hit.rule + (hit.detail.empty() ? "" : "=" + hit.detail));
    }
    return names;
  }

  using Names = std::vector<std::string>;
  test::FakeDns dns_;
  Recorder seen_;
  RuleSetPtr set_;
  std::unique_ptr<Host> host_;
};

TEST_F(Waiting, GetsTheAnswer) {
  dns_.txt("a.example", "first")
      .txt("a.example", "second")
      .a("b.example", "192.0.2.1")
      .mx("c.example", 10, "mx.c.example");
  dns_.ptr("1.2.0.192.in-addr.arpa", "host.example");
  rules(rule_text("TXT", "local t = dns.txt('A.example.'); return #t == 2, t[1] .. t[2]") +
        rule_text("ADDRESS", "return true, dns.a('b.example')[1]") +
        rule_text("EXCHANGE", "return true, dns.mx('c.example')[1]") +
        rule_text("POINTER", "return true, dns.ptr('192.0.2.1')[1]") +
        rule_text("NOTHING", "return #dns.txt('d.example') == 0 and #dns.aaaa('not a name..') == 0"));
  auto job = judge();
  EXPECT_FALSE(job->done);
  dns_.run();
  ASSERT_TRUE(job->done);
  EXPECT_EQ(hits(*job), (Names{"TXT=firstsecond", "ADDRESS=192.0.2.1", "EXCHANGE=10 mx.c.example",
                               "POINTER=host.example", "NOTHING"}));
  EXPECT_EQ(seen_.messages, Names());
}

TEST_F(Waiting, AFailureIsNilAndTemperror) {
  dns_.temp_fail("a.example");
  rules(rule_text("A", "local t, why = dns.txt('a.example'); return t == nil, why"));
  auto job = judge();
  dns_.run();
  EXPECT_EQ(hits(*job), Names{"A=temperror"});
}

TEST_F(Waiting, NobodyToAskIsATemperrorToo) {
  rules(rule_text("A", "local t, why = dns.txt('a.example'); return t == nil, why"));
  Message message;
  Evaluation evaluation;
  host_->run(Stage::Message, message.facts, evaluation);
  ASSERT_EQ(evaluation.hits.size(), 1U);
  EXPECT_EQ(evaluation.hits[0].detail, "temperror");
}

TEST_F(Waiting, AsksAtTheSameTimeAndOnlyOnce) {
  dns_.txt("a.example", "x").txt("b.example", "y");
  rules(rule_text("A", "return true, dns.txt('a.example')[1]") +
        rule_text("B", "return true, dns.txt('b.example')[1]") +
        rule_text("C", "return true, dns.txt('b.example')[1] .. dns.txt('a.example')[1]"));
  auto job = judge();
  EXPECT_GE(dns_.queries(), 2U);
  dns_.run();
  EXPECT_EQ(hits(*job), (Names{"A=x", "B=y", "C=yx"}));
}

TEST_F(Waiting, TheOrderIsThatOfTheRules) {
  dns_.txt("slow.example", "x");
  rules(rule_text("SLOW", "return dns.txt('slow.example')[1] == 'x'", "group = 'g',") +
        rule_text("QUICK", "return true") + rule_text("SUM", "return true, mail.score") +
        rule_text("ASKS", "return mail:hit('SLOW')") + rule_text("LAST", "return true, mail.score"));
  auto job = judge();
  EXPECT_FALSE(job->done);
  dns_.run();
  EXPECT_EQ(hits(*job), (Names{"SLOW", "QUICK", "SUM=2", "ASKS", "LAST=4"}));
  EXPECT_EQ(seen_.hits, (Names{"SLOW", "QUICK", "SUM", "ASKS", "LAST"}));
  EXPECT_DOUBLE_EQ(job->evaluation.score, 5);
}

TEST_F(Waiting, ARuleDoesNotSeeThoseBehindIt) {
  dns_.txt("slow.example", "x");
  rules(rule_text("SLOW", "dns.txt('slow.example'); return true, mail.score") + rule_text("QUICK", "return true"));
  auto job = judge();
  dns_.run();
  EXPECT_EQ(hits(*job), (Names{"SLOW=0", "QUICK"}));
}

TEST_F(Waiting, ExpressionsWaitForTheirRules) {
  dns_.txt("slow.example", "x");
  rules("rule 'BOTH' { about = 't', score = 1, all = { 'SLOW', 'QUICK' } }\n" +
        rule_text("SLOW", "return dns.txt('slow.example')[1] == 'x'") + rule_text("QUICK", "return true"));
  auto job = judge();
  dns_.run();
  EXPECT_EQ(hits(*job), (Names{"SLOW", "QUICK", "BOTH=SLOW, QUICK"}));
}

TEST_F(Waiting, TheFirstActionInOrderDecides) {
  dns_.txt("slow.example", "x");
  rules(rule_text("SLOW", "return dns.txt('slow.example')[1] == 'x'", "action = 'reject',") +
        rule_text("QUICK", "return true", "action = 'accept',") + rule_text("NEVER", "return true"));
  auto job = judge();
  EXPECT_FALSE(job->done);
  dns_.run();
  ASSERT_TRUE(job->evaluation.decision.has_value());
  EXPECT_EQ(job->evaluation.decision->rule, "SLOW");
  EXPECT_EQ(hits(*job), Names{"SLOW"});
}

TEST_F(Waiting, AnActionEndsThoseBehindItThatWait) {
  dns_.txt("a.example", "x").never("b.example");
  rules(rule_text("FIRST", "return dns.txt('a.example')[1] == 'x'", "action = 'reject',") +
        rule_text("BEHIND", "return #dns.txt('b.example') > 0"));
  auto job = judge();
  EXPECT_TRUE(dns_.run_one());
  EXPECT_TRUE(job->done);
  EXPECT_EQ(dns_.pending(), 0U);
}

TEST_F(Waiting, OtherMessagesGoOn) {
  dns_.txt("slow.example", "x");
  rules(rule_text("A", "local mine = mail.helo; dns.txt('slow.example'); return true, mine .. mail.helo") +
        rule_text("B", "return mail.helo ~= 'one'"));
  auto one = judge("one");
  auto two = judge("two");
  auto three = judge("three");
  EXPECT_FALSE(one->done);
  dns_.run();
  EXPECT_EQ(hits(*one), Names{"A=oneone"});
  EXPECT_EQ(hits(*two), (Names{"A=twotwo", "B"}));
  EXPECT_EQ(hits(*three), (Names{"A=threethree", "B"}));
}

TEST_F(Waiting, CanBeGivenUp) {
  dns_.txt("slow.example", "x");
  rules(rule_text("A", "return dns.txt('slow.example')[1] == 'x'"));
  auto one = judge();
  auto two = judge();
  one.reset();
  dns_.run();
  EXPECT_EQ(hits(*two), Names{"A"});
  auto three = judge();
  dns_.run();
  EXPECT_EQ(hits(*three), Names{"A"});
}

TEST_F(Waiting, TimeWaitedIsNotTimeUsedAndTimeUsedAddsUp) {
  for (int i = 0; i < 50; ++i) dns_.txt("n" + std::to_string(i) + ".example", "x");
  Limits limits;
  limits.rule_cpu = std::chrono::milliseconds(20);
  rules(rule_text("LOOPS",
                  "for i = 0, 49 do dns.txt('n' .. i .. '.example'); for _ = 1, 3000000 do end end return true") +
            rule_text("INNOCENT", "return true"),
        limits);
  auto job = judge();
  dns_.run();
  EXPECT_EQ(hits(*job), Names{"INNOCENT"});
  EXPECT_EQ(seen_.failures, Names{"LOOPS cpu"});
  EXPECT_LT(dns_.queries(), 50U);
}

TEST_F(Waiting, NotInsideOfSort) {
  rules(rule_text(
      "A", "local t = {3, 1, 2}; table.sort(t, function(a, b) return #dns.txt('x.example') == 0 end) return true"));
  auto job = judge();
  EXPECT_TRUE(job->done);
  ASSERT_EQ(seen_.messages.size(), 1U);
  EXPECT_NE(seen_.messages[0].find("ask before"), std::string::npos) << seen_.messages[0];
}

TEST_F(Waiting, ManyThatWaitDoNotStarveTheOthers) {
  dns_.txt("slow.example", "x");
  rules(rule_text("HOLDS", "local t = ('x'):rep(900):rep(1000); dns.txt('slow.example'); return #t == 900000") +
        rule_text("NEEDS", "return #('y'):rep(4000):rep(1000) > 0"));
  std::vector<std::unique_ptr<Job>> jobs;
  jobs.reserve(40);
  for (int i = 0; i < 40; ++i) jobs.push_back(judge());
  dns_.run();
  for (const auto& job : jobs) EXPECT_EQ(hits(*job), (Names{"HOLDS", "NEEDS"}));
  EXPECT_EQ(seen_.failures, Names());
}

TEST_F(Waiting, ExamplesAnswerThemselves) {
  EXPECT_EQ(problems_of(
                "rule 'A' { about = 't', score = 1, when = function(mail)\n"
                "  local t, why = dns.txt(mail.helo .. '.list.example')\n"
                "  if not t then return false, why end return #t > 0, t[1] end,\n"
                "  examples = {\n"
                "    { hit = true, helo = 'a', dns = { txt = { ['a.list.example'] = { 'bad' } } }, detail = 'bad' },\n"
                "    { hit = false, helo = 'a', dns = { txt = { ['a.list.example'] = 'temperror' } } },\n"
                "    { hit = false, helo = 'a' },\n"
                "  } }\n"),
            Names());
}

}  // namespace
}  // namespace postern::rules
