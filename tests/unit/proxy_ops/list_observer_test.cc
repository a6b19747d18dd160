// What Operations makes of DNS lists: metrics, notes, and which of them decided.
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <spdlog/sinks/ostream_sink.h>

#include "proxy/ops/observer.h"

namespace postern::ops {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using State = lists::Outcome::State;

constexpr const char* kTwoLists = R"(
list "ZEN" { zone = "zen.test", of = "client",
  answers = { ["127.0.0.2"] = { "SBL", 10.0 }, ["127.0.0.4"] = { "XBL", action = "reject" } } }
list "BL" { zone = "bl.test", of = "client", answers = { ["127.0.0.2"] = { "HIT", 7.0 } } }
list "OFF" { zone = "off.test", of = "client", answers = { ["127.0.0.2"] = { "HIT", 7.0 } }, enabled = false }
rule "HEAVY" { about = "bad", score = 50, when = function(mail) return false end }
)";
constexpr const char* kOtherOrder = R"(
list "NEW" { zone = "new.test", of = "client", answers = { ["127.0.0.2"] = { "HIT", 1.0 } } }
list "BL" { zone = "bl.test", of = "client", answers = { ["127.0.0.2"] = { "HIT", 7.0 } } }
)";

constexpr const char* kHeavyFirst = R"(
rule "HEAVY" { about = "bad", score = 50, stage = "connect", when = function(mail) return false end }
list "ZEN" { zone = "zen.test", of = "client", answers = { ["127.0.0.4"] = { "XBL", action = "reject" } } }
)";

rules::RuleSetPtr set_of(const std::string& text) {
  auto made = rules::RuleSet::from_texts({{"rules/test.lua", text}}, {});
  if (made) return *made;
  for (const auto& problem : made.error()) ADD_FAILURE() << problem.to_string();
  return rules::RuleSet::empty();
}

class ListObserverTest : public testing::Test {
 protected:
  void SetUp() override { operations_.in_force(policy_, rules_); }

  /// A hit of a list's rule, as rules report it.
  void hit(const std::string& list, const std::string& answer, double score) {
    rules::Hit one;
    one.rule = list + "_" + answer;
    one.score = score;
    one.lists = {list};
    evaluation_.hits.push_back(one);
    evaluation_.score += score;
  }
  void reject_by(const std::string& list, const std::string& answer) {
    hit(list, answer, 0);
    evaluation_.decision = rules::Decision{rules::Verdict::Reject, list + "_" + answer, "", "", list};
  }
  void outcomes(const std::vector<State>& states) {
    facts_.lists.resize(states.size());
    for (size_t i = 0; i < states.size(); ++i) facts_.lists[i].state = states[i];
  }
  void message(const std::string& version) {
    session::MessageRecord record;
    record.facts = &facts_;
    record.evaluation = &evaluation_;
    record.judgement = rules::judge(evaluation_, policy_->verdict.thresholds);
    record.verdict = rules::to_string(record.judgement.verdict);
    record.rules_version = version;
    operations_.message(record);
  }
  void refuse(const std::string& version) {
    session::RefusalRecord record;
    record.facts = &facts_;
    record.stage = rules::Stage::Connect;
    record.evaluation = &evaluation_;
    record.reply = "554 5.7.1 refused: 192.0.2.1 is listed by ZEN";
    record.rules_version = version;
    operations_.refused(record);
  }
  std::string line(const std::string& metric, const std::string& list) {
    return "\npostern_list_" + metric + "{list=\"" + list + "\"} ";
  }
  ListStatistics::Report report_of(const std::string& name) {
    for (const auto& report : operations_.list_statistics().report()) {
      if (report.list.name == name) return report;
    }
    return {};
  }

  SystemClock clock_;
  std::ostringstream out_;
  Metrics metrics_;
  Log log_{clock_, Config::LogFormat::Text, "info", std::make_shared<spdlog::sinks::ostream_sink_mt>(out_)};
  Operations operations_{metrics_, log_};
  std::shared_ptr<session::Policy> policy_ = std::make_shared<session::Policy>();
  rules::RuleSetPtr rules_ = set_of(kTwoLists);
  Facts facts_;
  rules::Evaluation evaluation_;
};

TEST_F(ListObserverTest, EveryEnabledListHasItsSeriesFromTheStart) {
  std::string text = metrics_.serialize();
  for (const char* list : {"ZEN", "BL"}) {
    for (std::string_view result : kListResults) {
      EXPECT_THAT(text, HasSubstr("postern_list_queries_total{list=\"" + std::string(list) + "\",result=\"" +
                                  std::string(result) + "\"} 0\n"));
    }
    EXPECT_THAT(text, HasSubstr(line("up", list) + "0\n"));
    EXPECT_THAT(text, HasSubstr(line("decisive_total", list) + "0\n"));
    EXPECT_THAT(text, HasSubstr(line("seconds_count", list) + "0\n"));
  }
  EXPECT_THAT(text, Not(HasSubstr("\"OFF\"")));
}

