// The mistakes that an admin can make in list "NAME" { ... } and enable "NAME".
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lua/list_texts.h"
#include "tests/unit/lua/support.h"

namespace postern::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct ListMistake {
  std::string text;
  const char* problem;  // behind "rules/test.lua:"
};

class ListMistakes : public testing::TestWithParam<ListMistake> {};

TEST_P(ListMistakes, AreShownWithTheirPlace) {
  EXPECT_THAT(problems_of(GetParam().text), ElementsAre(std::string("rules/test.lua:") + GetParam().problem));
}

INSTANTIATE_TEST_SUITE_P(
    Calls, ListMistakes,
    testing::Values(
        ListMistake{"list 'zen' {}", "1: 'zen' is no name for a list: capitals, digits and '_' only, at most 60"},
        ListMistake{"\nlist 'ZEN'", "2: list \"ZEN\" has no table: list \"ZEN\" { ... }"},
        ListMistake{"list 'ZEN' 'x'", "1: list ZEN wants a table, not a string"},
        ListMistake{"list {}", "1: 'list' wants a name in quotes, not a table"},
        ListMistake{"\nenable 'ZEN'", "2: enable: there is no rule ZEN"},
        ListMistake{"enable('A', 'B')", "1: enable takes one name: enable \"A\""},
        ListMistake{answer_with("'A', 1") + "\nenable 'OTHER'", "2: enable: there is no rule or list OTHER"},
        ListMistake{answer_with("'A', 1") + "\ndisable 'L_B'",
                    "2: disable: there is no rule or list L_B (did you mean 'L_A'?)"},
        ListMistake{answer_with("'A', 1") + "\nscore 'L' (2)",
                    "2: score: L is a list; its rules have scores: score \"L_A\" (4.0)"},
        ListMistake{answer_with("'A', -1", "allow = true") + "\nscore 'L_A' (2)",
                    "2: score: L_A is a rule of L, a list of good senders (allow = true): its score is at most 0"},
        ListMistake{answer_with("'A', 1") + "\nenable 'L_A' { zone = 'example.org' }",
                    "2: enable: L_A is no list: what it is, only a list can be told: enable \"L_A\""},
        ListMistake{answer_with("'A', 1") + "\nenable 'L' {\nzone = 'example' }",
                    "3: enable L: 'zone': 'example' is no zone: a domain name like \"zen.spamhaus.org\", at most 180 "
                    "octets"},
        ListMistake{answer_with("'A', 1") + "\nenable 'L' {\nof = 'helo' }",
                    "3: unknown field 'of' in enable L: it can change the zone and the title of a list"},
        ListMistake{answer_with("'A', 1") + "\n" + answer_with("'A', 1"),
                    "2: list L is already declared at rules/test.lua:1 (enable \"L\" { zone = \"...\" } changes its "
                    "zone)"},
        ListMistake{"list('L',\n{ zone = 'l.example.org' })",
                    "1: list \"L\" { ... } is how it is written: the name, then what belongs to it, without a comma "
                    "between"},
        ListMistake{
            answer_with("'A', 1") + "\nenable('L', { zone = 'my.example.org' })",
            "2: enable \"L\" { zone = \"...\" } is how it is written: the name, then what belongs to it, without "
            "a comma between"},
        ListMistake{answer_with("'A', 1", "enabled = false") + "\nenable 'L_A'",
                    "2: enable L_A: list L is off: enable \"L\" first"},
        ListMistake{answer_with("'A', 1") + "\ndisable 'L'\nenable 'L_A'",
                    "3: enable L_A: list L is off: enable \"L\" first"},
        ListMistake{rule_text("L", "") + answer_with("'A', 1"),
                    "2: list L: there is a rule of this name at rules/test.lua:1"},
        ListMistake{answer_with("'A', 1") + "\n" + rule_text("L", ""),
                    "2: rule L: there is a list of this name at rules/test.lua:1"},
        ListMistake{rule_text("L_A", "") + answer_with("'A', 1"),
                    "2: rule L_A is already declared at rules/test.lua:1"}));

