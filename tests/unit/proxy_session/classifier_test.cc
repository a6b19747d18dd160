// What was learned: a session looks its message up once, only where a rule asks, and in the model that is there then.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/proxy_session/world.h"

namespace postern::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kMessage =
    "Subject: The harvest festival\r\nFrom: <a@author.example>\r\n\r\n"
    "The committee meets on Thursday behind the town hall, bring chairs, lanterns and something warm to "
    "drink.\r\n.\r\n";

const std::string kSays =
    "rule \"SAYS\" { about = \"says it\", score = 2, when = function(mail) local c = mail.classifier "
    "return true, tostring(c.ready) .. (c.spam > 0.5 and ' spam' or ' other') .. c.spam_learned end }";

/// One that takes every message for spam (`weight` above 0) or for ham.
session::ModelPtr model(float weight, uint64_t learned = 1000) {
  classifier::Weights weights;
  weights.table.assign(1024, weight);
  weights.ham = weights.spam = learned;
  return classifier::Model::from(std::move(weights));
}

class SessionClassifier : public testing::Test {
 public:
  SessionClassifier() { world.services.classifier = &classifying; }
  SessionClassifier(const SessionClassifier&) = delete;
  SessionClassifier& operator=(const SessionClassifier&) = delete;
  ~SessionClassifier() override = default;

 protected:
  std::string send() {
    world.connect();
    world.to_data();
    EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
    return world.backend.delivered.back().content;
  }

  World world{kSays};
  session::Classifying classifying;
};

TEST_F(SessionClassifier, RulesReadWhatTheModelSays) {
  classifying.model = model(1);
  EXPECT_THAT(send(), HasSubstr("SAYS=2.0(true spam1000)"));
  EXPECT_FALSE(classifying.reading.features.empty()) << "its memory is for the next message";
}

TEST_F(SessionClassifier, TheModelOfTheMomentCounts) {
  classifying.model = model(1);
  world.connect();
  world.to_data();
  classifying.model = model(-1);
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  EXPECT_THAT(world.backend.delivered.back().content, HasSubstr("SAYS=2.0(true other1000)"));
}

TEST_F(SessionClassifier, OfTooFewNothingIsSaid) {
  classifying.model = model(1, 199);
  EXPECT_THAT(send(), HasSubstr("SAYS=2.0(false other199)"));
}

TEST_F(SessionClassifier, WhereNothingWasLearnedNothingIsSaid) {
  EXPECT_THAT(send(), HasSubstr("SAYS=2.0(false other0)"));
}

TEST_F(SessionClassifier, WhoSkipsTheFiltersIsNotLookedAt) {
  classifying.model = model(1);
  world.policy.relay.trusted.push_back(*IpNetwork::parse("192.0.2.0/24"));
  world.policy.relay.skip_filters = true;
  EXPECT_THAT(send(), Not(HasSubstr("SAYS")));
  EXPECT_TRUE(classifying.reading.features.empty());
}

TEST(SessionClassifierRules, WhereNoRuleAsksNothingIsLookedUp) {
  World world("rule \"OTHER\" { about = \"asks for something else\", when = function(mail) return mail.size > 5 end }");
  session::Classifying classifying;
  classifying.model = model(1);
  world.services.classifier = &classifying;
  world.connect();
  world.to_data();
  EXPECT_THAT(world.say(kMessage), StartsWith("250 "));
  EXPECT_TRUE(classifying.reading.features.empty());
}

}  // namespace
}  // namespace postern::test
