// Recorded mail by other rules: judged again, kept as it was, or unknown.
#include "proxy/cli/replay_judge.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "filters/mime/content.h"

namespace postern::cli {
namespace {

using ops::JournalEntry;
using ops::JournalRuleSet;
using rules::RuleSetPtr;
using rules::Verdict;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

RuleSetPtr load(const std::string& text) {
  auto set = rules::RuleSet::from_texts({{"rules/test.lua", text}}, {});
  if (set) return *set;
  ADD_FAILURE() << set.error()[0].to_string();
  return rules::RuleSet::empty();
}

JournalRuleSet kept(const rules::RuleSet& set) {
  JournalRuleSet out;
  for (const rules::RuleInfo& rule : set.rules()) {
    out.rules[rule.name] = {rule.definition, rule.score, rule.group, rule.shadow, rule.disabled};
  }
  return out;
}

const std::string kBody = "rule 'BODY' { about = 'b', score = 4, body = 'x' }\n";
const std::string kHelo =
    "rule 'HELO' { about = 'h', score = 3, when = function(mail) return mail.helo == 'bad' end }\n";

/// One recorded message, and the rules that judged it.
class RecordedJudgeTest : public testing::Test {
 public:
  RecordedJudgeTest() {
    facts_ = std::make_shared<Facts>();
    facts_->helo = "bad";
    facts_->rcpts = {"b@example.org"};
    facts_->message = kHeader;
    facts_->content = std::make_shared<mime::Content>(kHeader, mime::Kept());
    facts_->spf.emplace();
    facts_->helo_spf.emplace();
    entry_.id = "01J";
    entry_.stage = "message";
    entry_.facts = facts_;
  }
  RecordedJudgeTest(const RecordedJudgeTest&) = delete;
  RecordedJudgeTest& operator=(const RecordedJudgeTest&) = delete;
  ~RecordedJudgeTest() override = default;

 protected:
  void recorded_by(const std::string& text, const std::vector<std::string>& hits) {
    then_set_ = load(text);
    then_ = kept(*then_set_);
    entry_.rules_version = then_set_->version();
    for (const std::string& name : hits) {
      rules::Hit hit;
      hit.rule = name;
      for (const auto& rule : then_set_->rules()) {
        if (rule.name == name) hit.score = rule.score;
      }
      entry_.evaluation.hits.push_back(hit);
    }
  }
  RecordedJudge::Result judge(const std::string& text) {
    judge_ = std::make_unique<RecordedJudge>(std::make_shared<const ops::Config>(), load(text));
    return judge_->judge(entry_, &then_);
  }
  static std::vector<std::string> hits(const RecordedJudge::Result& result) {
    std::vector<std::string> names;
    for (const auto& hit : result.opinion.hits) names.push_back(hit.rule);
    return names;
  }
  static bool certain(const RecordedJudge::Result& result) {
    return result.opinion.mildest == result.opinion.strictest;
  }

