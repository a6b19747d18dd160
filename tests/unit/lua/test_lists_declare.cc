// list "NAME" { ... } and enable "NAME": what a rule set knows of DNS lists.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lua/list_texts.h"
#include "tests/unit/lua/support.h"

namespace postern::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const char* const kZen = R"(list "ZEN" {
  zone = "zen.example.org", of = "client",
  title = "Zen, https://example.org",
  answers = {
    ["127.0.0.10, 127.0.0.11"] = { "PBL", 1.5, stage = "rcpt" },
    ["&128"] = { "BITS", 0.5 },
    ["127.0.0.2"] = { "SBL", 4.0, group = "lists" },
    ["127.0.0.4-7"] = { "XBL", action = "reject", reply = "550 5.7.1 go away", about = "a bot" },
  },
}
)";

std::vector<std::string> names_of(const RuleSet& set) {
  std::vector<std::string> names;
  names.reserve(set.rules().size());
  for (const RuleInfo& rule : set.rules()) names.push_back(rule.name);
  return names;
}

const RuleInfo& rule_of(const RuleSet& set, const std::string& name) {
  static const RuleInfo none;
  for (const RuleInfo& rule : set.rules()) {
    if (rule.name == name) return rule;
  }
  ADD_FAILURE() << "no rule " << name;
  return none;
}

/// "ZEN", "DBL" of those that are asked.
std::vector<std::string> asked(const RuleSet& set) {
  std::vector<std::string> names;
  for (const lists::List& list : *set.lists()) {
    if (list.enabled) names.push_back(list.name);
  }
  return names;
}

RuleSetPtr load_files(const std::vector<std::string>& texts_of_files) {
  std::vector<RuleSet::File> files;
  files.reserve(texts_of_files.size());
  for (const std::string& text : texts_of_files) files.push_back({fmt::format("rules/{}.lua", files.size()), text});
  files.back().name = "rules/local.lua";
  auto set = RuleSet::from_texts(std::move(files), {});
  if (set) return *set;
  for (const std::string& problem : texts(set.error())) ADD_FAILURE() << problem;
  return RuleSet::empty();
}

lists::List only_list(const std::string& text) {
  RuleSetPtr set = load(text);
  EXPECT_EQ(set->lists()->size(), 1U);
  return set->lists()->empty() ? lists::List() : set->lists()->front();
}

// ---------------------------------------------------------------- what is declared

TEST(ListDeclaration, EachAnswerIsARuleInTheOrderOfAddresses) {
  RuleSetPtr set = load(rule_text("BEFORE", "") + kZen + rule_text("BEHIND", ""));
  EXPECT_THAT(names_of(*set), ElementsAre("BEFORE", "ZEN_SBL", "ZEN_XBL", "ZEN_PBL", "ZEN_BITS", "BEHIND"));
  ASSERT_EQ(set->lists()->size(), 1U);
  const lists::List& zen = set->lists()->front();
  EXPECT_EQ(zen.name, "ZEN");
  EXPECT_EQ(zen.zone, "zen.example.org");
  EXPECT_EQ(zen.title, "Zen, https://example.org");
  EXPECT_EQ(zen.of, lists::Subject::Client);
  EXPECT_TRUE(zen.enabled);
  EXPECT_TRUE(zen.probe);
  EXPECT_FALSE(zen.allow || zen.txt || zen.listed || zen.unlisted);
  ASSERT_EQ(zen.answers.size(), 4U);
  EXPECT_EQ(zen.answers[1].name, "XBL");
  EXPECT_EQ(zen.answers[1].text, "127.0.0.4-7");
  EXPECT_TRUE(zen.answers[1].match.matches(*IpAddress::parse("127.0.0.5")));
  for (size_t i = 0; i < zen.answers.size(); ++i) {
    const RuleInfo& rule = rule_of(*set, "ZEN_" + zen.answers[i].name);
    EXPECT_EQ(rule.kind, RuleInfo::Kind::List);
    EXPECT_EQ(rule.list, 0U);
    EXPECT_EQ(rule.answer, i);
  }
}

TEST(ListDeclaration, ARuleHasWhatItsAnswerSays) {
  RuleSetPtr set = load(kZen);
  const RuleInfo& sbl = rule_of(*set, "ZEN_SBL");
  EXPECT_EQ(sbl.score, 4.0);
  EXPECT_EQ(sbl.group, "lists");
  EXPECT_EQ(sbl.about, "the client is listed by ZEN (SBL)");
  EXPECT_EQ(sbl.file, "rules/test.lua");
  EXPECT_EQ(sbl.line, 7);
  const RuleInfo& xbl = rule_of(*set, "ZEN_XBL");
  EXPECT_EQ(xbl.score, 0);
  EXPECT_EQ(xbl.action, Verdict::Reject);
  EXPECT_EQ(xbl.reply, "550 5.7.1 go away");
  EXPECT_EQ(xbl.about, "a bot");
}

