// Mistakes in rule files: what `postern check` prints. And examples: what they find.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lua/support.h"

namespace postern::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string with(const std::string& fields) {
  return "rule 'SPF_FAIL' { about = 'x', when = function() end, " + fields + " }";
}

struct Mistake {
  const char* text;
  const char* problem;
};

class Mistakes : public testing::TestWithParam<Mistake> {};

TEST_P(Mistakes, AreShownWithTheirPlace) {
  EXPECT_THAT(problems_of(GetParam().text), ElementsAre(GetParam().problem));
}

INSTANTIATE_TEST_SUITE_P(
    Declaration, Mistakes,
    testing::Values(
        Mistake{"rule 'spf_fail' { about = 'x', when = function() end }",
                "rules/test.lua:1: 'spf_fail' is no name for a rule: capitals, digits and '_' only, at most 64"},
        Mistake{
            "\nrule 'A' { about = 'x' }",
            "rules/test.lua:2: rule A: 'when' is missing: the function that decides (or header, body, url, attachment, "
            "raw, all, any, expression)"},
        Mistake{"rule 'A' { when = function() end }",
                "rules/test.lua:1: rule A: 'about' is missing: one sentence that says what the rule found"},
        Mistake{"rule 'A' 'x'", "rules/test.lua:1: rule A wants a table, not a string"},
        Mistake{"\nrule 'A'", "rules/test.lua:2: rule \"A\" has no table: rule \"A\" { ... }"},
        Mistake{"rule {}", "rules/test.lua:1: 'rule' wants a name in quotes, not a table"},
        Mistake{"score 'A'\n", "rules/test.lua:1: score \"A\" has no number: score \"A\" (4.0)"},
        Mistake{
            "\nrule('A', { about = 'x' })",
            "rules/test.lua:2: rule \"A\" { ... } is how it is written: the name, then what belongs to it, without a "
            "comma between"},
        Mistake{
            "score('A', 4)",
            "rules/test.lua:1: score \"A\" (4.0) is how it is written: the name, then what belongs to it, without a "
            "comma between"},
        Mistake{"if", "rules/test.lua:1: unexpected symbol near <eof>"},
        Mistake{"\nerror('so what')", "rules/test.lua:2: so what"},
        Mistake{"\nlocal x = nil + 1", "rules/test.lua:2: attempt to perform arithmetic on a nil value"},
        Mistake{"rul 'A' {}", "rules/test.lua:1: unknown name 'rul' (did you mean 'rule'?)"},
        Mistake{"group('g', { max = 3 })", "rules/test.lua:1: group: no rule is in group 'g'"}));

struct Field {
  const char* fields;
  const char* problem;  // what follows "rules/test.lua:1: "
};

class Fields : public testing::TestWithParam<Field> {};

TEST_P(Fields, AreChecked) {
  EXPECT_THAT(problems_of(with(GetParam().fields)),
              ElementsAre("rules/test.lua:1: " + std::string(GetParam().problem)));
}

INSTANTIATE_TEST_SUITE_P(
    Declaration, Fields,
    testing::Values(
        Field{"scoer = 1", "unknown field 'scoer' in rule SPF_FAIL (did you mean 'score'?)"},
        Field{"completely_else = 1", "unknown field 'completely_else' in rule SPF_FAIL"},
        Field{
            "body = 'x'",
            "rule SPF_FAIL: it has 'body' and 'when': a rule has one of when, header, body, url, attachment, raw, all, "
            "any, expression"},
        Field{"1", "rule SPF_FAIL: a value without a name: fields are written name = value"},
        Field{"score = '3'", "rule SPF_FAIL: 'score' must be a number from -1000 to 1000"},
        Field{"score = 1/0", "rule SPF_FAIL: 'score' must be a number from -1000 to 1000"},
        Field{"stage = 'mial'",
              "rule SPF_FAIL: unknown stage 'mial' (did you mean 'mail'?); the stages are connect, helo, mail, rcpt, "
              "message"},
        Field{"stage = 3", "rule SPF_FAIL: 'stage' must be a string, not a number"},
        Field{"mode = 'shadwo'",
              "rule SPF_FAIL: unknown mode 'shadwo' (did you mean 'shadow'?); the modes are live (the default) and "
              "shadow"},
        Field{"action = 'rejct'",
              "rule SPF_FAIL: unknown action 'rejct' (did you mean 'reject'?); the actions are reject, "
              "defer, accept, quarantine, discard"},
        Field{"group = 'no spaces'",
              "rule SPF_FAIL: 'group' must be a name of letters, digits, '_' and '-', at most 64"},
        Field{"about = 'a\\nb'", "rule SPF_FAIL: 'about' must be one line of text, at most 300 bytes"},
        Field{"when = 'x'", "rule SPF_FAIL: 'when' must be a function, not a string"},
        Field{"examples = 1", "rule SPF_FAIL: 'examples' must be a list of tables"},
        Field{"examples = { 1 }", "rule SPF_FAIL: example 1 is not a table"},
        Field{"reply = '550 5.7.1 no'", "rule SPF_FAIL: 'reply' needs an 'action'"},
        Field{"action = 'discard', reply = '550 5.7.1 no'",
              "rule SPF_FAIL: 'reply' is for the actions reject and defer, not for discard"},
        Field{"action = 'defer', reply = '421 4.7.0 no'",
              "rule SPF_FAIL: 'reply' must not begin with 421 or 521: they say that the connection is closed"}));

