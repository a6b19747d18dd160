// Canonicalisation: the examples of RFC 6376, 3.4.5, and what they leave open.
#include "filters/dkim/canonical.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

#include "filters/dkim/body_hash.h"

namespace postern::dkim {
namespace {

std::string field(Canon canon, std::string_view raw) {
  std::string out;
  append_canonical_field(canon, raw, out);
  return out;
}

std::string body(Canon canon, std::string_view text, size_t piece = 1'000'000) {
  std::string out;
  BodyCanonicalizer canonicalizer(canon, [&](std::string_view bytes) { out += bytes; });
  for (size_t i = 0; i < text.size(); i += piece) canonicalizer.feed(text.substr(i, piece));
  canonicalizer.finish();
  return out;
}

// RFC 6376, 3.4.5.
TEST(Canonical, ExamplesOfTheStandard) {
  constexpr std::string_view kBody = " C \r\nD \t E\r\n\r\n\r\n";
  EXPECT_EQ(field(Canon::Relaxed, "A: X\r\n"), "a:X\r\n");
  EXPECT_EQ(field(Canon::Relaxed, "B : Y\t\r\n\tZ  \r\n"), "b:Y Z\r\n");
  EXPECT_EQ(field(Canon::Simple, "B : Y\t\r\n\tZ  \r\n"), "B : Y\t\r\n\tZ  \r\n");
  EXPECT_EQ(body(Canon::Relaxed, kBody), " C\r\nD E\r\n");
  EXPECT_EQ(body(Canon::Simple, kBody), " C \r\nD \t E\r\n");
}

TEST(Canonical, Fields) {
  EXPECT_EQ(field(Canon::Relaxed, "Subject:"), "subject:\r\n");
  EXPECT_EQ(field(Canon::Relaxed, "SUBJECT:\r\n \t \r\n x:  y\r\n \r\n"), "subject:x: y\r\n");
  EXPECT_EQ(field(Canon::Relaxed, "X: a\rb\nc\xff\r\n"), "x:a\rb\nc\xff\r\n");
  EXPECT_EQ(field(Canon::Relaxed, std::string_view("X: \0 \0\r\n", 8)), std::string_view("x:\0 \0\r\n", 7));
  EXPECT_EQ(field(Canon::Simple, "X: a"), "X: a\r\n");
}

// RFC 6376, 3.4.3 and 3.4.4.
TEST(Canonical, EmptyBodies) {
  for (std::string_view text : {"", "\r\n", "\r\n\r\n\r\n"}) {
    EXPECT_EQ(body(Canon::Simple, text), "\r\n");
    EXPECT_EQ(body(Canon::Relaxed, text), "");
  }
  EXPECT_EQ(body(Canon::Relaxed, " \t\r\n \r\n"), "");
  EXPECT_EQ(body(Canon::Relaxed, "  "), "");
  EXPECT_EQ(body(Canon::Simple, " "), " \r\n");
}

TEST(Canonical, Bodies) {
  struct Case {
    std::string_view text, simple, relaxed;
  };
  for (const Case& c : {
           Case{"a", "a\r\n", "a\r\n"},
           Case{"\r\n\r\na\r\n", "\r\n\r\na\r\n", "\r\n\r\na\r\n"},
           Case{"a\r\n \r\nb", "a\r\n \r\nb\r\n", "a\r\n\r\nb\r\n"},
           Case{"a \t \r\n\tb\tc\r\n", "a \t \r\n\tb\tc\r\n", "a\r\n b c\r\n"},
           Case{"a b  c d\r\n", "a b  c d\r\n", "a b c d\r\n"},
           Case{"a\r", "a\r\r\n", "a\r\r\n"},
           Case{"a\n\nb\n", "a\n\nb\n\r\n", "a\n\nb\n\r\n"},
           Case{"a \r b \n c\r\n", "a \r b \n c\r\n", "a \r b \n c\r\n"},
           Case{"\r\r\n\r\n", "\r\r\n", "\r\r\n"},
           Case{"a \r\r\n", "a \r\r\n", "a \r\r\n"},
           Case{"a\r\n\r\r\n", "a\r\n\r\r\n", "a\r\n\r\r\n"},
       }) {
    for (size_t piece : {1U, 2U, 3U, 100U}) {
      EXPECT_EQ(body(Canon::Simple, c.text, piece), c.simple) << c.text << piece;
      EXPECT_EQ(body(Canon::Relaxed, c.text, piece), c.relaxed) << c.text << piece;
    }
  }
}

// RFC 6376, 3.4.4, word for word.
std::string slow_relaxed_line(std::string_view line) {
  std::string out;
  for (char c : line) {
    bool space = c == ' ' || c == '\t';
    if (!space || !out.ends_with(' ')) out += space ? ' ' : c;
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

// RFC 6376, 3.4.3 and 3.4.4, word for word and slowly.
std::string slow_body(Canon canon, std::string text) {
  std::string out;
  if (!text.empty() && !text.ends_with("\r\n")) text += "\r\n";
  for (size_t at = 0; at < text.size();) {
    size_t end = text.find("\r\n", at);
    std::string line = text.substr(at, end - at);
    out += (canon == Canon::Relaxed ? slow_relaxed_line(line) : line) + "\r\n";
    at = end + 2;
  }
  while (out.ends_with("\r\n\r\n")) out.resize(out.size() - 2);
  if (out == "\r\n" || out.empty()) return canon == Canon::Simple ? "\r\n" : "";
  return out;
}

std::string random_body(std::mt19937& random, size_t size) {
  static constexpr std::string_view octets[] = {
      "a",     "bcdefghijklmnopqrstuvwx", " ",   "  ", "\t", "\r", "\n", "\r\n", "\r\n\r\n",
      " \r\n", "x y z and so on and on ", "\xff"};
  std::string out;
  while (out.size() < size) out += octets[random() % std::size(octets)];
  return out;
}

TEST(Canonical, AnyBodyInAnyPiecesIsWhatTheStandardSays) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string text = random_body(random, random() % 200);
    for (Canon canon : {Canon::Simple, Canon::Relaxed}) {
      std::string expected = slow_body(canon, text);
      ASSERT_EQ(body(canon, text), expected) << testing::PrintToString(text);
      ASSERT_EQ(body(canon, text, 1 + random() % 20), expected) << testing::PrintToString(text);
    }
  }
}

TEST(Canonical, LongBodiesAndLongRuns) {
  std::mt19937 random(2);
  std::string text = random_body(random, 100'000);
  for (const std::string& middle : {std::string(20'000, 'x'), std::string(20'000, ' ')}) {
    text += middle + random_body(random, 5000);
  }
  for (int i = 0; i < 5000; ++i) text += "\r\n";
  for (Canon canon : {Canon::Simple, Canon::Relaxed}) {
    for (const std::string& whole : {text, text + "end"}) {
      std::string expected = slow_body(canon, whole);
      EXPECT_EQ(body(canon, whole), expected);
      EXPECT_EQ(body(canon, whole, 4097), expected);
    }
  }
}

std::string octets(const Digest& digest) {
  return {digest.begin(), digest.end()};
}

TEST(BodyHasher, EachLimitIsTheHashOfThatManyOctets) {
  std::mt19937 random(3);
  std::string text = random_body(random, 9000);
  for (size_t piece : {7U, 4096U, 100'000U}) {
    BodyHasher hasher;
    std::vector<std::pair<BodyHasher::Slot, std::string>> expected;
    std::string relaxed = slow_body(Canon::Relaxed, text);
    for (size_t limit : {size_t{4000}, size_t{0}, size_t{1}, relaxed.size(), size_t{4097}, relaxed.size() - 1}) {
      expected.emplace_back(hasher.want(Canon::Relaxed, limit), octets(sha256(relaxed.substr(0, limit))));
    }
    auto whole = hasher.want(Canon::Relaxed, std::nullopt);
    auto simple = hasher.want(Canon::Simple, std::nullopt);
    auto beyond = hasher.want(Canon::Simple, UINT64_MAX);
    EXPECT_EQ(hasher.want(Canon::Relaxed, std::nullopt), whole);
    EXPECT_EQ(hasher.want(Canon::Relaxed, 4000), expected[0].first);
    for (size_t i = 0; i < text.size(); i += piece) hasher.feed(std::string_view(text).substr(i, piece));
    hasher.finish();
    for (const auto& [slot, digest] : expected) EXPECT_EQ(octets(hasher.digest(slot)), digest);
    EXPECT_EQ(octets(hasher.digest(whole)), octets(sha256(relaxed)));
    EXPECT_EQ(octets(hasher.digest(simple)), octets(sha256(slow_body(Canon::Simple, text))));
    EXPECT_EQ(hasher.canonical_size(whole), relaxed.size());
    EXPECT_EQ(hasher.canonical_size(beyond), slow_body(Canon::Simple, text).size());
  }
}

TEST(BodyHasher, NoBodyAtAll) {
  BodyHasher hasher;
  auto simple = hasher.want(Canon::Simple, std::nullopt);
  auto relaxed = hasher.want(Canon::Relaxed, 0);
  hasher.finish();
  EXPECT_EQ(octets(hasher.digest(simple)), octets(sha256("\r\n")));
  EXPECT_EQ(octets(hasher.digest(relaxed)), octets(sha256("")));
  EXPECT_EQ(hasher.canonical_size(relaxed), 0U);
}

}  // namespace
}  // namespace postern::dkim
