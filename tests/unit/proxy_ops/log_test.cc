#include "proxy/ops/log.h"

#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <spdlog/sinks/ostream_sink.h>

#include "filters/base/bytes.h"

namespace postern::ops {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr int64_t kWhen = 1'700'000'000'123;  // 2023-11-14T22:13:20.123Z

class StoppedClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override { return TimePoint(); }
  [[nodiscard]] int64_t wall_ms() const override { return kWhen; }
};

struct Sample {
  Facts facts;
  rules::Evaluation evaluation;
  session::MessageRecord record;

  Sample() {
    facts.client.ip = *IpAddress::parse("192.0.2.1");
    facts.helo = "mail.example.com";
    facts.from = "a@example.com";
    facts.rcpts = {"b@example.org", "c@example.org"};
    facts.size = 1234;
    facts.spf = spf::Outcome{spf::Result::SoftFail, "example.com", "", ""};
    evaluation.hits = {
        {"A", 1.0, 1, "", "", false, {}}, {"B", 6.3, 1, "why", "", false, {}}, {"S", 20, 1, "", "", true, {}}};
    record.id = "01J0";
    record.facts = &facts;
    record.evaluation = &evaluation;
    record.judgement = {rules::Verdict::Tag, 7.3, 6.0};
    record.verdict = "tag";
    record.backend = "127.0.0.1:10025";
    record.backend_reply = "250 2.0.0 Ok: queued as 4X";
    record.reply = record.backend_reply;
    record.total = 41'250us;
    record.rules_time = 300us;
  }
};

TEST(LogTest, AMessageIsOneLineOfText) {
  Sample sample;
  std::string line = format_message(sample.record, {{"S", rules::Verdict::Tag, rules::Verdict::Reject}}, {},
                                    Config::LogFormat::Text, kWhen);
  EXPECT_EQ(line,
            "2023-11-14T22:13:20.123Z info message id=01J0 client=192.0.2.1 helo=\"mail.example.com\" "
            "from=\"a@example.com\" rcpts=\"b@example.org,c@example.org\" size=1234 verdict=tag score=7.3 "
            "rules=\"A=1.0,B=6.3(why)\" shadow=\"S=20.0\" would_change=\"S=tag>reject\" spf=softfail helo_spf=- dkim=- "
            "dmarc=- arc=- "
            "backend=\"127.0.0.1:10025\" backend_reply=\"250 2.0.0 Ok: queued as 4X\" "
            "reply=\"250 2.0.0 Ok: queued as 4X\" milliseconds=\"total=41.2,final_dot=0.0,dns=0.0,rules=0.3\"");
}