class BadReplies : public testing::TestWithParam<const char*> {};

TEST_P(BadReplies, OfARejectAreProblems) {
  EXPECT_THAT(problems_of(with("action = 'reject', reply = '" + std::string(GetParam()) + "'")),
              ElementsAre(HasSubstr("'reply' of a reject must look like \"550 5.7.1 reason\"")));
}

INSTANTIATE_TEST_SUITE_P(Declaration, BadReplies,
                         testing::Values("no", "450 4.7.1 no", "550 no", "550 4.7.1 no", "550 5.7.1", "550 5.7.1 ",
                                         "550 5.7 no", "550 5.7.1.1 no", "560 5.7.1 no", "550-5.7.1 no",
                                         "550 5.7.1 a\\r\\nb", "550 5.7.1 ä", "550 5..1 no", "55x 5.7.1 no",
                                         "550 5.1234.1 no"));

TEST(Declaration, GoodRepliesPass) {
  EXPECT_THAT(problems_of(with("action = 'reject', reply = '550 5.7.1 no'")), IsEmpty());
  EXPECT_THAT(problems_of(with("action = 'defer', reply = '451 4.7.123 later'")), IsEmpty());
  EXPECT_THAT(problems_of(with("action = 'defer', reply = '550 5.7.1 no'")),
              ElementsAre(HasSubstr("'reply' of a defer must look like \"451 4.7.1 reason\"")));
}

TEST(Declaration, DuplicateNamesShowTheFirstPlace) {
  auto set = RuleSet::from_texts({{"a.lua", rule_text("A", "")}, {"b.lua", "\n" + rule_text("A", "")}}, {});
  ASSERT_FALSE(set);
  EXPECT_THAT(texts(set.error()), ElementsAre("b.lua:2: rule A is already declared at a.lua:1"));
}

TEST(Declaration, ChangesOfUnknownRulesNameTheNearest) {
  EXPECT_THAT(problems_of(with("score = 1") + "\nscore 'SPF_FIAL' (2)\ndisable 'SPF_FALI'\nscore 'SPF_FAIL' ('x')\n"),
              ElementsAre("rules/test.lua:2: score: there is no rule SPF_FIAL (did you mean 'SPF_FAIL'?)",
                          "rules/test.lua:3: disable: there is no rule SPF_FALI (did you mean 'SPF_FAIL'?)",
                          "rules/test.lua:4: score SPF_FAIL: a number from -1000 to 1000 is wanted"));
}

