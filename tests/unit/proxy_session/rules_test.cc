// Rules within a session: they may wait for the DNS at each stage, and a reload takes effect between two messages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/proxy_session/world.h"

namespace postern::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kMessage = "Subject: hello\r\nFrom: <a@sender.example>\r\n\r\nbody\r\n.\r\n";

std::string rule(const std::string& name, const std::string& stage, const std::string& more,
                 const std::string& body = "return true") {
  return "rule \"" + name + "\" { about = \"test\", stage = \"" + stage + "\", " + more + " when = function(mail) " +
         body + " end }\n";
}

TEST(SessionRules, WaitForTheDnsAtEachStage) {
  for (const std::string stage : {"connect", "helo", "mail", "rcpt", "message"}) {
    World world(rule("LISTED", stage, "action = 'reject', reply = '550 5.7.1 listed',",
                     "return #dns.txt('listed.example') > 0"));
    world.dns.txt("listed.example", "yes");
    world.connect();
    std::string said = world.read();
    for (const char* line : {"EHLO client.example\r\n", "MAIL FROM:<a@sender.example>\r\n",
                             "RCPT TO:<b@example.org>\r\n", "DATA\r\n", kMessage}) {
      if (said.find("listed") == std::string::npos) said += world.say(line);
    }
    EXPECT_THAT(said, HasSubstr("550 5.7.1 listed")) << stage;
    EXPECT_TRUE(world.backend.delivered.empty());
  }
}

TEST(SessionRules, TheDnsDoesNotAnswer) {
  World world(rule("UNKNOWN", "message", "score = 1,", "local t, why = dns.txt('dead.example'); return t == nil, why"));
  world.dns.never("dead.example");
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  EXPECT_THAT(world.backend.delivered.at(0).content, HasSubstr("tests=[UNKNOWN=1.0(temperror)]"));
}

TEST(SessionRules, AnOpenSessionMeetsNewRulesAtItsNextMessage) {
  World world(rule("OLD_CONNECT", "connect", "score = 1,") + rule("OLD_MESSAGE", "message", "score = 1,"));
  world.connect();
  world.to_data();
  // While the message is under way nothing changes for it.
  world.reload(rule("NEW_CONNECT", "connect", "score = 1,") + rule("NEW_HELO", "helo", "score = 1,") +
               rule("NEW_MESSAGE", "message", "score = 1,"));
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  EXPECT_THAT(world.backend.delivered.at(0).content, HasSubstr("tests=[OLD_CONNECT=1.0, OLD_MESSAGE=1.0]"));
  world.say("MAIL FROM:<a@sender.example>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n");
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  EXPECT_THAT(world.backend.delivered.at(1).content,
              HasSubstr("tests=[NEW_CONNECT=1.0, NEW_HELO=1.0, NEW_MESSAGE=1.0]"));
}

TEST(SessionRules, NewRulesMayRefuseAClientThatIsThere) {
  for (const std::string stage : {"connect", "helo"}) {
    World world;
    world.connect();
    world.say("EHLO client.example\r\n");
    world.reload(rule("NO", stage, "action = 'reject',"));
    EXPECT_THAT(world.say("MAIL FROM:<a@sender.example>\r\n"), StartsWith("550 5.7.1 ")) << stage;
    EXPECT_THAT(world.say("MAIL FROM:<a@sender.example>\r\n"), StartsWith("550 5.7.1 ")) << stage;
    world.reload("");
    EXPECT_THAT(world.say("MAIL FROM:<a@sender.example>\r\n"), StartsWith("250 ")) << stage;
  }
}

}  // namespace
}  // namespace postern::test
