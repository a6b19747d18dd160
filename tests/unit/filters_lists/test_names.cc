#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "filters/lists/names.h"

namespace postern::lists {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

IpAddress ip(std::string_view text) {
  auto address = IpAddress::parse(text);
  EXPECT_TRUE(address) << text;
  return address.value_or(IpAddress());
}

/// What is asked: the names before the zone.
std::vector<std::string> names(const std::vector<Query>& queries) {
  std::vector<std::string> out;
  out.reserve(queries.size());
  for (const Query& query : queries) out.push_back(query.name);
  return out;
}

std::vector<std::string> subjects(const std::vector<Query>& queries) {
  std::vector<std::string> out;
  out.reserve(queries.size());
  for (const Query& query : queries) out.push_back(query.subject);
  return out;
}

mime::Url url(std::string_view text) {
  mime::Url parsed;
  EXPECT_TRUE(mime::parse_url(text, parsed)) << text;
  return parsed;
}

TEST(AddressQuery, ReversedOctetsAndNibbles) {
  auto v4 = address_query(ip("192.0.2.99"));
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->subject, "192.0.2.99");
  EXPECT_EQ(v4->name, "99.2.0.192");
  auto v6 = address_query(ip("2001:DB8::1"));
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->subject, "2001:db8::1");
  EXPECT_EQ(v6->name, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2");
  EXPECT_EQ(reversed(ip("127.0.0.2")), "2.0.0.127");
  // RFC 5782, 5: how lists of IPv6 addresses are tested.
  EXPECT_EQ(reversed(ip("127.0.0.2"), true), "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0");
  EXPECT_EQ(reversed(ip("::1")), "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0");
}

TEST(AddressQuery, NotOfAddressesThatNoListKnows) {
  for (std::string_view text : {"127.0.0.1",
                                "127.0.0.2",
                                "::ffff:127.0.0.2",
                                "127.0.0.3",
                                "127.255.255.254",
                                "10.0.0.5",
                                "10.255.255.255",
                                "192.168.1.1",
                                "169.254.1.1",
                                "172.16.0.1",
                                "172.31.255.255",
                                "100.64.0.1",
                                "100.127.255.255",
                                "0.0.0.0",
                                "0.1.2.3",
                                "192.0.0.8",
                                "198.18.0.1",
                                "198.19.255.255",
                                "224.0.0.1",
                                "239.1.2.3",
                                "240.0.0.1",
                                "255.255.255.255",
                                "::1",
                                "::",
                                "fe80::1",
                                "febf::1",
                                "fc00::1",
                                "fdff::1",
                                "ff02::1",
                                "fec0::1",
                                "64:ff9b::192.0.2.1",
                                "100::1",
                                "4000::1",
                                "2001:2::1",
                                "2001:10::1",
                                "2001:1f::1",
                                "2001:20::1",
                                "::ffff:10.0.0.1",
                                "::192.0.2.1"}) {
    EXPECT_FALSE(address_query(ip(text))) << text;
  }
  for (std::string_view text :
       {"9.255.255.255",   "11.0.0.0",    "172.15.255.255",  "172.32.0.0",     "100.63.255.255",
        "100.128.0.0",     "192.0.1.0",   "192.0.2.1",       "198.51.100.1",   "203.0.113.1",
        "192.167.255.255", "192.169.0.0", "169.253.255.255", "198.17.255.255", "198.20.0.0",
        "223.255.255.255", "1.0.0.0",     "2001:db8::1",     "2001:2:1::1",    "2001:f::1",
        "2001:30::1",      "2000::1",     "3fff::1",         "2002:a00:1::1",  "::ffff:192.0.2.1"}) {
    EXPECT_TRUE(address_query(ip(text))) << text;
  }
}

TEST(AddressQuery, TheTestEntryOnlyForWhoAsksForIt) {
  auto query = address_query(ip("127.0.0.2"), TestPoints::Ask);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->name, "2.0.0.127");
  EXPECT_TRUE(address_query(ip("::ffff:127.0.0.2"), TestPoints::Ask));
  for (std::string_view text : {"127.0.0.1", "127.0.0.3", "10.0.0.1", "::1"}) {
    EXPECT_FALSE(address_query(ip(text), TestPoints::Ask)) << text;
  }
  EXPECT_TRUE(address_query(ip("192.0.2.1"), TestPoints::Ask));
}

