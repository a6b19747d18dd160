#include "filters/message/headers.h"

#include <string>

#include <gtest/gtest.h>

namespace postern::message {
namespace {

/// All fields, as they stand in the message, must be exactly its header.
std::string joined(const Header& header) {
  std::string text;
  for (const Field& field : header.fields) text += field.raw;
  return text;
}

TEST(ParseHeader, FindsFieldsAndBody) {
  std::string message = "From: a@example.com\r\nSubject: hello\r\n world\r\nTo:b@example.org\r\n\r\nbody\r\n";
  Header header = parse_header(message);
  ASSERT_EQ(header.fields.size(), 3U);
  EXPECT_EQ(header.fields[1].name, "Subject");
  EXPECT_EQ(header.fields[1].value, " hello\r\n world");
  EXPECT_EQ(header.fields[1].raw, "Subject: hello\r\n world\r\n");
  EXPECT_EQ(message.substr(header.body_offset), "body\r\n");
  EXPECT_EQ(joined(header), message.substr(0, header.header_size));
  EXPECT_EQ(header.first("SUBJECT"), "hello world");
  EXPECT_EQ(header.first("to"), "b@example.org");
  EXPECT_EQ(header.first("Cc"), std::nullopt);
}

TEST(ParseHeader, AllFieldsOfOneNameInOrder) {
  Header header = parse_header("Received: one\r\nX: -\r\nreceived:two\r\n\r\n");
  EXPECT_EQ(header.all("Received"), (std::vector<std::string>{"one", "two"}));
}

TEST(ParseHeader, EmptyMessageAndEmptyHeader) {
  EXPECT_EQ(parse_header("").body_offset, 0U);
  Header header = parse_header("\r\nbody");
  EXPECT_TRUE(header.fields.empty());
  EXPECT_EQ(header.header_size, 0U);
  EXPECT_EQ(header.body_offset, 2U);
}

TEST(ParseHeader, AMessageMayEndInItsHeader) {
  Header header = parse_header("From: a\r\nSubject: b");
  ASSERT_EQ(header.fields.size(), 2U);
  EXPECT_EQ(header.first("Subject"), "b");
  EXPECT_EQ(header.header_size, 19U);
  EXPECT_EQ(header.body_offset, 19U);
}

TEST(ParseHeader, AMessageWithoutHeaderIsAllBody) {
  for (const char* text : {"Hello, world\r\nFrom: me\r\n\r\n", " From: a\r\n\r\n", ": x\r\n\r\n", "a b: c\r\n\r\n"}) {
    Header header = parse_header(text);
    EXPECT_TRUE(header.fields.empty()) << text;
    EXPECT_EQ(header.header_size, 0U) << text;
    EXPECT_EQ(header.body_offset, 0U) << text;
  }
}

TEST(ParseHeader, LinesThatAreNoFieldsHideNothing) {
  for (const char* first : {"From a@example.com Mon Jan  1 00:00:00 2024\r\n", ">From a\r\n", "A: b\r\njunk\r\n"}) {
    std::string message = std::string(first) + "X-Spam-Flag: NO\r\n\r\nbody";
    Header header = parse_header(message);
    ASSERT_GE(header.fields.size(), 2U) << first;
    EXPECT_EQ(header.fields.back().name, "X-Spam-Flag") << first;
    EXPECT_EQ(header.fields[header.fields.size() - 2].name, "") << first;
    EXPECT_EQ(joined(header), message.substr(0, header.header_size)) << first;
    EXPECT_EQ(message.substr(header.body_offset), "body") << first;
  }
}

TEST(ParseHeader, AColonInAContinuationMakesNoName) {
  Header header = parse_header("A: b\r\nno colon\r\n but: here\r\n\r\n");
  ASSERT_EQ(header.fields.size(), 2U);
  EXPECT_EQ(header.fields[1].name, "");
}

TEST(ParseHeader, NulAndEightBitOctetsAreOrdinary) {
  std::string message("Subject: a\0b\xFF\r\n\r\nx", 18);
  Header header = parse_header(message);
  EXPECT_EQ(header.first("Subject"), std::string("a\0b\xFF", 4));
  EXPECT_EQ(message.substr(header.body_offset), "x");
}

TEST(ParseHeader, ManyFieldsAreBoundedAndStillSeen) {
  std::string message;
  for (size_t i = 0; i < Header::kMaxFields + 500; ++i) message += "A: b\r\n";
  std::string forged = message + "X-Spam-Flag: NO\r\n\r\nbody";
  message += "\r\nbody";
  Header header = parse_header(message);
  EXPECT_EQ(header.fields.size(), Header::kMaxFields + 1);
  EXPECT_EQ(joined(header), message.substr(0, header.header_size));
  EXPECT_EQ(message.substr(header.body_offset), "body");
  EXPECT_FALSE(must_strip(header.fields.back(), "mx.example.org"));
  EXPECT_TRUE(must_strip(parse_header(forged).fields.back(), "mx.example.org"));
}

TEST(Unfold, RemovesLineEndsOnly) {
  EXPECT_EQ(unfold(" a\r\n b\r\n\tc "), "a b\tc");
  EXPECT_EQ(unfold(""), "");
  EXPECT_EQ(unfold("\r\n \r\n "), "");
}

TEST(ClaimsAuthservId, OursHoweverItIsWritten) {
  for (const char* value : {
           " mx.example.org; spf=pass",
           "mx.example.org;none",
           "mx.example.org",
           " MX.Example.ORG ; none",
           " mx.example.org.; none",
           " mx.example.org 1; none",
           " mx.example.org (version) 1 (one); none",
           "\r\n mx.example.org\r\n\t; none",
           " (a comment) mx.example.org; none",
           " (nested (and (deeper)) \\) still) mx.example.org; none",
           " (a;b) mx.example.org; none",
           " \"mx.example.org\"; none",
           " \"mx.example\\.org\"; none",
           " \"mx.example.org.\" 1; none",
           " \" mx.example.org \"; none",
           " \"mx.example.org 1\"; none",
           " \"mx.example.org;\"; none",
           " mx.example.org..; none",
           " mx.\r\n example.org; none",
           " \"mx.\r\n example.org\"; none",
           " (\xC3\xA4) mx.example.org; none",
           " mx.example.org\r\n (folded\r\n\tcomment)\r\n 1; none",
           " mx.example.org 2; none",
       }) {
    EXPECT_TRUE(claims_authserv_id(value, "mx.example.org")) << value;
  }
  EXPECT_TRUE(claims_authserv_id("mx.example.org; none", "MX.example.org."));
}

TEST(ClaimsAuthservId, BrokenFieldsThatOneCouldReadAsOurs) {
  for (const std::string& value : {
           std::string("mx.example.org spf=pass; none"),
           std::string("mx.example.org/1; none"),
           std::string("mx.example.org=1; none"),
           std::string("mx.example.org: spf=pass"),
           std::string("mx.example.org, other.net; none"),
           std::string("<mx.example.org>; none"),
           std::string("other.net) mx.example.org; none"),
           std::string("(never closed mx.example.org; none"),
           std::string("(never ; (closed) mx.example.org; none"),
           std::string("(\\) mx.example.org; none"),
           std::string("\"mx.example.org; none"),
           std::string("mx.(comment)example.org; none"),
           std::string("mx . example . org; none"),
           std::string("\"mx\".example.org; none"),
           std::string("mx.exam\0ple.org; none", 21),
           std::string("\xEF\xBB\xBFmx.example.org; none"),
           std::string("mx.example.org\0.other.net; none", 31),
           std::string("\0mx.example.org; none", 21),
           std::string("mx.example.org\xFF; none"),
           std::string("\xC3\xA4 mx.example.org; none"),
           std::string("mx.exam\xC2\xADple.org; none"),
           std::string("mx.example.org\r; none"),
       }) {
    EXPECT_TRUE(claims_authserv_id(value, "mx.example.org")) << value;
  }
}

TEST(ClaimsAuthservId, InternationalNamesAreTheSameInBothForms) {
  for (const char* value : {
           "xn--bcher-kva.example; none",
           "XN--Bcher-Kva.example.; none",
           "b\xC3\xBC"
           "cher.example; none",
           "B\xC3\x9C"
           "CHER.Example; none",
           "\"b\xC3\xBC"
           "cher.example\" 1; none",
           "(\xC3\xBC) b\xC3\xBC"
           "cher.example.; none",
       }) {
    EXPECT_TRUE(claims_authserv_id(value, "xn--bcher-kva.example")) << value;
  }
  // What IDNA maps to our name a reader may take for it: full-width letters, another full stop.
  EXPECT_TRUE(claims_authserv_id("\xEF\xBD\x8D\xEF\xBD\x98.example.org; none", "mx.example.org"));
  EXPECT_TRUE(
      claims_authserv_id("mx\xE3\x80\x82"
                         "example.org; none",
                         "mx.example.org"));
  EXPECT_FALSE(claims_authserv_id("m\xC3\xBC.example; none", "xn--bcher-kva.example"));
}

TEST(ClaimsAuthservId, WordsThatTouchAreNoVersion) {
  EXPECT_TRUE(claims_authserv_id("mx.example.\"org1\"; none", "mx.example.org1"));
  EXPECT_TRUE(claims_authserv_id("mx\"1\"; none", "mx1"));
  EXPECT_TRUE(claims_authserv_id("\"mx\"1; none", "mx1"));
  EXPECT_FALSE(claims_authserv_id("mx 1; none", "mx1"));
}

TEST(ClaimsAuthservId, OthersAreLeftAlone) {
  for (const char* value : {
           "other.net; spf=pass smtp.mailfrom=mx.example.org",
           "other.net (relayed by mx.example.org); none",
           "other.net (a (mx.example.org) b) 1; none",
           "sub.mx.example.org; none",
           "mx.example.org.evil.net; none",
           "xmx.example.org; none",
           "mx.example.org1; none",
           "example.org; none",
           "\"other.net\"; none",
           "",
           ";",
           "; mx.example.org",
           "()",
       }) {
    EXPECT_FALSE(claims_authserv_id(value, "mx.example.org")) << value;
  }
  EXPECT_FALSE(claims_authserv_id("anything; none", ""));
}

bool stripped(const std::string& line) {
  std::string message = "A: b\r\n" + line + "\r\n\r\n";
  Header header = parse_header(message);
  return must_strip(header.fields.at(1), "mx.example.org");
}

TEST(MustStrip, WhatOnlyWeMaySay) {
  for (const std::string& line : {
           std::string("X-Spam-Flag: NO"),
           std::string("x-spam-status: No"),
           std::string("X-Spam-Flag : NO"),
           std::string("X-SPAM-SCORE\t :\r\n -100"),
           std::string("X-Spam-Anything:"),
           std::string("X-Postern-Id: 1"),
           std::string("Authentication-Results: mx.example.org; spf=pass"),
           std::string("authentication-RESULTS :\r\n\tmx.example.org;\r\n\tspf=pass"),
           std::string("X-Spam-\x01"
                       "Flag: NO"),
           std::string("X-Spam -Flag: NO"),
       }) {
    EXPECT_TRUE(stripped(line)) << line;
  }
}

TEST(MustStrip, EverythingElsePasses) {
  for (const char* line :
       {"X-Spam: 1", "X-Spammer-Id: 1", "X-Posterns: 1", "Subject: X-Spam-Flag: NO", "junk",
        "Authentication-Results: other.net; spf=pass", "ARC-Authentication-Results: i=1; mx.example.org; spf=pass"}) {
    EXPECT_FALSE(stripped(line)) << line;
  }
}

}  // namespace
TEST(Headers, TheSizeAloneIsTheSame) {
  for (std::string_view text :
       {"", "\r\n", "\r\nbody\r\n", "A: b\r\n\r\nbody\r\n", "A: b\r\n", "A: b", "A: b\r\n c\r\n\r\n",
        "no field\r\nA: b\r\n\r\n", "From ann Mon Nov 23\r\nA: b\r\n\r\nbody", " folded\r\nA: b\r\n\r\n",
        "A: b\r\nno field\r\n\r\nbody", "A: b\n\nbody\r\n\r\n", "A: b\r\n\r\n\r\n", "\nA: b\r\n\r\n"}) {
    EXPECT_EQ(message::header_size(text), message::parse_header(text).header_size) << text;
  }
}

}  // namespace postern::message
