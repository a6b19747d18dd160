#include "proxy/smtp/proxy_header.h"

#include <string>

#include <gtest/gtest.h>

namespace postern::smtp {
namespace {

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

struct Outcome {
  ProxyHeaderReader::State state = ProxyHeaderReader::State::NeedMore;
  ProxyAddresses addresses;
  std::string rest;  // what was not taken
  std::string error;
};

Outcome read(const std::string& text, size_t step) {
  ProxyHeaderReader reader;
  Outcome outcome;
  size_t taken = 0;
  while (taken < text.size() && outcome.state == ProxyHeaderReader::State::NeedMore) {
    std::string_view piece = std::string_view(text).substr(taken, step);
    size_t before = piece.size();
    outcome.state = reader.read(piece);
    taken += before - piece.size();
  }
  outcome.addresses = reader.addresses();
  outcome.rest = text.substr(taken);
  outcome.error = reader.error();
  return outcome;
}

/// Whole and octet by octet: the same result, and never an octet more than the header's.
Outcome read(const std::string& text) {
  Outcome whole = read(text, text.size());
  Outcome split = read(text, 1);
  EXPECT_EQ(whole.state, split.state) << text;
  EXPECT_EQ(whole.rest, split.rest) << text;
  EXPECT_EQ(whole.addresses.source, split.addresses.source) << text;
  EXPECT_EQ(whole.addresses.source_port, split.addresses.source_port) << text;
  EXPECT_EQ(whole.error, split.error) << text;
  return whole;
}

std::string v2(uint8_t command, uint8_t family, const std::string& body) {
  std::string header = kSignature;
  header += static_cast<char>(command);
  header += static_cast<char>(family);
  header += static_cast<char>(body.size() >> 8U);
  header += static_cast<char>(body.size() & 255U);
  return header + body;
}

const std::string kBodyV4("\xC0\x00\x02\x01\xC6\x33\x64\x02\x10\x92\x00\x19", 12);
const std::string kBodyV6 = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x01" +
                            std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x02" +
                            std::string("\x10\x92\x00\x19", 4);

TEST(ProxyHeader, Version1TellsTheClientAndLeavesTheRest) {
  Outcome outcome = read("PROXY TCP4 192.0.2.1 198.51.100.2 4242 25\r\nEHLO x\r\n");
  ASSERT_EQ(outcome.state, ProxyHeaderReader::State::Ready);
  EXPECT_FALSE(outcome.addresses.local);
  EXPECT_EQ(outcome.addresses.source.to_string(), "192.0.2.1");
  EXPECT_EQ(outcome.addresses.destination.to_string(), "198.51.100.2");
  EXPECT_EQ(outcome.addresses.source_port, 4242);
  EXPECT_EQ(outcome.addresses.destination_port, 25);
  EXPECT_EQ(outcome.rest, "EHLO x\r\n");
  EXPECT_EQ(outcome.error, "");
}

TEST(ProxyHeader, Version1WithIpv6) {
  Outcome outcome = read("PROXY TCP6 2001:db8::1 2001:db8::2 65535 25\r\n");
  ASSERT_EQ(outcome.state, ProxyHeaderReader::State::Ready);
  EXPECT_EQ(outcome.addresses.source.to_string(), "2001:db8::1");
  EXPECT_EQ(outcome.addresses.source_port, 65535);
}

TEST(ProxyHeader, Version1UnknownIsTheRealPeer) {
  for (const char* text : {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"}) {
    Outcome outcome = read(text);
    EXPECT_EQ(outcome.state, ProxyHeaderReader::State::Ready) << text;
    EXPECT_TRUE(outcome.addresses.local) << text;
  }
}

TEST(ProxyHeader, Version1IsStrict) {
  for (const std::string& text : {
           std::string("EHLO x\r\n"),
           std::string("proxy TCP4 192.0.2.1 198.51.100.2 4242 25\r\n"),
           std::string("PROXY TCP5 192.0.2.1 198.51.100.2 4242 25\r\n"),
           std::string("PROXY TCP4 192.0.2.1 198.51.100.2 4242 25\n"),
           std::string("PROXY TCP4  192.0.2.1 198.51.100.2 4242 25\r\n"),
           std::string("PROXY TCP4 192.0.2.1 198.51.100.2 4242 25 \r\n"),
           std::string("PROXY TCP4 192.0.2.1 198.51.100.2 4242\r\n"),
           std::string("PROXY TCP4 192.0.2.1 198.51.100.2 65536 25\r\n"),
           std::string("PROXY TCP4 192.0.2.1 198.51.100.2 04242 25\r\n"),
           std::string("PROXY TCP4 192.0.2.1 198.51.100.2 -1 25\r\n"),
           std::string("PROXY TCP4 192.0.2.01 198.51.100.2 1 25\r\n"),
           std::string("PROXY TCP4 2001:db8::1 2001:db8::2 1 25\r\n"),
           std::string("PROXY TCP6 192.0.2.1 198.51.100.2 1 25\r\n"),
           std::string("PROXY TCP6 fe80::1%eth0 2001:db8::2 1 25\r\n"),
           std::string("PROXY TCP4 192.0.2.1\0 198.51.100.2 1 25\r\n", 41),
           std::string("PROXY UNKNOWNS\r\n"),
           std::string("PROXY \r\n"),
       }) {
    Outcome outcome = read(text);
    EXPECT_EQ(outcome.state, ProxyHeaderReader::State::Broken) << text;
    EXPECT_NE(outcome.error, "") << text;
  }
}

TEST(ProxyHeader, Version1EndsAfter107Octets) {
  std::string longest = "PROXY UNKNOWN " + std::string(107 - 14 - 2, 'x') + "\r\n";
  EXPECT_EQ(read(longest).state, ProxyHeaderReader::State::Ready);
  Outcome endless = read("PROXY UNKNOWN " + std::string(5000, 'x'));
  EXPECT_EQ(endless.state, ProxyHeaderReader::State::Broken);
  EXPECT_EQ(endless.rest.size(), 5014U - 107U);
}

TEST(ProxyHeader, AHalfHeaderNeedsMore) {
  EXPECT_EQ(read("PROXY TCP4 192.0.2.1").state, ProxyHeaderReader::State::NeedMore);
  EXPECT_EQ(read(v2(0x21, 0x11, kBodyV4).substr(0, 20)).state, ProxyHeaderReader::State::NeedMore);
}

TEST(ProxyHeader, Version2TellsTheClientAndLeavesTheRest) {
  Outcome outcome = read(v2(0x21, 0x11, kBodyV4) + "EHLO x\r\n");
  ASSERT_EQ(outcome.state, ProxyHeaderReader::State::Ready);
  EXPECT_EQ(outcome.addresses.source.to_string(), "192.0.2.1");
  EXPECT_EQ(outcome.addresses.destination.to_string(), "198.51.100.2");
  EXPECT_EQ(outcome.addresses.source_port, 4242);
  EXPECT_EQ(outcome.addresses.destination_port, 25);
  EXPECT_EQ(outcome.rest, "EHLO x\r\n");
}

TEST(ProxyHeader, Version2WithIpv6AndFurtherFields) {
  Outcome outcome = read(v2(0x21, 0x21, kBodyV6 + std::string("\x03\x00\x02xx", 5)) + "E");
  ASSERT_EQ(outcome.state, ProxyHeaderReader::State::Ready);
  EXPECT_EQ(outcome.addresses.source.to_string(), "2001:db8::1");
  EXPECT_EQ(outcome.addresses.destination.to_string(), "2001:db8::2");
  EXPECT_EQ(outcome.addresses.source_port, 4242);
  EXPECT_EQ(outcome.rest, "E");
}

TEST(ProxyHeader, Version2HealthChecksAreTheRealPeer) {
  for (const std::string& text : {v2(0x20, 0x00, ""), v2(0x20, 0x11, kBodyV4), v2(0x21, 0x00, "abc")}) {
    Outcome outcome = read(text + "E");
    EXPECT_EQ(outcome.state, ProxyHeaderReader::State::Ready);
    EXPECT_TRUE(outcome.addresses.local);
    EXPECT_EQ(outcome.rest, "E");
  }
}

TEST(ProxyHeader, Version2IsStrict) {
  for (const std::string& text : {
           v2(0x11, 0x11, kBodyV4),                  // another version
           v2(0x22, 0x11, kBodyV4),                  // an unknown command
           v2(0x21, 0x12, kBodyV4),                  // datagrams
           v2(0x21, 0x31, std::string(216, 'x')),    // a UNIX socket
           v2(0x21, 0x11, kBodyV4.substr(0, 11)),    // too short for its family
           v2(0x21, 0x21, kBodyV4),                  //
           v2(0x21, 0x11, std::string(4097, '\0')),  // more than we take
           std::string("\r\n\r\nQUIT\r\n"),          // not the signature
       }) {
    EXPECT_EQ(read(text).state, ProxyHeaderReader::State::Broken);
  }
}

TEST(ProxyHeader, WhatWeWriteReadsBack) {
  struct Case {
    const char* source;
    const char* destination;
    const char* line;
  };
  for (const Case& c : {Case{"192.0.2.1", "198.51.100.1", "PROXY TCP4 192.0.2.1 198.51.100.1 4242 25\r\n"},
                        Case{"2001:db8::1", "2001:db8::2", "PROXY TCP6 2001:db8::1 2001:db8::2 4242 25\r\n"},
                        Case{"2001:db8::1", "192.0.2.9", "PROXY TCP6 2001:db8::1 ::ffff:192.0.2.9 4242 25\r\n"}}) {
    ProxyAddresses addresses{false, *IpAddress::parse(c.source), *IpAddress::parse(c.destination), 4242, 25};
    std::string line = encode_proxy_v1(addresses);
    EXPECT_EQ(line, c.line);
    Outcome back = read(line);
    ASSERT_EQ(back.state, ProxyHeaderReader::State::Ready);
    EXPECT_EQ(back.addresses.source, addresses.source);
    EXPECT_EQ(back.addresses.destination, addresses.destination);
  }
  ProxyAddresses local;
  local.local = true;
  EXPECT_EQ(encode_proxy_v1(local), "PROXY UNKNOWN\r\n");
}

}  // namespace
}  // namespace postern::smtp