TEST(LogTest, TheSameNamesInJson) {
  Sample sample;
  sample.record.client_gone = true;
  json line = json::parse(format_message(sample.record, {{"S", rules::Verdict::Tag, rules::Verdict::Reject}}, {},
                                         Config::LogFormat::Json, kWhen));
  EXPECT_EQ(line["time"], "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(line["event"], "message");
  EXPECT_EQ(line["id"], "01J0");
  EXPECT_EQ(line["rcpts"], json({"b@example.org", "c@example.org"}));
  EXPECT_EQ(line["size"], 1234);
  EXPECT_EQ(line["score"], 7.3);
  EXPECT_EQ(line["rules"], json::parse(R"([{"name":"A","score":1.0},{"name":"B","score":6.3,"detail":"why"}])"));
  EXPECT_EQ(line["shadow"][0]["name"], "S");
  EXPECT_EQ(line["would_change"], json::parse(R"([{"rule":"S","from":"tag","to":"reject"}])"));
  EXPECT_EQ(line["spf"], "softfail");
  EXPECT_TRUE(line["helo_spf"].is_null());
  EXPECT_TRUE(line["dkim"].is_null());
  EXPECT_EQ(line["client_gone"], true);
  EXPECT_EQ(line["milliseconds"]["rules"], 0.3);
}

TEST(LogTest, ListsThatFailedAreNamed) {
  Sample sample;
  std::string line = format_message(sample.record, {}, {"ZEN", "DBL"}, Config::LogFormat::Text, kWhen);
  EXPECT_THAT(line, HasSubstr(" list_errors=\"ZEN,DBL\" "));
  json object = json::parse(format_message(sample.record, {}, {"ZEN", "DBL"}, Config::LogFormat::Json, kWhen));
  EXPECT_EQ(object["list_errors"], json({"ZEN", "DBL"}));
}

TEST(LogTest, HowManyAreLikeItAndWhereToLook) {
  Sample sample;
  sample.facts.bulk.count = 57;
  sample.facts.bulk.cluster = "0123456789abc";
  std::string line = format_message(sample.record, {}, {}, Config::LogFormat::Text, kWhen);
  EXPECT_THAT(line, HasSubstr(" arc=- bulk=57:0123456789abc backend="));
  json object = json::parse(format_message(sample.record, {}, {}, Config::LogFormat::Json, kWhen));
  EXPECT_EQ(object["bulk"], json::parse(R"({"count":57,"cluster":"0123456789abc"})"));
  sample.facts.bulk.count = 1;
  EXPECT_THAT(format_message(sample.record, {}, {}, Config::LogFormat::Text, kWhen), Not(HasSubstr("bulk=")));
}

TEST(LogTest, HostileTextStaysOneLineAndNeverForgesAField) {
  Sample sample;
  sample.facts.helo = "x\" verdict=accept \r\n2023 info message id=forged\x1b[2J";
  sample.facts.from = std::string("\0\xff\\\"@\xc2\x9b", 7);
  sample.facts.rcpts = {std::string(5000, 'a')};
  sample.evaluation.hits[1].detail = "\xed\xa0\x80 \" } \\";
  sample.record.reply = "550 \xf0\x9f\x92\xa9 refused\n";
  for (auto format : {Config::LogFormat::Text, Config::LogFormat::Json}) {
    std::string line = format_message(sample.record, {}, {}, format, kWhen);
    EXPECT_THAT(line, Not(HasSubstr("\n")));
    EXPECT_THAT(line, Not(HasSubstr("\x1b")));
    EXPECT_THAT(line, Not(HasSubstr("\" verdict=accept")));
    EXPECT_TRUE(is_utf8(line));
    EXPECT_LT(line.size(), 3000U);
  }
  json line = json::parse(format_message(sample.record, {}, {}, Config::LogFormat::Json, kWhen));
  EXPECT_EQ(line["verdict"], "tag");
  EXPECT_EQ(line["from"], R"(\x00\xff\x5c\x22@\xc2\x9b)");
  EXPECT_THAT(line["rcpts"][0].get<std::string>(), EndsWith("..."));
}

TEST(LogTest, AThousandRecipientsAreCutAndCounted) {
  Sample sample;
  sample.facts.rcpts.assign(1000, "someone@example.org");
  json line = json::parse(format_message(sample.record, {}, {}, Config::LogFormat::Json, kWhen));
  EXPECT_EQ(line["rcpts"].size(), 20U);
  EXPECT_EQ(line["rcpts_total"], 1000);
}

TEST(LogTest, ARecordWithNothingButAVerdictIsLogged) {
  session::MessageRecord record;
  record.verdict = "error";
  json line = json::parse(format_message(record, {}, {}, Config::LogFormat::Json, kWhen));
  EXPECT_EQ(line["verdict"], "error");
  EXPECT_EQ(line["rules"], json::array());
}

/// What is known when a list refuses a client that has just come.
struct Refusal {
  Facts facts;
  rules::Evaluation evaluation;
  rules::Stage stage = rules::Stage::Connect;
  std::string id;
  std::string reply = "554 5.7.1 refused: 192.0.2.1 is listed by ZEN (ZEN_SBL)";

  Refusal() {
    facts.client.ip = *IpAddress::parse("192.0.2.1");
    facts.client.name = "mx.example.com";
    evaluation.hits = {{"ZEN_SBL", 4.0, 1, "192.0.2.1", "", false, {"ZEN"}}, {"S", 20, 1, "", "", true, {}}};
    evaluation.score = 4;
    evaluation.decision = rules::Decision{rules::Verdict::Reject, "ZEN_SBL", "", "", "ZEN"};
  }
  void at_rcpt() {
    stage = rules::Stage::Rcpt;
    facts.helo = "mail.example.com";
    facts.from = "a@example.com";
    facts.rcpts = {"accepted@example.org", "b@example.org"};
    reply = "451 4.7.1 deferred (LOCAL_LATER) [id 01J0]";
    evaluation.decision = rules::Decision{rules::Verdict::Defer, "LOCAL_LATER", "", "", ""};
  }
  [[nodiscard]] session::RefusalRecord record() const {
    session::RefusalRecord record;
    record.id = id;
    record.facts = &facts;
    record.stage = stage;
    record.evaluation = &evaluation;
    record.reply = reply;
    return record;
  }
  [[nodiscard]] std::string line(Config::LogFormat format) const { return format_refusal(record(), format, kWhen); }
  [[nodiscard]] json object() const { return json::parse(line(Config::LogFormat::Json)); }
};

TEST(LogTest, ARefusedClientIsOneLineOfText) {
  Refusal refusal;
  EXPECT_EQ(
      refusal.line(Config::LogFormat::Text),
      "2023-11-14T22:13:20.123Z info refused stage=connect client=192.0.2.1 name=\"mx.example.com\" helo=- from=- "
      "rcpts=\"\" verdict=reject score=4.0 rules=\"ZEN_SBL=4.0(192.0.2.1)\" shadow=\"S=20.0\" rule=\"ZEN_SBL\" "
      "list=\"ZEN\" reply=\"554 5.7.1 refused: 192.0.2.1 is listed by ZEN (ZEN_SBL)\"");
}

TEST(LogTest, ARefusedClientInJson) {
  json line = Refusal().object();
  EXPECT_EQ(line["event"], "refused");
  EXPECT_EQ(line["stage"], "connect");
  EXPECT_TRUE(line["helo"].is_null());
  EXPECT_TRUE(line["from"].is_null());
  EXPECT_EQ(line["rcpts"], json::array());
  EXPECT_EQ(line["verdict"], "reject");
  EXPECT_EQ(line["score"], 4.0);
  EXPECT_EQ(line["rules"], json::parse(R"([{"name":"ZEN_SBL","score":4.0,"detail":"192.0.2.1"}])"));
  EXPECT_EQ(line["rule"], "ZEN_SBL");
  EXPECT_EQ(line["list"], "ZEN");
}

TEST(LogTest, ARefusedRecipientIsNamedWithoutThoseBefore) {
  Refusal refusal;
  refusal.at_rcpt();
  EXPECT_THAT(refusal.line(Config::LogFormat::Text),
              HasSubstr(" helo=\"mail.example.com\" from=\"a@example.com\" rcpts=\"b@example.org\" verdict=defer "));
  json line = refusal.object();
  EXPECT_EQ(line["stage"], "rcpt");
  EXPECT_FALSE(line.contains("id"));
  EXPECT_EQ(line["rcpts"], json::array({"b@example.org"}));
  EXPECT_EQ(line["rule"], "LOCAL_LATER");
  EXPECT_EQ(line["reply"], "451 4.7.1 deferred (LOCAL_LATER) [id 01J0]");
  EXPECT_FALSE(line.contains("list"));
}

TEST(LogTest, ARefusalIsFoundByTheIdOfItsReply) {
  Refusal refusal;
  refusal.at_rcpt();
  refusal.id = "01J0";
  EXPECT_THAT(refusal.line(Config::LogFormat::Text), HasSubstr(" info refused id=01J0 stage=rcpt client="));
  EXPECT_EQ(refusal.object()["id"], "01J0");
}

TEST(LogTest, ARefusalThatNoRuleDecidedSaysWhyAndHowOften) {
  Refusal refusal;
  refusal.at_rcpt();
  EXPECT_FALSE(refusal.object().contains("cause"));
  refusal.evaluation.decision = rules::Decision{rules::Verdict::Reject, "", "", "", ""};
  session::RefusalRecord record = refusal.record();
  record.cause = session::Cause::Relay;
  EXPECT_THAT(format_refusal(record, Config::LogFormat::Text, kWhen), HasSubstr(" rule=\"\" cause=relay reply=\""));
  record.repeated = true;
  record.times = 999;
  EXPECT_THAT(format_refusal(record, Config::LogFormat::Text, kWhen), HasSubstr(" cause=relay times=999 reply=\""));
  json line = json::parse(format_refusal(record, Config::LogFormat::Json, kWhen));
  EXPECT_EQ(line["cause"], "relay");
  EXPECT_EQ(line["times"], 999);
}

TEST(LogTest, TheNullSenderOfARefusalIsNotAnUnknownOne) {
  Refusal refusal;
  refusal.at_rcpt();
  refusal.facts.from.clear();
  EXPECT_THAT(refusal.line(Config::LogFormat::Text), HasSubstr(" from=\"\" "));
  EXPECT_EQ(refusal.object()["from"], "");
}

TEST(LogTest, HostileTextInARefusalStaysOneLineAndNeverForgesAField) {
  Refusal refusal;
  refusal.at_rcpt();
  refusal.facts.client.name = std::string("\0\"\\\n", 4) + std::string(5000, 'n');
  refusal.facts.helo = "x\" verdict=accept \r\n2023 info message id=forged\x1b[2J" + std::string(5000, 'h');
  refusal.facts.from = std::string(5000, '"');
  refusal.facts.rcpts = {std::string(5000, '\xff')};
  refusal.evaluation.hits[0].detail = "\xed\xa0\x80 \" } \\" + std::string(5000, 'd');
  refusal.evaluation.decision->list = "\"\n";
  refusal.reply = "550 \xf0\x9f\x92\xa9 \"\r\n" + std::string(5000, 'r');
  for (auto format : {Config::LogFormat::Text, Config::LogFormat::Json}) {
    std::string line = refusal.line(format);
    EXPECT_THAT(line, Not(HasSubstr("\n")));
    EXPECT_THAT(line, Not(HasSubstr("\x1b")));
    EXPECT_THAT(line, Not(HasSubstr("\" verdict=accept")));
    EXPECT_TRUE(is_utf8(line));
    EXPECT_LT(line.size(), 4000U);
  }
  EXPECT_EQ(refusal.object()["verdict"], "defer");
  EXPECT_THAT(refusal.object()["rcpts"][0].get<std::string>(), EndsWith("..."));
}

TEST(LogTest, ALongRefusalStillEndsWithTheId) {
  Refusal refusal;
  refusal.at_rcpt();
  refusal.reply = "550 5.7.1 refused: " + std::string(400, 'x') + " [id 01J0]";
  EXPECT_THAT(refusal.object()["reply"].get<std::string>(), EndsWith(" [id 01J0]"));
}

TEST(LogTest, TheLevelHidesRefusalsToo) {
  StoppedClock clock;
  std::ostringstream out;
  Log log(clock, Config::LogFormat::Text, "warning", std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  Refusal refusal;
  log.refused(refusal.record());
  EXPECT_EQ(out.str(), "");
  log.configure(Config::LogFormat::Text, "info");
  log.refused(refusal.record());
  EXPECT_EQ(out.str(), refusal.line(Config::LogFormat::Text) + "\n");
}

TEST(LogTest, TheLevelHidesAndAReloadShows) {
  StoppedClock clock;
  std::ostringstream out;
  Log log(clock, Config::LogFormat::Text, "warning", std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  Sample sample;
  log.message(sample.record, {}, {});
  log.note("info", "hidden");
  EXPECT_EQ(out.str(), "");
  log.note("warning", "a \"note\"\nof two lines");
  EXPECT_EQ(out.str(), "2023-11-14T22:13:20.123Z warning note text=\"a \\x22note\\x22\\x0aof two lines\"\n");
  out.str("");
  log.configure(Config::LogFormat::Json, "info");
  log.message(sample.record, {}, {});
  EXPECT_THAT(out.str(), StartsWith("{\"time\""));
  EXPECT_THAT(out.str(), EndsWith("}\n"));
}

}  // namespace
}  // namespace postern::ops
