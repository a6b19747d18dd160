#include "filters/base/ip.h"

#include <string>

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(IpAddress, ReadsAndWrites) {
  struct Case {
    const char* text;
    const char* shown;
  };
  for (const Case& c :
       {Case{"192.0.2.1", "192.0.2.1"}, Case{"0.0.0.0", "0.0.0.0"}, Case{"255.255.255.255", "255.255.255.255"},
        Case{"2001:DB8:0:0:0:0:0:1", "2001:db8::1"}, Case{"::", "::"}, Case{"::1", "::1"},
        Case{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, Case{"64:ff9b::192.0.2.33", "64:ff9b::c000:221"}}) {
    auto address = IpAddress::parse(c.text);
    ASSERT_TRUE(address) << c.text;
    EXPECT_EQ(address->to_string(), c.shown);
  }
}

TEST(IpAddress, RefusesWhatIsNone) {
  for (const std::string& text : {std::string(""),
                                  std::string("1.2.3"),
                                  std::string("1.2.3.4.5"),
                                  std::string("1.2.3.4."),
                                  std::string(".1.2.3.4"),
                                  std::string("1..2.3"),
                                  std::string("256.1.1.1"),
                                  std::string("01.2.3.4"),
                                  std::string("1.2.3.4 "),
                                  std::string(" 1.2.3.4"),
                                  std::string("1.2.3.-4"),
                                  std::string("1.2.3.0x4"),
                                  std::string("+1.2.3.4"),
                                  std::string("1.2.3.4\0", 8),
                                  std::string("1.2.3.4/32"),
                                  std::string("[::1]"),
                                  std::string("fe80::1%eth0"),
                                  std::string("1:2:3:4:5:6:7"),
                                  std::string("1:2:3:4:5:6:7:8:9"),
                                  std::string("::1::"),
                                  std::string(":"),
                                  std::string("::12345"),
                                  std::string("::1\0", 4),
                                  std::string(200, ':'),
                                  std::string("localhost")}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
}

TEST(IpAddress, MappedIpv6IsIpv4) {
  auto mapped = IpAddress::parse("::ffff:192.0.2.1");
  ASSERT_TRUE(mapped);
  EXPECT_TRUE(mapped->is_v4());
  EXPECT_EQ(*mapped, *IpAddress::parse("192.0.2.1"));
  EXPECT_EQ(mapped->to_string(), "192.0.2.1");
  EXPECT_EQ(mapped->bits(), 32);
  EXPECT_EQ(mapped->octets().size(), 4U);
}

TEST(IpAddress, KnowsLoopback) {
  for (const char* text : {"127.0.0.1", "127.255.0.3", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(IpAddress::parse(text)->is_loopback()) << text;
  }
  for (const char* text : {"128.0.0.1", "0.0.0.0", "::", "::2", "7f00::1"}) {
    EXPECT_FALSE(IpAddress::parse(text)->is_loopback()) << text;
  }
}

TEST(IpAddress, NamesItsPtrRecord) {
  EXPECT_EQ(IpAddress::parse("192.0.2.1")->reverse_name(), "1.2.0.192.in-addr.arpa");
  EXPECT_EQ(IpAddress::parse("2001:db8::567:89ab")->reverse_name(),
            "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}

TEST(IpAddress, OrdersAndDiffersByFamily) {
  EXPECT_NE(*IpAddress::parse("0.0.0.0"), *IpAddress::parse("::"));
  EXPECT_LT(*IpAddress::parse("10.0.0.2"), *IpAddress::parse("10.0.0.10"));
  EXPECT_EQ(IpAddress(), *IpAddress::parse("0.0.0.0"));
}

struct Membership {
  const char* network;
  const char* address;
  bool inside;
};

TEST(IpNetwork, Contains) {
  for (const Membership& c : {
           Membership{"192.0.2.0/24", "192.0.2.255", true},
           Membership{"192.0.2.0/24", "192.0.3.0", false},
           Membership{"192.0.2.77/24", "192.0.2.1", true},
           Membership{"192.0.2.128/25", "192.0.2.127", false},
           Membership{"192.0.2.128/25", "192.0.2.129", true},
           Membership{"10.0.0.0/9", "10.127.255.255", true},
           Membership{"10.0.0.0/9", "10.128.0.0", false},
           Membership{"0.0.0.0/0", "203.0.113.9", true},
           Membership{"0.0.0.0/0", "2001:db8::1", false},
           Membership{"::/0", "203.0.113.9", false},
           Membership{"192.0.2.1", "192.0.2.1", true},
           Membership{"192.0.2.1", "192.0.2.2", false},
           Membership{"2001:db8::/32", "2001:db8:ffff::1", true},
           Membership{"2001:db8::/33", "2001:db8:8000::1", false},
           Membership{"2001:db8::1/128", "2001:db8::1", true},
           Membership{"::ffff:192.0.2.0/120", "192.0.2.9", true},
           Membership{"::ffff:192.0.2.0/120", "192.0.3.9", false},
           Membership{"::ffff:0:0/96", "203.0.113.9", true},
       }) {
    auto network = IpNetwork::parse(c.network);
    ASSERT_TRUE(network) << c.network;
    EXPECT_EQ(network->contains(*IpAddress::parse(c.address)), c.inside) << c.network << " " << c.address;
  }
}

TEST(IpNetwork, RefusesWhatIsNone) {
  for (const char* text : {"", "/24", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/024", "192.0.2.0/2 4",
                           "192.0.2.0/24/24", "::/129", "::ffff:192.0.2.0/95", "192.0.2.0/255.255.255.0"}) {
    EXPECT_FALSE(IpNetwork::parse(text)) << text;
  }
}

TEST(IpNetwork, ShowsItself) {
  EXPECT_EQ(IpNetwork::parse("192.0.2.0/24")->to_string(), "192.0.2.0/24");
  EXPECT_EQ(IpNetwork::parse("2001:db8::1")->to_string(), "2001:db8::1/128");
}

}  // namespace
}  // namespace postern