TEST(Declaration, GroupsAreChecked) {
  std::string rule = with("group = 'auth'");
  EXPECT_THAT(problems_of(rule + "\ngroup('auht', { max = 1 })"),
              ElementsAre("rules/test.lua:1: rule SPF_FAIL: there is no group 'auth' (did you mean 'auht'?)"));
  EXPECT_THAT(problems_of(rule + " group('auth', { max = -1 })"),
              ElementsAre("rules/test.lua:1: group 'auth': 'max' must be a number from 0 to 1000"));
  EXPECT_THAT(problems_of(rule + " group('auth', { max = 1, mix = 2 })"),
              ElementsAre("rules/test.lua:1: unknown field 'mix' in group 'auth': there are 'max' and 'dampers'"));
  constexpr const char* kDampers =
      "rules/test.lua:1: group 'auth': 'dampers' must be a table of rules with the most that the group may add while "
      "they hit, dampers = { DMARC_PASS = 5 }";
  for (const char* dampers :
       {"3", "{ 3 }", "{ SPF_FAIL = 'x' }", "{ SPF_FAIL = -1 }", "{ [1] = 2 }", "{ small = 2 }"}) {
    EXPECT_THAT(problems_of(rule + " group('auth', { max = 1, dampers = " + dampers + " })"), ElementsAre(kDampers));
  }
  EXPECT_THAT(problems_of(rule + " group('auth', { max = 1, dampers = { SPF_FIAL = 1 } })"),
              ElementsAre("rules/test.lua:1: group 'auth': there is no rule SPF_FIAL (did you mean 'SPF_FAIL'?)"));
  EXPECT_THAT(problems_of(rule + " group('auth')"),
              ElementsAre("rules/test.lua:1: group 'auth' has no table: group(\"auth\", { max = 8 })"));
}

TEST(Declaration, AllMistakesOfAFileAtOnce) {
  EXPECT_EQ(
      problems_of(rule_text("a", "") + rule_text("B", "", "scoer = 1,") + rule_text("C", "", "stage = 'x',")).size(),
      3U);
}

TEST(Examples, GoodOnesAreSilent) {
  EXPECT_THAT(
      problems_of("rule 'R' { about = 'x', score = 2, when = function(mail) "
                  "return mail.subject:match('(?i)lottery') and 1.5 or false, mail.from end, examples = {"
                  "{ hit = true, subject = 'Lottery', from = 'x@y.example', detail = 'x@y.example', score = 3 },"
                  "{ hit = true, message = 'Subject: LOTTERY\\n\\nbody\\n' },"
                  "{ hit = false, subject = 'hello' }, { hit = false } } }"),
      IsEmpty());
}

TEST(Examples, ThatDoNotHoldAreProblems) {
  EXPECT_THAT(problems_of(with("score = 1, examples = { { hit = false }, { hit = true } }")),
              ElementsAre("rules/test.lua:1: example 2 of SPF_FAIL: expected a hit, got none"));
  EXPECT_THAT(problems_of("rule 'R' { about = 'x', score = 1, when = function() return true, 'a' end, examples = { "
                          "{ hit = false }, { hit = true, detail = 'b', score = 2 } } }"),
              ElementsAre("rules/test.lua:1: example 1 of R: expected no hit, got one",
                          "rules/test.lua:1: example 2 of R: expected detail 'b', got 'a'",
                          "rules/test.lua:1: example 2 of R: expected score 2.0, got 1.0"));
}

TEST(Examples, EveryFactCanBeGiven) {
  std::string when =
      "return true, table.concat({ mail.client.ip, mail.client.name, mail.client.port, tostring(mail.client.tls), "
      "mail.helo, mail.from, mail.rcpts[1], mail.spf.result, mail.spf.domain, mail.spf.explanation, mail.spf.reason, "
      "mail.helo_spf.result, mail.size, tostring(mail.truncated), (mail:header('list-id') or ''), #select(2, "
      "mail:header('Received')), mail.subject, tostring(mail:hit('BEFORE')), mail.score }, ' ')";
  EXPECT_THAT(
      problems_of(
          rule_text("BEFORE", "return false") + "rule 'R' { about = 'x', when = function(mail) " + when +
          " end, examples = { { hit = true, client = { ip = '2001:db8::1', name = 'n', port = 25, tls = true }, "
          "helo = 'h', from = 'f', rcpts = { 'r' }, spf = { result = 'softfail', domain = 'd', explanation = 'e', "
          "reason = 'w' }, helo_spf = { result = 'permerror' }, size = 5, truncated = true, header = { ['List-Id'] "
          "= 'l', Received = { 'a', 'b' } }, subject = 's', hits = { 'BEFORE' }, "
          "detail = '2001:db8::1 n 25 true h f r softfail d e w permerror 5 true l 2 s true 1.0' } } }"),
      IsEmpty());
}

