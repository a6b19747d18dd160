// The shipped DNS lists: their answers mean what their owners publish, and none of them decides alone.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lua/support.h"

namespace postern::rules {
namespace {

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

const lists::List& list_named(const RuleSet& set, const std::string& name) {
  const lists::Lists& all = *set.lists();
  auto found = std::find_if(all.begin(), all.end(), [&](const lists::List& list) { return list.name == name; });
  if (found == all.end()) throw std::invalid_argument(name);
  return *found;
}

// What a list's answer is taken for: the names of what it declares, or the kind of trouble.
std::string reading(const lists::List& list, const std::vector<std::string>& addresses) {
  dns::Answer answer;
  answer.addresses.reserve(addresses.size());
  for (const std::string& address : addresses) answer.addresses.push_back(*IpAddress::parse(address));
  answer.status = addresses.empty() ? dns::Status::NoName : dns::Status::Found;
  lists::Reading read = lists::read_answer(list, answer);
  if (read.kind != lists::Reading::Kind::Listed) return std::string(to_string(read.kind));
  std::vector<std::string> names;
  names.reserve(read.matched.size());
  for (size_t each : read.matched) names.push_back(list.answers[each].name);
  std::sort(names.begin(), names.end());
  return fmt::format("{}", fmt::join(names, " "));
}

TEST(ShippedLists, AnswersMeanWhatTheListsPublish) {
  auto set = RuleSet::load("rules", {});
  ASSERT_TRUE(set) << testing::PrintToString(texts(set.error()));
  struct Case {
    const char* list;
    std::vector<std::string> answers;
    const char* expected;
  };
  const Case cases[] = {
      {"ZEN", {}, "unlisted"},
      {"ZEN", {"127.0.0.2"}, "SBL"},
      {"ZEN", {"127.0.0.2", "127.0.0.9"}, "DROP SBL"},
      {"ZEN", {"127.0.0.3"}, "CSS"},
      {"ZEN", {"127.0.0.4", "127.0.0.5", "127.0.0.7", "127.0.0.11"}, "PBL XBL"},
      {"ZEN", {"127.0.0.7"}, "XBL"},
      {"ZEN", {"127.0.0.8"}, "other"},
      {"ZEN", {"127.0.0.1"}, "other"},
      {"ZEN", {"127.255.255.254"}, "refused"},
      {"ZEN", {"127.0.0.2", "127.255.255.252"}, "refused"},
      {"ZEN", {"203.0.113.9"}, "wrong"},
      {"DBL", {"127.0.1.2"}, "SPAM"},
      {"DBL", {"127.0.1.104"}, "ABUSED_PHISH"},
      {"DBL", {"127.0.1.255"}, "other"},  // an address was asked: no reason to suspend the list
      {"DBL_FROM", {"127.0.1.4"}, "PHISH"},
      {"DBL_FROM", {"127.0.1.103"}, "other"},
      {"SURBL", {"127.0.0.80"}, "ABUSE MALWARE"},
      {"SURBL", {"127.0.0.136"}, "CRACKED PHISH"},
      {"SURBL", {"127.0.0.1"}, "refused"},
      {"URIBL", {"127.0.0.14"}, "BLACK GREY RED"},
      {"URIBL", {"127.0.0.1"}, "refused"},
      {"DNSWL", {"127.0.10.0"}, "NONE"},
      {"DNSWL", {"127.0.5.1"}, "LOW"},
      {"DNSWL", {"127.0.15.2"}, "MEDIUM"},
      {"DNSWL", {"127.0.9.3"}, "HIGH"},
      {"DNSWL", {"127.0.0.255"}, "refused"},
      {"ABUSIX", {"127.0.0.200", "127.0.0.12"}, "POLICY SPAM"},
      {"MAILSPIKE", {"127.0.0.10"}, "WORST"},
      {"MAILSPIKE_GOOD", {"127.0.0.20"}, "VERY_GOOD"},
      {"EBL", {"127.0.0.2"}, "LISTED"},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(reading(list_named(**set, each.list), each.answers), each.expected)
        << each.list << ' ' << testing::PrintToString(each.answers);
  }
}

TEST(ShippedLists, NoneDecidesAloneNorAllTogether) {
  auto set = RuleSet::load("rules", {});
  ASSERT_TRUE(set);
  size_t rules = 0;
  for (const RuleInfo& rule : (*set)->rules()) {
    if (rule.kind != RuleInfo::Kind::List) continue;
    ++rules;
    EXPECT_FALSE(rule.action) << rule.name;
    EXPECT_EQ(rule.stage, Stage::Message) << rule.name;
    ASSERT_TRUE((*set)->groups().contains(rule.group)) << rule.name;
    EXPECT_LT((*set)->groups().at(rule.group).max, *Thresholds().reject) << rule.name;
    EXPECT_LE(rule.score, *Thresholds().tag) << rule.name;
    if ((*set)->lists()->at(rule.list).allow) {
      EXPECT_LE(rule.score, 0) << rule.name;
    }
  }
  EXPECT_GT(rules, 60U);
}

/// The shipped lists, and a message about which they say what a test wants.
class ListedMessage {
 public:
  ListedMessage() : set_(*RuleSet::from_texts({{"rules/20-lists.lua", read("rules/20-lists.lua")}}, {})) {
    message_.facts.lists.resize(set_->lists()->size());
  }
  void says(const std::string& list, const std::vector<std::string>& names) {
    const lists::List& declared = list_named(*set_, list);
    auto place = static_cast<size_t>(&declared - set_->lists()->data());
    lists::Outcome& outcome = message_.facts.lists[place];
    outcome.state = lists::Outcome::State::Listed;
    outcome.listings.emplace_back();
    for (size_t i = 0; i < declared.answers.size(); ++i) {
      if (std::find(names.begin(), names.end(), declared.answers[i].name) == names.end()) continue;
      outcome.listings[0].matched.push_back(i);
      outcome.listings[0].answers.push_back(declared.answers[i].match.example());
    }
  }
  Judgement judge() {
    Recorder seen;
    Host host(set_, &seen);
    Evaluation evaluation;
    for (Stage stage : {Stage::Connect, Stage::Helo, Stage::Mail, Stage::Rcpt, Stage::Message}) {
      host.run(stage, message_.facts, evaluation);
    }
    return rules::judge(evaluation, Thresholds());
  }

