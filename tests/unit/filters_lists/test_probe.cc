#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "filters/lists/probe.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_dns.h"

namespace postern::lists {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::string_view kKey = "sekretkey";

List list_of(Subject of) {
  List list;
  list.name = "ZEN";
  list.zone = std::string(kKey) + ".zen.example";
  list.of = of;
  list.answers.push_back({"127.0.0.2", Match::parse("127.0.0.2").value(), "SBL"});
  return list;
}

/// Every name of the world: a list whose entries all are what a test says.
class WildDns final : public dns::Client {
 public:
  explicit WildDns(const char* address) { answer_.a("wild.example", address); }
  [[nodiscard]] Pending lookup(const dns::Question& question, Duration timeout, Callback callback) override {
    return answer_.lookup({"wild.example", question.type}, timeout, std::move(callback));
  }
  void run() { answer_.run(); }

 private:
  test::FakeDns answer_;
};

class ProbeTest : public testing::Test {
 public:
  ProbeTest() = default;
  ~ProbeTest() override = default;
  ProbeTest(const ProbeTest&) = delete;
  ProbeTest& operator=(const ProbeTest&) = delete;

 protected:
  template <class Dns>
  ProbeResult run(const List& list, Dns& dns, uint64_t salt = 7) {
    auto task = probe(dns, clock_, list, salt, seconds(5));
    task.start([] {});
    dns.run();
    if (!task.done()) {
      ADD_FAILURE() << "the probe did not end";
      return {};
    }
    ProbeResult result = task.take();
    EXPECT_EQ(result.fault.find(kKey), std::string::npos) << "tells the key: " << result.fault;
    return result;
  }
  [[nodiscard]] std::string fault(const List& list) { return run(list, dns_).fault; }
  /// The whole name of what is asked.
  static std::string under(const List& list, const std::string& name) { return name + "." + list.zone; }