INSTANTIATE_TEST_SUITE_P(
    Fields, ListMistakes,
    testing::Values(
        ListMistake{answer_with("'A', 1", "\nzoen = 'x'"), "2: unknown field 'zoen' in list L (did you mean 'zone'?)"},
        ListMistake{answer_with("'A', 1", "\nscore = 3"),
                    "2: unknown field 'score' in list L: each answer has its own: answers = { [\"127.0.0.2\"] = { "
                    "\"NAME\", 4.0 } }"},
        ListMistake{answer_with("'A', 1", "\n'x'"),
                    "1: list L: a value without a name: fields are written name = value"},
        ListMistake{"list 'L' { of = 'client', answers = { ['127.0.0.2'] = { 'A', 1 } } }",
                    "1: list L: 'zone' is missing: zone = \"zen.spamhaus.org\""},
        ListMistake{"list 'L' { zone = 'l.example.org', answers = { ['127.0.0.2'] = { 'A', 1 } } }",
                    "1: list L: 'of' is missing: what it is asked about; one of client, rdns, helo, from, author, "
                    "reply_to, dkim, url, hash, received"},
        ListMistake{list_with(""),
                    "1: list L: 'answers' is missing: what its answers mean: answers = { [\"127.0.0.2\"] = { \"NAME\", "
                    "4.0 } }"},
        ListMistake{list_with("\nanswers = {}"), "2: list L: 'answers' is empty: only answers that are declared count"},
        ListMistake{list_with("\nanswers = 'x'"),
                    "2: list L: 'answers' must be a table, not a string: answers = { [\"127.0.0.2\"] = { \"NAME\", 4.0 "
                    "} }"},
        ListMistake{"list 'L' { of = 'client',\nzone = 'a b.example', answers = { ['127.0.0.2'] = { 'A', 1 } } }",
                    "2: list L: 'zone': 'a b.example' is no zone: a domain name like \"zen.spamhaus.org\", at most 180 "
                    "octets"},
        ListMistake{"list 'L' { of = 'client',\nzone = '192.0.2.1', answers = { ['127.0.0.2'] = { 'A', 1 } } }",
                    "2: list L: 'zone': '192.0.2.1' is no zone: a domain name like \"zen.spamhaus.org\", at most 180 "
                    "octets"},
        ListMistake{"list 'L' { zone = 'l.example.org',\nof = 'clint', answers = { ['127.0.0.2'] = { 'A', 1 } } }",
                    "2: list L: unknown subject 'clint' (did you mean 'client'?); lists are of client, rdns, helo, "
                    "from, author, reply_to, dkim, url, hash, received"},
        ListMistake{answer_with("'A', 1", "\nallow = 'yes'"), "2: list L: 'allow' must be true or false, not a string"},
        ListMistake{answer_with("'A', 1", "\ntitle = 'a\\nb'"),
                    "2: list L: 'title' must be one line of ASCII, since replies show it, at most 200 octets"},
        ListMistake{answer_with("'A', 1", "\nstage = 'helo'", "url"),
                    "2: list L: 'stage': what a list of url asks about is known from stage \"message\" on"},
        ListMistake{answer_with("'A', 1", "\nhash = 'md5'", "hash"),
                    "2: list L: unknown hash 'md5'; there are sha1 (the default) and sha256"},
        ListMistake{answer_with("'A', 1", "hash = 'sha256',\nencoding = 'hex'", "hash"),
                    "2: list L: 'encoding': 64 hex digits of a sha256 do not fit into a label of 63: such lists use "
                    "base32"},
        ListMistake{answer_with("'A', 1", "\nhash = 'sha256'"),
                    "2: list L: 'hash' is for lists of digests: of = \"hash\""},
        ListMistake{answer_with("'A', 1", "errors = { '127.0.0.1',\n3 }"),
                    "2: list L: 'errors' must be a list of strings: errors = { \"127.0.0.1\" }"},
        ListMistake{answer_with("'A', 1", "\nerrors = '127.0.0.1'"),
                    "2: list L: 'errors' must be a list of at most 20 answers: errors = { \"127.0.0.1\" }"},
        ListMistake{answer_with("'A', 1", "\nerrors = { '127.0.0.1-3' }"),
                    "2: list L: 'errors' take all of answers[\"127.0.0.2\"] (A): it could never count"},
        ListMistake{answer_with("'A', 1", "\ntest = 'x'"),
                    "2: list L: 'test' must be a table, or false: test = { listed = \"...\", unlisted = \"...\" }"},
        ListMistake{answer_with("'A', 1", "test = {\nlisetd = '127.0.0.2' }"),
                    "2: list L: 'test': unknown field 'lisetd' (did you mean 'listed'?); there are listed and "
                    "unlisted"},
        ListMistake{answer_with("'A', 1", "test = { unlisted = '127.0.0.1',\nlisted = 'example.org' }"),
                    "2: list L: 'test.listed' must be something that a list of client is asked about"}));

