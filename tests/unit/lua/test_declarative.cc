// header, body, url, attachment, raw, all, any, expression: rules without Lua.
#include "tests/unit/lua/support.h"

namespace postern::rules {
namespace {

using Names = std::vector<std::string>;

std::string declared(const std::string& name, const std::string& condition, const std::string& more = "score = 1,") {
  return "rule '" + name + "' { about = 't', " + more + " " + condition + " }\n";
}

/// The rules that hit a message, with their details.
Names judged(const std::string& rules, const std::string& text) {
  Host host(load(rules), nullptr);
  Facts facts;
  facts.message = text;
  facts.size = text.size();
  Evaluation evaluation;
  host.run(Stage::Message, facts, evaluation);
  Names names;
  for (const Hit& hit : evaluation.hits) names.push_back(hit.rule + (hit.detail.empty() ? "" : "=" + hit.detail));
  return names;
}

const std::string kMail =
    "From: a@example.net\r\nSubject: =?utf-8?q?You_won_the_L=C3=B6ttery?=\r\nX-Mailer: one\r\nX-Mailer: two\r\n"
    "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    "<p>Act <b>n=\r\now</b> at <a href=3D\"HTTP://0x7f.1/caf=E9\">our shop</a></p>\r\n"
    "--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; "
    "filename=\"bill.pdf.exe\"\r\n\r\n"
    "MZ\r\n--b--\r\n";

TEST(Declarative, LooksAtWhatAReaderSees) {
  EXPECT_EQ(judged(declared("SUBJECT", "header = { 'Subject', '(?i)l\\xc3\\xb6TTERY' }") +
                       declared("SECOND", "header = { 'x-mailer', '^two$' }") +
                       declared("OTHER_FIELD", "header = { 'To', 'two' }") + declared("BODY", "body = 'Act now'") +
                       declared("END", "body = 'our shop$'") + declared("NOT_RAW", "body = '<b>'") +
                       declared("URL", "url = '^http://127[.]0[.]0[.]1/'") +
                       declared("FILE", "attachment = '(?i)[.]pdf[.]exe$'") + declared("RAW", "raw = 'n=\\r\\now</b>'"),
                   kMail),
            (Names{"SUBJECT=L\xc3\xb6ttery", "SECOND=two", "BODY=Act now", "END=our shop", "URL=http://127.0.0.1/",
                   "FILE=.pdf.exe", "RAW=n=? ow</b>"}));
}

TEST(Declarative, FieldsOfOneBeginningAreToldApart) {
  std::string mail = "Subject: s\r\nX-Mailer: one\r\nX-Mailing: two\r\nx-mail: three\r\nX-PHP-Script: four\r\n\r\n";
  EXPECT_EQ(
      judged(declared("A", "header = { 'x-mailer', 'one' }") + declared("B", "header = { 'X-MAILING', 'two' }") +
                 declared("C", "header = { 'X-Mail', 'three' }") +
                 declared("D", "header = { 'x-php-script', 'four' }") + declared("E", "header = { 'X-Php', '.' }"),
             mail),
      (Names{"A=one", "B=two", "C=three", "D=four"}));
}

TEST(Declarative, RulesOverRules) {
  std::string base = declared("A", "body = 'Act'") + declared("B", "body = 'nowhere'") + declared("C", "body = 'shop'");
  EXPECT_EQ(judged(base + declared("ALL", "all = { 'A', 'C' }") + declared("NOT_ALL", "all = { 'A', 'B' }") +
                       declared("ANY", "any = { 'B', 'C' }") + declared("NONE", "any = { 'B' }") +
                       declared("EXPRESSION", "expression = 'A and (B or not ALL) or C'") +
                       declared("NO", "expression = 'not A or B'"),
                   kMail),
            (Names{"A=Act", "C=shop", "ALL=A, C", "ANY=C", "EXPRESSION=A, ALL, C"}));
}

TEST(Declarative, AnOrderOfTheirOwn) {
  // Written before what it asks for.
  EXPECT_EQ(judged(declared("FIRST", "all = { 'SECOND' }") + declared("SECOND", "expression = 'THIRD'") +
                       declared("THIRD", "body = 'Act'"),
                   kMail),
            (Names{"THIRD=Act", "SECOND=THIRD", "FIRST=SECOND"}));
}

TEST(Declarative, ADisabledRuleNeverHitsAndAShadowOneDoes) {
  EXPECT_EQ(
      judged(declared("OFF", "body = 'Act'") + declared("SHADOW", "body = 'Act'", "mode = 'shadow', score = 5,") +
                 declared("EITHER", "any = { 'OFF' }") + declared("SEES", "all = { 'SHADOW' }") + "disable 'OFF'\n",
             kMail),
      (Names{"SHADOW=Act", "SEES=SHADOW"}));
}

TEST(Declarative, ActionAndGroup) {
  Host host(load(declared("A", "body = 'Act'", "score = 4, group = 'g',") +
                 declared("B", "body = 'shop'", "score = 4, group = 'g',") + "group('g', { max = 5 })\n" +
                 declared("C", "all = { 'A', 'B' }", "action = 'reject', reply = '550 5.7.1 no shops',") +
                 declared("D", "body = 'Act'")),
            nullptr);
  Facts facts;
  facts.message = kMail;
  Evaluation evaluation;
  host.run(Stage::Message, facts, evaluation);
  EXPECT_DOUBLE_EQ(evaluation.score, 5);
  ASSERT_TRUE(evaluation.decision);
  EXPECT_EQ(evaluation.decision->reply, "550 5.7.1 no shops");
  EXPECT_EQ(evaluation.hits.size(), 3U);
}

TEST(Declarative, ANameThatStandsTwiceCountsOnceAndIsNoted) {
  std::string base = declared("A", "body = 'Act now'") + declared("B", "body = 'nowhere'");
  std::string twice = base + "rule 'BOTH' { about = 't', score = 1,\n  all = { 'A',\n    'A', 'A' } }\n" +
                      declared("ONE", "any = { 'B', 'A', 'B' }") + declared("WRITTEN", "expression = 'A and A'");
  EXPECT_EQ(load(base)->notes(), Names{});
  EXPECT_EQ(load(twice)->notes(), (Names{"rules/test.lua:4: rule BOTH: 'all' names A more than once: it counts once",
                                         "rules/test.lua:6: rule ONE: 'any' names B more than once: it counts once"}));
  EXPECT_EQ(judged(twice, kMail), (Names{"A=Act now", "BOTH=A", "ONE=A", "WRITTEN=A"}));
}

TEST(Declarative, MistakesAreNamedWhereTheyAre) {
  auto file = [](const std::string& condition) {
    return problems_of("rule \"A\" {\n  about = \"t\",\n  score = 1,\n  " + condition + ",\n}\n");
  };
  auto at4 = [](const std::string& text) { return Names{"rules/test.lua:4: rule A: " + text}; };
  EXPECT_EQ(file("header = 'Subject'"),
            at4("'header' must be a field's name and an expression: header = { \"Subject\", \"(?i)lottery\" }"));
  EXPECT_EQ(file("header = { 'Sub ject', 'x' }"), at4("'Sub ject' is no name of a header field"));
  EXPECT_EQ(file("body = {}"), at4("'body' must be a string, not a table"));
  EXPECT_EQ(file("body = ''"), at4("'body' is an empty expression, which matches everything"));
  EXPECT_EQ(file("all = {}"), at4("'all' must be a list of at most 200 rules: all = { \"A\", \"B\" }"));
  EXPECT_EQ(file("any = { 'Z' }").size(), 1U);
  EXPECT_EQ(file("body = '(?<=a)b'").size(), 1U);
  EXPECT_EQ(
      file("body = 'x', url = 'y'"),
      at4("it has 'body' and 'url': a rule has one of when, header, body, url, attachment, raw, all, any, expression"));
  EXPECT_EQ(file("body = 'x', stage = 'mail'"),
            at4("'body' looks into the message: it is for rules of stage \"message\""));
}

TEST(Declarative, Examples) {
  EXPECT_EQ(
      problems_of("rule 'A' { about = 't', score = 1, header = { 'Subject', 'x' },\n"
                  "  examples = { { hit = true, subject = 'xx', detail = 'x' }, { hit = false, subject = 'y' } } }\n"
                  "rule 'B' { about = 't', score = 1, body = 'z',\n"
                  "  examples = { { hit = true, text = 'zz' }, { hit = false, text = 'y' } } }\n"
                  "rule 'C' { about = 't', score = 1, all = { 'A', 'B' }, examples = {\n"
                  "  { hit = true, hits = { 'A', 'B' } },\n"
                  "  { hit = false, hits = { 'A' } },\n"
                  "  { hit = true, subject = 'x', text = 'z' },\n"
                  "  { hit = true, subject = 'x' },\n"
                  "} }\n"),
      Names{"rules/test.lua:9: example 4 of C: expected a hit, got none"});
}

}  // namespace
}  // namespace postern::rules
