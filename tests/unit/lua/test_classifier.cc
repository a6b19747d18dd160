// mail.classifier: what rules read of it, what examples say of it, and the shipped rules.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lua/support.h"

namespace postern::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

classifier::Outcome learned() {
  classifier::Outcome outcome;
  outcome.spam = 0.75;
  outcome.ready = true;
  outcome.ham_learned = 1234;
  outcome.spam_learned = 567;
  return outcome;
}

/// The detail that `return true, <expression>` gives for a message of which that is said, or the failure.
std::string read(const std::string& expression, const classifier::Outcome& outcome = learned()) {
  Judged run(rule_text("VALUE", "return true, tostring(" + expression + ")"));
  run.message.facts.classifier = outcome;
  run.seen.failures.clear();
  run.seen.messages.clear();
  run.all();
  return run.seen.failures.empty() ? run.detail() : run.seen.messages[0];
}

TEST(Classifier, ReadsAsItIs) {
  EXPECT_EQ(read("mail.classifier.spam"), "0.75");
  EXPECT_EQ(read("mail.classifier.ready"), "true");
  EXPECT_EQ(read("mail.classifier.ham_learned"), "1234");
  EXPECT_EQ(read("mail.classifier.spam_learned"), "567");
}

TEST(Classifier, WhereNothingWasLearnedItSaysNothing) {
  EXPECT_EQ(read("mail.classifier.spam", {}), "0.5");
  EXPECT_EQ(read("mail.classifier.ready", {}), "false");
  EXPECT_EQ(read("mail.classifier.ham_learned + mail.classifier.spam_learned", {}), "0");
}

TEST(Classifier, CanBeWalked) {
  Judged run(rule_text(
      "R", "local all = '' for name in pairs(mail.classifier) do all = all .. name .. ' ' end return true, all"));
  EXPECT_EQ(run.detail(), "spam ready ham_learned spam_learned ");
}

TEST(Classifier, IsKnownFromStageMessageOn) {
  for (const char* stage : {"connect", "helo", "mail", "rcpt"}) {
    EXPECT_THAT(problems_of(rule_text("EARLY", "return mail.classifier.spam > 0.5", fmt::format("stage='{}',", stage))),
                ElementsAre(HasSubstr("mail.classifier is known from stage \"message\" on")));
  }
}

TEST(Classifier, MisspeltFieldsNameTheNearest) {
  EXPECT_THAT(problems_of(rule_text("R", "return mail.classifier.span > 0.5")),
              ElementsAre(HasSubstr("mail.classifier has no field 'span' (did you mean 'spam'?)")));
  EXPECT_THAT(problems_of(rule_text("R", "return mail.clasifier.spam > 0.5")),
              ElementsAre(HasSubstr("did you mean 'classifier'?")));
}

TEST(Classifier, CannotBeChanged) {
  Judged run(rule_text("R", "mail.classifier.spam = 1"));
  EXPECT_THAT(run.seen.messages, ElementsAre(HasSubstr("cannot be changed")));
}

TEST(Classifier, IsLookedUpOnlyForRulesThatReadIt) {
  auto reads = [](const std::string& body) {
    auto set = RuleSet::from_texts({{"rules/test.lua", rule_text("R", body)}}, {});
    EXPECT_TRUE(set);
    return set && Host(*set, nullptr).reads(Stage::Message, "classifier");
  };
  EXPECT_TRUE(reads("return mail.classifier.spam > 0.5"));
  EXPECT_TRUE(reads("local c = mail.classifier return c.ready"));
  EXPECT_FALSE(reads("return mail.subject == 'x'"));
}

/// What is wrong with a rule whose function is `return true, <shown>` and that has this one example.
std::vector<std::string> example(const std::string& shown, const std::string& fields) {
  return problems_of(
      rule_text("R", "return true, tostring(" + shown + ")", "examples = { { hit = true, " + fields + " } },"));
}