INSTANTIATE_TEST_SUITE_P(
    Answers, ListMistakes,
    testing::Values(
        ListMistake{list_with("answers = {\n['127.0.0.2'] = 'A' }"),
                    "2: list L: answers[\"127.0.0.2\"] must be a table, not a string: { \"NAME\", 4.0 }"},
        ListMistake{list_with("\nanswers = { { 'A', 1 } }"),
                    "2: list L: answers are written [\"127.0.0.2\"] = { \"NAME\", 4.0 }"},
        ListMistake{answer_with("\n1"),
                    "2: list L: answers[\"127.0.0.2\"]: it has no name: [\"127.0.0.2\"] = { \"NAME\", 4.0 }"},
        ListMistake{answer_with("'sbl', 1"),
                    "1: list L: answers[\"127.0.0.2\"]: 'sbl' is no name for an answer: capitals, digits and '_' only, "
                    "at most 62"},
        ListMistake{answer_with("'A',\n'x'"), "2: rule L_A: 'score' must be a number from -1000 to 1000"},
        ListMistake{answer_with("'A', 1,\nscore = 2"),
                    "2: rule L_A: it has two scores: { \"NAME\", 4.0 } says it once"},
        ListMistake{answer_with("'A', 1, 2"), "1: rule L_A: a value without a name: fields are written name = value"},
        ListMistake{answer_with("'A'"),
                    "1: rule L_A: it has neither a score nor an action: { \"NAME\", 4.0 } or { \"NAME\", action = "
                    "\"reject\" }"},
        ListMistake{answer_with("'A', 1,\nacton = 'reject'"),
                    "2: unknown field 'acton' in rule L_A (did you mean 'action'?)"},
        ListMistake{answer_with("'A',\naction = 'accept'"),
                    "2: rule L_A: the action accept is for lists of good senders: allow = true"},
        ListMistake{answer_with("'A',\naction = 'rejct'"),
                    "2: rule L_A: unknown action 'rejct' (did you mean 'reject'?); the actions are reject, defer, "
                    "accept, quarantine, discard"},
        ListMistake{answer_with("'A',\naction = 'reject'", "allow = true"),
                    "2: rule L_A: L is a list of good senders (allow = true): its action is accept, not reject"},
        ListMistake{answer_with("'A',\n1", "allow = true"),
                    "2: rule L_A: L is a list of good senders (allow = true): its score is at most 0"},
        ListMistake{answer_with("'A', 1,\nreply = '550 5.7.1 no'"), "2: rule L_A: 'reply' needs an 'action'"},
        ListMistake{answer_with("'A', action = 'reject',\nreply = '450 4.7.1 no'"),
                    "2: rule L_A: 'reply' of a reject must look like \"550 5.7.1 reason\", in ASCII, at most 400 "
                    "bytes"},
        ListMistake{answer_with("'A', 1,\nstage = 'connect'", "", "helo"),
                    "2: rule L_A: 'stage': what a list of helo asks about is known from stage \"helo\" on"},
        ListMistake{answer_with("'A', 1,\nstage = 'mesage'"),
                    "2: rule L_A: unknown stage 'mesage' (did you mean 'message'?); the stages are connect, helo, "
                    "mail, rcpt, message"},
        ListMistake{list_with("answers = { ['127.0.0.2'] = { 'A', 1 },\n['127.0.0.3'] = { 'A', 2 } }"),
                    "2: list L: two of its answers are A: one entry may name several: [\"127.0.0.2, 127.0.0.3\"]"}));

