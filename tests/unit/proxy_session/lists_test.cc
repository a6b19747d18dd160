// DNS lists within a session: asked as soon as a subject is known, waited for only where a rule needs them.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/proxy_session/world.h"

namespace postern::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kHeader = "Subject: hello\r\nFrom: <a@author.example>\r\nReply-To: <r@reply.example>\r\n\r\n";
constexpr const char* kBody = "Look at http://shop.example.co.uk/ now\r\n.\r\n";
const std::string kMessage = std::string(kHeader) + kBody;

/// list "NAME" about `of`; `entry`: of 127.0.0.2.
std::string list(const std::string& name, const std::string& of, const std::string& entry,
                 const std::string& more = "") {
  return "list \"" + name + "\" { zone = \"" + name + ".example\", of = \"" + of +
         "\", answers = { [\"127.0.0.2\"] = " + entry + " }, " + more + " }\n";
}

bool was_asked(const World& world, const std::string& name) {
  const auto& asked = world.dns.asked();
  return std::any_of(asked.begin(), asked.end(), [&](const dns::Question& question) { return question.name == name; });
}

TEST(SessionLists, BlockAtConnectBeforeAnythingIsTaken) {
  World world(list("BL", "client", "{ \"BAD\", action = \"reject\" }"));
  world.dns.a("10.2.0.192.bl.example", "127.0.0.2");
  world.connect();
  std::string said = world.read();
  EXPECT_THAT(said, StartsWith("554 5.7.1 "));
  EXPECT_THAT(said, HasSubstr("192.0.2.10 is listed by BL"));
  EXPECT_THAT(said, HasSubstr("(BL_BAD)"));
  EXPECT_EQ(world.observer.refusals, 1);
  EXPECT_TRUE(world.backend.lines.empty());
}

TEST(SessionLists, QuoteTheirTextWhereTheyAreToldTo) {
  World world(list("BL", "client", "{ \"BAD\", action = \"reject\" }",
                   "txt = true, title = \"Bad List, https://bl.example\","));
  world.dns.a("10.2.0.192.bl.example", "127.0.0.2").txt("10.2.0.192.bl.example", "seen\r\n250 spamming");
  world.connect();
  std::string said = world.read();
  EXPECT_THAT(said, HasSubstr("listed by BL: Bad List, https://bl.example (BL_BAD): seen"));
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
}

TEST(SessionLists, RevealFalseLeavesOutTheRule) {
  World world(list("BL", "client", "{ \"BAD\", action = \"reject\" }", "txt = true,"));
  world.policy.verdict.reveal = false;
  world.dns.a("10.2.0.192.bl.example", "127.0.0.2").txt("10.2.0.192.bl.example", "seen");
  world.connect();
  EXPECT_THAT(world.read(), testing::StartsWith("554 5.7.1 refused: 192.0.2.10 is listed by BL: seen [id "));
}

TEST(SessionLists, WeighEverySubject) {
  World world(list("CL", "client", "{ \"A\", 1 }") + list("HE", "helo", "{ \"A\", 1 }") +
              list("FR", "from", "{ \"A\", 1 }") + list("AU", "author", "{ \"A\", 1 }") +
              list("RE", "reply_to", "{ \"A\", 1 }") + list("UR", "url", "{ \"A\", 1 }") +
              list("RD", "rdns", "{ \"A\", 1 }"));
  world.dns.ptr("10.2.0.192.in-addr.arpa", "mail.client.example").a("mail.client.example", "192.0.2.10");
  for (const char* name :
       {"10.2.0.192.cl.example", "client.example.he.example", "sender.example.fr.example", "author.example.au.example",
        "reply.example.re.example", "example.co.uk.ur.example", "client.example.rd.example"}) {
    world.dns.a(name, "127.0.0.2");
  }
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  EXPECT_THAT(world.backend.delivered.at(0).content,
              HasSubstr("tests=[CL_A=1.0(192.0.2.10 127.0.0.2), HE_A=1.0(client.example 127.0.0.2), "
                        "FR_A=1.0(sender.example 127.0.0.2), AU_A=1.0(author.example 127.0.0.2), "
                        "RE_A=1.0(reply.example 127.0.0.2), UR_A=1.0(example.co.uk 127.0.0.2), "
                        "RD_A=1.0(client.example 127.0.0.2)]"));
}

TEST(SessionLists, AreAskedBeforeTheyAreNeeded) {
  World world(list("CL", "client", "{ \"A\", 1 }") + list("FR", "from", "{ \"A\", 1 }") +
              list("AU", "author", "{ \"A\", 1 }"));
  world.connect();
  world.read();
  EXPECT_TRUE(was_asked(world, "10.2.0.192.cl.example"));
  world.say("EHLO client.example\r\nMAIL FROM:<a@sender.example>\r\n");
  EXPECT_TRUE(was_asked(world, "sender.example.fr.example"));
  EXPECT_FALSE(was_asked(world, "author.example.au.example"));
  world.say("RCPT TO:<b@example.org>\r\nDATA\r\n");
  world.say(kHeader);
  EXPECT_TRUE(was_asked(world, "author.example.au.example"));
}