TEST(ClassifierExamples, SayWhatWasLearned) {
  const std::string shown =
      "mail.classifier.spam .. tostring(mail.classifier.ready) .. mail.classifier.ham_learned .. ' ' .. "
      "mail.classifier.spam_learned";
  EXPECT_THAT(example(shown,
                      "classifier = { spam = 0.25, ready = false, ham_learned = 7, spam_learned = 8 }, "
                      "detail = '0.25false7 8'"),
              IsEmpty());
  EXPECT_THAT(example(shown, "classifier = { spam = 0.25 }, detail = '0.25true1000 1000'"), IsEmpty());
  EXPECT_THAT(example(shown, "detail = '0.5false0 0'"), IsEmpty());
}

TEST(ClassifierExamples, MistakesNameTheirField) {
  for (const auto& [fields, problem] : std::vector<std::pair<std::string, std::string>>{
           {"classifier = 1", "'classifier' must be a table, not a number"},
           {"classifier = { span = 1 }", "unknown field 'span' in classifier (did you mean 'spam'?)"},
           {"classifier = { spam = 1.5 }", "'classifier.spam' must be a number from 0 to 1"},
           {"classifier = { ready = 1 }", "'classifier.ready' must be true or false, not a number"},
           {"classifier = { ham_learned = 0.5 }", "'classifier.ham_learned' must be a whole number"},
       }) {
    EXPECT_THAT(example("1", fields), ElementsAre(HasSubstr(problem))) << fields;
  }
}

/// The shipped rules of the classifier.
class ClassifierRules : public testing::Test {
 public:
  ClassifierRules() {
    std::ifstream file("rules/35-classifier.lua", std::ios::binary);
    // The rules that its group names stand in another file.
    set_ = load(std::string(std::istreambuf_iterator<char>(file), {}) + R"(
      for name, from in pairs({ ASKS_NOTHING = "nothing@a.example", MAIL_SYSTEM_WRITES = "" }) do
        rule(name) { about = "x", score = 0, when = function(mail) return mail.from == from end }
      end)");
  }
  ClassifierRules(const ClassifierRules&) = delete;
  ClassifierRules& operator=(const ClassifierRules&) = delete;
  ~ClassifierRules() override = default;

 protected:
  /// What they add, for a message of which that is said.
  [[nodiscard]] double score(double spam, bool ready = true, const std::string& from = "a@a.example") const {
    Message message;
    message.facts.from = from;
    message.facts.classifier.spam = spam;
    message.facts.classifier.ready = ready;
    Host host(set_, nullptr);
    Evaluation evaluation;
    host.run(Stage::Message, message.facts, evaluation);
    auto own = [](const Hit& hit) { return hit.rule.starts_with("CLASSIFIER_"); };
    EXPECT_LE(std::count_if(evaluation.hits.begin(), evaluation.hits.end(), own), 1) << spam;
    return evaluation.score;
  }
  RuleSetPtr set_;
};

TEST_F(ClassifierRules, TheSurerTheMore) {
  double last = -100;
  for (double spam : {0.0, 0.0009, 0.001, 0.009, 0.01, 0.09, 0.1, 0.5, 0.69, 0.7, 0.89, 0.9, 0.989, 0.99, 0.9989, 0.999,
                      0.999999, 1.0}) {
    double now = score(spam);
    EXPECT_GE(now, last) << spam;
    last = now;
  }
  EXPECT_EQ(score(0.5), 0);
  EXPECT_LT(score(0), 0);
}

TEST_F(ClassifierRules, MarkAloneOnlyWhereNextToNoDoubtIsLeftAndRefuseNever) {
  EXPECT_GE(score(0.9995), *Thresholds().tag);
  EXPECT_LT(score(0.998), *Thresholds().tag);
  EXPECT_LT(score(1), *Thresholds().reject);
}

TEST_F(ClassifierRules, DoNotMarkWhatLeadsNowhereNorReports) {
  for (const char* from : {"nothing@a.example", ""}) {
    EXPECT_LE(score(1, true, from), *Thresholds().tag - 2) << from;
    EXPECT_GT(score(1, true, from), 0) << from;
  }
}

TEST_F(ClassifierRules, AreSilentWhereItIs) {
  EXPECT_EQ(score(1, false), 0);
  EXPECT_EQ(score(0, false), 0);
}

}  // namespace
}  // namespace postern::rules