TEST(ListMistakesOfAnswers, SayWhatIsNoAnswer) {
  EXPECT_THAT(problems_of(list_with("answers = { ['127.0.0.2'] = { 'A', 1 },\n['10.0.0.1'] = { 'B', 1 } }")),
              ElementsAre(HasSubstr("rules/test.lua:2: list L: answers: \"10.0.0.1\" lies outside of 127.0.0.0/8")));
  EXPECT_THAT(problems_of(answer_with("'A', 1", "errors = {\n'nonsense' }")),
              ElementsAre(HasSubstr("rules/test.lua:2: list L: errors: \"nonsense\"")));
}

TEST(ListMistakesOfAnswers, AreShownAllAtOnceEachWithItsLine) {
  EXPECT_THAT(problems_of("list 'L' {\n  zone = 'x',\n  of = 'clients',\n  txt = 1,\n  answers = {\n"
                          "    ['127.0.0.2'] = { 'A' },\n    ['127.0.0.1000'] = { 'B', 1 },\n"
                          "    ['127.0.0.4'] = {\n      'C', 1,\n      sorce = 2,\n    },\n  },\n}"),
              ElementsAre(HasSubstr("test.lua:2: list L: 'zone'"), HasSubstr("test.lua:3: list L: unknown subject"),
                          HasSubstr("test.lua:4: list L: 'txt'"), HasSubstr("test.lua:6: rule L_A: it has neither"),
                          HasSubstr("test.lua:7: list L: answers: \"127.0.0.1000\""),
                          HasSubstr("test.lua:10: unknown field 'sorce' in rule L_C (did you mean 'score'?)")));
}

// A list in a file that could not be read is not missed elsewhere.
TEST(ListMistakesOfAnswers, OfOneFileAreNotToldAgainOfOthers) {
  auto set = RuleSet::from_texts(
      {{"rules/a.lua", "error('broken')\n" + answer_with("'A', 1")},
       {"rules/local.lua", "enable 'L' score 'L_A' (3) disable 'L_B'\n" + rule_text("READS", "return mail.lists.L")}},
      {});
  ASSERT_FALSE(set);
  EXPECT_THAT(texts(set.error()), ElementsAre("rules/a.lua:1: broken"));
}

TEST(ListMistakesOfAnswers, OfAnAnswerAreNotToldAgainOfWhoSpeaksOfIt) {
  EXPECT_THAT(problems_of(answer_with("'A'") + "\nscore 'L_A' (2)"),
              ElementsAre(HasSubstr("1: rule L_A: it has neither")));
  EXPECT_THAT(problems_of(list_with("answers = { ['127.0.0.999'] = { 'A', 1 }, ['127.0.0.2'] = { 'B', 1 } }") +
                          "\nscore 'L_A' (2)"),
              ElementsAre(HasSubstr("answers: \"127.0.0.999\"")));
}

/// The answer "A" of a list with these `errors`, as Lua.
std::vector<std::string> lost(const std::string& answer, const std::string& errors) {
  return problems_of(list_with("answers = { ['" + answer +
                               "'] = { 'A', 1 }, ['127.9.9.9'] = { 'B', 1 } },\nerrors = { " + errors + " }"));
}

