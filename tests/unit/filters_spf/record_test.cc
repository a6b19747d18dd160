#include "filters/spf/record.h"

#include <string>

#include <gtest/gtest.h>

namespace postern::spf {
namespace {

bool parses(std::string_view terms) {
  return parse_record("v=spf1 " + std::string(terms)).has_value();
}

TEST(SpfRecord, VersionIsFollowedBySpaceOrEnd) {
  EXPECT_TRUE(is_record("v=spf1"));
  EXPECT_TRUE(is_record("V=sPf1 -all"));
  EXPECT_FALSE(is_record("v=spf10"));
  EXPECT_FALSE(is_record("v=spf1\t-all"));
  EXPECT_FALSE(is_record(" v=spf1"));
  EXPECT_FALSE(is_record(std::string_view("v=spf1\0", 7)));
}

TEST(SpfRecord, KeepsTermsInOrder) {
  auto record = parse_record("v=spf1  mx/26 -a:a.example.org//64 ?ip4:192.0.2.0/24 ~all exp=why.%{d}  ");
  ASSERT_TRUE(record);
  ASSERT_EQ(record->directives.size(), 4U);
  EXPECT_EQ(record->directives[0].mechanism, Mechanism::Mx);
  EXPECT_EQ(record->directives[0].prefix4, 26);
  EXPECT_FALSE(record->directives[0].target);
  EXPECT_EQ(record->directives[1].qualifier, Result::Fail);
  EXPECT_EQ(record->directives[1].target->text, "a.example.org");
  EXPECT_EQ(record->directives[1].prefix6, 64);
  EXPECT_EQ(record->directives[2].qualifier, Result::Neutral);
  EXPECT_EQ(record->directives[3].qualifier, Result::SoftFail);
  EXPECT_EQ(record->explanation->text, "why.%{d}");
  EXPECT_TRUE(record->explanation->use.any);
  EXPECT_FALSE(record->redirect);
}

TEST(SpfRecord, BothPrefixes) {
  auto record = parse_record("v=spf1 a:%{d}/8//48 a/0 a//0");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->directives[0].prefix4, 8);
  EXPECT_EQ(record->directives[0].prefix6, 48);
  EXPECT_EQ(record->directives[0].target->text, "%{d}");
  EXPECT_EQ(record->directives[1].prefix4, 0);
  EXPECT_EQ(record->directives[1].prefix6, 128);
  EXPECT_EQ(record->directives[2].prefix4, 32);
  EXPECT_EQ(record->directives[2].prefix6, 0);
}

class GoodTerms : public testing::TestWithParam<const char*> {};
TEST_P(GoodTerms, Parse) {
  EXPECT_TRUE(parses(GetParam())) << GetParam();
}
INSTANTIATE_TEST_SUITE_P(SpfRecord, GoodTerms,
                         testing::Values("", "all", "+ALL", "a", "MX", "ptr", "ptr:a.b", "exists:%{i}.x.org",
                                         "exists:a.%%", "include:_a-b.c.d-e", "a:a.b.", "ip4:0.0.0.0/0", "ip6:::/0",
                                         "ip6:::ffff:192.0.2.1/128", "moo.cow-1_2=", "a=b", "x=%{c}%{r}%{t}%_",
                                         "redirect=%{d2}", "a:a/b.org", "a:%{d1r+-/}"));

class BadTerms : public testing::TestWithParam<const char*> {};
TEST_P(BadTerms, AreErrors) {
  EXPECT_FALSE(parses(GetParam())) << GetParam();
}
INSTANTIATE_TEST_SUITE_P(SpfRecord, BadTerms,
                         testing::Values("al", "all:x.org", "all/8", "-", "=", "--all", "include",
                                         "include:", "include:x", "include:x.org/8", "a:", "a:/8", "a/", "a//", "a/33",
                                         "a/032", "a//129", "a/24/64", "a/24///64", "a:x.123", "a:x.-y", "a:x.y-",
                                         "a:x..", "ip4", "ip4:1.2.3", "ip4:1.2.3.4/", "ip4:1.2.3.04", "ip4:1.2.3.4:25",
                                         "ip4:::1", "ip6:1.2.3.4", "ip6:::1/129", "ip6:::g", "ptr:", "ptr/8", "exists",
                                         "exists:x.%(d)", "exists:x.%{d", "exists:x.%{}", "exists:x.%{a}",
                                         "exists:x.%{d0}", "exists:x.%{c}", "exists:x.%{d!}", "exists:x.%",
                                         "redirect=", "redirect=x", "-redirect=x.org", "redirect=x.org redirect=x.org",
                                         "redirect:x.org", "exp=x.org exp=y.org", "exp=", "1=x", "x=\x80", "x=%",
                                         "a\tmx", "a:\x7f.org", "exists:%{d}x"));

TEST(SpfRecord, OctetsOutsideAsciiAreErrors) {
  EXPECT_FALSE(parse_record(std::string("v=spf1 a:x.org\0.net -all", 24)));
  EXPECT_FALSE(parses("a:\xc3\xa4.org"));
}

TEST(SpfRecord, ErrorsNameTheTermEscaped) {
  auto record = parse_record("v=spf1 mx foo:\x01\xff");
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code, Code::BadInput);
  EXPECT_EQ(record.error().message, "unknown mechanism: foo:\\x01\\xff");
}

TEST(SpfRecord, IsBounded) {
  std::string many;
  for (size_t i = 0; i < kMaxTerms; ++i) many += "mx ";
  EXPECT_TRUE(parses(many));
  EXPECT_EQ(parse_record("v=spf1 " + many + "mx").error().code, Code::Limit);
  EXPECT_EQ(parse_record("v=spf1 " + std::string(kMaxRecord, ' ')).error().code, Code::Limit);
}

TEST(SpfRecord, NetworksMatchByFamilyAndPrefix) {
  auto hit = [](const char* term, const char* client) {
    return matches(parse_record(std::string("v=spf1 ") + term)->directives[0], IpAddress::parse(client).value());
  };
  EXPECT_TRUE(hit("ip4:192.0.2.255/25", "192.0.2.128"));
  EXPECT_FALSE(hit("ip4:192.0.2.255/25", "192.0.2.127"));
  EXPECT_TRUE(hit("ip4:1.2.3.4/0", "192.0.2.1"));
  EXPECT_FALSE(hit("ip4:1.2.3.4/0", "2001:db8::1"));
  EXPECT_TRUE(hit("ip6:2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(hit("ip6:2001:db8::/33", "2001:db8:8000::1"));
  // A mapped client is IPv4 and matches no ip6.
  EXPECT_FALSE(hit("ip6:::ffff:192.0.2.1", "::ffff:192.0.2.1"));
  EXPECT_FALSE(hit("ip6:::/0", "192.0.2.1"));
  EXPECT_TRUE(hit("ip6:::ffff:192.0.2.1/0", "2001:db8::1"));
}

}  // namespace
}  // namespace postern::spf
