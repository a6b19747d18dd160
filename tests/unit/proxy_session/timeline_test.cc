// What an admin is told afterwards: which steps, in which order, how long each took.
#include "proxy/session/timeline.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/proxy_session/world.h"

namespace postern::test {
namespace {

using session::dns_text;
using session::Moment;
using session::Timeline;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;
using What = Moment::What;

constexpr const char* kMessage = "Subject: hello\r\nFrom: <a@sender.example>\r\n\r\nbody\r\n.\r\n";

std::string line_of(const Moment& moment) {
  return std::string(to_string(moment.what)) + ' ' + moment.text;
}

/// Without the questions to the DNS: "helo client.example".
std::vector<std::string> steps(const Timeline& timeline) {
  std::vector<std::string> lines;
  lines.reserve(timeline.moments().size());
  for (const Moment& moment : timeline.moments()) {
    if (moment.what != What::Dns) lines.push_back(line_of(moment));
  }
  return lines;
}

std::vector<std::string> questions(const Timeline& timeline) {
  std::vector<std::string> lines;
  lines.reserve(timeline.moments().size());
  for (const Moment& moment : timeline.moments()) {
    if (moment.what == What::Dns) lines.push_back(moment.text);
  }
  return lines;
}

std::string rule(const std::string& name, const std::string& stage, const std::string& more) {
  return "rule \"" + name + "\" { about = \"test\", stage = \"" + stage + "\", " + more +
         " when = function() return true end }\n";
}

// ---------------------------------------------------------------- the list itself

TEST(Timeline, ManyRecipientsLeaveRoomForTheRest) {
  Timeline timeline;
  TimePoint at{};
  for (int i = 0; i < 1000; ++i) timeline.add(What::Rcpt, at, "b" + std::to_string(i) + "@example.org");
  for (int i = 0; i < 1000; ++i) timeline.add(What::Dns, at, "A host");
  for (What what : {What::FinalDot, What::Rules, What::Backend, What::Reply}) timeline.add(what, at, "last");
  const auto& moments = timeline.moments();
  EXPECT_LE(moments.size(), Timeline::kMost);
  EXPECT_EQ(moments.front().text, "b0@example.org");
  EXPECT_EQ(line_of(moments.back()), "reply last");
  EXPECT_EQ(moments.size() + timeline.left_out(), 2004U);
}

TEST(Timeline, AConnectionLeavesRoomForItsMessages) {
  Timeline connection{Timeline::Of::Connection};
  for (int i = 0; i < 1000; ++i) {
    for (What what : {What::Helo, What::Dns, What::Rules, What::Filter}) connection.add(what, TimePoint{}, "before");
  }
  Timeline message;
  message.begin_with(connection);
  size_t before = message.moments().size();
  EXPECT_LE(before, Timeline::kMost / 2);
  for (What what : {What::Dns, What::Rules, What::Filter, What::Reply}) message.add(what, TimePoint{}, "of its own");
  EXPECT_EQ(message.moments().size(), before + 4);
  EXPECT_EQ(message.left_out(), connection.left_out());
}

TEST(Timeline, TextIsCutBetweenCharacters) {
  Timeline timeline;
  timeline.add(What::Helo, TimePoint{}, std::string(Moment::kMaxText - 1, 'x') + "\xc3\xa9 and more");
  EXPECT_EQ(timeline.moments().at(0).text, std::string(Moment::kMaxText - 1, 'x'));
  timeline.add(What::Helo, TimePoint{}, std::string(1000, '\x80'));
  EXPECT_LE(timeline.moments().at(1).text.size(), Moment::kMaxText);
}

TEST(Timeline, SaysWhatTheDnsAnswered) {
  dns::Answer answer;
  answer.status = dns::Status::Found;
  answer.texts = {"v=spf1 -all", std::string(100, 'x'), "third", "fourth", "fifth"};
  EXPECT_EQ(dns_text({"a.example", dns::Type::TXT}, answer),
            "TXT a.example: v=spf1 -all, " + std::string(60, 'x') + "..., third and 2 more");
  dns::Answer nothing;
  nothing.status = dns::Status::NoName;
  EXPECT_EQ(dns_text({"a.example", dns::Type::A}, nothing), "A a.example: no such name");
  dns::Answer failed;
  failed.reason = "SERVFAIL";
  EXPECT_EQ(dns_text({"a.example", dns::Type::MX}, failed), "MX a.example: failed: SERVFAIL");
}

// ---------------------------------------------------------------- of a session

TEST(SessionTimeline, OfAMessageFromItsConnectionOn) {
  World world(rule("FIRST", "connect", "score = 1,") + rule("LAST", "message", "score = 2,"));
  world.dns.ptr("10.2.0.192.in-addr.arpa", "client.example").a("client.example", "192.0.2.10");
  world.connect();
  world.to_data();
  world.advance(std::chrono::seconds(3));
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  const Timeline& timeline = world.observer.timeline;
  EXPECT_THAT(steps(timeline),
              ElementsAre("connected 192.0.2.10 port 4242", "rules connect: 1 hit, score 1.0", "helo client.example",
                          "mail a@sender.example", HasSubstr("backend 127.0.0.1:10025: 250 2.1.0 Sender Ok"),
                          HasSubstr("rcpt b@example.org: 250 2.1.5 Recipient Ok"), "data ", HasSubstr("final_dot "),
                          "filter spf: none", "filter helo_spf: none", "filter dkim: none", "filter arc: none",
                          "filter dmarc: none", "rules message: 2 hits, score 3.0",
                          HasSubstr("backend 127.0.0.1:10025: 250 2.0.0 Ok: queued as 4F00D"),
                          HasSubstr("reply 250 2.0.0 Ok: queued as 4F00D")));
  EXPECT_THAT(questions(timeline), testing::Contains("PTR 10.2.0.192.in-addr.arpa: client.example"));
  EXPECT_THAT(questions(timeline), testing::Contains("A client.example: 192.0.2.10"));
  EXPECT_THAT(questions(timeline), testing::Contains("TXT sender.example: no such name"));
  TimePoint before{};
  for (const Moment& moment : timeline.moments()) {
    EXPECT_GE(moment.end, before) << line_of(moment);
    EXPECT_LE(moment.begin, moment.end);
    before = moment.end;
  }
  EXPECT_GE(timeline.moments().back().end - timeline.moments().front().begin, std::chrono::seconds(3));
  EXPECT_EQ(world.observer.last.at, timeline.moments().back().end);
  EXPECT_EQ(world.observer.last.wall_ms, world.clock.wall_ms());
}

TEST(SessionTimeline, OfTheNextMessageKnowsTheConnectionButNotTheFirstMessage) {
  World world;
  world.connect();
  world.to_data("first@sender.example");
  world.say(kMessage);
  world.say("MAIL FROM:<second@sender.example>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n");
  world.say(kMessage);
  EXPECT_THAT(steps(world.observer.timeline), testing::Contains("connected 192.0.2.10 port 4242"));
  EXPECT_THAT(steps(world.observer.timeline), testing::Contains("mail second@sender.example"));
  EXPECT_THAT(steps(world.observer.timeline), testing::Not(testing::Contains("mail first@sender.example")));
}

TEST(SessionTimeline, SlowQuestionsShowHowSlowTheyWere) {
  World world;
  world.dns_door.silent = true;
  world.connect();
  world.to_data();
  world.say_only(kMessage);
  world.run();
  for (int i = 0; i < 30 && world.observer.verdicts.empty(); ++i) world.advance(std::chrono::seconds(1));
  ASSERT_EQ(world.observer.verdicts.size(), 1U);
  bool slow = false;
  for (const Moment& moment : world.observer.timeline.moments()) {
    if (moment.what != What::Dns) continue;
    EXPECT_THAT(moment.text, HasSubstr("failed: timeout"));
    slow = slow || moment.end - moment.begin >= std::chrono::seconds(3);
  }
  EXPECT_TRUE(slow);
}

TEST(SessionTimeline, AClientThatLeavesWhileTheDnsIsAskedHarmsNobody) {
  World world;
  world.dns_door.silent = true;
  world.connect();
  world.say("EHLO client.example\r\nMAIL FROM:<a@sender.example>\r\n");
  world.client_vanishes();
  world.session.reset();
  world.advance(std::chrono::seconds(60));
  EXPECT_TRUE(world.observer.verdicts.empty());
}

TEST(SessionTimeline, ThresholdsAreThoseOfTheRecipient) {
  World world;
  session::RecipientThresholds strict;
  strict.recipients = {"b@example.org"};
  strict.thresholds.reject = 7.5;
  world.policy.verdict.overrides.push_back(strict);
  world.connect();
  world.to_data();
  world.say(kMessage);
  EXPECT_EQ(world.observer.last.thresholds.reject, 7.5);
}

// ---------------------------------------------------------------- refusals

TEST(SessionRefusal, HasAnIdAtEachStage) {
  for (const std::string stage : {"connect", "helo", "mail", "rcpt"}) {
    World world(rule("NO", stage, "action = 'reject',"));
    world.connect();
    std::string said = world.read();
    for (const char* line :
         {"EHLO client.example\r\n", "MAIL FROM:<a@sender.example>\r\n", "RCPT TO:<b@example.org>\r\n"}) {
      if (said.find("refused") == std::string::npos) said = world.say(line);
    }
    EXPECT_THAT(said, MatchesRegex("55[04] 5?\\.?7?\\.?1? ?refused \\(NO\\) \\[id [0-9A-Z]{26}\\]\r\n")) << stage;
    ASSERT_EQ(world.observer.refused_id.size(), 26U) << stage;
    EXPECT_THAT(said, HasSubstr("[id " + world.observer.refused_id + ']')) << stage;
    EXPECT_THAT(steps(world.observer.timeline).back(), StartsWith("reply 55")) << stage;
  }
}

TEST(SessionRefusal, AGreetingInTheRulesOwnWordsIsLeftAsItIs) {
  for (const std::string stage : {"connect", "helo"}) {
    World world(rule("NO", stage, "action = 'reject', reply = '550 5.7.1 go away',"));
    world.connect();
    std::string said = world.read() + world.say("EHLO client.example\r\n");
    EXPECT_THAT(said, HasSubstr("go away\r\n")) << stage;
    EXPECT_EQ(world.observer.refused_id.size(), 26U) << stage;
  }
}

TEST(SessionRefusal, TheSessionGoesOnWithoutIt) {
  World world(rule("NO", "helo", "action = 'reject',"));
  world.connect();
  world.say("EHLO client.example\r\n");
  std::string first = world.observer.refused_id;
  world.say("EHLO client.example\r\n");
  EXPECT_NE(world.observer.refused_id, first);
  auto said = steps(world.observer.timeline);
  EXPECT_EQ(std::count_if(said.begin(), said.end(), [](const std::string& line) { return line.starts_with("reply "); }),
            1);
}

TEST(SessionTimeline, ADeferralForABackendThatIsGoneNamesTheMessage) {
  World world;
  world.connect();
  world.to_data();
  world.backend.refuse = true;
  world.backend_drops();
  std::string said = world.say(kMessage);
  EXPECT_THAT(said, StartsWith("451 4.4.1 "));
  EXPECT_THAT(said, testing::EndsWith(" [id " + world.observer.last.id + "]\r\n"));
  EXPECT_THAT(steps(world.observer.timeline), testing::Contains(HasSubstr("Connection refused")));
}

}  // namespace
}  // namespace postern::test