TEST(Examples, MistakesInThemAreProblems) {
  EXPECT_THAT(problems_of(with("examples = { { hit = true, sfp = {} } }")),
              ElementsAre("rules/test.lua:1: example 1 of SPF_FAIL: unknown field 'sfp' (did you mean 'spf'?)"));
  EXPECT_THAT(
      problems_of(with("examples = { { hit = false, spf = { result = 'faill' } } }")),
      ElementsAre("rules/test.lua:1: example 1 of SPF_FAIL: 'faill' is no result of SPF (did you mean 'fail'?)"));
  EXPECT_THAT(problems_of(with("examples = { { hit = false, client = { ip = '1.2.3' } } }")),
              ElementsAre("rules/test.lua:1: example 1 of SPF_FAIL: 'client.ip': '1.2.3' is no address"));
  EXPECT_THAT(problems_of(with("examples = { { hit = false, helo_spf = { domian = 'x' } } }")),
              ElementsAre("rules/test.lua:1: example 1 of SPF_FAIL: unknown field 'domian' in helo_spf (did you mean "
                          "'domain'?)"));
  EXPECT_THAT(problems_of(with("examples = { { hit = false, from = 3 } }")),
              ElementsAre("rules/test.lua:1: example 1 of SPF_FAIL: 'from' must be a string, not a number"));
  EXPECT_THAT(problems_of(with("examples = { {} }")),
              ElementsAre("rules/test.lua:1: example 1 of SPF_FAIL: it says neither hit = true nor hit = false"));
  EXPECT_THAT(problems_of(with("examples = { { hit = false, message = 'x', subject = 'y' } }")),
              ElementsAre("rules/test.lua:1: example 1 of SPF_FAIL: give either 'message' or 'subject' and 'header'"));
  EXPECT_THAT(problems_of(with("examples = { { hit = false, hits = { 'NONE' } } }")),
              ElementsAre("rules/test.lua:1: example 1 of SPF_FAIL: there is no rule NONE"));
  EXPECT_THAT(problems_of(with("examples = { { hit = false, size = -1 } }")).at(0),
              HasSubstr("'size' must be a number"));
}

TEST(Examples, SenderAuthenticationCanBeGiven) {
  std::string when =
      "if not mail.dkim[1] then return false end local d, m, a = mail.dkim, mail.dmarc, mail.arc return true, "
      "table.concat({ mail.client.reverse, #d, "
      "d[1].result, "
      "d[1].domain, d[1].selector, d[1].identity, d[1].algorithm, d[1].reason, d[1].bits, tostring(d[1].partial), "
      "tostring(d[1].testing), d[2].result, mail.dkim_ignored, m.result, m.policy, m.domain, m.from, "
      "table.concat(m.aligned, '+'), tostring(m.testing), m.reason, m.override, a.result, a.reason, "
      "table.concat(a.sealers, '+'), a.sets }, ' ')";
  EXPECT_THAT(
      problems_of(
          "rule 'R' { about = 'x', when = function(mail) " + when +
          " end, examples = { { hit = true, client = { reverse = 'temperror' }, dkim = { { result = 'pass', "
          "domain = 'd', selector = 's', identity = '@i', algorithm = 'a', reason = 'w', bits = 2048, partial = "
          "true, testing = true }, { result = 'policy' } }, dkim_ignored = 3, dmarc = { result = 'fail', policy = "
          "'quarantine', domain = 'o', from = 'f', aligned = { 'spf', 'dkim' }, testing = true, reason = 'r', "
          "override = 'v' }, arc = { result = 'temperror', reason = 'q', sealers = { 'x', 'y' }, sets = 2 }, "
          "detail = 'temperror 2 pass d s @i a w 2048 true true policy 3 fail quarantine o f spf+dkim true r v "
          "temperror q x+y 2' } } }"),
      IsEmpty());
}

TEST(Examples, OfSenderAuthenticationLeaveTheRestHarmless) {
  EXPECT_THAT(
      problems_of("rule 'R' { about = 'x', when = function(mail) return true, mail.client.reverse .. #mail.dkim .. "
                  "mail.dmarc.result .. mail.dmarc.policy .. mail.dmarc.from .. tostring(mail.dmarc.override) .. "
                  "mail.arc.result .. mail.arc.sets end, examples = { "
                  "{ hit = true, detail = 'none0nonenoneexample.netnilnone0' }, "
                  "{ hit = true, arc = { sets = 3 }, dmarc = { result = 'fail' }, detail = "
                  "'none0failnoneexample.netnilnone3' } } }"),
      IsEmpty());
}