TEST_F(ListObserverTest, QuestionsAndStatesAreCounted) {
  lists::List zen = rules_->lists()->at(0);
  operations_.list_asked(zen, "listed", 5ms);
  operations_.list_asked(zen, "noanswer", 5s);
  operations_.list_asked(zen, "unlisted", 0ms);  // known already
  operations_.list_asked(zen, "suspended", 0ms);
  operations_.list_state("ZEN", true);
  operations_.list_state("GONE", true);
  std::string text = metrics_.serialize();
  EXPECT_THAT(text, HasSubstr("postern_list_queries_total{list=\"ZEN\",result=\"listed\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("postern_list_queries_total{list=\"ZEN\",result=\"suspended\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(line("seconds_count", "ZEN") + "1\n")) << "only answers, and only those of the list";
  EXPECT_THAT(text, HasSubstr(line("up", "ZEN") + "1\n"));
  EXPECT_THAT(text, Not(HasSubstr("GONE")));
  EXPECT_THAT(text, HasSubstr("postern_list_queries_total{list=\"ZEN\",result=\"unlisted\"} 1\n"));
  EXPECT_EQ(report_of("ZEN").asked, 3U);
}

TEST_F(ListObserverTest, TheHealthOfAListThatIsGoneIsNotShown) {
  operations_.list_state("ZEN", true);
  operations_.list_state("BL", true);
  operations_.in_force(policy_, set_of(kOtherOrder));
  std::string text = metrics_.serialize();
  EXPECT_THAT(text, Not(HasSubstr(line("up", "ZEN"))));
  EXPECT_THAT(text, HasSubstr(line("up", "BL") + "1\n"));
  EXPECT_THAT(text, HasSubstr(line("up", "NEW") + "0\n"));
  EXPECT_THAT(text, HasSubstr(line("decisive_total", "ZEN") + "0\n")) << "counters stay";
}

TEST_F(ListObserverTest, AListThatAlwaysFailsDoesNotFillTheLog) {
  lists::List zen = rules_->lists()->at(0);
  lists::List bl = rules_->lists()->at(1);
  for (int i = 0; i < 1000; ++i) operations_.list_error(zen, "127.255.255.254: too many\r\nqueries");
  operations_.list_error(bl, "timeout");
  std::string log = out_.str();
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 11);  // 1, 2, 4 ... 512, and the other list
  EXPECT_THAT(log, HasSubstr("warning note text=\"list ZEN gave no answer that counts (512 times since start): "));
}

TEST_F(ListObserverTest, AListWithoutWhichTheVerdictWereAnotherIsDecisive) {
  outcomes({State::Listed, State::Listed});
  hit("ZEN", "SBL", 10);
  hit("BL", "HIT", 7);
  message(rules_->version());
  std::string text = metrics_.serialize();
  EXPECT_THAT(text, HasSubstr(line("decisive_total", "ZEN") + "1\n")) << "7 tags, 17 rejects";
  EXPECT_THAT(text, HasSubstr(line("decisive_total", "BL") + "1\n")) << "10 tags, 17 rejects";

  evaluation_ = {};
  hit("ZEN", "SBL", 10);
  hit("BL", "HIT", 7);
  rules::Hit heavy;
  heavy.rule = "HEAVY";
  heavy.score = 50;
  evaluation_.hits.push_back(heavy);
  evaluation_.score += 50;
  message(rules_->version());
  text = metrics_.serialize();
  EXPECT_THAT(text, HasSubstr(line("decisive_total", "ZEN") + "1\n")) << "67 rejects, with or without";

  EXPECT_EQ(report_of("ZEN").decisive, 1U);
  EXPECT_DOUBLE_EQ(report_of("ZEN").decisive_share, 0.5);
  EXPECT_EQ(report_of("ZEN").listed, 2U);
  EXPECT_DOUBLE_EQ(report_of("ZEN").others.at(0).share, 1.0);
}

TEST_F(ListObserverTest, ARefusalBeforeAMessageCountsForTheListThatRefused) {
  outcomes({State::Listed, State::Unlisted});
  reject_by("ZEN", "XBL");
  refuse(rules_->version());
  EXPECT_THAT(metrics_.serialize(), HasSubstr(line("decisive_total", "ZEN") + "1\n"));
  EXPECT_EQ(report_of("ZEN").listed, 1U);
  EXPECT_EQ(report_of("BL").decisive, 0U);
  EXPECT_THAT(out_.str(), HasSubstr(" info refused stage=connect client="));
  EXPECT_THAT(out_.str(), HasSubstr(" rule=\"ZEN_XBL\" list=\"ZEN\" reply=\"554 5.7.1 refused: "));
}

TEST_F(ListObserverTest, ARefusalThatTheScoreWouldHaveBroughtAnyhowHangsOnNoList) {
  rules_ = set_of(kHeavyFirst);
  operations_.in_force(policy_, rules_);
  outcomes({State::Listed});
  rules::Hit heavy;
  heavy.rule = "HEAVY";
  heavy.score = 50;
  evaluation_.hits.push_back(heavy);
  evaluation_.score = 50;
  reject_by("ZEN", "XBL");
  refuse(rules_->version());
  EXPECT_EQ(report_of("ZEN").decisive, 0U) << "50 rejects";

  evaluation_.decision->verdict = rules::Verdict::Defer;
  refuse(rules_->version());
  EXPECT_EQ(report_of("ZEN").decisive, 1U) << "deferred, where 50 would have rejected";
}

TEST_F(ListObserverTest, ARefusalWithoutAListIsLoggedAndHangsOnNone) {
  evaluation_.decision = rules::Decision{rules::Verdict::Reject, "HEAVY", "550 no", "", ""};
  refuse(rules_->version());
  EXPECT_THAT(out_.str(), HasSubstr(" rule=\"HEAVY\" reply="));
  EXPECT_EQ(report_of("ZEN").listed, 0U);
  EXPECT_EQ(report_of("ZEN").decisive, 0U);
}

TEST_F(ListObserverTest, MailWithoutAListHitDecidesNothing) {
  outcomes({State::Unlisted, State::Failed});
  message(rules_->version());
  EXPECT_EQ(report_of("ZEN").listed, 0U);
  EXPECT_EQ(report_of("ZEN").decisive, 0U);
  EXPECT_THAT(decisive_lists(facts_, evaluation_, rules::Verdict::Accept, policy_->verdict.thresholds, *rules_),
              IsEmpty());
}

TEST_F(ListObserverTest, ListsThatFailedOrWereSuspendedAreNamedInTheLog) {
  outcomes({State::Failed, State::Suspended, State::Unasked});
  message(rules_->version());
  EXPECT_THAT(out_.str(), HasSubstr(" list_errors=\"ZEN,BL\" "));
  out_.str("");
  outcomes({State::Listed, State::Unlisted, State::Unasked});
  message(rules_->version());
  EXPECT_THAT(out_.str(), Not(HasSubstr("list_errors")));
}

TEST_F(ListObserverTest, ListsThatSaidOnlyAPartAreNamedInTheLog) {
  outcomes({State::Unlisted, State::Listed, State::Unasked});
  facts_.lists[1].reason = "timeout";
  message(rules_->version());
  EXPECT_THAT(out_.str(), HasSubstr(" list_errors=\"BL\" ")) << "it listed something, and did not answer the rest";
  out_.str("");
  outcomes({State::Unlisted, State::Unlisted, State::Unasked});
  facts_.lists[0].reason = "[limits] list_queries";
  facts_.lists[1].reason = "";
  message(rules_->version());
  EXPECT_THAT(out_.str(), HasSubstr(" list_errors=\"ZEN\" "));
}

TEST_F(ListObserverTest, AMessageJudgedByAnOlderSetIsReadByThatSet) {
  rules::RuleSetPtr older = rules_;
  operations_.in_force(policy_, set_of(kOtherOrder));
  outcomes({State::Failed, State::Listed});
  hit("BL", "HIT", 7);
  message(older->version());
  EXPECT_THAT(out_.str(), HasSubstr(" list_errors=\"ZEN\" "));
  EXPECT_EQ(report_of("BL").listed, 1U);
  EXPECT_EQ(report_of("BL").decisive, 1U);
  EXPECT_EQ(report_of("NEW").listed, 0U);
  reject_by("BL", "HIT");
  refuse(older->version());
  EXPECT_EQ(report_of("BL").listed, 2U) << "a refusal too";

  std::string version = older->version();
  rules_.reset();
  older.reset();
  refuse(version);
  EXPECT_EQ(report_of("BL").listed, 2U) << "nobody knows any more what it meant";
}

TEST_F(ListObserverTest, AMessageOfASetThatNobodyKnowsIsNotRead) {
  outcomes({State::Listed, State::Failed});
  hit("ZEN", "SBL", 10);
  message("0123456789abcdef");
  EXPECT_EQ(report_of("ZEN").listed, 0U);
  EXPECT_THAT(out_.str(), Not(HasSubstr("list_errors")));
}

TEST_F(ListObserverTest, ListsOfOneDecisionAreNamedOnceEach) {
  hit("ZEN", "SBL", 10);
  reject_by("ZEN", "XBL");
  EXPECT_THAT(decisive_lists(facts_, evaluation_, rules::Verdict::Reject, policy_->verdict.thresholds, *rules_),
              ElementsAre("ZEN"));
}

}  // namespace
}  // namespace postern::ops
