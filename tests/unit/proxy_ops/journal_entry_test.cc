// What became of a message, and what is kept of it.
#include <string>

#include <gmock/gmock.h>

#include "filters/mime/content.h"
#include "proxy/ops/journal_names.h"
#include "tests/unit/proxy_ops/journal_entry_fixture.h"

namespace postern::ops {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

TEST_F(JournalEntryTest, TheOutcomeComesBack) {
  session::Timeline timeline;
  TimePoint at(10s);
  timeline.add(session::Moment::What::Dns, at - 5ms, at - 2ms, "TXT x: " + kHostile);
  timeline.add(session::Moment::What::Reply, at, "250");
  record_.at = at;
  record_.timeline = &timeline;
  record_.verdict = "error";
  record_.judgement = {rules::Verdict::Tag, 7.3, 6.0};
  record_.thresholds = {1.5, 6.0, std::nullopt, 15.0};
  record_.backend = "127.0.0.1:10025";
  record_.backend_reply = "451 " + kHostile;
  record_.reply = "451 4.4.1";
  record_.client_gone = true;
  record_.duplicate = true;
  record_.total = 41'250us;
  record_.final_dot = 300us;
  record_.dns = 7us;
  record_.rules_time = 1us;
  record_.bare_newlines = 3;
  changes_ = {{"S", rules::Verdict::Tag, rules::Verdict::Reject}};
  JournalEntry entry = back();
  EXPECT_EQ(entry.id, "01JZX3");
  EXPECT_EQ(entry.wall_ms, 1'700'000'000'123);
  EXPECT_EQ(entry.stage, "message");
  EXPECT_EQ(entry.verdict, "error");
  EXPECT_EQ(entry.judgement.verdict, rules::Verdict::Tag);
  EXPECT_EQ(entry.judgement.score, 7.3);
  EXPECT_EQ(entry.judgement.limit, 6.0);
  EXPECT_EQ(entry.thresholds, record_.thresholds);
  EXPECT_EQ(entry.rules_version, "0123456789ab");
  EXPECT_EQ(entry.backend, "127.0.0.1:10025");
  EXPECT_EQ(entry.backend_reply, "451 " + kHostile);
  EXPECT_EQ(entry.reply, "451 4.4.1");
  EXPECT_TRUE(entry.client_gone);
  EXPECT_TRUE(entry.duplicate);
  EXPECT_EQ(entry.total, 41'250us);
  EXPECT_EQ(entry.final_dot, 300us);
  EXPECT_EQ(entry.dns, 7us);
  EXPECT_EQ(entry.rules_time, 1us);
  EXPECT_EQ(entry.bare_newlines, 3U);
  ASSERT_THAT(entry.shadow, SizeIs(1));
  EXPECT_EQ(entry.shadow[0].to, rules::Verdict::Reject);
  ASSERT_THAT(entry.timeline, SizeIs(2));
  EXPECT_EQ(entry.timeline[0].what, "dns");
  EXPECT_EQ(entry.timeline[0].begin, -5ms);
  EXPECT_EQ(entry.timeline[0].took, 3ms);
  EXPECT_EQ(entry.timeline[0].text, timeline.moments()[0].text);
  EXPECT_EQ(entry.timeline[1].begin, 0us);
}

TEST_F(JournalEntryTest, HitsAndDecisionComeBack) {
  evaluation_.hits = {{"A", 1.005, 0.3, kHostile, "content", false, {"ZEN", "BL"}}, {"S", -2, 1, "", "", true, {}}};
  evaluation_.decision = rules::Decision{rules::Verdict::Discard, "A", "550 " + kHostile, kHostile, "ZEN"};
  evaluation_.score = 1.005;
  evaluation_.cpu = 12'345ns;
  evaluation_.slowest = {{"A", 9'000ns}, {"S", 1ns}};
  rules::Evaluation back = this->back().evaluation;
  ASSERT_THAT(back.hits, SizeIs(2));
  EXPECT_EQ(back.hits[0].rule, "A");
  EXPECT_EQ(back.hits[0].score, 1.005);
  EXPECT_EQ(back.hits[0].factor, 0.3);
  EXPECT_EQ(back.hits[0].detail, kHostile);
  EXPECT_EQ(back.hits[0].group, "content");
  EXPECT_THAT(back.hits[0].lists, ElementsAre("ZEN", "BL"));
  EXPECT_FALSE(back.hits[0].shadow);
  EXPECT_TRUE(back.hits[1].shadow);
  EXPECT_EQ(back.hits[1].factor, 1);
  ASSERT_TRUE(back.decision);
  EXPECT_EQ(back.decision->verdict, rules::Verdict::Discard);
  EXPECT_EQ(back.decision->reply, "550 " + kHostile);
  EXPECT_EQ(back.decision->reason, kHostile);
  EXPECT_EQ(back.decision->list, "ZEN");
  EXPECT_EQ(back.score, 1.005);
  EXPECT_EQ(back.cpu, 12'345ns);
  ASSERT_THAT(back.slowest, SizeIs(2));
  EXPECT_EQ(back.slowest[0].rule, "A");
  EXPECT_EQ(back.slowest[0].cpu, 9'000ns);
}

TEST_F(JournalEntryTest, RulesThatFailedComeBack) {
  EXPECT_THAT(journal_row(record_, changes_, nullptr).data, Not(HasSubstr("errors")));
  evaluation_.errors = {{"LOUD", "error", "rules/10-a.lua:3: " + kHostile}, {"SLOW", "cpu", std::string(5000, 'x')}};
  evaluation_.errors_left_out = 7;
  rules::Evaluation back = this->back().evaluation;
  ASSERT_THAT(back.errors, SizeIs(2));
  EXPECT_EQ(back.errors[0].rule, "LOUD");
  EXPECT_EQ(back.errors[0].reason, "error");
  EXPECT_EQ(back.errors[0].message, "rules/10-a.lua:3: " + kHostile);
  EXPECT_EQ(back.errors[1].message, std::string(500, 'x'));
  EXPECT_EQ(back.errors_left_out, 7U);
}

TEST_F(JournalEntryTest, TheHeaderIsKeptAndTheBodyIsNot) {
  JournalRow row = journal_row(record_, changes_, nullptr);
  EXPECT_EQ(row.header, kHeader);
  JournalEntry entry = entry_of(row);
  EXPECT_EQ(entry.facts->message, kHeader);
  EXPECT_FALSE(entry.header_cut);
  EXPECT_THAT(row.data, Not(HasSubstr("business")));
  for (const char* message : {"no header at all\r\nnor here\r\n", "\r\nbody\r\n"}) {
    facts_.message = message;
    EXPECT_EQ(journal_row(record_, changes_, nullptr).header, "") << message;
  }
}

TEST_F(JournalEntryTest, ALongHeaderIsCutAtALine) {
  std::string line = "X-Long: " + std::string(90, 'x') + "\r\n";
  message_ = "Subject: first\r\n";
  while (message_.size() < 2 * kMaxHeader) message_ += line;
  message_ += "\r\nbody";
  facts_.message = message_;
  JournalEntry entry = back();
  EXPECT_TRUE(entry.header_cut);
  EXPECT_LE(entry.header->size(), kMaxHeader);
  EXPECT_GT(entry.header->size(), kMaxHeader - line.size());
  EXPECT_TRUE(entry.header->ends_with("x\r\n"));
  // One that only just fits is whole.
  message_ = "A: " + std::string(kMaxHeader - 5, 'a') + "\r\n\r\nbody";
  facts_.message = message_;
  EXPECT_FALSE(back().header_cut);
  EXPECT_EQ(back().header->size(), kMaxHeader);
}

TEST_F(JournalEntryTest, OfTooMuchTheFirstIsKeptAndTheRestCounted) {
  mime::Kept kept;
  kept.urls.resize(300, {"http://h.example/", "http", "h.example", "", "/", 0, "", false, {}});
  kept.urls[0].path = std::string(5000, 'p');
  kept.urls[0].text = "http://h.example" + kept.urls[0].path;
  kept.attachments.resize(80);
  facts_.content = std::make_shared<mime::Content>(facts_.message, kept);
  facts_.rcpts.resize(1000, std::string(3000, 'r'));
  facts_.helo = facts_.from = facts_.client.name = std::string(100'000, 'h');
  facts_.dkim.resize(10);
  for (auto& signature : facts_.dkim) signature.identity = signature.reason = std::string(100'000, 'd');
  facts_.arc.emplace();
  facts_.arc->sets.resize(50, {std::string(9999, 's'), std::string(9999, 's'), std::string(9999, 's')});
  record_.reply = record_.backend_reply = std::string(100'000, '\x01');
  JournalRow row = journal_row(record_, changes_, &lists_);
  EXPECT_LT(row.data.size(), 200'000U);
  JournalEntry entry = entry_of(row);
  EXPECT_THAT(entry.facts->rcpts, SizeIs(50));
  EXPECT_EQ(entry.rcpts_left_out, 950U);
  EXPECT_THAT(entry.facts->content->urls(), SizeIs(100));
  EXPECT_EQ(entry.urls_left_out, 200U);
  EXPECT_EQ(entry.urls_cut, 1U);
  EXPECT_THAT(entry.facts->content->attachments(), SizeIs(50));
  EXPECT_EQ(entry.attachments_left_out, 30U);
}

TEST_F(JournalEntryTest, ARefusalComesBack) {
  rules::Evaluation evaluation;
  evaluation.hits = {{"ZEN_SBL", 4.0, 1, "192.0.2.1", "", false, {"ZEN"}}};
  evaluation.score = 4;
  evaluation.decision = rules::Decision{rules::Verdict::Defer, "ZEN_SBL", "", "", "ZEN"};
  session::RefusalRecord refusal;
  facts_.message = {};
  facts_.helo = "mx";
  for (rules::Stage stage : {rules::Stage::Connect, rules::Stage::Helo, rules::Stage::Mail, rules::Stage::Rcpt}) {
    refusal.id = "01JR";
    refusal.facts = &facts_;
    refusal.stage = stage;
    refusal.evaluation = &evaluation;
    refusal.reply = "451 4.7.1 later [id 01JR]";
    refusal.rules_version = "abc";
    refusal.wall_ms = 5;
    JournalEntry entry = entry_of(journal_row(refusal, &lists_));
    EXPECT_EQ(entry.id, "01JR");
    EXPECT_EQ(entry.stage, rules::to_string(stage));
    EXPECT_EQ(entry.verdict, "defer");
    EXPECT_EQ(entry.judgement.verdict, rules::Verdict::Defer);
    EXPECT_EQ(entry.judgement.score, 4);
    EXPECT_EQ(entry.reply, "451 4.7.1 later [id 01JR]");
    EXPECT_EQ(entry.facts->helo, "mx");
    EXPECT_EQ(entry.rules_version, "abc");
    EXPECT_THAT(entry.evaluation.hits, SizeIs(1));
  }
}

TEST_F(JournalEntryTest, ARefusalThatNoRuleDecidedComesBackWithItsCause) {
  rules::Evaluation evaluation;
  session::RefusalRecord refusal;
  refusal.facts = &facts_;
  refusal.stage = rules::Stage::Rcpt;
  refusal.evaluation = &evaluation;
  for (session::Cause cause : session::kCauses) {
    refusal.cause = cause;
    refusal.times = cause == session::Cause::Relay ? 999 : 1;
    refusal.repeated = refusal.times > 1;
    refusal.transactions = refusal.repeated ? 14 : 0;
    refusal.rcpts_left_out = refusal.repeated ? 949 : 0;
    refusal.reply = cause == session::Cause::Relay ? "550 5.7.1 relaying denied" : "452 4.5.3 later";
    JournalEntry entry = entry_of(journal_row(refusal, &lists_));
    EXPECT_EQ(entry.cause, cause);
    EXPECT_EQ(entry.times, refusal.times);
    EXPECT_EQ(entry.repeated, refusal.repeated);
    EXPECT_EQ(entry.transactions, refusal.transactions);
    EXPECT_EQ(entry.rcpts_left_out, refusal.rcpts_left_out);
    EXPECT_EQ(entry.verdict, cause == session::Cause::None    ? "error"
                             : cause == session::Cause::Relay ? "reject"
                                                              : "defer");
    EXPECT_FALSE(entry.evaluation.decision);
  }
  record_.cause = session::Cause::TooBig;
  EXPECT_EQ(back().cause, session::Cause::TooBig);
}

TEST_F(JournalEntryTest, ARowOfSomethingElseIsRefused) {
  JournalRow good = journal_row(record_, changes_, nullptr);
  for (const char* data :
       {"", "{", "[]", "{}", R"({"v":2})", R"({"v":"1"})", R"({"v":1})",
        R"({"v":1,"stage":1,"facts":{"client":{"ip":"192.0.2.1"}}})",
        R"({"v":1,"judged":"maybe","facts":{"client":{"ip":"192.0.2.1"}}})",
        R"({"v":1,"cause":"fate","facts":{"client":{"ip":"192.0.2.1"}}})", R"({"v":1,"facts":{"client":{"ip":"a"}}})",
        R"({"v":1,"hits":[1],"timeline":[["x"]],"facts":{"client":{"ip":"192.0.2.1"}}})"}) {
    JournalRow row = good;
    row.data = data;
    EXPECT_FALSE(read_entry(row)) << data;
  }
}

TEST(JournalRulesTest, WhatARuleSetWasComesBack) {
  auto set = rules::RuleSet::from_texts({{"a.lua", R"(
    group("con-tent", { max = 10, dampers = { GOOD = 6 } })
    rule "GOOD" { about = "x", score = -1.5, when = function(mail) return true end }
    rule "BAD" { about = "y", score = 3, group = "con-tent", mode = "shadow", when = function(mail) return false end }
    disable "GOOD")"}},
                                        {});
  ASSERT_TRUE(set) << set.error()[0].to_string();
  JournalRules kept = journal_rules(**set);
  EXPECT_EQ(kept.version, (*set)->version());
  auto back = read_rules(kept);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->groups, (*set)->groups());
  ASSERT_THAT(back->rules, SizeIs(2));
  for (const rules::RuleInfo& rule : (*set)->rules()) {
    const JournalRule& known = back->rules.at(rule.name);
    EXPECT_EQ(known.definition, rule.definition);
    EXPECT_EQ(known.score, rule.score);
    EXPECT_EQ(known.group, rule.group);
    EXPECT_EQ(known.shadow, rule.shadow);
    EXPECT_EQ(known.disabled, rule.disabled);
  }
  EXPECT_FALSE(read_rules({"x", "{}"}));
}

}  // namespace
}  // namespace postern::ops
