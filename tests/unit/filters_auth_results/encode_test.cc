#include "filters/auth_results/encode.h"

#include <string>

#include <gtest/gtest.h>

#include "filters/auth_results/parse.h"

namespace postern::auth_results {
namespace {

std::string encode(const std::string& value, Charset charset = Charset::Ascii) {
  std::string field = encode_auth_results("mx.example.org", {{"x", "pass", "", {{"a.b", value}}}}, charset);
  std::string begin = "Authentication-Results: mx.example.org;\r\n\tx=pass";
  EXPECT_EQ(field.substr(0, begin.size()), begin);
  EXPECT_TRUE(field.ends_with("\r\n"));
  return field.substr(begin.size(), field.size() - begin.size() - 2);
}

TEST(EncodeAuthResults, NothingFoundIsNone) {
  EXPECT_EQ(encode_auth_results("mx.example.org", {}), "Authentication-Results: mx.example.org; none\r\n");
}

TEST(EncodeAuthResults, OneMethodALine) {
  EXPECT_EQ(encode_auth_results("mx.example.org", {{"spf", "fail", "not \"allowed\"", {{"smtp.helo", "a.example"}}},
                                                   {"arc", "none", "", {}}}),
            "Authentication-Results: mx.example.org;\r\n"
            "\tspf=fail reason=\"not \\\"allowed\\\"\" smtp.helo=a.example;\r\n"
            "\tarc=none\r\n");
}

TEST(EncodeAuthResults, QuotesWhatIsNeitherTokenNorAddress) {
  EXPECT_EQ(encode("example.com"), " a.b=example.com");
  EXPECT_EQ(encode("user+tag=x/y@example.com"), " a.b=user+tag=x/y@example.com");
  EXPECT_EQ(encode("@example.com"), " a.b=@example.com");
  EXPECT_EQ(encode("\"a; b=c\"@example.com"), " a.b=\"a; b=c\"@example.com");
  EXPECT_EQ(encode("oF80QtY/"), " a.b=\"oF80QtY/\"");
  EXPECT_EQ(encode("2001:db8::1"), " a.b=\"2001:db8::1\"");
  EXPECT_EQ(encode("user@localhost"), " a.b=\"user@localhost\"");
  EXPECT_EQ(encode("user@[192.0.2.1]"), " a.b=\"user@[192.0.2.1]\"");
  EXPECT_EQ(encode("a..b@example.com"), " a.b=\"a..b@example.com\"");
  EXPECT_EQ(encode("a@b@example.com"), " a.b=\"a@b@example.com\"");
  EXPECT_EQ(encode("\"a\"b\"@example.com"), " a.b=\"\\\"a\\\"b\\\"@example.com\"");
  EXPECT_EQ(encode("a (b) c"), " a.b=\"a (b) c\"");
}

TEST(EncodeAuthResults, NothingEndsAValue) {
  EXPECT_EQ(encode("x\"; dkim=pass"), " a.b=\"x\\\"; dkim=pass\"");
  EXPECT_EQ(encode("x\\"), " a.b=\"x\\\\\"");
  EXPECT_EQ(encode("x\r\nX-Spam-Flag: NO\r\n\r\n"), " a.b=\"x??X-Spam-Flag: NO????\"");
  EXPECT_EQ(encode(std::string("a\0b\x7F\t", 5)), " a.b=\"a?b??\"");
  EXPECT_EQ(encode(""), "");
}

TEST(EncodeAuthResults, NoEncodedWordIsLeft) {
  for (const std::string& value :
       {std::string("=?utf-8?q?=22;_dkim=3Dpass?="), std::string("=?utf-8?q?x?=@example.com"),
        std::string("?utf-8?q?x?=@example.com"), std::string("\"=?utf-8?q?x?=\"@example.com")}) {
    std::string field = encode_auth_results("mx.example.org", {{"x", "pass", value, {{"a.b", value}}}});
    EXPECT_EQ(field.find("=?"), std::string::npos) << field;
    auto parsed = parse_auth_results(std::string_view(field).substr(23, field.size() - 25));
    ASSERT_TRUE(parsed) << field;
    EXPECT_EQ(parsed->results.at(0).reason, value);
    EXPECT_EQ(parsed->results.at(0).properties.at(0).value, value);
  }
}

TEST(EncodeAuthResults, Utf8OnlyWhereTheMessageMayHaveIt) {
  std::string address = "j\xC3\xB6rg@example.com";
  EXPECT_EQ(encode(address), " a.b=j?rg@example.com");
  EXPECT_EQ(encode(address, Charset::Utf8), " a.b=" + address);
  EXPECT_EQ(encode("\xC3\xB6", Charset::Utf8), " a.b=\"\xC3\xB6\"");
  // Ill-formed, surrogate, overlong; what ends a line for some readers.
  EXPECT_EQ(encode("a\xFF\xC3", Charset::Utf8), " a.b=\"a??\"");
  EXPECT_EQ(encode("\xED\xA0\x80", Charset::Utf8), " a.b=\"???\"");
  EXPECT_EQ(encode("\xC0\x8A", Charset::Utf8), " a.b=\"??\"");
  EXPECT_EQ(encode("\xC2\x85\xE2\x80\xA8\xE2\x80\xA9", Charset::Utf8), " a.b=\"???\"");
}

TEST(EncodeAuthResults, CutsAtACharacterAndSaysSo) {
  EXPECT_EQ(encode(std::string(255, 'a')), " a.b=" + std::string(255, 'a'));
  EXPECT_EQ(encode(std::string(256, 'a')), " a.b=" + std::string(252, 'a') + "...");
  std::string umlauts;
  for (int i = 0; i < 200; ++i) umlauts += "\xC3\xB6";
  EXPECT_EQ(encode("a" + umlauts, Charset::Utf8), " a.b=\"a" + umlauts.substr(0, 250) + "...\"");
  // What is left of a long address must not be another one.
  std::string address = std::string(239, 'a') + "@example.com.example.net";
  EXPECT_EQ(encode(address), " a.b=\"" + address.substr(0, 252) + "...\"");
}

TEST(EncodeAuthResults, NoLineIsTooLong) {
  std::string hostile(300, '"');
  std::vector<AuthResult> results(3, {"dkim", "fail", hostile, {{"header.d", hostile}, {"header.i", hostile}}});
  std::string field = encode_auth_results(hostile, results);
  size_t longest = 0;
  for (size_t at = 0; at < field.size();) {
    size_t end = field.find("\r\n", at);
    longest = std::max(longest, end - at);
    at = end + 2;
    if (at < field.size()) {
      EXPECT_EQ(field[at], '\t');
    }
  }
  EXPECT_LE(longest, 998U);
  auto parsed = parse_auth_results(std::string_view(field).substr(23, field.size() - 25));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->results.size(), 3U);
}

}  // namespace
}  // namespace postern::auth_results