struct DomainCase {
  std::string_view name;
  std::vector<std::string> asked;
};

TEST(DomainQueries, NameAndRegisteredDomain) {
  const DomainCase cases[] = {
      {"example.com", {"example.com"}},
      {"ExAmPle.COM", {"example.com"}},
      {"example.com.", {"example.com"}},
      {"www.example.com", {"www.example.com", "example.com"}},
      {"a.b.c.example.co.uk", {"a.b.c.example.co.uk", "example.co.uk"}},
      {"b\u00fccher.example", {"xn--bcher-kva.example"}},
      {"www.B\u00dcCHER.example.", {"www.xn--bcher-kva.example", "xn--bcher-kva.example"}},
      {"example\u3002com\u3002", {"example.com"}},
      {"under_score.example.com", {"under_score.example.com", "example.com"}},
      {"TEST", {}},
      {"test", {}},
      {"www.test", {"www.test"}},
      {"127.0.0.2", {}},
      {"[127.0.0.2]", {}},
      {"[IPv6:::ffff:127.0.0.2]", {}},
      {"192.0.2.99", {"99.2.0.192"}},
      {"[192.0.2.99]", {"99.2.0.192"}},
      {"[IPv6:2001:db8::1]", {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"}},
      {"2001:db8::1", {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"}},
      {"[10.0.0.1]", {}},
      {"127.0.0.1", {}},
      {"", {}},
      {".", {}},
      {"com", {}},
      {"co.uk", {}},
      {"localhost", {}},
      {"INVALID", {}},
      {"test.", {}},
      {"1.2.3", {}},
      {"1.2.3.4.5", {}},
      {"192.0.2.256", {}},
      {"example..com", {}},
      {".example.com", {}},
      {"example.com..", {}},
      {"exa mple.com", {}},
      {"example.com/", {}},
      {"user@example.com", {}},
      {"[192.0.2.99", {}},
      {"[example.com]", {}},
      {"\xff.example", {}},
  };
  for (const DomainCase& one : cases) EXPECT_EQ(names(domain_queries(one.name)), one.asked) << one.name;
  EXPECT_THAT(domain_queries(std::string_view("exam\0ple.com", 12)), IsEmpty());
  EXPECT_THAT(subjects(domain_queries("[192.0.2.99]")), ElementsAre("192.0.2.99"));
  EXPECT_THAT(subjects(domain_queries("WWW.example.com")), ElementsAre("www.example.com", "example.com"));
}

TEST(DomainQueries, TestEntriesOnlyForWhoAsksForThem) {
  EXPECT_THAT(names(domain_queries("TEST", TestPoints::Ask)), ElementsAre("test"));
  EXPECT_THAT(names(domain_queries("[127.0.0.2]", TestPoints::Ask)), ElementsAre("2.0.0.127"));
  for (std::string_view name : {"INVALID", "test.", "localhost", "127.0.0.1"}) {
    EXPECT_THAT(domain_queries(name, TestPoints::Ask), IsEmpty()) << name;
  }
}

TEST(DomainQueries, NamesThatFitBeforeAZone) {
  std::string label(60, 'a');
  std::string name = label + "." + label + "." + label + "." + label + ".example.com";
  EXPECT_THAT(domain_queries(name), IsEmpty());  // no name at all
  name.erase(0, name.size() - 253);
  EXPECT_THAT(names(domain_queries(name)), ElementsAre("example.com"));
  name.erase(0, 4);
  EXPECT_THAT(names(domain_queries(name)), ElementsAre(name, "example.com"));
  EXPECT_THAT(domain_queries(std::string(64, 'a') + ".example.com"), IsEmpty());
  EXPECT_THAT(domain_queries(std::string(100'000, 'a') + ".example.com"), IsEmpty());
}

TEST(UrlQueries, HostsOnceInOrder) {
  std::vector<mime::Url> urls = {url("http://a.b.c.example.co.uk/"),   url("http://192.0.2.99/x"),
                                 url("https://A.B.c.example.co.uk/2"), url("http://www.example.co.uk/"),
                                 url("mailto:me@mail.example"),        url("http://10.0.0.1/"),
                                 url("http://b\u00fccher.example/"),   url("http://3221226083/")};
  auto queries = url_queries(urls);
  EXPECT_THAT(names(queries), ElementsAre("a.b.c.example.co.uk", "example.co.uk", "99.2.0.192", "www.example.co.uk",
                                          "xn--bcher-kva.example"));
  EXPECT_THAT(subjects(queries), ElementsAre("a.b.c.example.co.uk", "example.co.uk", "192.0.2.99", "www.example.co.uk",
                                             "xn--bcher-kva.example"));
}

/// Anybody may write them into a mail, and all lists would blame it for them.
TEST(Queries, NoMailIsAskedAboutByTheTestEntriesOfLists) {
  std::string text =
      "Received: from [127.0.0.2] by mx.example; Mon\r\nReceived: from a (b [127.0.0.2]) by mx.example; Mon\r\n"
      "From: root@test, a@[127.0.0.2]\r\nReply-To: <root@TEST>, b@[IPv6:::ffff:127.0.0.2]\r\n\r\n";
  message::Header header = message::parse_header(text);
  std::vector<mime::Url> urls = {url("http://127.0.0.2/"), url("http://0x7f000002/"), url("http://2130706434/x"),
                                 url("http://0177.0.0.2/"), url("http://[::ffff:127.0.0.2]/")};
  mime::Url named;
  if (mime::parse_url("http://test/", named)) urls.push_back(named);
  for (std::string_view from : {"root@test", "root@[127.0.0.2]"}) {
    for (size_t i = 0; i < kSubjects; ++i) {
      List list;
      list.of = static_cast<Subject>(i);
      EXPECT_THAT(queries(list, {&header, from, "root@test and a@[127.0.0.2]", &urls}), IsEmpty())
          << to_string(list.of);
    }
  }
}

TEST(Queries, AddressLiteralsOfAuthorsAreAskedAbout) {
  std::string text =
      "From: Ann <ann@[192.0.2.5]>, ann@example.org\r\nReply-To: ann@[IPv6:2001:DB8::5], a@[10.0.0.1]\r\n\r\n";
  message::Header header = message::parse_header(text);
  List list;
  list.of = Subject::Author;
  EXPECT_THAT(subjects(queries(list, {&header, {}, {}, nullptr})), ElementsAre("192.0.2.5", "example.org"));
  list.of = Subject::ReplyTo;
  EXPECT_THAT(subjects(queries(list, {&header, {}, {}, nullptr})), ElementsAre("2001:db8::5"));
}

TEST(ListName, NoLongerThanANameMayBe) {
  List list;
  list.zone = "dnsbl.test";
  EXPECT_EQ(list_name({"192.0.2.99", "99.2.0.192"}, list), "99.2.0.192.dnsbl.test");
  Query query = domain_queries("example.com").at(0);
  list.zone = std::string(253 - 12, 'z');
  EXPECT_EQ(list_name(query, list).value_or("").size(), 253U);
  list.zone += 'z';
  EXPECT_FALSE(list_name(query, list));
}

struct ReceivedCase {
  std::string_view value;
  std::string_view address;  // empty: none
};

TEST(Received, WhatServersWrite) {
  static constexpr ReceivedCase kCases[] = {
      {"from helo.example (rdns.example [192.0.2.1]) by mx.example with ESMTP id 1; Mon", "192.0.2.1"},
      {"from helo.example (rdns.example [IPv6:2001:db8::1])\r\n\tby mx.example (Postfix)", "2001:db8::1"},
      {"FROM helo.example (rdns.example [2001:db8::1]) BY mx.example", "2001:db8::1"},
      {"from helo.example (rdns.example [192.0.2.1] (may be forged)) by mx.example", "192.0.2.1"},
      {"from [192.0.2.7] (rdns.example [192.0.2.1]) by mx.example", "192.0.2.1"},
      {"from [192.0.2.1] (helo=[192.0.2.7]) by mx.example with esmtp (Exim 4.96)", "192.0.2.1"},
      {"from rdns.example ([192.0.2.1]:4711 helo=helo.example) by mx.example", "192.0.2.1"},
      {"from rdns.example ([192.0.2.1] helo=[192.0.2.7]) by mx.example", "192.0.2.1"},
      {"from unknown (HELO helo.example) (192.0.2.1) by 0 with SMTP; Mon", "192.0.2.1"},
      {"from unknown (HELO [192.0.2.7]) (user@192.0.2.1)\r\n by mx.example", "192.0.2.1"},
      {"from out.example (2001:db8::1) by\r\n in.example (2001:db8::2) with Microsoft SMTP Server", "2001:db8::1"},
      {"from 192.0.2.1 (EHLO helo.example) by mx.example", "192.0.2.1"},
      {"from [IPv6:2001:db8::1] by mx.example", "2001:db8::1"},
      {"from helo.example (unknown[192.0.2.1]) by mx.example", "192.0.2.1"},
      {"from localhost (localhost [127.0.0.1]) by mx.example", ""},
      {"from inside.example (inside.example [10.1.2.3]) by mx.example", ""},
      {"from helo.example by mx.example (mx.example [192.0.2.9])", ""},
      {"by mx.example (mx.example [192.0.2.9]) from x", ""},
      {"(qmail 123 invoked from network); 1 Jan 2026", ""},
      {"from helo.example (rdns.example [192.0.2.300]) by mx.example", ""},
      {"from helo.example (rdns.example [192.0.2.1", "192.0.2.1"},
      {"from", ""},
      {"", ""},
      {"from ((((((((", ""},
      {"from )))) ([192.0.2.1])", "192.0.2.1"},
  };
  for (const ReceivedCase& one : kCases) {
    std::string text = "Received: " + std::string(one.value) + "\r\n\r\n";
    auto found = received_addresses(message::parse_header(text));
    if (one.address.empty()) {
      EXPECT_THAT(found, IsEmpty()) << one.value;
    } else {
      EXPECT_THAT(found, ElementsAre(ip(one.address))) << one.value;
    }
  }
}

TEST(Received, NewestFirstOnceAndBounded) {
  std::string text;
  for (int i = 1; i <= 3; ++i) {
    for (std::string_view host : {"192.0.2.", "127.0.0.", "198.51.100."}) {
      text += "received : from a (b [" + std::string(host) + std::to_string(i) + "]) by c\r\n";
    }
    text += "X-Received: from a (b [203.0.113.1]) by c\r\nReceived: from a (b [192.0.2.1]) by c\r\n";
  }
  auto some = received_addresses(message::parse_header(text + "\r\n"));
  EXPECT_THAT(some, ElementsAre(ip("192.0.2.1"), ip("198.51.100.1"), ip("192.0.2.2"), ip("198.51.100.2"),
                                ip("192.0.2.3"), ip("198.51.100.3")));
  text.clear();
  for (int i = 1; i <= 40; ++i) text += "Received: from a (b [192.0.2." + std::to_string(i) + "]) by c\r\n";
  EXPECT_EQ(received_addresses(message::parse_header(text + "\r\n")).size(), 10U);
}

/// Everything that a message may be asked about, list by list.
TEST(Queries, EachSubject) {
  std::string_view text =
      "Received: from a (b [192.0.2.1]) by c\r\n"
      "Received: from a (b [10.0.0.1]) by c\r\n"
      "From: One <one@mail.one.example>, two@two.example\r\n"
      "Reply-To: three@three.example\r\n"
      "Reply-To: \"x\" <four@three.example>\r\n"
      "Sender: one@MAIL.one.example\r\n\r\n";
  auto header = message::parse_header(text);
  std::vector<mime::Url> urls = {url("http://www.shop.example/"), url("mailto:six@six.example")};
  Texts texts{&header, "bounce@five.example", "write to seven@seven.example", &urls};
  auto asked = [&](Subject of) {
    List list;
    list.of = of;
    return subjects(queries(list, texts));
  };
  EXPECT_THAT(asked(Subject::From), ElementsAre("five.example"));
  EXPECT_THAT(asked(Subject::Author), ElementsAre("mail.one.example", "one.example", "two.example"));
  EXPECT_THAT(asked(Subject::ReplyTo), ElementsAre("three.example"));
  EXPECT_THAT(asked(Subject::Url), ElementsAre("www.shop.example", "shop.example"));
  EXPECT_THAT(asked(Subject::Received), ElementsAre("192.0.2.1"));
  EXPECT_THAT(asked(Subject::Hash),
              ElementsAre("bounce@five.example", "one@mail.one.example", "two@two.example", "three@three.example",
                          "four@three.example", "seven@seven.example", "six@six.example"));
  for (Subject of : {Subject::Client, Subject::Rdns, Subject::Helo, Subject::Dkim}) EXPECT_THAT(asked(of), IsEmpty());

  texts = {};
  for (size_t i = 0; i < kSubjects; ++i) EXPECT_THAT(asked(static_cast<Subject>(i)), IsEmpty());
}

}  // namespace
}  // namespace postern::lists