TEST(ListMistakesOfErrors, AnAnswerThatCouldNeverCountIsOne) {
  const std::vector<std::pair<std::string, std::string>> kLost = {
      {"127.0.0.2", "'127.0.0.2'"},
      {"127.0.0.4-7", "'127.0.0.4', '127.0.0.5-127.0.0.9'"},
      {"127.0.0.4, 127.0.0.9", "'127.0.0.1', '127.0.0.9', '127.0.0.0/29'"},
      {"127.0.1.0/24", "'127.0.0.0-127.0.1.255'"},
      {"127.0.0.2", "'&2'"},
      {"&4", "'127.0.0.1, &0x06'"},
      {"&2, 127.0.0.1", "'&2', '127.0.0.1'"},
      {"127.0.1.0/255.255.255.4", "'127.0.1.0/255.255.255.4'"},
      {"127.255.254.255-127.255.255.3", "'127.255.254.255'"},
  };
  for (const auto& [answer, errors] : kLost) {
    EXPECT_THAT(lost(answer, errors), ElementsAre("rules/test.lua:2: list L: 'errors' take all of answers[\"" + answer +
                                                  "\"] (A): it could never count"))
        << errors;
  }
}

TEST(ListMistakesOfErrors, AnAnswerOfWhichSomeIsLeftIsNone) {
  const std::vector<std::pair<std::string, std::string>> kLeft = {
      {"127.0.0.2", "'127.0.0.1'"},
      {"127.0.0.4-7", "'127.0.0.4', '127.0.0.6-127.0.0.9'"},
      {"127.0.0.4, 127.77.0.1", "'127.0.0.0/16'"},
      {"127.0.1.0/24", "'127.0.1.0-127.0.1.254'"},
      {"&6", "'&4'"},
      {"&4", "'127.0.0.4-255'"},
      {"&1", "'127.0.0.1'"},
      {"127.0.1.0/255.255.255.4", "'127.0.1.0'"},
  };
  for (const auto& [answer, errors] : kLeft) EXPECT_THAT(lost(answer, errors), ElementsAre()) << answer;
}

TEST(ListMistakesOfErrors, EachIsNamed) {
  EXPECT_THAT(
      problems_of(list_with("answers = { ['127.0.0.2'] = { 'A', 1 }, ['127.0.0.3'] = { 'B', 1 } },\n\nerrors = {\n"
                            "'127.0.0.0/8' }")),
      ElementsAre(HasSubstr("test.lua:3: list L: 'errors' take all of answers[\"127.0.0.2\"] (A)"),
                  HasSubstr("test.lua:3: list L: 'errors' take all of answers[\"127.0.0.3\"] (B)")));
}

// Only what the files say together tells whether a list is off.
TEST(ListMistakesOfEnable, AnAnswerMayBeEnabledBeforeItsListIsAndAListDisabledBehindIt) {
  const std::string off = answer_with("'A', 1", "enabled = false");
  for (const std::string& local : {off + "enable 'L_A' enable 'L'", off + "enable 'L' enable 'L_A'",
                                   off + "enable 'L_A' enable 'L' { zone = 'my.example.org' }",
                                   answer_with("'A', 1") + "disable 'L_A' enable 'L_A' disable 'L'"}) {
    EXPECT_THAT(problems_of(local), ElementsAre()) << local;
  }
  EXPECT_THAT(problems_of(off + "\nenable 'L_A' enable 'L' disable 'L'\nenable 'L_A'"),
              ElementsAre("rules/test.lua:3: enable L_A: list L is off: enable \"L\" first"));
}

// What is written in a way that does nothing is not missed elsewhere.
TEST(ListMistakesOfCalls, WhoAsksForWhatWasMeantMakesNoMistake) {
  EXPECT_THAT(problems_of("list('L', {})\nrule('R', {})\nscore 'L_A' (2) enable 'L_A' disable 'R'\n" +
                          rule_text("READS", "return mail.lists.L and mail:hit('R')")),
              ElementsAre(HasSubstr("test.lua:1: list \"L\" { ... } is how"),
                          HasSubstr("test.lua:2: rule \"R\" { ... } is how")));
}

}  // namespace
}  // namespace postern::rules
