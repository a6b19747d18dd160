#include "filters/auth_results/parse.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::auth_results {
namespace {

using testing::HasSubstr;

/// One line: "id: method=result (reason) type=value ...; ...", or the error.
std::string show(std::string_view value, Grammar grammar = Grammar::Rfc8601) {
  auto parsed = parse_auth_results(value, grammar);
  if (!parsed) return "error: " + parsed.error().message;
  std::string out = parsed->authserv_id + ':';
  for (const auto& result : parsed->results) {
    out += ' ' + result.method + '=' + result.result;
    if (!result.reason.empty()) out += " (" + result.reason + ')';
    for (const auto& property : result.properties) out += ' ' + property.type + '=' + property.value;
    out += ';';
  }
  return out;
}

TEST(ParseAuthResults, ExamplesOfTheRfc) {
  EXPECT_EQ(show(" example.org 1; none"), "example.org:");
  EXPECT_EQ(show(" example.com;\r\n          spf=pass smtp.mailfrom=example.net"),
            "example.com: spf=pass smtp.mailfrom=example.net;");
  EXPECT_EQ(show(" example.com;\r\n auth=pass (cram-md5) smtp.auth=sender@example.net;\r\n spf=pass "
                 "smtp.mailfrom=example.net"),
            "example.com: auth=pass smtp.auth=sender@example.net; spf=pass smtp.mailfrom=example.net;");
  // RFC 8601, B.7: comments and folding wherever they may stand.
  EXPECT_EQ(
      show(" foo.example.net (foobar) 1 (baz);\r\n    dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
           "      policy (A dot can go here) . (like that) expired\r\n      (this surprised me) = (as I wasn't "
           "expecting it) 1362471462"),
      "foo.example.net: dkim=fail policy.expired=1362471462;");
}

TEST(ParseAuthResults, NamesInLowerCaseValuesAsWritten) {
  EXPECT_EQ(show("MX.example; SPF=Pass SMTP.MailFrom=User@Example.COM"),
            "MX.example: spf=pass smtp.mailfrom=User@Example.COM;");
  EXPECT_EQ(show("a; NONE"), "a:");
}

TEST(ParseAuthResults, QuotedStrings) {
  EXPECT_EQ(show("\"a b\"; x=y reason=\"say \\\"no\\\"; or\\\\not\" p.q=\"a\r\n b\""),
            "a b: x=y (say \"no\"; or\\not) p.q=a b;");
  EXPECT_EQ(show("a; x=y p.q=\"\" p.r=z"), "a: x=y p.q= p.r=z;");
  EXPECT_EQ(show("a; x=y p.q=\"u v\"@example.com p.r=@example.com"),
            "a: x=y p.q=\"u v\"@example.com p.r=@example.com;");
  EXPECT_EQ(show("a; x=y p.q=\"j\xC3\xB6rg\"(\xC3\xB6) p.r=j\xC3\xB6rg@b\xC3\xBC"
                 "cher.example"),
            "a: x=y p.q=j\xC3\xB6rg p.r=j\xC3\xB6rg@b\xC3\xBC"
            "cher.example;");
}

TEST(ParseAuthResults, ReasonIsAWordLikeOthers) {
  EXPECT_EQ(show("a; x=y reason=z p.q=r"), "a: x=y (z) p.q=r;");
  EXPECT_EQ(show("a; x=y reason . q = r"), "a: x=y reason.q=r;");
  EXPECT_THAT(show("a; x=y p.q=r reason=z"), HasSubstr("error"));
}

TEST(ParseAuthResults, ResultsOfOtherMethodVersionsAreNotUsed) {
  EXPECT_EQ(show("a; dkim/2=pass header.d=b; dkim/1=fail header.d=c"), "a: dkim=fail header.d=c;");
  EXPECT_EQ(show("a; dkim/01=pass"), "a:");
}

TEST(ParseAuthResults, WhatIsNotTheGrammarIsRefusedAsAWhole) {
  for (const std::string& value : {
           std::string(""),
           std::string("a"),
           std::string("a;"),
           std::string(";none"),
           std::string("\"\"; none"),
           std::string("a b; none"),
           std::string("a 2; none"),
           std::string("a 01; none"),
           std::string("a/b; none"),
           std::string("a; none; none"),
           std::string("a; none x=y"),
           std::string("a; x=y; none"),
           std::string("a; none=pass"),
           std::string("a; x"),
           std::string("a; x="),
           std::string("a; =y"),
           std::string("a; x=y;"),
           std::string("a; x=y;; z=w"),
           std::string("a; x-=y"),
           std::string("a; x_y=z"),
           std::string("a; x/=y"),
           std::string("a; x=\"y\""),
           std::string("a; x=y z"),
           std::string("a; x=y z=w"),
           std::string("a; x=y p.q"),
           std::string("a; x=y p.q="),
           std::string("a; x=y .q=r"),
           std::string("a; x=y p.q=r/s"),
           std::string("a; x=y p.q=r s"),
           std::string("a; x=y p.q=r@s"),
           std::string("a; x=y p.q=r @s.t"),
           std::string("a; x=y p.q=r(c)@s.t"),
           std::string("a; x=y p.q=\"r\"@s"),
           std::string("a; x=y p.q=\"r\"s"),
           std::string("a; x=y p.q=r\"s\""),
           std::string("a; x=y p.q=r\\s"),
           std::string("a; x=y p.q=\"r\"p.r=s"),
           std::string("a; x=y p.q=r P.Q=s"),
           std::string("a; x=y reason=z reason=w"),
           std::string("a; x=y reason=a@b.c"),
           std::string("a; x=y (open"),
           std::string("a; x=y (open (c)"),
           std::string("a; x=y close)"),
           std::string("a; x=y (\\"),
           std::string("a; x=y p.q=\"open"),
           std::string("a; x=y p.q=\"open\\\""),
           std::string("a; x=y p.q=\"a\0b\"", 16),
           std::string("a; x=y p.q=\"a\x01\""),
           std::string("a; x=y p.q=\"a\x7F\""),
           std::string("a; x=y p.q=\"a\xFF\""),
           std::string("a; x=y p.q=\"a\xC2\x85\""),
           std::string("a; x=y (\xE2\x80\xA8)"),
           std::string("a; x=y p.q=\xC3\xB6"),
           std::string("a; x=y\r\n"),
           std::string("a; x=y\r\n "),
           std::string("a;\r\n \r\n x=y"),
           std::string("a;\nx=y"),
           std::string("a;\n x=y"),
           std::string("a;\rx=y"),
           std::string("a;\r\nx=y"),
           std::string("i=1; a; x=y"),
       }) {
    EXPECT_THAT(show(value), HasSubstr("error: octet ")) << value;
    EXPECT_EQ(parse_auth_results(value).error().code, Code::BadInput);
  }
}

TEST(ParseAuthResults, TheErrorSaysWhereAndWhy) {
  EXPECT_EQ(show("a; x=y p.q=r/s"), "error: octet 14: a value needs quotes");
  EXPECT_EQ(show("a; x=y\x01"), "error: octet 6: an octet that may not stand there");
}

std::string times(size_t n, const std::string& text) {
  std::string out;
  for (size_t i = 0; i < n; ++i) out += text;
  return out;
}

TEST(ParseAuthResults, IsBounded) {
  EXPECT_EQ(show(times(kMaxCommentDepth, "(") + times(kMaxCommentDepth, ")") + "a; none"), "a:");
  EXPECT_THAT(show(times(kMaxCommentDepth + 1, "(") + times(kMaxCommentDepth + 1, ")") + "a; none"), HasSubstr("deep"));
  EXPECT_EQ(parse_auth_results("a" + times(kMaxResults, ";x=y"))->results.size(), kMaxResults);
  EXPECT_THAT(show("a" + times(kMaxResults + 1, ";x/2=y")), HasSubstr("too many results"));
  std::string many = "a; x=y";
  for (size_t i = 0; i < kMaxProperties; ++i) many += " p.q" + std::to_string(i) + "=r";
  EXPECT_EQ(parse_auth_results(many)->results.at(0).properties.size(), kMaxProperties);
  EXPECT_THAT(show(many + " p.q=r"), HasSubstr("too many properties"));
  EXPECT_THAT(show("a; none" + times(kMaxField, " ")), HasSubstr("too long"));
}

TEST(ParseAuthResults, DeployedTakesWhatLargeSendersWrite) {
  const char* microsoft =
      "mx.example.com 1; spf=pass (sender ip is 192.0.2.1)\r\n smtp.rcpttodomain=example.org "
      "smtp.mailfrom=example.net; "
      "dmarc=pass (p=none sp=none\r\n pct=100) action=none header.from=example.net; dkim=pass header.d=example.net; "
      "arc=none";
  EXPECT_THAT(show(microsoft), HasSubstr("error"));
  EXPECT_THAT(show(microsoft, Grammar::Deployed),
              HasSubstr("; dmarc=pass action=none header.from=example.net; dkim=pass"));
  EXPECT_EQ(show("a; dkim=pass header.b=a/b=;", Grammar::Deployed), "a: dkim=pass header.b=a/b=;");
  for (const char* value :
       {"a;", "a; none;", "a; x=y;;", "a; x=y p.q=r reason=s", "a; x=y p=q p=r", "a; x=y p.q=a,b", "a; x=y p.q=a;b"}) {
    EXPECT_THAT(show(value, Grammar::Deployed), HasSubstr("error")) << value;
  }
}

}  // namespace
}  // namespace postern::auth_results
