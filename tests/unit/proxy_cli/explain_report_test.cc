// What `postern explain` says to people and to programs.
#include "proxy/cli/explain_report.h"

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>

#include <gmock/gmock.h>

#include "filters/base/bytes.h"
#include "filters/mime/content.h"
#include "proxy/cli/terminal_text.h"

namespace postern::cli {
namespace {

using ops::JournalEntry;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace std::chrono_literals;

constexpr int64_t kNow = 1'700'000'000'000;

rules::Hit hit(const std::string& name, double score, const std::string& group = "", const std::string& detail = "") {
  rules::Hit made;
  made.rule = name;
  made.score = score;
  made.group = group;
  made.detail = detail;
  return made;
}

/// A rejected message with a capped group, a shadow rule and a link.
JournalEntry rejected() {
  JournalEntry entry;
  entry.id = "01HF7YAT00BBZ0QVE903NY9PRR";
  entry.wall_ms = kNow;
  entry.stage = "message";
  entry.verdict = "reject";
  entry.rules_version = "0123456789ab";
  entry.reply = "550 5.7.1 refused: score 17.2, limit 15.0 (SPF_FAIL) [id 01HF7YAT00BBZ0QVE903NY9PRR]";
  entry.evaluation.hits = {hit("SPF_FAIL", 3, "authentication", "sender.example"),
                           hit("LOTTERY", 8, "content", "big win"), hit("HURRY", 6.2, "content"),
                           hit("URIBL_BLACK", 4.2), hit("TRIAL", 9)};
  entry.evaluation.hits.at(0).factor = 2;
  entry.evaluation.hits.back().shadow = true;
  entry.evaluation.score = 17.2;
  entry.evaluation.slowest = {{"LOTTERY", std::chrono::nanoseconds(1'500'000)}};
  entry.shadow = {{"TRIAL", rules::Verdict::Reject, rules::Verdict::Discard}};
  entry.judgement = {rules::Verdict::Reject, 17.2, 15.0};
  entry.header = std::make_shared<const std::string>(
      "From: a@sender.example\r\nSubject: =?utf-8?Q?Gro=C3=9Fe?= Lotterie\r\n\r\nhttps://bad.example/x\r\n");
  entry.facts = std::make_shared<Facts>();
  Facts& facts = *entry.facts;
  facts.message = *entry.header;
  facts.content = std::make_shared<mime::Content>(facts.message, true);
  facts.client.ip = *IpAddress::parse("192.0.2.10");
  facts.client.port = 4242;
  facts.client.name = "mail.sender.example";
  facts.helo = "mail.sender.example";
  facts.from = "a@sender.example";
  facts.rcpts = {"b@example.org"};
  facts.size = 1234;
  facts.spf.emplace();
  facts.spf->result = spf::Result::Fail;
  facts.spf->domain = "sender.example";
  entry.total = 1200ms;
  entry.timeline = {{"connected", -2s, 0us, "192.0.2.10 port 4242"},
                    {"dns", -1990ms, 12ms, "PTR 10.2.0.192.in-addr.arpa: mail.sender.example"},
                    {"final_dot", -100ms, 0us, "1234 octets"},
                    {"reply", 0us, 0us, "550 5.7.1 refused"}};
  return entry;
}

Around around() {
  Around made;
  made.groups = rules::Groups{{"content", {10, {}}}};
  made.wall_ms = kNow + 180'000;
  return made;
}

rules::RuleSetPtr rules_now() {
  auto set = rules::RuleSet::from_texts(
      {{"rules/10-a.lua",
        "rule \"SPF_FAIL\" { about = \"the envelope sender's domain forbids this client\", stage = \"mail\", score = "
        "1.5,\n"
        "  group = \"authentication\", when = function(mail) return mail.spf.result == 'fail' end }\n"
        "rule \"LOTTERY\" { about = \"it promises a win\", score = 2.5, body = \"(?i)big win\" }\n"}},
      {});
  return set ? *set : nullptr;
}

size_t line_of(const std::string& text, const std::string& part) {
  size_t at = text.find(part);
  if (at == std::string::npos) return std::string::npos;
  return static_cast<size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

/// The column of scores up to the line that says "score".
double column_sum(const std::string& text) {
  std::istringstream lines(text.substr(text.find("The sum\n") + 8));
  double sum = 0;
  for (std::string line; std::getline(lines, line) && line.find("-----") == std::string::npos;) {
    std::string_view number = trim(std::string_view(line).substr(0, 9));
    if (!number.empty()) sum += std::stod(std::string(number));
  }
  return rules::round_score(sum);
}

TEST(ExplainReport, BeginsWithTheVerdictAndItsReason) {
  std::string text = terminal_text(rejected(), around());
  EXPECT_THAT(
      text,
      StartsWith("REJECTED\n  because score 17.2 has reached the threshold of reject, 15.0: LOTTERY 8.0, HURRY 6.2,"));
  EXPECT_LT(line_of(text, "reply: 550 5.7.1"), line_of(text, "when "));
  EXPECT_LT(line_of(text, "when "), 8U);
  EXPECT_THAT(text, HasSubstr("3 minutes ago"));
  EXPECT_THAT(text, HasSubstr("192.0.2.10 port 4242, mail.sender.example"));
  EXPECT_THAT(text, HasSubstr("<a@sender.example>"));
  EXPECT_THAT(text, HasSubstr("Große Lotterie"));
}

TEST(ExplainReport, TheColumnAddsUp) {
  std::string text = terminal_text(rejected(), around());
  EXPECT_EQ(column_sum(text), 17.2) << text;
  EXPECT_THAT(text, HasSubstr("     -4.2  group content: 14.2 together, may add 10.0 at most\n"));
  EXPECT_THAT(text, HasSubstr("      3.0  SPF_FAIL  = 1.5 x 2.0  \"sender.example\"\n"));
  EXPECT_THAT(text, HasSubstr("     17.2  score\n"));
  EXPECT_THAT(text, HasSubstr("tag 6.0 (reached), quarantine off, defer off, reject 15.0 (reached)"));
  EXPECT_GT(line_of(text, "TRIAL"), line_of(text, "17.2  score"));

  JournalEntry damped = rejected();
  damped.evaluation.hits.push_back(hit("DMARC_PASS", -0.5));
  damped.evaluation.score = 12.7;
  Around with = around();
  with.groups->at("content").dampers["DMARC_PASS"] = 6;
  text = terminal_text(damped, with);
  EXPECT_EQ(column_sum(text), 12.7) << text;
  EXPECT_THAT(text, HasSubstr("may add 10.0 at most, but 6.0 since DMARC_PASS hit"));
}

/// The line of LOTTERY, alone in the sum, once its `when` has returned `factor`.
std::string line_of_factor(double factor, double score, std::optional<double> known) {
  JournalEntry entry = rejected();
  entry.evaluation.hits = {hit("LOTTERY", score)};
  entry.evaluation.hits.front().factor = factor;
  entry.evaluation.score = score;
  Around with = around();
  with.now = rules_now();  // where it scores 2.5
  if (known) with.scores["LOTTERY"] = *known;
  std::string text = terminal_text(entry, with);
  EXPECT_EQ(column_sum(text), score) << text;
  text = text.substr(text.find("The sum\n") + 8);
  return text.substr(0, text.find('\n'));
}

TEST(ExplainReport, AProductIsSaidOnlyWhereItIsOne) {
  EXPECT_EQ(line_of_factor(2, 5, std::nullopt), "      5.0  LOTTERY  = 2.5 x 2.0");
  EXPECT_EQ(line_of_factor(2, 3, std::nullopt), "      3.0  LOTTERY  = 1.5 x 2.0 (it scores 2.5 now)");
  // What the engine bounded says nothing of the rule's score.
  EXPECT_EQ(line_of_factor(1e9, 1000, std::nullopt), "   1000.0  LOTTERY  (its score x 1e+09, bounded to 1000.0)");
  EXPECT_EQ(line_of_factor(1e9, 1000, 2.5), "   1000.0  LOTTERY  = 2.5 x 1e+09, bounded to 1000.0");
  EXPECT_EQ(line_of_factor(-1e9, -1000, 1.0),
            "  -1000.0  LOTTERY  = 1.0 x -1e+09, bounded to -1000.0 (it scores 2.5 now)");
  // Nor does what has no digits left.
  EXPECT_EQ(line_of_factor(1e-6, 0, std::nullopt), "      0.0  LOTTERY  (its score x 1e-06)");
  EXPECT_EQ(line_of_factor(0, 0, 2.5), "      0.0  LOTTERY  = 2.5 x 0.0");
}

TEST(ExplainReport, SaysWhatTheRulesAreNow) {
  Around with = around();
  std::string text = terminal_text(rejected(), with);
  EXPECT_THAT(text, HasSubstr("the rules of --config cannot be read"));
  EXPECT_THAT(text, Not(HasSubstr("no such rule")));
  with.now = rules_now();
  ASSERT_NE(with.now, nullptr);
  text = terminal_text(rejected(), with);
  EXPECT_THAT(text, HasSubstr("the envelope sender's domain forbids this client [rules/10-a.lua:1]"));
  EXPECT_THAT(text, HasSubstr("LOTTERY (it scores 2.5 now)"));
  EXPECT_THAT(text, HasSubstr("HURRY (there is no such rule any more)"));
  EXPECT_THAT(text, HasSubstr("the rules have changed since: now " + with.now->version()));
  JournalEntry same = rejected();
  same.rules_version = with.now->version();
  EXPECT_THAT(terminal_text(same, with), HasSubstr(", the same as now"));
}

TEST(ExplainReport, ADecisionByActionIsSaid) {
  JournalEntry entry = rejected();
  entry.stage = "connect";
  entry.evaluation.decision =
      rules::Decision{rules::Verdict::Reject, "ZEN_PBL", "", "192.0.2.10 is listed by ZEN", "ZEN"};
  std::string text = terminal_text(entry, around());
  EXPECT_THAT(text,
              StartsWith("REJECTED when it connected\n  because the action of the rule ZEN_PBL decided (192.0.2.10 is "
                         "listed by ZEN)\n"));
  EXPECT_THAT(text, HasSubstr("ZEN_PBL decided by its action (reject); the score had no say"));
  EXPECT_THAT(text, Not(HasSubstr("subject")));
  EXPECT_THAT(text, Not(HasSubstr("  from ")));
}

TEST(ExplainReport, EveryOutcomeHasItsWords) {
  JournalEntry entry = rejected();
  entry.verdict = "accept";
  entry.judgement = {rules::Verdict::Accept, 1, 6.0};
  entry.evaluation.score = 1;
  EXPECT_THAT(terminal_text(entry, around()),
              StartsWith("ACCEPTED\n  because score 1.0 is below the threshold of tag, 6.0\n"));
  entry.verdict = "error";
  entry.reply = "451 4.4.1 mail system is not reachable";
  entry.backend_reply = "127.0.0.1:10025: connect: Connection refused";
  EXPECT_THAT(terminal_text(entry, around()), StartsWith("NOT DELIVERED (try again later)\n"));
  EXPECT_THAT(terminal_text(entry, around()), HasSubstr("behind us: 127.0.0.1:10025: connect: Connection refused"));
  entry.reply = "550 5.1.1 no such user";
  EXPECT_THAT(terminal_text(entry, around()), StartsWith("REFUSED BY THE MAIL SYSTEM BEHIND\n"));
  entry.verdict = "reject";
  EXPECT_THAT(terminal_text(entry, around()), HasSubstr("refused for its form"));
  entry.duplicate = true;
  EXPECT_THAT(terminal_text(entry, around()), StartsWith("ANSWERED AS BEFORE\n"));
  entry.client_gone = true;
  EXPECT_THAT(terminal_text(entry, around()), HasSubstr("reply, which the client was not there to read: 550 5.1.1"));
}

TEST(ExplainReport, StepsAreCountedFromTheConnection) {
  std::string text = timeline_text(rejected());
  EXPECT_THAT(text, HasSubstr("    0.000            connected  192.0.2.10 port 4242\n"));
  EXPECT_THAT(text, HasSubstr("    0.022     12 ms  dns        PTR 10.2.0.192.in-addr.arpa: mail.sender.example\n"));
  EXPECT_THAT(text, HasSubstr("    1.900            final dot  1234 octets\n"));
  EXPECT_THAT(text, HasSubstr("    2.000            reply      550 5.7.1 refused\n"));
  EXPECT_THAT(text, HasSubstr("slowest: LOTTERY 1.5 ms"));
}

TEST(ExplainReport, WhatStrangersWroteDoesNoHarmToATerminal) {
  JournalEntry entry = rejected();
  std::string evil = "\x1b[2Jgone\r\nREJECTED \xe2\x80\xae\xff" + std::string(1, '\0') + std::string(5000, 'x');
  entry.reply = entry.backend_reply = entry.backend = entry.rules_version = evil;
  entry.facts->helo = entry.facts->from = entry.facts->client.name = evil;
  entry.facts->rcpts.assign(200, evil);
  entry.facts->spf->domain = entry.facts->spf->reason = entry.facts->spf->explanation = evil;
  for (rules::Hit& one : entry.evaluation.hits) one.detail = one.group = evil;
  entry.timeline.assign(120, {evil, -1s, 1us, evil});
  entry.lists.emplace_back(evil, lists::Outcome{});
  entry.lists.back().second.listings.push_back({evil, evil, {*IpAddress::parse("127.0.0.2")}, {}});
  std::string text = terminal_text(entry, around());
  EXPECT_TRUE(is_utf8(text));
  EXPECT_LT(text.size(), 60'000U);
  EXPECT_TRUE(
      std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || static_cast<unsigned char>(c) >= ' '; }));
  EXPECT_THAT(text, Not(HasSubstr("\xe2\x80\xae")));
  EXPECT_THAT(text, Not(HasSubstr("\nREJECTED \n")));
}

TEST(ExplainReport, AsAnObject) {
  Around with = around();
  with.now = rules_now();
  auto object = explain_json(rejected(), with);
  EXPECT_EQ(object["id"], "01HF7YAT00BBZ0QVE903NY9PRR");
  EXPECT_EQ(object["time"], "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(object["verdict"], "reject");
  EXPECT_EQ(object["limit"], 15.0);
  EXPECT_EQ(object["thresholds"]["defer"], nullptr);
  EXPECT_EQ(object["subject"], "Große Lotterie");
  double sum = 0;
  for (const auto& group : object["sum"]["groups"]) sum += group["counts"].get<double>();
  EXPECT_EQ(rules::round_score(sum), object["sum"]["score"]);
  EXPECT_FALSE(object["sum"].contains("unexplained"));
  EXPECT_EQ(object["shadow"][0]["would_change"]["to"], "discard");
  EXPECT_EQ(object["timeline"][1]["at"], 10.0);
  EXPECT_EQ(object["timeline"][1]["took"], 12.0);
  EXPECT_EQ(object["urls"][0]["url"], "https://bad.example/x");
  EXPECT_EQ(object["rcpts_all"], 1);
  JournalEntry many = rejected();
  many.rcpts_left_out = 70;
  many.attachments_left_out = 3;
  object = explain_json(many, with);
  EXPECT_EQ(object["rcpts"].size(), 1U);
  EXPECT_EQ(object["rcpts_all"], 71);
  EXPECT_EQ(object["attachments_left_out"], 3);
}

TEST(ExplainText, LinesAreWrappedAtBlanks) {
  EXPECT_EQ(wrapped("one two three", 2, 9), "  one two\n  three\n");
  EXPECT_EQ(wrapped("averyveryverylongword x", 2, 9), "  averyveryverylongword\n  x\n");
  EXPECT_EQ(wrapped("", 2, 9), "");
  EXPECT_EQ(lasting(300us), "0.3 ms");
  EXPECT_EQ(lasting(2500ms), "2.5 s");
  EXPECT_EQ(lasting(10min), "10 min");
}

TEST(ExplainReport, RulesThatFailedAreNamedWithTheReason) {
  JournalEntry entry = rejected();
  EXPECT_THAT(terminal_text(entry, around()), Not(HasSubstr("Rules that failed")));
  EXPECT_EQ(explain_json(entry, around())["failures"].size(), 0U);
  entry.evaluation.errors = {{"LOUD", "error", "rules/10-a.lua:3: attempt to call a nil\x1b[2J value"},
                             {"SLOW", "cpu", "rules/10-a.lua:7: stopped after 25 ms"},
                             {"HOARD", "memory", "rules/10-a.lua:9: not enough memory"},
                             {"LOOP", "suspended", "rules/10-a.lua:12: it did not run"}};
  entry.evaluation.errors_left_out = 3;
  std::string text = terminal_text(entry, around());
  EXPECT_THAT(text, HasSubstr("Rules that failed"));
  EXPECT_THAT(text, HasSubstr("\n  LOUD: an error: rules/10-a.lua:3: attempt to call a nil"));
  EXPECT_THAT(text, HasSubstr("\n  SLOW: it ran out of time: rules/10-a.lua:7: stopped after 25 ms\n"));
  EXPECT_THAT(text, HasSubstr("\n  HOARD: it ran out of memory: rules/10-a.lua:9: "));
  EXPECT_THAT(text, HasSubstr("\n  LOOP: it is suspended: rules/10-a.lua:12: it did not run\n  and 3 more\n"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  nlohmann::ordered_json object = explain_json(entry, around());
  EXPECT_EQ(object["failures"][1].dump(),
            R"({"name":"SLOW","reason":"cpu","message":"rules/10-a.lua:7: stopped after 25 ms"})");
  EXPECT_EQ(object["failures_left_out"], 3);
}

}  // namespace
}  // namespace postern::cli