  test::FakeClock clock_;
  test::FakeDns dns_;
};

TEST_F(ProbeTest, AddressesAreAskedAsTheRfcSays) {
  List list = list_of(Subject::Client);
  Probe probe = probe_of(list, 0x010203);
  EXPECT_THAT(probe.listed, ElementsAre(under(list, "2.0.0.127")));
  EXPECT_THAT(probe.unlisted,
              ElementsAre(under(list, "1.0.0.127"),
                          under(list, "1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0"),
                          under(list, "3.2.129.127")));
  EXPECT_THAT(probe.answered, IsEmpty());
}

TEST_F(ProbeTest, TheSaltedAddressIsNeverATestEntry) {
  List list = list_of(Subject::Received);
  std::set<std::string> seen;
  for (uint64_t salt : {uint64_t{0}, uint64_t{2}, uint64_t{0xffffff}, ~uint64_t{0}, uint64_t{0x7f0002}}) {
    std::string name = probe_of(list, salt).unlisted.back();
    std::string reversed = name.substr(0, name.size() - list.zone.size() - 1);
    auto back = IpAddress::parse(reversed);
    ASSERT_TRUE(back) << name;
    auto octets = back->octets();
    EXPECT_EQ(octets[3], 127);
    EXPECT_GE(static_cast<uint8_t>(octets[2]), 128) << "127.128.0.0/9";
    seen.insert(name);
  }
  EXPECT_THAT(seen, SizeIs(4)) << "another salt, another name (two of these mean the same)";
}

TEST_F(ProbeTest, NamesAreAskedAsTheRfcSays) {
  List list = list_of(Subject::Url);
  Probe probe = probe_of(list, 7);
  EXPECT_THAT(probe.listed, ElementsAre(under(list, "test")));
  EXPECT_THAT(probe.unlisted, ElementsAre(under(list, "invalid"), under(list, "postern-0000000000000007.invalid")));
}

TEST_F(ProbeTest, ADeclaredTestPointTakesThePlaceOfTheUsualOne) {
  List domains = list_of(Subject::From);
  domains.listed = "DBLtest.com";
  domains.unlisted = "example.com";
  Probe probe = probe_of(domains, 7);
  EXPECT_THAT(probe.listed, ElementsAre(under(domains, "dbltest.com")));
  EXPECT_THAT(probe.unlisted,
              ElementsAre(under(domains, "example.com"), under(domains, "postern-0000000000000007.example.com")));

  List addresses = list_of(Subject::Client);
  addresses.listed = "2001:db8::1";
  addresses.unlisted = "192.0.2.1";
  probe = probe_of(addresses, 3);
  EXPECT_THAT(probe.listed,
              ElementsAre(under(addresses, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2")));
  EXPECT_THAT(probe.unlisted, ElementsAre(under(addresses, "1.2.0.192"), under(addresses, "3.0.128.127")));

  List urls = list_of(Subject::Url);
  urls.listed = "127.0.0.2";
  EXPECT_THAT(probe_of(urls, 7).listed, ElementsAre(under(urls, "2.0.0.127"))) << "URLs may hold addresses";
}

TEST_F(ProbeTest, OfDigestsOnlyWhatIsNotListedIsKnown) {
  List list = list_of(Subject::Hash);
  Probe probe = probe_of(list, 7);
  EXPECT_THAT(probe.listed, IsEmpty());
  ASSERT_THAT(probe.unlisted, SizeIs(1));
  EXPECT_EQ(probe.unlisted[0].find('.'), 40U) << "a SHA-1 in hex: " << probe.unlisted[0];
  EXPECT_NE(probe_of(list, 8).unlisted, probe.unlisted);
  list.listed = "noreply@example.com";
  EXPECT_THAT(probe_of(list, 7).listed, ElementsAre(testing::EndsWith("." + list.zone)));
  EXPECT_EQ(probe_of(list, 7).listed[0].find("noreply"), std::string::npos) << "as a digest";
  list.listed = "4d8f1a";
  EXPECT_THAT(probe_of(list, 7).listed, ElementsAre(under(list, "4d8f1a")));
}

TEST_F(ProbeTest, AListThatIsAliveIsGood) {
  List list = list_of(Subject::Client);
  dns_.a(under(list, "2.0.0.127"), "127.0.0.2");
  EXPECT_EQ(fault(list), "");
  EXPECT_EQ(dns_.queries(), 4U);
  for (const auto& question : dns_.asked()) EXPECT_EQ(question.type, dns::Type::A);
}

TEST_F(ProbeTest, ATestEntryWithAnAnswerNobodyDeclaredIsListedAllTheSame) {
  List list = list_of(Subject::Helo);
  dns_.a(under(list, "test"), "127.0.1.99");
  EXPECT_EQ(fault(list), "");
}

TEST_F(ProbeTest, ADeadListIsFound) {
  EXPECT_THAT(fault(list_of(Subject::Client)), HasSubstr("127.0.0.2 is not listed, but must be (RFC 5782, 5)"));
  EXPECT_THAT(fault(list_of(Subject::Dkim)), HasSubstr("TEST is not listed"));
}

TEST_F(ProbeTest, AListThatListsEverythingIsFound) {
  for (Subject of : {Subject::Client, Subject::Url, Subject::Hash}) {
    WildDns wild("127.0.0.2");
    EXPECT_THAT(run(list_of(of), wild).fault, HasSubstr("the list lists everything")) << to_string(of);
  }
}

TEST_F(ProbeTest, AWildcardThatKnowsTheTestPointsIsFoundByTheSalt) {
  List list = list_of(Subject::Client);
  dns_.a(under(list, "2.0.0.127"), "127.0.0.2").a(under(list, "3.2.129.127"), "127.0.0.2");
  EXPECT_THAT(run(list, dns_, 0x010203).fault, HasSubstr("127.129.2.3 is listed, but must not be"));
}

TEST_F(ProbeTest, ARefusalIsTheListsOwnWord) {
  WildDns refusing("127.255.255.254");
  EXPECT_THAT(run(list_of(Subject::Client), refusing).fault, HasSubstr("127.255.255.254"));
}

TEST_F(ProbeTest, AParkedDomainOrARewritingResolverIsFound) {
  WildDns parked("203.0.113.80");
  EXPECT_THAT(run(list_of(Subject::Client), parked).fault, HasSubstr("203.0.113.80"));
}

TEST_F(ProbeTest, SilenceIsFound) {
  List list = list_of(Subject::Client);
  Probe names = probe_of(list, 7);
  for (const auto& each : {names.listed, names.unlisted}) {
    for (const auto& name : each) dns_.never(name);
  }
  EXPECT_THAT(fault(list), HasSubstr("does not answer at all (no answer: timeout)"));
}

TEST_F(ProbeTest, AFailureOfOnePointIsAFault) {
  List list = list_of(Subject::Client);
  dns_.temp_fail(under(list, "2.0.0.127"));
  EXPECT_EQ(fault(list), "no answer to the question about 127.0.0.2, a test point: SERVFAIL");
}

/// An address that an admin never saw looks like that of a broken server.
TEST_F(ProbeTest, WhatAProbeMadeUpIsSaidToBeThat) {
  List list = list_of(Subject::Client);
  dns_.a(under(list, "2.0.0.127"), "127.0.0.2").temp_fail(under(list, "3.2.129.127"));
  EXPECT_EQ(run(list, dns_, 0x010203).fault,
            "no answer to the question about 127.129.2.3, which this probe made up: SERVFAIL");
}

TEST_F(ProbeTest, ThePointsThatMustNotBeListedAreEnoughToFindWhatHurts) {
  auto fault_of = [this](const List& list, auto& dns) {
    auto task = probe(dns, clock_, list, 7, seconds(5), Points::NotListed);
    task.start([] {});
    dns.run();
    return task.take().fault;
  };
  for (Subject of : {Subject::Client, Subject::Url, Subject::Hash}) {
    List list = list_of(of);
    list.listed = of == Subject::Client ? "192.0.2.1" : "listed@example.com";
    test::FakeDns dead;
    EXPECT_EQ(fault_of(list, dead), "") << "without test points, or empty: " << to_string(of);
    EXPECT_EQ(dead.queries(), probe_of(list, 7).unlisted.size());
    WildDns wild("127.0.0.2");
    EXPECT_THAT(fault_of(list, wild), HasSubstr("the list lists everything"));
    test::FakeDns silent;
    for (const auto& name : probe_of(list, 7).unlisted) silent.never(name);
    EXPECT_THAT(fault_of(list, silent), HasSubstr("does not answer at all"));
  }
  List trusted = list_of(Subject::Client);
  trusted.probe = false;
  test::FakeDns silent;
  silent.never(probe_of(trusted, 7).answered.at(0));
  EXPECT_THAT(fault_of(trusted, silent), HasSubstr("does not answer at all"));
}

TEST_F(ProbeTest, AListThatDoesNotAnswerAboutIPv6IsGood) {
  List list = list_of(Subject::Client);
  dns_.a(under(list, "2.0.0.127"), "127.0.0.2");
  dns_.temp_fail(probe_of(list, 7).unlisted[1]);
  EXPECT_EQ(fault(list), "");
}

TEST_F(ProbeTest, AListWithoutTestPointsMustOnlyAnswer) {
  List list = list_of(Subject::Client);
  list.probe = false;
  EXPECT_EQ(fault(list), "") << "nothing is listed";
  WildDns all("127.0.0.9");
  EXPECT_EQ(run(list, all).fault, "") << "everything is: a list of countries, say";
  WildDns refusing("127.255.255.255");
  EXPECT_NE(run(list, refusing).fault, "");
  dns_.never(probe_of(list, 7).answered.at(0));
  EXPECT_THAT(fault(list), HasSubstr("does not answer"));
}

/// The clock goes on while the DNS works.
TEST_F(ProbeTest, TheTimeIsThatOfTheSlowestAnswer) {
  List list = list_of(Subject::Helo);
  auto task = probe(dns_, clock_, list, 7, seconds(5));
  task.start([] {});
  while (dns_.pending() > 0) {
    clock_.advance(std::chrono::milliseconds(15));
    dns_.run_one();
  }
  ASSERT_TRUE(task.done());
  EXPECT_EQ(task.take().time, std::chrono::milliseconds(45));
}

TEST_F(ProbeTest, AProbeThatIsDroppedAsksNoMore) {
  List list = list_of(Subject::Client);
  {
    auto task = probe(dns_, clock_, list, 7, seconds(5));
    task.start([] { FAIL() << "ended"; });
    EXPECT_GT(dns_.pending(), 0U);
  }
  EXPECT_EQ(dns_.pending(), 0U);
}

class ResolverTest : public testing::Test {
 public:
  ResolverTest() = default;
  ~ResolverTest() override = default;
  ResolverTest(const ResolverTest&) = delete;
  ResolverTest& operator=(const ResolverTest&) = delete;

 protected:
  template <class Dns>
  static ResolverReport run(std::vector<std::string> servers, Dns& dns) {
    auto task = check_resolver(dns, std::move(servers), 7, seconds(5));
    task.start([] {});
    dns.run();
    return task.done() ? task.take() : ResolverReport{{"did not end"}, {}};
  }
  /// The names that it asks about.
  static std::string name(const std::string& domain) { return "postern-0000000000000007." + domain; }

  test::FakeDns dns_;
};

TEST_F(ResolverTest, OneThatSaysNoSuchNameIsGood) {
  for (const auto& servers : {std::vector<std::string>{}, {"127.0.0.1@5353"}, {"192.0.2.53", "2001:db8::53"}}) {
    auto report = run(servers, dns_);
    EXPECT_THAT(report.faults, IsEmpty());
    EXPECT_THAT(report.notes, IsEmpty());
  }
}

TEST_F(ResolverTest, PublicResolversAreKnownByTheirAddress) {
  const std::vector<std::pair<std::string, std::string>> known = {{"8.8.8.8", "Google"},
                                                                  {"2001:4860:4860::8844", "Google"},
                                                                  {"1.1.1.1@53", "Cloudflare"},
                                                                  {"2606:4700:4700::1111", "Cloudflare"},
                                                                  {"9.9.9.9", "Quad9"},
                                                                  {"2620:fe::fe", "Quad9"},
                                                                  {"149.112.112.112", "Quad9"},
                                                                  {"208.67.222.222", "OpenDNS"},
                                                                  {"208.67.220.220", "OpenDNS"},
                                                                  {"2620:119:35::35", "OpenDNS"},
                                                                  {"94.140.15.15", "AdGuard"},
                                                                  {"2a10:50c0::ad1:ff", "AdGuard"},
                                                                  {"84.200.69.80", "DNS.WATCH"},
                                                                  {"2001:1608:10:25::1c04:b12f", "DNS.WATCH"},
                                                                  {"4.2.2.2", "Level3"},
                                                                  {"77.88.8.8", "Yandex"},
                                                                  {"2a02:6b8::feed:ff", "Yandex"},
                                                                  {"185.228.168.9", "CleanBrowsing"},
                                                                  {"2a0d:2a00:2::2", "CleanBrowsing"},
                                                                  {"8.26.56.26", "Comodo"}};
  for (const auto& [address, owner] : known) {
    auto report = run({"127.0.0.1", address}, dns_);
    ASSERT_THAT(report.faults, SizeIs(1)) << address;
    EXPECT_THAT(report.faults[0], HasSubstr(fmt::format("{} is a public resolver ({})", address, owner)));
    EXPECT_THAT(report.faults[0], HasSubstr("servers = []")) << "what to do";
  }
}

TEST_F(ResolverTest, NeighboursOfPublicResolversAreNot) {
  EXPECT_THAT(run({"8.8.8.9", "1.1.2.1", "2606:4700:4701::1", "208.67.224.1", "nonsense"}, dns_).faults, IsEmpty());
}

TEST_F(ResolverTest, OfAStubNothingCanBeTold) {
  auto report = run({"127.0.0.53"}, dns_);
  EXPECT_THAT(report.faults, IsEmpty());
  ASSERT_THAT(report.notes, SizeIs(1));
  EXPECT_THAT(report.notes[0], HasSubstr("systemd-resolved"));
}

TEST_F(ResolverTest, RewritingIsFound) {
  WildDns rewriting("203.0.113.80");
  auto report = run({"192.0.2.53"}, rewriting);
  ASSERT_THAT(report.faults, SizeIs(1));
  EXPECT_THAT(report.faults[0], HasSubstr("answered with 203.0.113.80 instead of NXDOMAIN: the resolver"));
  EXPECT_THAT(report.faults[0], HasSubstr("servers = []"));
}

TEST_F(ResolverTest, RewritingInOneDomainIsFoundToo) {
  dns_.a(name("net"), "203.0.113.80");
  EXPECT_THAT(run({}, dns_).faults, ElementsAre(HasSubstr("something between here and the Internet")));
}

TEST_F(ResolverTest, SilenceIsFoundAndWhatToDoDepends) {
  for (const char* domain : {"com", "net", "org"}) dns_.never(name(domain));
  EXPECT_THAT(run({}, dns_).faults, ElementsAre(testing::AllOf(HasSubstr("timeout"), HasSubstr("firewall"))));
  EXPECT_THAT(
      run({"127.0.0.1@5353", "192.0.2.53"}, dns_).faults,
      ElementsAre(testing::AllOf(HasSubstr("127.0.0.1@5353, 192.0.2.53: timeout"), HasSubstr("resolver runs"))));
}

TEST_F(ResolverTest, HalfAnAnswerIsANote) {
  dns_.temp_fail(name("org"));
  auto report = run({}, dns_);
  EXPECT_THAT(report.faults, IsEmpty());
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("SERVFAIL")));
}

TEST_F(ResolverTest, AllFaultsAtOnce) {
  WildDns rewriting("203.0.113.80");
  EXPECT_THAT(run({"8.8.8.8", "1.1.1.1"}, rewriting).faults, SizeIs(3));
}

}  // namespace
}  // namespace postern::lists
