// Which domain a message claims to be from: one, none, or too many to say.
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "filters/dmarc/dmarc.h"
#include "filters/message/headers.h"

namespace postern::dmarc {
namespace {

using namespace std::string_literals;

std::string author_of(const std::string& header) {
  message::Header parsed = message::parse_header(header);
  Author author = find_author(parsed);
  switch (author.kind) {
    case Author::Kind::One: return author.domain;
    case Author::Kind::Missing: return "(missing)";
    case Author::Kind::Malformed: return "(malformed)";
    case Author::Kind::Many: return "(many)";
    case Author::Kind::Unseen: return "(unseen)";
  }
  return "?";
}

std::string from(const std::string& value) {
  return author_of("From: " + value + "\r\nTo: a@b.example\r\n\r\n");
}

struct Case {
  std::string value;
  std::string expect;
};

void expect_all(const std::vector<Case>& cases) {
  for (const Case& c : cases) EXPECT_EQ(from(c.value), c.expect) << c.value;
}

TEST(FindAuthor, OrdinaryForms) {
  expect_all({
      {"joe@joe.example", "joe.example"},
      {"<joe@joe.example>", "joe.example"},
      {"Joe Johnson <joe@joe.example>", "joe.example"},
      {"\"Johnson, Joe\" <joe@JOE.Example>", "joe.example"},
      {"\"joe@other.example\" <joe@joe.example>", "joe.example"},
      {"\"a \\\" <x@other.example>\" <joe@joe.example>", "joe.example"},
      {"(joe@other.example) joe@joe.example", "joe.example"},
      {"(a (nested ((deep))) comment \\) x) joe@joe.example (Joe)", "joe.example"},
      {"=?utf-8?Q?Joe_Johnson?= <joe@joe.example>", "joe.example"},
      {"=?utf-8?Q?joe@other.example?= <joe@joe.example>", "joe.example"},
      {"[List] Joe <joe@joe.example>", "joe.example"},
      {"Joe :) <joe@joe.example>", "joe.example"},
      {"J. D. Joe <joe@joe.example>", "joe.example"},
      {"\"quoted local\"@joe.example", "joe.example"},
      {"joe.@joe.example", "joe.example"},
      {"J\xc3\xb6rg <joe@joe.example>", "joe.example"},
      {"Joe\r\n Johnson\r\n\t<joe@joe.example>", "joe.example"},
      {"joe@under_score.joe.example", "under_score.joe.example"},
      {"joe@localhost", "localhost"},
  });
}

// RFC 5322, 4.4.
TEST(FindAuthor, ObsoleteForms) {
  expect_all({
      {"joe @ joe . example", "joe.example"},
      {"joe(c)@(c)joe(c).(c)example", "joe.example"},
      {",, joe@joe.example ,, (x),", "joe.example"},
      {"A.B (c) . C <joe@joe.example>", "joe.example"},
      {"<@joe.example,@joe.example:joe@joe.example>", "joe.example"},
  });
}

TEST(FindAuthor, Groups) {
  expect_all({
      {"Friends: joe@joe.example, Ann <ann@joe.example>;", "joe.example"},
      {"Friends: joe@joe.example, ann@ann.example;", "(many)"},
      {"Nobody:;", "(malformed)"},
      {"From: Davide D'Marco <user@blah.example>", "blah.example"},
  });
}

// RFC 9989, 5.3.1: several addresses of one domain are one domain; two domains are none.
TEST(FindAuthor, SeveralAddresses) {
  expect_all({
      {"joe@joe.example, ann@JOE.example", "joe.example"},
      {"joe@joe.example, ann@ann.example", "(many)"},
      {"<a@one.example>b@two.example", "(many)"},
      {"a@one.example <b@two.example>", "(many)"},
      {"a@one.example,<b@two.example>", "(many)"},
      {"<a@one.example>\\,<b@two.example>", "(many)"},
      {"joe@joe.example, ann@sub.joe.example", "(many)"},
      {"<@one.example,@two.example:b@three.example>", "(many)"},
      {"<@one.example:b@one.example>", "one.example"},
  });
}

// RFC 5322, 4.4: white space and comments stand around the atoms and dots of an address. Readers that remove them
// elsewhere too see ceo@victim.example.
TEST(FindAuthor, BlanksJoinNoAtoms) {
  expect_all({
      {"<ceo@victim.exa mple>", "(malformed)"},
      {"ceo@victim.exa mple", "(malformed)"},
      {"\"Boss\" <ceo@victim.exa (x) mple>", "(malformed)"},
      {"<ceo@victim.exa(x)mple>", "(malformed)"},
      {"<ceo@victim.exa\r\n mple>", "(malformed)"},
      {"<ceo@victim.exa\tmple>", "(malformed)"},
      {"ceo@victim.exa mple, x@victim.exa", "(malformed)"},
      {"Friends: ceo@victim.exa mple;", "(malformed)"},
      {"<@victim.exa mple:x@victim.exa>", "(malformed)"},
      {"<c eo@joe.example>", "(malformed)"},
      {"<c(x)eo@joe.example>", "(malformed)"},
      {"c(x)eo@joe.example", "(malformed)"},
      {"<c . eo (x) @ joe (x) . example>", "joe.example"},
  });
}

TEST(FindAuthor, NothingButOneAddressInAngleBrackets) {
  expect_all({
      {"<\"b@victim.example\"x@attacker.example>", "(malformed)"},
      {"\"b@victim.example\"x@attacker.example", "(malformed)"},
      {"<\"b@victim.example\" x@attacker.example>", "(malformed)"},
      {"<\"b@victim.example\".x@attacker.example>", "attacker.example"},
      {"<ceo@a,>", "(malformed)"},
      {"<,ceo@a.example>", "(malformed)"},
      {"<a, ceo@a.example>", "(malformed)"},
      {"<http://victim.example/x@attacker.example>", "(malformed)"},
      {"<mailto:x@attacker.example>", "(malformed)"},
      {"<@a.example x@a.example>", "(malformed)"},
      {"<@a.example@a.example:x@a.example>", "(malformed)"},
      {"<:x@a.example>", "(malformed)"},
      {"<.x@a.example>", "(malformed)"},
      {"<[victim.example]x@a.example>", "(malformed)"},
      {"[victim.example]x@a.example", "(malformed)"},
      {"<x@a.example;>", "(malformed)"},
      {"<x@a.example (c)>", "a.example"},
      {"<x..y.@a.example>", "a.example"},
      {"x@a.example <>", "(malformed)"},
      {"<x@a.example> <>", "(malformed)"},
      {"<> <x@a.example>", "(malformed)"},
      {"<><x@a.example>", "a.example"},
      {"<<x@a.example>", "a.example"},
      {"<ceo@victim><.example>", "(malformed)"},
      {"ceo@victim<>.example", "(malformed)"},
  });
}

TEST(FindAuthor, NothingBehindAnAddress) {
  expect_all({
      {"<x@a.example> junk", "(malformed)"},
      {"<x@a.example>junk", "(malformed)"},
      {"<x@a.example>.b", "(malformed)"},
      {"<x@a.example>:", "(malformed)"},
      {"x@a.example: x@a.example", "(malformed)"},
      {"x@a.example y@a.example", "(malformed)"},
      {"<x@a.example><x@a.example>", "(malformed)"},
      {"x@a.example> junk", "(malformed)"},
      {"x@a.example [junk]", "(malformed)"},
      {"x@a.example \"junk\"", "(malformed)"},
      {"x@a.example junk <x@a.example>", "(malformed)"},
      {"x@a.example <x@a.example>", "a.example"},
      {"x@a.example (c) <x@a.example> (c)", "a.example"},
  });
}

// A comma in a display name without quotes is common. Some readers take every piece between commas for an address.
TEST(FindAuthor, WordsBetweenCommas) {
  expect_all({
      {"Doe, John <john@joe.example>", "joe.example"},
      {"Doe, John, \"Dr.\" <john@joe.example>", "joe.example"},
      {"=?utf-8?Q?D=C3=B6?=, =?utf-8?B?SsO2aG4=?= <john@joe.example>", "joe.example"},
      {"Doe; John <john@joe.example>", "joe.example"},
      {"victim.example, <x@attacker.example>", "attacker.example"},
      {"x@attacker.example, victim.example", "attacker.example"},
      {"\"ceo@victim.example\", x@attacker.example", "(malformed)"},
      {"x@attacker.example, \"ceo@victim.example\"", "(malformed)"},
      {"(ceo@victim.example), x@attacker.example", "(malformed)"},
      {"Boss (ceo@victim.example), x@attacker.example", "(malformed)"},
      {"x@attacker.example; \"ceo@victim.example\"; ", "(malformed)"},
      {"Boss \"ceo@victim.example\": x@attacker.example;", "(malformed)"},
      {"<>, x@attacker.example", "(malformed)"},
      {"<ceo>, x@attacker.example", "(malformed)"},
      {">, x@attacker.example", "(malformed)"},
      {"Nobody:;, x@attacker.example", "(malformed)"},
      {"x@attacker.example, Nobody:", "(malformed)"},
  });
}

TEST(FindAuthor, LenientWhereReadersAre) {
  expect_all({
      {"<<<><joe@joe.example>>>", "joe.example"},
      {"\"( bob@bob.example)\" joe@joe.example", "joe.example"},
      {"Joe joe@joe.example", "joe.example"},
      {"<joe@joe.example", "joe.example"},
      {"joe@joe.example>", "joe.example"},
      {"joe@joe.example.", "joe.example"},
  });
}

TEST(FindAuthor, InternationalDomains) {
  expect_all({
      {"joe@b\xc3\xbc"
       "cher.example",
       "xn--bcher-kva.example"},
      {"joe@B\xc3\x9c"
       "CHER.example",
       "xn--bcher-kva.example"},
      {"joe@b\xc3\xbc"
       "cher.example, x@xn--bcher-kva.example",
       "xn--bcher-kva.example"},
      {"joe@b\xfc"
       "cher.example",
       "(malformed)"},
  });
}

// What one reader takes for a domain and another does not must not be chosen.
TEST(FindAuthor, WhatReadersDisagreeOn) {
  expect_all({
      {"", "(malformed)"},
      {"Joe Johnson", "(malformed)"},
      {"<>", "(malformed)"},
      {"joe@", "(malformed)"},
      {"@joe.example", "(malformed)"},
      {"<@joe.example>", "(malformed)"},
      {"joe@[192.0.2.1]", "(malformed)"},
      {"joe@joe..example", "(malformed)"},
      {"joe@.joe.example", "(malformed)"},
      {"joe@joe.example@joe.example", "(malformed)"},
      {"joe@joe.example\"x\"", "(malformed)"},
      {"joe@joe/x.example", "(malformed)"},
      {"joe@joe.example\\.other.example", "(malformed)"},
      {"joe@joe.example (open", "(malformed)"},
      {"\"open <joe@joe.example>", "(malformed)"},
      {"\\\"a\\\" <joe@joe.example>", "(malformed)"},
      {"<someone> joe@joe.example", "(malformed)"},
      {"joe@joe.example (c) .evil.example", "(many)"},
      {"joe@joe.example .evil.example", "(many)"},
      {"joe@joe.example\0.evil.example"s, "(many)"},
      {"Joe \0<joe@joe.example>"s, "(malformed)"},
      {"joe@joe.example\x01", "(malformed)"},
      {"joe@joe.example\rX", "(malformed)"},
      {"joe@joe.example\nFrom: <x@evil.example>", "(many)"},
  });
}

// RFC 2047, 5: an encoded-word does not stand in an address. Readers that decode it there see <admin@legit.example>.
TEST(FindAuthor, EncodedWordsHideNoAddress) {
  expect_all({
      {"=?utf-8?B?PGFkbWluQGxlZ2l0LmV4YW1wbGU+?=@attack.example", "(malformed)"},
      {"=?utf-8?B?PGFkbWluQGxlZ2l0LmV4YW1wbGU+?=x@attack.example", "(malformed)"},
      {"=?utf-8?B?PGFkbWluQGxlZ2l0LmV4YW1wbGU+?=.x@attack.example", "(malformed)"},
      {"<=?utf-8?B?PGFkbWluQGxlZ2l0LmV4YW1wbGU+?=>", "(malformed)"},
      {"<=?utf-8?B?PGFkbWluQGxlZ2l0LmV4YW1wbGU+?= x@attack.example>", "(malformed)"},
      {"<=?utf-8?B?PGFkbWluQGxlZ2l0LmV4YW1wbGU+?=>\0@attack.example"s, "(malformed)"},
      {"x@=?utf-8?Q?legit.example?=", "(malformed)"},
      {"<x.=?utf-8?Q?=40legit.example=3E?=@attack.example>", "(malformed)"},
      {"<x=?utf-8?Q?=40legit.example=3E?=@attack.example>", "(malformed)"},
      {"<\"=?utf-8?Q?admin=40legit.example=3E?=\"@attack.example>", "(malformed)"},
  });
}

// One that is a member of the list by itself, or stands before an address without brackets, becomes an address to
// readers that decode first.
TEST(FindAuthor, EncodedWordsThatDecodeToAnAddress) {
  expect_all({
      {"=?utf-8?Q?ceo=40victim.example?=, x@attack.example", "(malformed)"},
      {"=?utf-8?Q?ceo@victim.example?=, x@attack.example", "(malformed)"},
      {"=?utf-8?B?Y2VvQHZpY3RpbS5leGFtcGxl?=, x@attack.example", "(malformed)"},
      {"=?utf-8?b?YWNlb0B2aWN0aW0uZXhhbXBsZQ==?=, x@attack.example", "(malformed)"},
      {"=?utf-8?B?YQ==Y2Vv QHZpY3RpbS5leGFtcGxl?=, x@attack.example", "(malformed)"},
      {"=?utf-8?Q?ceo =40victim.example?=, x@attack.example", "(malformed)"},
      {"\"=?utf-8?Q?ceo=40victim.example?=\", x@attack.example", "(malformed)"},
      {"=?utf-8?Q?ceo=40victim.example?=: x@attack.example;", "(malformed)"},
      {"=?utf-8?B?PGFkbWluQGxlZ2l0LmV4YW1wbGU+?= x@attack.example", "(malformed)"},
      {"=?utf-8?Q?Joe?= joe@joe.example", "joe.example"},
      {"=?utf-8?B?Sm9l?= joe@joe.example", "joe.example"},
  });
}

// RFC 9989, 4.4: absent and repeated From fields; fields that only some readers take for From are repeated ones.
TEST(FindAuthor, Fields) {
  const std::vector<Case> cases = {
      {"To: a@b.example\r\n\r\nFrom: joe@joe.example\r\n", "(missing)"},
      {"fRoM: joe@joe.example\r\n\r\n", "joe.example"},
      {"From : joe@joe.example\r\n\r\n", "joe.example"},
      {"From joe@x.example Thu Jan  1 00:00:00 2026\r\nFrom: joe@joe.example\r\n\r\n", "joe.example"},
      {"From: joe@joe.example\r\nFrom: joe@joe.example\r\n\r\n", "(many)"},
      {"From: a@one.example\r\nFrom : b@two.example\r\n\r\n", "(many)"},
      {"To: x@y.example\r\nFrom\r\n : a@one.example\r\nFrom: b@two.example\r\n\r\n", "(many)"},
      {"To: x@y.example\r\nFrom\r\n : a@one.example\r\n\r\n", "(malformed)"},
      {"To: x@y.example\r\nFrom\xc3\xbf: a@one.example\r\nFrom: b@two.example\r\n\r\n", "(many)"},
      {"To: x@y.example\r\nno field\r\n From: a@one.example\r\nFrom: b@two.example\r\n\r\n", "(many)"},
      {"Subject: x\r\n From: a@one.example\r\nFrom: b@two.example\r\n\r\n", "two.example"},
      {"Resent-From: a@one.example\r\nFrom: b@two.example\r\n\r\n", "two.example"},
  };
  for (const Case& c : cases) EXPECT_EQ(author_of(c.value), c.expect) << c.value;
}

std::string repeat(std::string_view text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

// Up to 64 KiB are read.
TEST(FindAuthor, MuchOfAnything) {
  constexpr size_t kMuch = 65'000;
  EXPECT_EQ(from("joe@" + repeat("a.", 10'000) + "example"), "(malformed)");
  EXPECT_EQ(from(repeat("(", kMuch / 2) + repeat(")", kMuch / 2) + "joe@joe.example"), "joe.example");
  EXPECT_EQ(from(repeat("(", kMuch)), "(malformed)");
  EXPECT_EQ(from(repeat("=?u?q?", kMuch / 6) + " <joe@joe.example>"), "joe.example");
  EXPECT_EQ(from(repeat("=?", kMuch / 2) + " <joe@joe.example>"), "joe.example");
  EXPECT_EQ(from(repeat("<", kMuch) + "joe@joe.example"), "joe.example");
  EXPECT_EQ(from(repeat(",", kMuch) + "joe@joe.example"), "joe.example");
  EXPECT_EQ(from(repeat("a,", kMuch / 2) + "joe@joe.example"), "joe.example");
  EXPECT_EQ(from(repeat("a@joe.example,", kMuch / 14)), "joe.example");
  EXPECT_EQ(from(repeat("a@", kMuch / 2)), "(malformed)");
  EXPECT_EQ(from("a@" + repeat("b .", kMuch / 3)), "(many)");
  EXPECT_EQ(from("a@" + repeat("b.", kMuch / 4) + "," + repeat("a@x.\xc3\xbc,a@X.\xc3\x9c,", kMuch / 32)),
            "(malformed)");
  EXPECT_EQ(from(repeat("\"\\", kMuch / 2)), "(malformed)");
}

// Ends at all, and within the time that ctest gives.
TEST(FindAuthor, MegabytesOfAnything) {
  constexpr size_t kMany = 1U << 20U;
  EXPECT_EQ(from("Joe" + repeat("\r\n ", kMany / 3) + "<joe@joe.example>"), "(malformed)");
  EXPECT_EQ(from(repeat("a@joe.example,", kMany / 10)), "(malformed)");
  EXPECT_EQ(from(repeat("(", kMany) + repeat(")", kMany) + "joe@joe.example"), "(malformed)");
  EXPECT_EQ(author_of("To: x\r\n" + repeat("?\r\n \r\n \t\r\n ", kMany / 8) + "\r\nFrom: joe@joe.example\r\n\r\n"),
            "joe.example");
}

}  // namespace
}  // namespace postern::dmarc