TEST(ListDeclaration, AnswersHaveWhatTheListSaysUnlessTheySayItThemselves) {
  RuleSetPtr set = load(
      "list 'L' { zone = 'l.example.org', of = 'helo', about = 'a bad one', group = 'g', mode = 'shadow', stage = "
      "'rcpt', answers = { ['127.0.0.2'] = { 'A', 1 }, ['127.0.0.3'] = { 'B', 1, about = 'worse', group = 'h', mode = "
      "'live', stage = 'helo' } } }");
  const RuleInfo& a = rule_of(*set, "L_A");
  EXPECT_EQ(a.about, "a bad one");
  EXPECT_EQ(a.group, "g");
  EXPECT_TRUE(a.shadow);
  EXPECT_EQ(a.stage, Stage::Rcpt);
  const RuleInfo& b = rule_of(*set, "L_B");
  EXPECT_EQ(b.about, "worse");
  EXPECT_EQ(b.group, "h");
  EXPECT_FALSE(b.shadow);
  EXPECT_EQ(b.stage, Stage::Helo);
}

TEST(ListDeclaration, WhatIsOnlyWeighedIsNotWaitedForAndWhatDecidesDoesSoAtOnce) {
  const std::vector<std::pair<std::string, Stage>> kExpected = {
      {"client", Stage::Connect},   {"rdns", Stage::Connect}, {"helo", Stage::Helo},        {"from", Stage::Mail},
      {"author", Stage::Message},   {"url", Stage::Message},  {"reply_to", Stage::Message}, {"dkim", Stage::Message},
      {"received", Stage::Message}, {"hash", Stage::Message}};
  for (const auto& [of, stage] : kExpected) {
    RuleSetPtr set = load(list_with(
        "answers = { ['127.0.0.2'] = { 'WEIGHED', 1 }, ['127.0.0.3'] = { 'DECIDES', 1, action = 'defer' } }", of));
    EXPECT_EQ(rule_of(*set, "L_WEIGHED").stage, Stage::Message) << of;
    EXPECT_EQ(rule_of(*set, "L_DECIDES").stage, stage) << of;
  }
}

TEST(ListDeclaration, SaysWhoIsListedWhenNobodyElseDoes) {
  EXPECT_EQ(load(answer_with("'HI', -1", "allow = true"))->rules().at(0).about,
            "the client is listed by the good senders of L (HI)");
  EXPECT_EQ(load(answer_with("'A', 1", "", "url"))->rules().at(0).about, "the host of a URL is listed by L (A)");
  EXPECT_EQ(load(answer_with("'A', 1", "", "from"))->rules().at(0).about,
            "the envelope sender's domain is listed by L (A)");
}

TEST(ListDeclaration, OtherFieldsReachTheList) {
  lists::List list = only_list(answer_with("'A', -1",
                                           "allow = true, txt = true, errors = { '127.0.0.1', '127.0.0.255' }, "
                                           "test = { listed = '127.0.0.9', unlisted = '2001:DB8::1' }"));
  EXPECT_TRUE(list.allow);
  EXPECT_TRUE(list.txt);
  ASSERT_EQ(list.errors.size(), 2U);
  EXPECT_TRUE(list.errors[1].matches(*IpAddress::parse("127.0.0.255")));
  EXPECT_EQ(list.listed, "127.0.0.9");
  EXPECT_EQ(list.unlisted, "2001:db8::1");
  EXPECT_FALSE(only_list(answer_with("'A', 1", "test = false")).probe);
  EXPECT_FALSE(only_list(answer_with("'A', 1", "enabled = false")).enabled);
}

TEST(ListDeclaration, TestPointsAreWhatTheListIsAskedAbout) {
  EXPECT_EQ(only_list(answer_with("'A', 1", "test = { listed = 'Dbltest.COM' }", "from")).listed, "dbltest.com");
  EXPECT_EQ(only_list(answer_with("'A', 1", "test = { unlisted = 'INVALID' }", "helo")).unlisted, "invalid");
  EXPECT_EQ(only_list(answer_with("'A', 1", "test = { listed = '127.0.0.2' }", "url")).listed, "127.0.0.2");
  EXPECT_EQ(only_list(answer_with("'A', 1", "test = { listed = 'a@example.org' }", "hash")).listed, "a@example.org");
}

TEST(ListDeclaration, ZonesAreWrittenAsTheDnsHasThem) {
  EXPECT_EQ(only_list("list 'L' { zone = 'B\xc3\xbc"
                      "cher.Example.ORG.', of = 'client', answers = { ['127.0.0.2'] = "
                      "{ 'A', 1 } } }")
                .zone,
            "xn--bcher-kva.example.org");
}

TEST(ListDeclaration, DigestsAreSha1InHexUnlessTheyAreSaidToBeSomethingElse) {
  using List = lists::List;
  List plain = only_list(answer_with("'A', 1", "", "hash"));
  EXPECT_EQ(plain.digest, List::Digest::Sha1);
  EXPECT_EQ(plain.encoding, List::Encoding::Hex);
  List base32 = only_list(answer_with("'A', 1", "encoding = 'base32'", "hash"));
  EXPECT_EQ(base32.encoding, List::Encoding::Base32);
  List longer = only_list(answer_with("'A', 1", "hash = 'sha256'", "hash"));
  EXPECT_EQ(longer.digest, List::Digest::Sha256);
  EXPECT_EQ(longer.encoding, List::Encoding::Base32);
}