TEST(SessionLists, WhoIsOnlyWeighedDoesNotWait) {
  World world(list("CL", "client", "{ \"A\", 1 }"));
  world.dns.never("10.2.0.192.cl.example");
  std::string greeted;
  world.list_observer.heard = [&] { greeted = world.client->written; };
  world.connect();
  EXPECT_EQ(world.list_observer.results["CL noanswer"], 1);
  EXPECT_THAT(greeted, StartsWith("220 "));
}

TEST(SessionLists, ADeadListCostsNothingButOnce) {
  World world(list("CL", "client", "{ \"A\", action = \"reject\" }"));
  world.dns.never("10.2.0.192.cl.example");
  world.connect();
  EXPECT_THAT(world.read(), StartsWith("220 "));
  EXPECT_EQ(world.list_observer.results["CL noanswer"], 1);
  world.connect();
  EXPECT_THAT(world.read(), StartsWith("220 "));
  EXPECT_EQ(world.list_observer.results["CL noanswer"], 1);
  EXPECT_EQ(world.list_observer.results["CL suspended"], 1);
}

TEST(SessionLists, WrongAnswersAddNothing) {
  for (const char* answer : {"127.255.255.254", "192.0.2.1", "0.0.0.0", "127.0.0.3"}) {
    World world(list("CL", "client", "{ \"A\", 9 }") + list("RJ", "client", "{ \"A\", action = \"reject\" }"));
    for (const char* name : {"10.2.0.192.cl.example", "10.2.0.192.rj.example"}) {
      world.dns.a(name, answer);
      if (std::string(answer) != "127.0.0.3") world.dns.a(name, "127.0.0.2");
    }
    world.connect();
    world.to_data();
    EXPECT_THAT(world.say(kMessage), StartsWith("250 ")) << answer;
    EXPECT_THAT(world.backend.delivered.at(0).content, HasSubstr("score=0.0")) << answer;
  }
}

TEST(SessionLists, OneListDoesBoth) {
  World world(
      "list \"BL\" { zone = \"bl.example\", of = \"client\", answers = { [\"127.0.0.2\"] = { \"WEIGH\", 2 }, "
      "[\"127.0.0.3\"] = { \"BLOCK\", action = \"reject\" } } }");
  world.dns.a("10.2.0.192.bl.example", "127.0.0.2").a("11.2.0.192.bl.example", "127.0.0.3");
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  EXPECT_THAT(world.backend.delivered.at(0).content, HasSubstr("BL_WEIGH=2.0"));
  world.connect("192.0.2.11");
  EXPECT_THAT(world.read(), StartsWith("554 5.7.1 "));
}

TEST(SessionLists, ARuleOfAnEarlyStageReadsThem) {
  World world(
      list("CL", "client", "{ \"A\", 1 }") +
      "rule \"BLOCK\" { about = \"test\", stage = \"connect\", action = \"reject\", when = function(mail) return "
      "mail.lists.CL ~= nil end }");
  world.dns.a("10.2.0.192.cl.example", "127.0.0.2");
  world.connect();
  EXPECT_THAT(world.read(), StartsWith("554 "));
  world.connect("192.0.2.11");
  EXPECT_THAT(world.read(), StartsWith("220 "));
}

TEST(SessionLists, ABlockingListDoesNotWaitForTheClientsName) {
  World world(list("CL", "client", "{ \"A\", action = \"reject\" }"));
  world.dns.never("10.2.0.192.in-addr.arpa").a("10.2.0.192.cl.example", "127.0.0.2");
  std::string greeted;
  world.list_observer.heard = [&] { greeted = "listed"; };
  world.connect();
  EXPECT_EQ(greeted, "listed");
  EXPECT_THAT(world.read(), StartsWith("554 "));
}

TEST(SessionLists, AllThatAMessageWaitsIsWithinItsBudget) {
  World world(list("CL", "client", "{ \"A\", action = \"reject\" }") +
              list("HE", "helo", "{ \"A\", action = \"reject\" }") +
              list("FR", "from", "{ \"A\", action = \"reject\" }") + list("UR", "url", "{ \"A\", 1 }"));
  world.policy.dns.lookup = std::chrono::seconds(2);
  world.policy.dns.total = std::chrono::seconds(3);
  world.dns_door.silent = true;
  TimePoint begin = world.clock.now();
  world.connect();
  auto until_it_says = [&](const std::string& words) {
    for (int i = 0; i < 100 && world.client->written.find(words) == std::string::npos; ++i) {
      world.advance(std::chrono::milliseconds(100));
    }
    EXPECT_THAT(world.client->written, HasSubstr(words));
    world.read();
  };
  until_it_says("220 ");
  world.say_only("EHLO client.example\r\n");
  until_it_says("250 ");
  world.say_only("MAIL FROM:<a@sender.example>\r\n");
  until_it_says("250 ");
  world.say_only("RCPT TO:<b@example.org>\r\n");
  until_it_says("250 ");
  world.say_only("DATA\r\n");
  until_it_says("354 ");
  world.say_only(kMessage);
  until_it_says("250 ");
  EXPECT_LE(world.clock.now() - begin, std::chrono::seconds(4));
  EXPECT_GE(world.clock.now() - begin, std::chrono::seconds(2));
}