struct AuthenticationMistake {
  const char* field;
  const char* problem;  // what follows "example 1 of SPF_FAIL: "
};
class AuthenticationMistakes : public testing::TestWithParam<AuthenticationMistake> {};

TEST_P(AuthenticationMistakes, InExamplesAreProblems) {
  EXPECT_THAT(problems_of(with("examples = { { hit = false, " + std::string(GetParam().field) + " } }")),
              ElementsAre("rules/test.lua:1: example 1 of SPF_FAIL: " + std::string(GetParam().problem)));
}

constexpr const char* kDkimWanted = "'dkim' must be a list of tables: dkim = { { result = \"pass\" } }";
INSTANTIATE_TEST_SUITE_P(
    Examples, AuthenticationMistakes,
    testing::Values(
        AuthenticationMistake{"client = { reverse = 'none' }", "'none' is no result of a reverse look-up"},
        AuthenticationMistake{"dkim = { result = 'pass' }", kDkimWanted},
        AuthenticationMistake{"dkim = { 'pass' }", kDkimWanted},
        AuthenticationMistake{"dkim = 'pass'",
                              "'dkim' must be a list of tables: dkim = { { result = \"pass\" } }, not a string"},
        AuthenticationMistake{"dkim = { { reslt = 'pass' } }",
                              "unknown field 'reslt' in dkim (did you mean 'result'?)"},
        AuthenticationMistake{"dkim = { { result = 'pas' } }", "'pas' is no result of DKIM (did you mean 'pass'?)"},
        AuthenticationMistake{"dkim = { { domain = 1 } }", "'dkim.domain' must be a string, not a number"},
        AuthenticationMistake{"dkim = { {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {} }",
                              "'dkim': no more than 10 signatures are looked at"},
        AuthenticationMistake{"dmarc = { result = 'reject' }", "'reject' is no result of DMARC"},
        AuthenticationMistake{"dmarc = { policy = 'rejct' }", "'rejct' is no policy of DMARC (did you mean 'reject'?)"},
        AuthenticationMistake{"dmarc = { aligned = { 'spff' } }",
                              "'spff' is no method that DMARC knows (did you mean 'spf'?)"},
        AuthenticationMistake{"dmarc = { aligned = { 'spf', 'dkim', 'spf' } }",
                              "'dmarc.aligned' can name \"spf\" and \"dkim\", no more"},
        AuthenticationMistake{"dmarc = { testing = 'y' }", "'dmarc.testing' must be true or false, not a string"},
        AuthenticationMistake{"arc = { sealers = { 'a' }, sets = 2 }", "'arc.sets' says 2 and 'arc.sealers' names 1"},
        AuthenticationMistake{"arc = { sets = 51 }", "'arc.sets' must be a number from 0 to 50"},
        AuthenticationMistake{"arc = { result = 'permerror' }",
                              "'permerror' is no result of ARC (did you mean 'temperror'?)"}));

TEST(Examples, ErrorsOfTheRuleNameItsOwnLine) {
  EXPECT_THAT(
      problems_of("rule 'R' { about = 'x', stage = 'connect',\n when = function(mail)\n"
                  " return select(1, mail).spf.result == 'fail' end, examples = { { hit = true } } }"),
      ElementsAre("rules/test.lua:3: example 1 of R: mail.spf is known from stage \"mail\" on; this rule runs at "
                  "stage \"connect\""));
}

TEST(Examples, RulesWithoutExamplesAreTriedOnAPlainMessage) {
  EXPECT_THAT(problems_of("\n" + rule_text("R", "return select(1, mail).form")),
              ElementsAre("rules/test.lua:2: R on a plain message: mail has no field 'form' (did you mean 'from'?)"));
}

TEST(Examples, AChangedScoreDoesNotBreakAShippedExample) {
  EXPECT_THAT(problems_of("rule 'R' { about = 'x', score = 3, when = function() return true end, examples = { { hit = "
                          "true, score = 3 } } } score 'R' (5)"),
              IsEmpty());
}

}  // namespace
}  // namespace postern::rules