TEST(ListDeclaration, TablesMadeBeforeAreRead) {
  RuleSetPtr set = load(
      "local common = { ['127.0.0.2'] = { 'A', 1 } }\nlist('L')({ zone = 'l.example.org', of = "
      "'client', answers = common })");
  EXPECT_THAT(names_of(*set), ElementsAre("L_A"));
  EXPECT_EQ(rule_of(*set, "L_A").line, 2);
}

// ---------------------------------------------------------------- overrides

TEST(ListOverrides, ScoresAndGroupsOfAnswersAreThoseOfRules) {
  RuleSetPtr set = load_files({kZen, "score 'ZEN_SBL' (2.5) group('lists', { max = 3 })"});
  EXPECT_EQ(rule_of(*set, "ZEN_SBL").score, 2.5);
  EXPECT_EQ(set->groups().at("lists").max, 3);
}

TEST(ListOverrides, OneAnswerIsDisabledOrTheWholeList) {
  RuleSetPtr one = load_files({kZen, "disable 'ZEN_SBL'"});
  EXPECT_TRUE(rule_of(*one, "ZEN_SBL").disabled);
  EXPECT_FALSE(rule_of(*one, "ZEN_XBL").disabled);
  EXPECT_THAT(asked(*one), ElementsAre("ZEN"));
  RuleSetPtr all = load_files({kZen, "disable 'ZEN'"});
  for (const RuleInfo& rule : all->rules()) EXPECT_TRUE(rule.disabled) << rule.name;
  EXPECT_THAT(asked(*all), IsEmpty());
}

TEST(ListOverrides, AListThatIsOffIsEnabledPerhapsWithAZoneOfOnesOwn) {
  const std::string off = answer_with("'A', 1", "enabled = false, title = 'L'");
  RuleSetPtr before = load_files({off, ""});
  EXPECT_TRUE(rule_of(*before, "L_A").disabled);
  EXPECT_THAT(asked(*before), IsEmpty());
  RuleSetPtr plain = load_files({off, "enable 'L'"});
  EXPECT_FALSE(rule_of(*plain, "L_A").disabled);
  EXPECT_THAT(asked(*plain), ElementsAre("L"));
  RuleSetPtr mine = load_files({off, "enable 'L' { zone = 'KEY.l.example.net' }"});
  EXPECT_THAT(asked(*mine), ElementsAre("L"));
  EXPECT_EQ(mine->lists()->front().zone, "key.l.example.net");
  EXPECT_EQ(mine->lists()->front().title, "L");
  RuleSetPtr named = load_files({off, "enable 'L' { zone = 'key.l.example.net', title = 'L of mine' }"});
  EXPECT_EQ(named->lists()->front().title, "L of mine");
}

TEST(ListOverrides, TheLaterWins) {
  EXPECT_THAT(asked(*load_files({kZen, "disable 'ZEN'", "enable 'ZEN'"})), ElementsAre("ZEN"));
  EXPECT_THAT(asked(*load_files({kZen, "enable 'ZEN'", "disable 'ZEN'"})), IsEmpty());
  EXPECT_FALSE(rule_of(*load_files({rule_text("A", ""), "disable 'A' enable 'A'"}), "A").disabled);
}

TEST(ListOverrides, AScoreEnablesItsRuleButNotItsList) {
  EXPECT_FALSE(rule_of(*load_files({kZen, "disable 'ZEN_SBL' score 'ZEN_SBL' (1)"}), "ZEN_SBL").disabled);
  RuleSetPtr off = load_files({answer_with("'A', 1", "enabled = false"), "score 'L_A' (3)"});
  EXPECT_TRUE(rule_of(*off, "L_A").disabled);
  EXPECT_THAT(asked(*off), IsEmpty());
}

TEST(ListOverrides, AListOfWhichNobodySpeaksIsNotAsked) {
  const std::string all_off = "disable 'L_A'";
  EXPECT_THAT(asked(*load_files({answer_with("'A', 1"), all_off})), IsEmpty());
  EXPECT_THAT(asked(*load_files({answer_with("'A', 1"), rule_text("READS", "return mail.lists.L") + all_off})),
              ElementsAre("L"));
  EXPECT_THAT(asked(*load_files(
                  {answer_with("'A', 1"), rule_text("READS", "return mail.lists.L") + all_off + " disable 'READS'"})),
              IsEmpty());
  EXPECT_THAT(asked(*load_files({answer_with("'A', 1"),
                                 rule_text("READS", "for name in pairs(mail.lists) do return true end") + all_off})),
              ElementsAre("L"));
}

TEST(ListDeclaration, IsForRuleFilesOnly) {
  Judged run(rule_text("LATE", "list 'L' {}"));
  ASSERT_EQ(run.seen.messages.size(), 1U);
  EXPECT_THAT(run.seen.messages[0], HasSubstr("'list' can be used only while rule files are read"));
}

}  // namespace
}  // namespace postern::rules