  static constexpr std::string_view kHeader = "Subject: hello\r\n\r\n";
  std::shared_ptr<Facts> facts_;
  JournalEntry entry_;
  RuleSetPtr then_set_;
  JournalRuleSet then_;
  std::unique_ptr<RecordedJudge> judge_;
};

TEST_F(RecordedJudgeTest, WhatWasKeptIsJudgedAgain) {
  recorded_by(kHelo, {"HELO"});
  auto result = judge("rule 'OTHER' { about = 'o', score = 16, header = { 'Subject', 'hello' } }");
  EXPECT_THAT(hits(result), ElementsAre("OTHER"));
  EXPECT_EQ(result.opinion.verdict, Verdict::Reject);
  EXPECT_TRUE(certain(result));
}

TEST_F(RecordedJudgeTest, TheSameConditionKeepsWhatItSaidByItsNewScore) {
  recorded_by(kBody + kHelo, {"BODY", "HELO"});
  auto result = judge(kBody + kHelo + "score 'BODY' (13)");
  EXPECT_THAT(hits(result), ElementsAre("BODY", "HELO"));
  EXPECT_EQ(result.opinion.score, 16);
  EXPECT_EQ(result.opinion.verdict, Verdict::Reject);
  EXPECT_THAT(result.unknown, IsEmpty());
}

TEST_F(RecordedJudgeTest, FactorsAndGroupsAreThoseOfThenAndNow) {
  recorded_by(kBody, {"BODY"});
  entry_.evaluation.hits[0].factor = 2;
  EXPECT_EQ(judge(kBody).opinion.score, 8);
  EXPECT_EQ(
      judge("rule 'BODY' { about = 'b', score = 4, group = 'g', body = 'x' } group('g', { max = 5 })").opinion.score,
      5);
}

TEST_F(RecordedJudgeTest, AHitAddsNoMoreThanTheEngineWouldLetIt) {
  recorded_by(kBody, {"BODY"});
  entry_.evaluation.hits[0].factor = 1e9;
  EXPECT_EQ(judge(kBody).opinion.score, 1000);
  entry_.evaluation.hits[0].factor = -1e300;
  EXPECT_EQ(judge(kBody).opinion.score, -1000);
}

TEST_F(RecordedJudgeTest, AnotherConditionIsUnknown) {
  recorded_by(kBody, {"BODY"});
  auto result = judge("rule 'BODY' { about = 'b', score = 20, body = 'y' }" + kHelo);
  EXPECT_THAT(hits(result), ElementsAre("HELO"));
  EXPECT_THAT(result.unknown, ElementsAre("BODY"));
  EXPECT_EQ(result.opinion.verdict, Verdict::Accept);
  EXPECT_EQ(result.opinion.mildest, Verdict::Accept);
  EXPECT_EQ(result.opinion.strictest, Verdict::Reject);
  EXPECT_THAT(judge_->reasons().at("BODY"), HasSubstr("reads body"));
  EXPECT_THAT(judge_->reasons().at("BODY"), HasSubstr("another one then"));
}

TEST_F(RecordedJudgeTest, AnUnknownRuleThatCouldChangeNothingLeavesTheVerdictCertain) {
  recorded_by(kHelo, {"HELO"});
  auto result = judge(kHelo + "rule 'NEW' { about = 'n', score = 2, body = 'y' }");
  EXPECT_THAT(result.unknown, ElementsAre("NEW"));
  EXPECT_TRUE(certain(result));
  EXPECT_TRUE(certain(judge(kHelo + "rule 'NEW' { about = 'n', score = 20, mode = 'shadow', body = 'y' }")));
  EXPECT_FALSE(certain(judge(kHelo + "rule 'NEW' { about = 'n', action = 'reject', body = 'y' }")));
}

TEST_F(RecordedJudgeTest, WhatOnlyAPartWasKeptOfIsUnknown) {
  recorded_by("", {});
  entry_.header_cut = true;
  std::string rule = "rule 'S' { about = 's', score = 7, header = { 'X-Far', 'x' } }";
  EXPECT_THAT(judge(rule).unknown, ElementsAre("S"));
  entry_.header_cut = false;
  EXPECT_THAT(judge(rule).unknown, IsEmpty());
  entry_.unknown = {"urls"};
  EXPECT_THAT(judge("rule 'U' { about = 'u', score = 7, url = 'x' }").unknown, ElementsAre("U"));
}

TEST_F(RecordedJudgeTest, AnActionThatIsKeptDecides) {
  std::string never = "rule 'NEVER' { about = 'n', action = 'reject', body = 'x' }\n";
  recorded_by(kHelo + never + kBody, {"HELO", "NEVER"});
  entry_.evaluation.decision = rules::Decision{Verdict::Reject, "NEVER", "", "", ""};
  auto result = judge(kHelo + never + kBody);
  EXPECT_EQ(result.opinion.verdict, Verdict::Reject);
  EXPECT_EQ(result.opinion.decided_by, "NEVER");
  EXPECT_TRUE(certain(result));
  // Without it nobody knows what stood behind it.
  result = judge(kHelo + kBody);
  EXPECT_EQ(result.opinion.verdict, Verdict::Accept);
  EXPECT_THAT(result.unknown, ElementsAre("BODY"));
  EXPECT_EQ(result.opinion.strictest, Verdict::Tag);
}

TEST_F(RecordedJudgeTest, AnActionThatSeesOnlyAPartDoesNotDecide) {
  std::string rule =
      "rule 'EMPTY' { about = 'e', action = 'discard', when = function(mail) return mail.text == '' end }\n";
  recorded_by(rule + kHelo, {"HELO"});
  auto result = judge(rule + kHelo);
  EXPECT_EQ(result.opinion.verdict, Verdict::Accept);
  EXPECT_EQ(result.opinion.decided_by, "");
  EXPECT_THAT(hits(result), ElementsAre("HELO"));
}

TEST_F(RecordedJudgeTest, MailThatWasRefusedEarlyMayHaveBeenAnything) {
  std::string block =
      "rule 'BLOCK' { about = 'b', stage = 'helo', action = 'reject', "
      "when = function(mail) return mail.helo == 'bad' end }\n";
  recorded_by(block + kHelo + kBody, {"BLOCK"});
  entry_.stage = "helo";
  entry_.evaluation.decision = rules::Decision{Verdict::Reject, "BLOCK", "", "", ""};
  auto result = judge(block + kHelo + kBody);
  EXPECT_EQ(result.opinion.verdict, Verdict::Reject);
  EXPECT_TRUE(certain(result));
  result = judge(kHelo + kBody);
  EXPECT_THAT(result.unknown, ElementsAre("HELO", "BODY"));
  EXPECT_EQ(result.opinion.strictest, Verdict::Tag);
}

TEST_F(RecordedJudgeTest, ListsAreKnownByTheirNames) {
  auto list = [](const std::string& answers) {
    return "list 'ONE' { zone = 'one.example', of = 'client', answers = { ['127.0.0.9'] = { 'X', 1 } } }\n"
           "list 'ZEN' { zone = 'zen.example', of = 'client', answers = { " +
           answers + " } }\n";
  };
  recorded_by(list("['127.0.0.2'] = { 'SBL', 4 }"), {"ZEN_SBL"});
  lists::Outcome outcome;
  outcome.state = lists::Outcome::State::Listed;
  outcome.listings.push_back({"192.0.2.1", "1.2.0.192.zen.example", {*IpAddress::parse("127.0.0.2")}, {0}});
  entry_.lists.emplace_back("ZEN", outcome);
  auto result = judge(list("['127.0.0.1'] = { 'NEW', 1 }, ['127.0.0.2-3'] = { 'BOTH', 7 }"));
  EXPECT_THAT(hits(result), ElementsAre("ZEN_BOTH"));
  EXPECT_THAT(result.unknown, IsEmpty());
  // Nobody asked this one.
  result = judge(list("['127.0.0.2'] = { 'SBL', 4 }") +
                 "list 'NEW' { zone = 'new.example', of = 'client', answers = { ['127.0.0.2'] = { 'Y', 9 } } }");
  EXPECT_THAT(hits(result), ElementsAre("ZEN_SBL"));
  EXPECT_THAT(result.unknown, ElementsAre("NEW_Y"));
  EXPECT_FALSE(certain(result));
}

TEST(RecordedOpinion, IsWhatWasSaidThen) {
  JournalEntry entry;
  entry.evaluation.hits.push_back({"A", 7, 1, "", "", false});
  entry.judgement = {Verdict::Tag, 7, 6.0};
  EXPECT_EQ(recorded_opinion(entry).verdict, Verdict::Tag);
  EXPECT_EQ(recorded_opinion(entry).score, 7);
  entry.evaluation.decision = rules::Decision{Verdict::Discard, "A", "", "", ""};
  EXPECT_EQ(recorded_opinion(entry).verdict, Verdict::Discard);
  EXPECT_EQ(recorded_opinion(entry).decided_by, "A");
}

TEST(ThresholdsFor, AreThoseOfTheRecipients) {
  session::VerdictPolicy policy;
  rules::Thresholds strict;
  strict.reject = 10;
  policy.overrides.push_back({{"@example.net", "b@example.org"}, strict});
  EXPECT_EQ(thresholds_for(policy, {"a@example.org"}).reject, 15);
  EXPECT_EQ(thresholds_for(policy, {"X@Example.NET"}).reject, 10);
  EXPECT_EQ(thresholds_for(policy, {"a@example.org", "B@example.org"}).reject, 10);
  EXPECT_EQ(thresholds_for(policy, {}).reject, 15);
}

}  // namespace
}  // namespace postern::cli