 private:
  RuleSetPtr set_;
  Message message_;
};

// Five lists that copy from each other are not five witnesses.
TEST(ShippedLists, AClientInManyListsIsMarked) {
  ListedMessage message;
  message.says("ZEN", {"SBL", "CSS", "XBL", "DROP", "PBL"});
  message.says("SPAMCOP", {"LISTED"});
  message.says("PSBL", {"LISTED"});
  Judgement judgement = message.judge();
  EXPECT_EQ(judgement.verdict, Verdict::Tag);
  EXPECT_EQ(judgement.score, 9.0);
}

TEST(ShippedLists, AHomeLineIsNotMarked) {
  ListedMessage message;
  message.says("ZEN", {"PBL"});
  EXPECT_EQ(message.judge().verdict, Verdict::Accept);
}

TEST(ShippedLists, AListedClientWithAListedLinkIsRefused) {
  ListedMessage message;
  message.says("ZEN", {"CSS", "XBL"});
  message.says("DBL", {"SPAM"});
  message.says("URIBL", {"BLACK"});
  EXPECT_EQ(message.judge().verdict, Verdict::Reject);
}

TEST(ShippedLists, TrustTakesAwayAndIsNoPass) {
  ListedMessage message;
  message.says("ZEN", {"CSS", "XBL"});
  message.says("DBL", {"SPAM"});
  message.says("DNSWL", {"HIGH"});
  Judgement judgement = message.judge();
  EXPECT_EQ(judgement.verdict, Verdict::Tag);
  EXPECT_EQ(judgement.score, 10.0);
}

// Zones with a place for a key would be asked in vain, and the key must not be shown.
TEST(ShippedLists, ThoseThatNeedARegistrationAreOff) {
  auto set = RuleSet::load("rules", {});
  ASSERT_TRUE(set);
  size_t enabled = 0;
  for (const lists::List& list : *(*set)->lists()) {
    EXPECT_NE(list.title, "") << list.name;
    if (list.zone.find("key.") != std::string::npos) {
      EXPECT_FALSE(list.enabled) << list.name;
    }
    if (list.enabled) {
      ++enabled;
      EXPECT_TRUE(list.probe) << list.name;
    }
  }
  EXPECT_FALSE(list_named(**set, "BARRACUDA").enabled);
  EXPECT_TRUE(list_named(**set, "ZEN").enabled);
  EXPECT_GE(enabled, 12U);
}

// Three lines in local.lua.
TEST(ShippedLists, ANewcomerBlocksAtConnect) {
  std::string text = read("rules/local.lua");
  size_t start = text.find("-- list \"LOCAL_ZEN\"");
  ASSERT_NE(start, std::string::npos);
  std::istringstream lines(text.substr(start));
  std::string local;
  std::string line;
  for (size_t i = 0; i < 3 && std::getline(lines, line); ++i) local += line.substr(3) + '\n';
  auto set = RuleSet::from_texts({{"rules/20-lists.lua", read("rules/20-lists.lua")}, {"rules/local.lua", local}}, {});
  ASSERT_TRUE(set) << testing::PrintToString(texts(set.error()));
  Message message;
  message.facts.lists.resize((*set)->lists()->size());
  size_t place = 0;
  while ((*set)->lists()->at(place).name != "LOCAL_ZEN") ++place;
  lists::Outcome& outcome = message.facts.lists[place];
  outcome.state = lists::Outcome::State::Listed;
  outcome.listings.emplace_back();
  outcome.listings[0].subject = "192.0.2.7";
  outcome.listings[0].answers = {*IpAddress::parse("127.0.0.4")};
  outcome.listings[0].matched = {0};
  Recorder seen;
  Host host(*set, &seen);
  EXPECT_THAT(host.lists_needed(Stage::Connect), testing::ElementsAre(place));
  Evaluation evaluation;
  host.run(Stage::Connect, message.facts, evaluation);
  ASSERT_TRUE(evaluation.decision);
  EXPECT_EQ(evaluation.decision->verdict, Verdict::Reject);
  EXPECT_EQ(evaluation.decision->rule, "LOCAL_ZEN_BLOCK");
  EXPECT_THAT(evaluation.decision->reason, testing::HasSubstr("192.0.2.7 is listed by LOCAL_ZEN: Spamhaus ZEN"));
}

}  // namespace
}  // namespace postern::rules
