#include "filters/dns/packet.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "tests/fakes/dns_wire.h"

namespace postern::dns {
namespace {

constexpr unsigned kA = 1;
constexpr unsigned kCname = 5;
constexpr unsigned kMx = 15;
constexpr unsigned kTxt = 16;
constexpr unsigned kPtr = 12;
constexpr unsigned kAaaa = 28;

DnsWire reply_to(const std::string& name, unsigned type) {
  DnsWire wire;
  wire.question_name = name;
  wire.question_type = type;
  return wire;
}
std::string a_record(const std::string& owner, uint32_t ttl, const std::string& octets) {
  return DnsWire::record(owner, kA, ttl, octets);
}
std::string cname(const std::string& owner, uint32_t ttl, const std::string& target) {
  return DnsWire::record(owner, kCname, ttl, DnsWire::name(target));
}
const std::string kLocal("\x7f\0\0\x02", 4);

TEST(DnsPacket, Addresses) {
  auto wire = reply_to("Example.org", kA);
  wire.answer(a_record("example.ORG", 300, kLocal)).answer(a_record("example.org", 60, std::string("\xc0\0\2\1", 4)));
  auto answer = parse_packet(wire.packet(), {"eXample.org", Type::A});
  ASSERT_EQ(answer.status, Status::Found);
  ASSERT_EQ(answer.addresses.size(), 2U);
  EXPECT_EQ(answer.addresses[0].to_string(), "127.0.0.2");
  EXPECT_EQ(answer.addresses[1].to_string(), "192.0.2.1");
  EXPECT_EQ(answer.ttl, 60U) << "the smallest";
}

TEST(DnsPacket, Ipv6WithoutMappedOnes) {
  auto wire = reply_to("a.example", kAaaa);
  std::string mapped(10, '\0');
  mapped += std::string("\xff\xff\x7f\0\0\1", 6);
  std::string real("\x20\x01\x0d\xb8", 4);
  real += std::string(11, '\0') + '\1';
  wire.answer(DnsWire::record("a.example", kAaaa, 5, mapped)).answer(DnsWire::record("a.example", kAaaa, 5, real));
  auto answer = parse_packet(wire.packet(), {"a.example", Type::AAAA});
  ASSERT_EQ(answer.addresses.size(), 1U);
  EXPECT_EQ(answer.addresses[0].to_string(), "2001:db8::1");
}

TEST(DnsPacket, TextsAreJoinedAndMayHoldAnything) {
  auto wire = reply_to("a.example", kTxt);
  std::string odd("v=spf1\0\xff \"", 10);
  wire.answer(DnsWire::record("a.example", kTxt, 5, std::string("\3abc\0\3def", 9)))
      .answer(DnsWire::record("a.example", kTxt, 5, DnsWire::text(odd)))
      .answer(DnsWire::record("a.example", kTxt, 5, DnsWire::text(std::string(1000, 'x'))));
  auto answer = parse_packet(wire.packet(), {"a.example", Type::TXT});
  ASSERT_EQ(answer.texts.size(), 3U);
  EXPECT_EQ(answer.texts[0], "abcdef");
  EXPECT_EQ(answer.texts[1], odd);
  EXPECT_EQ(answer.texts[2], std::string(1000, 'x'));
}

TEST(DnsPacket, ExchangesAndTheNullMx) {
  auto wire = reply_to("a.example", kMx);
  wire.answer(DnsWire::record("a.example", kMx, 5, DnsWire::u16(10) + DnsWire::name("Mx.example")))
      .answer(DnsWire::record("a.example", kMx, 5, DnsWire::u16(0) + DnsWire::name("")));  // RFC 7505
  auto answer = parse_packet(wire.packet(), {"a.example", Type::MX});
  ASSERT_EQ(answer.exchanges.size(), 2U);
  EXPECT_EQ(answer.exchanges[0].preference, 10);
  EXPECT_EQ(answer.exchanges[0].name, "Mx.example");
  EXPECT_EQ(answer.exchanges[1].name, "");
}

TEST(DnsPacket, NamesKeepTheirOctetsAndDotsInLabelsStayOut) {
  auto wire = reply_to("1.2.0.192.in-addr.arpa", kPtr);
  wire.answer(DnsWire::record("1.2.0.192.in-addr.arpa", kPtr, 5, std::string("\3a b\7example\0", 13)))
      .answer(DnsWire::record("1.2.0.192.in-addr.arpa", kPtr, 5, std::string("\3a.b\7example\0", 13)));
  auto answer = parse_packet(wire.packet(), {"1.2.0.192.in-addr.arpa", Type::PTR});
  ASSERT_EQ(answer.names.size(), 1U);
  EXPECT_EQ(answer.names[0], "a b.example");
}

TEST(DnsPacket, FollowsAliasesInAnyOrder) {
  auto wire = reply_to("a.example", kA);
  wire.answer(a_record("c.example", 300, kLocal))
      .answer(cname("B.example", 20, "C.example"))
      .answer(cname("a.example", 100, "b.example"))
      .answer(a_record("other.example", 1, kLocal));
  auto answer = parse_packet(wire.packet(), {"a.example", Type::A});
  ASSERT_EQ(answer.status, Status::Found);
  EXPECT_EQ(answer.addresses.size(), 1U);
  EXPECT_EQ(answer.ttl, 20U);
}

TEST(DnsPacket, AnAliasLoopEnds) {
  auto wire = reply_to("a.example", kA);
  wire.answer(cname("a.example", 100, "b.example")).answer(cname("b.example", 100, "a.example"));
  auto answer = parse_packet(wire.packet(), {"a.example", Type::A});
  EXPECT_EQ(answer.status, Status::TempFail);
  EXPECT_EQ(answer.reason, "too many aliases");
}

TEST(DnsPacket, AnAliasThatIsAskedForIsNotFollowed) {
  auto wire = reply_to("a.example", kCname);
  wire.answer(cname("a.example", 100, "b.example"));
  auto answer = parse_packet(wire.packet(), {"a.example", Type::CNAME});
  ASSERT_EQ(answer.status, Status::Found);
  EXPECT_EQ(answer.names, std::vector<std::string>{"b.example"});
}

TEST(DnsPacket, NegativeAnswersLiveAsLongAsTheZoneSays) {
  auto none = reply_to("a.example", kA);
  none.rcode(3).authority(DnsWire::soa("example", 600, 30));
  auto answer = parse_packet(none.packet(), {"a.example", Type::A});
  EXPECT_EQ(answer.status, Status::NoName);
  EXPECT_EQ(answer.ttl, 30U);

  auto empty = reply_to("a.example", kA);
  empty.authority(DnsWire::soa("example", 10, 30));
  answer = parse_packet(empty.packet(), {"a.example", Type::A});
  EXPECT_EQ(answer.status, Status::NoRecord);
  EXPECT_EQ(answer.ttl, 10U);

  auto bare = reply_to("a.example", kA);
  EXPECT_EQ(parse_packet(bare.packet(), {"a.example", Type::A}).ttl, 0U) << "without SOA it is not kept";
}

TEST(DnsPacket, AnAliasToNowhere) {
  auto wire = reply_to("a.example", kA);
  wire.rcode(3).answer(cname("a.example", 5, "gone.example")).authority(DnsWire::soa("example", 600, 600));
  auto answer = parse_packet(wire.packet(), {"a.example", Type::A});
  EXPECT_EQ(answer.status, Status::NoName);
  EXPECT_EQ(answer.ttl, 5U);
}

TEST(DnsPacket, OtherRecordsAreNoAnswer) {
  auto wire = reply_to("a.example", kTxt);
  wire.answer(a_record("a.example", 5, kLocal));
  EXPECT_EQ(parse_packet(wire.packet(), {"a.example", Type::TXT}).status, Status::NoRecord);
}

TEST(DnsPacket, FailuresHaveAReason) {
  auto servfail = reply_to("a.example", kA);
  EXPECT_EQ(parse_packet(servfail.rcode(2).packet(), {"a.example", Type::A}).reason, "SERVFAIL");
  EXPECT_EQ(parse_packet(servfail.rcode(5).packet(), {"a.example", Type::A}).reason, "REFUSED");
  auto other = reply_to("a.example", kA);
  other.answer(a_record("a.example", 5, kLocal));
  EXPECT_EQ(parse_packet(other.packet(), {"b.example", Type::A}).reason, "an answer to another question");
  EXPECT_EQ(parse_packet(other.packet(), {"a.example", Type::TXT}).reason, "an answer to another question");
  other.flags |= 0x0200;
  EXPECT_EQ(parse_packet(other.packet(), {"a.example", Type::A}).reason, "truncated answer");
  other.flags = 0x0100;
  EXPECT_EQ(parse_packet(other.packet(), {"a.example", Type::A}).reason, "not a DNS answer");
  EXPECT_EQ(parse_packet("", {"a.example", Type::A}).status, Status::TempFail);
}

TEST(DnsPacket, CutAnywhereItIsAFailureAndNothingWorse) {
  auto wire = reply_to("a.example", kTxt);
  wire.answer(cname("a.example", 5, "b.example")).answer(DnsWire::record("b.example", kTxt, 5, DnsWire::text("hello")));
  std::string packet = wire.packet();
  for (size_t size = 0; size < packet.size(); ++size) {
    auto answer = parse_packet(std::string_view(packet).substr(0, size), {"a.example", Type::TXT});
    EXPECT_EQ(answer.status, Status::TempFail) << size;
  }
  EXPECT_EQ(parse_packet(packet, {"a.example", Type::TXT}).status, Status::Found);
}

TEST(DnsPacket, RecordsAreBounded) {
  auto wire = reply_to("a.example", kA);
  for (size_t i = 0; i < Answer::kMaxRecords + 50; ++i) wire.answer(a_record("a.example", 5, kLocal));
  EXPECT_EQ(parse_packet(wire.packet(), {"a.example", Type::A}).addresses.size(), Answer::kMaxRecords);
  for (size_t i = 0; i < PacketLimits::kMaxAnswers; ++i) wire.answer(a_record("a.example", 5, kLocal));
  EXPECT_EQ(parse_packet(wire.packet(), {"a.example", Type::A}).status, Status::TempFail);
}

TEST(DnsPacket, AHugeTtlCountsAsZero) {
  auto wire = reply_to("a.example", kA);
  wire.answer(a_record("a.example", 0x80000001U, kLocal));
  EXPECT_EQ(parse_packet(wire.packet(), {"a.example", Type::A}).ttl, 0U);
}

TEST(DnsPacket, PresentationForm) {
  EXPECT_EQ(to_presentation("a-b_c.example"), "a-b_c.example");
  EXPECT_EQ(to_presentation(std::string("a b\\\0\xff.x", 8)), "a\\032b\\092\\000\\255.x");
}

}  // namespace
}  // namespace postern::dns