TEST(SessionLists, AnotherHeloIsAnotherName) {
  World world(list("HE", "helo", "{ \"A\", 1 }"));
  world.dns.a("bad.example.he.example", "127.0.0.2");
  world.connect();
  world.say("EHLO bad.example\r\n");
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  EXPECT_THAT(world.backend.delivered.at(0).content, Not(HasSubstr("HE_A")));
}

TEST(SessionLists, TheLimitOfQueries) {
  World world(list("UR", "url", "{ \"A\", 1 }"));
  world.policy.limits.list_queries = 2;
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(std::string(kHeader) + "http://a.example/ http://b.example/ http://c.example/\r\n.\r\n"),
              StartsWith("250 "));
  EXPECT_EQ(world.list_observer.results["UR unlisted"], 2);
  EXPECT_EQ(world.list_observer.results["UR limit"], 1);
}

TEST(SessionLists, AnOpenSessionAsksTheListsOfNewRules) {
  World world(list("OLD", "client", "{ \"A\", 1 }"));
  world.dns.a("10.2.0.192.old.example", "127.0.0.2").a("10.2.0.192.new.example", "127.0.0.2");
  world.connect();
  world.to_data();
  world.reload(list("NEW", "client", "{ \"A\", 1 }"));
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  EXPECT_THAT(world.backend.delivered.at(0).content, HasSubstr("tests=[OLD_A=1.0"));
  world.say("MAIL FROM:<a@sender.example>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n");
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  EXPECT_THAT(world.backend.delivered.at(1).content, HasSubstr("tests=[NEW_A=1.0"));
}

TEST(SessionLists, WhatAListSaidBeforeItWasSuspendedIsNotCounted) {
  World world(list("CL", "client", "{ \"A\", 20 }"));
  world.dns.a("10.2.0.192.cl.example", "127.0.0.2");
  world.connect();
  world.to_data();
  lists::ZonePtr zone = world.current.lists->zones.at(0);
  zone->probed("it lists everything");
  zone->probed("");
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
}

TEST(SessionLists, TrustedClientsThatSkipFiltersAreNotAskedAbout) {
  World world(list("CL", "client", "{ \"A\", action = \"reject\" }"));
  world.dns.a("10.2.0.192.cl.example", "127.0.0.2");
  world.policy.relay.trusted = {*IpNetwork::parse("192.0.2.0/24")};
  world.policy.relay.skip_filters = true;
  world.connect();
  EXPECT_THAT(world.read(), StartsWith("220 "));
  EXPECT_FALSE(was_asked(world, "10.2.0.192.cl.example"));
}

TEST(SessionFacts, EarlyTalkerAndHelo) {
  World world(
      "rule \"EARLY\" { about = \"t\", score = 1, when = function(mail) return mail.client.early end }\n"
      "rule \"OWN\" { about = \"t\", stage = \"helo\", score = 1, when = function(mail) return mail.helo_is.own end }\n"
      "rule \"LOST\" { about = \"t\", stage = \"helo\", score = 1, when = function(mail) return "
      "mail.helo_is.resolves == false end }\n"
      "rule \"OTHER\" { about = \"t\", score = 1, when = function(mail) return mail.helo_is.matches == false end }");
  world.policy.greet_delay = std::chrono::seconds(1);
  world.policy.hostname = "mx.example.org";
  world.dns.a("elsewhere.example", "192.0.2.77");
  world.connect();
  world.say("EHLO mx.example.org\r\n");
  world.advance(std::chrono::seconds(2));
  world.read();
  world.to_data();
  world.say(kMessage);
  EXPECT_THAT(world.backend.delivered.at(0).content, HasSubstr("EARLY=1.0"));
  world.policy.greet_delay = Duration::zero();
  for (const auto& [helo, rules] : std::map<std::string, std::string>{
           {"nowhere.example", "tests=[LOST=1.0, OTHER=1.0]"}, {"elsewhere.example", "tests=[OTHER=1.0]"}}) {
    world.connect();
    world.read();
    world.say("EHLO " + helo + "\r\nMAIL FROM:<a@sender.example>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n");
    world.say(kMessage);
    EXPECT_THAT(world.backend.delivered.back().content, HasSubstr(rules)) << helo;
  }
}

}  // namespace
}  // namespace postern::test
