#include "filters/dns/helo.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_dns.h"

namespace postern::dns {
namespace {

using std::chrono::seconds;

IpAddress ip(const char* text) {
  return IpAddress::parse(text).value();
}

class HeloTest : public testing::Test {
 public:
  HeloTest() = default;
  ~HeloTest() override = default;
  HeloTest(const HeloTest&) = delete;
  HeloTest& operator=(const HeloTest&) = delete;

 protected:
  [[nodiscard]] HeloName look(std::string_view helo) const { return look_at_helo(helo, client_, our_name_, our_); }
  HeloName check(std::string_view helo) {
    auto task = check_helo_name(dns_, std::string(helo), client_, our_name_, our_, seconds(5));
    task.start([] {});
    dns_.run();
    if (task.done()) return task.take();
    ADD_FAILURE() << "did not end";
    return {};
  }

  test::FakeDns dns_;
  IpAddress client_ = ip("192.0.2.10");
  IpAddress our_ = ip("198.51.100.25");
  std::string our_name_ = "mx.example.org";
};

TEST_F(HeloTest, Literals) {
  for (auto literal : {"[192.0.2.10]", "192.0.2.10", "[IPv6:2001:db8::1]", "[ipv6:2001:db8::1]", "[2001:db8::1]",
                       "2001:db8::1", "IPv6:2001:db8::1"}) {
    HeloName name = look(literal);
    EXPECT_TRUE(name.literal) << literal;
    EXPECT_FALSE(name.qualified) << literal;
    EXPECT_FALSE(name.own) << literal;
    EXPECT_EQ(name.resolves, std::nullopt) << literal;
    EXPECT_TRUE(name.matches.has_value()) << literal;
  }
  EXPECT_EQ(look("[192.0.2.10]").matches, true);
  EXPECT_EQ(look("192.0.2.10").matches, true);
  EXPECT_EQ(look("[192.0.2.11]").matches, false);
  EXPECT_EQ(look("[IPv6:::ffff:192.0.2.10]").matches, true) << "the same address, written otherwise";
  client_ = ip("2001:db8::1");
  EXPECT_EQ(look("[IPv6:2001:DB8:0::1]").matches, true);
}

TEST_F(HeloTest, WhatIsNoLiteralIsNone) {
  for (auto text : {"[192.0.2.300]", "[192.0.2]", "[]", "[", "]", "", "[mx.example.net]", "[IPv6:]", "192.0.2.10."}) {
    HeloName name = look(text);
    EXPECT_FALSE(name.literal) << text;
    EXPECT_FALSE(name.qualified) << text;
    EXPECT_EQ(name.matches, std::nullopt) << text;
  }
}

TEST_F(HeloTest, OurOwnNameAndAddress) {
  EXPECT_TRUE(look("mx.example.org").own);
  EXPECT_TRUE(look("MX.Example.ORG.").own);
  EXPECT_TRUE(look("[198.51.100.25]").own);
  EXPECT_TRUE(look("198.51.100.25").own);
  EXPECT_FALSE(look("mx2.example.org").own);
  EXPECT_FALSE(look("example.org").own);
  EXPECT_FALSE(look("").own);
  our_name_.clear();
  EXPECT_FALSE(look("").own) << "nothing is nobody's name";
}

TEST_F(HeloTest, AListenerOnAllAddressesHasNoneOfItsOwn) {
  for (const char* any : {"0.0.0.0", "::"}) {
    our_ = ip(any);
    EXPECT_FALSE(look(std::string("[") + any + "]").own) << any;
  }
}

TEST_F(HeloTest, QualifiedNames) {
  for (auto name : {"mx.example.net", "a.b", "MX-1.Example.NET", "3com.com", "xn--bcher-kva.example", "mx.example.net.",
                    "a.xn--p1ai"}) {
    EXPECT_TRUE(look(name).qualified) << name;
  }
}

TEST_F(HeloTest, NamesThatAreNot) {
  std::string label(64, 'a');
  constexpr std::string_view u_label = "b\xc3\xbc\x63her.example";
  std::string endless;
  for (int i = 0; i < 60; ++i) endless += "abcd.";
  for (const auto& name : std::vector<std::string>{
           "localhost", "WIN-ABC123", "mx_1.example.net", "-mx.example.net", "mx-.example.net", "mx..example.net",
           ".example.net", "mx.example.123", "1.2.3", "mx example.net", std::string(u_label), "a.b..", ".",
           std::string("mx\0.example.net", 15), "user@example.net", label + ".net", endless + "net"}) {
    EXPECT_FALSE(look(name).qualified) << name;
  }
}

TEST_F(HeloTest, ANameThatLeadsToTheClient) {
  dns_.a("mx.example.net", "192.0.2.9").a("mx.example.net", "192.0.2.10");
  HeloName name = check("MX.example.NET.");
  EXPECT_TRUE(name.qualified);
  EXPECT_EQ(name.resolves, true);
  EXPECT_EQ(name.matches, true);
  EXPECT_EQ(dns_.queries(), 3U) << "all at once";
}

TEST_F(HeloTest, OverIPv6ItIsTheOtherRecord) {
  client_ = ip("2001:db8::1");
  dns_.a("mx.example.net", "192.0.2.10").aaaa("mx.example.net", "2001:db8::1");
  EXPECT_EQ(check("mx.example.net").matches, true);
  client_ = ip("2001:db8::2");
  EXPECT_EQ(check("mx.example.net").matches, false);
}

TEST_F(HeloTest, ANameThatLeadsElsewhere) {
  dns_.a("mx.example.net", "192.0.2.9");
  HeloName name = check("mx.example.net");
  EXPECT_EQ(name.resolves, true);
  EXPECT_EQ(name.matches, false);
}

TEST_F(HeloTest, ADomainThatTakesMailResolves) {
  dns_.mx("example.net", 10, "mx.example.net");
  HeloName name = check("example.net");
  EXPECT_EQ(name.resolves, true);
  EXPECT_EQ(name.matches, false);
}

TEST_F(HeloTest, ANameThatIsNowhere) {
  HeloName name = check("nowhere.example.net");
  EXPECT_EQ(name.resolves, false);
  EXPECT_EQ(name.matches, false);
  dns_.txt("text.example.net", "only");
  EXPECT_EQ(check("text.example.net").resolves, false) << "a name without address or MX is no host";
}

TEST_F(HeloTest, WhenTheDnsFailsNothingIsKnown) {
  dns_.temp_fail("mx.example.net");
  HeloName name = check("mx.example.net");
  EXPECT_EQ(name.resolves, std::nullopt);
  EXPECT_EQ(name.matches, std::nullopt);
  dns_.never("slow.example.net", Type::AAAA);
  name = check("slow.example.net");
  EXPECT_EQ(name.resolves, std::nullopt) << "two denials of three are none";
  EXPECT_EQ(name.matches, false) << "but the client has an IPv4 address, and of those there is none";
}

TEST_F(HeloTest, AFailureBesideARecordDoesNotHideIt) {
  dns_.a("mx.example.net", "192.0.2.10").temp_fail("mx.example.net");
  HeloName name = check("mx.example.net");
  EXPECT_EQ(name.resolves, true);
  EXPECT_EQ(name.matches, true);
}

TEST_F(HeloTest, WhatIsNoNameIsNotAsked) {
  for (auto helo : {"[192.0.2.10]", "localhost", "mx_1.example.net", ""}) {
    HeloName name = check(helo);
    EXPECT_EQ(name.resolves, std::nullopt) << helo;
  }
  EXPECT_EQ(dns_.queries(), 0U);
  EXPECT_EQ(check("[192.0.2.10]").matches, true);
}

}  // namespace
}  // namespace postern::dns
