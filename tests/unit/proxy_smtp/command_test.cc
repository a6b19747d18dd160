#include "proxy/smtp/command.h"

#include <gtest/gtest.h>

#include "proxy/smtp/server_engine.h"

namespace postern::smtp {
namespace {

TEST(Path, IsTakenApart) {
  auto path = parse_path("<User.Name+tag@Example.ORG>", false);
  ASSERT_TRUE(path);
  EXPECT_EQ(path->address, "User.Name+tag@Example.ORG");
  EXPECT_EQ(path->local, "User.Name+tag");
  EXPECT_EQ(path->domain, "Example.ORG");
  EXPECT_FALSE(path->utf8);
}

TEST(Path, WithoutAddressIsTheNullSender) {
  auto path = parse_path("<>", false);
  ASSERT_TRUE(path);
  EXPECT_EQ(path->address + path->local + path->domain, "");
}

TEST(Path, MayBePostmasterAlone) {
  auto path = parse_path("<POSTMASTER>", false);
  ASSERT_TRUE(path);
  EXPECT_EQ(path->local, "POSTMASTER");
  EXPECT_EQ(path->domain, "");
  EXPECT_FALSE(parse_path("<webmaster>", false));
}

TEST(Path, LosesItsSourceRoute) {
  for (const char* text :
       {"<@a.example:u@b.example>", "<@a.example,@c.example:u@b.example>", "<@[IPv6:2001:db8::1]:u@b.example>"}) {
    auto path = parse_path(text, false);
    ASSERT_TRUE(path) << text;
    EXPECT_EQ(path->address, "u@b.example") << text;
  }
  for (const char* text :
       {"<@a.example>", "<@:u@b.example>", "<@a.example,c.example:u@b.example>", "<@a b:u@b.example>"}) {
    EXPECT_FALSE(parse_path(text, false)) << text;
  }
}

TEST(Path, KeepsAQuotedLocalPartAsSent) {
  auto path = parse_path("<\"a\\\"@ b\"@b.example>", false);
  ASSERT_TRUE(path);
  EXPECT_EQ(path->local, "\"a\\\"@ b\"");
  EXPECT_EQ(path->domain, "b.example");
  for (const char* text : {"<\"a\"b\"@b.example>", "<\"a\\\"@b.example>", "<\"@b.example>", "<\"a\tb\"@b.example>"}) {
    EXPECT_FALSE(parse_path(text, false)) << text;
  }
}

TEST(Path, TakesUnicodeOnlyWhereAllowed) {
  EXPECT_FALSE(parse_path("<\xc3\xbc@b.example>", false));
  auto path = parse_path("<\xc3\xbc@b\xc3\xbc.example>", true);
  ASSERT_TRUE(path);
  EXPECT_TRUE(path->utf8);
  EXPECT_FALSE(parse_path("<\xc3@b.example>", true));
  EXPECT_FALSE(parse_path("<\xed\xa0\x80@b.example>", true));
}

TEST(Path, IsBounded) {
  std::string domain = std::string(60, 'a') + "." + std::string(60, 'a') + "." + std::string(60, 'a') + ".example";
  EXPECT_TRUE(parse_path("<" + std::string(62, 'u') + "@" + domain + ">", false));
  EXPECT_FALSE(parse_path("<" + std::string(65, 'u') + "@b.example>", false));
  EXPECT_FALSE(parse_path("<" + std::string(64, 'u') + "@" + domain + "aa>", false));
}

TEST(Mail, KeepsParametersAsSentAndReadsThem) {
  auto mail = parse_mail("FROM:<a@b.example> size=12 BODY=8bitmime SMTPUTF8", true);
  ASSERT_TRUE(mail);
  EXPECT_EQ(mail->size, 12U);
  EXPECT_TRUE(mail->body_8bit);
  EXPECT_TRUE(mail->smtputf8);
  ASSERT_EQ(mail->parameters.size(), 3U);
  EXPECT_EQ(mail->parameters[1].keyword, "BODY");
  EXPECT_EQ(mail->parameters[1].value, "8bitmime");
  EXPECT_FALSE(mail->parameters[2].has_value);
}

TEST(Mail, SaysInTheReplyWhatIsWrong) {
  auto code = [](std::string_view arguments) {
    auto mail = parse_mail(arguments, false);
    return mail ? std::string("ok") : mail.error().encode().substr(0, 9);
  };
  EXPECT_EQ(code("FROM:<>"), "ok");
  EXPECT_EQ(code(""), "501 5.5.4");
  EXPECT_EQ(code("FROM:<a>"), "501 5.1.7");
  EXPECT_EQ(code("FROM:<a@b> FOO"), "555 5.5.4");
  EXPECT_EQ(code("FROM:<a@b> SMTPUTF8"), "555 5.5.4");
  EXPECT_EQ(code("FROM:<a@b> SIZE=x"), "501 5.5.4");
  EXPECT_EQ(code("FROM:<\xc3\xbc@b>"), "553 5.6.7");
}

TEST(Mail, ASizeBeyond64BitsIsAsLargeAsCanBe) {
  auto mail = parse_mail("FROM:<> SIZE=99999999999999999999", false);
  ASSERT_TRUE(mail);
  EXPECT_EQ(mail->size, UINT64_MAX);
}

TEST(Rcpt, SaysInTheReplyWhatIsWrong) {
  auto code = [](std::string_view arguments, bool dsn) {
    auto rcpt = parse_rcpt(arguments, false, dsn);
    return rcpt ? std::string("ok") : rcpt.error().encode().substr(0, 9);
  };
  EXPECT_EQ(code("TO:<a@b>", false), "ok");
  EXPECT_EQ(code("TO:<postmaster>", false), "ok");
  EXPECT_EQ(code("TO:<a@b> NOTIFY=NEVER", true), "ok");
  EXPECT_EQ(code("TO:<a@b> NOTIFY=NEVER", false), "555 5.5.4");
  EXPECT_EQ(code("TO:<a@b> NOTIFY=", true), "501 5.5.4");
  EXPECT_EQ(code("TO:<a@b> ORCPT=rfc822;" + std::string(500, 'x'), true), "501 5.5.4");
  EXPECT_EQ(code("TO:<>", false), "501 5.1.3");
  EXPECT_EQ(code("FROM:<a@b>", false), "501 5.5.4");
}

TEST(Parameter, BelongsToAnExtension) {
  Extensions dsn;
  dsn.dsn = true;
  EXPECT_TRUE(parameter_offered({"RET", "FULL", true}, dsn));
  EXPECT_FALSE(parameter_offered({"SIZE", "1", true}, dsn));
  EXPECT_FALSE(parameter_offered({"FOO", "", false}, dsn));
}

}  // namespace
}  // namespace postern::smtp
