// The reader and the writer of message content: each by itself, and the one behind the other.
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include <gtest/gtest.h>

#include "proxy/smtp/body_reader.h"
#include "proxy/smtp/body_writer.h"

namespace postern::smtp {
namespace {

constexpr uint64_t kNoLimit = UINT64_MAX;

struct Outcome {
  std::string content;
  std::string rest;  // what the reader left, behind the end
  bool ended = false;
  BodyFault fault = BodyFault::None;
  uint64_t size = 0;
  uint64_t bare_newlines = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome read(const std::vector<std::string_view>& pieces, BareNewline bare = BareNewline::Normalize,
             uint64_t max_size = kNoLimit) {
  BodyReader reader(bare, max_size);
  Outcome outcome;
  for (std::string_view piece : pieces) {
    if (!outcome.ended) outcome.ended = reader.read(piece, outcome.content);
    outcome.rest += piece;
  }
  outcome.fault = reader.fault();
  outcome.size = reader.size();
  outcome.bare_newlines = reader.bare_newlines();
  return outcome;
}

std::string write(const std::vector<std::string_view>& pieces) {
  BodyWriter writer;
  std::string wire;
  for (std::string_view piece : pieces) writer.write(piece, wire);
  writer.finish(wire);
  return wire;
}

/// Every text of up to `length` of the octets that matter.
std::vector<std::string> combinations(size_t length) {
  static const std::string kOctets("\r\n.a\0", 5);
  std::vector<std::string> all = {""};
  for (size_t begin = 0, round = 0; round < length; ++round) {
    size_t end = all.size();
    for (; begin < end; ++begin) {
      for (char octet : kOctets) all.push_back(all[begin] + octet);
    }
  }
  return all;
}

bool has_lone_newline(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')) return true;
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) return true;
  }
  return false;
}

TEST(BodyReader, EndsOnlyAtTheTrueEnd) {
  EXPECT_TRUE(read({".\r\n"}).ended);
  EXPECT_TRUE(read({"a\r\n.\r\n"}).ended);
  for (const char* wire : {".\n", ".\r", "\n.\r\n", "\r.\r\n", "a.\r\n", "..\r\n", ". \r\n", ".\r\r\n", "\n.\n",
                           "a\r\n.\n", "a\n.\r\n", "a\r.\r\n", "a\r\n.a\r\n", "\r\r\n.\r\r\n"}) {
    EXPECT_FALSE(read({wire}).ended) << testing::PrintToString(wire);
  }
  Outcome outcome = read({"a\r\n.\r\nQUIT\r\n"});
  EXPECT_EQ(outcome.content, "a\r\n");
  EXPECT_EQ(outcome.rest, "QUIT\r\n");
}

TEST(BodyReader, RemovesOneDotOfALine) {
  EXPECT_EQ(read({"..\r\n.a\r\n...b\r\nc.\r\n.\r\n"}).content, ".\r\na\r\n..b\r\nc.\r\n");
}

TEST(BodyReader, NormalisesLoneNewlines) {
  Outcome outcome = read({"a\nb\rc\r\r\n\nd\r\n.\r\n"});
  EXPECT_EQ(outcome.content, "a\r\nb\r\nc\r\n\r\n\r\nd\r\n");
  EXPECT_EQ(outcome.bare_newlines, 4U);
  EXPECT_EQ(outcome.fault, BodyFault::None);
}

TEST(BodyReader, NoDotGoesAwayBehindALoneNewline) {
  EXPECT_EQ(read({"a\n.b\r\n.\r\n"}).content, "a\r\n.b\r\n");
  EXPECT_EQ(read({"a\r.b\r\n.\r\n"}).content, "a\r\n.b\r\n");
  EXPECT_EQ(read({".\r.b\r\n.\r\n"}).content, "\r\n.b\r\n");
}

TEST(BodyReader, ReadsToTheEndAfterAFault) {
  Outcome big = read({"123456\r\nQUIT\r\n.\r\nNOOP\r\n"}, BareNewline::Normalize, 5);
  EXPECT_EQ(big, (Outcome{"12345", "NOOP\r\n", true, BodyFault::TooBig, 5, 0}));
  Outcome bare = read({"1\n2\r\n.\r\nNOOP\r\n"}, BareNewline::Reject, 5);
  EXPECT_EQ(bare, (Outcome{"1", "NOOP\r\n", true, BodyFault::BareNewline, 1, 1}));
}

TEST(BodyReader, TheLimitIsOfStoredOctets) {
  EXPECT_EQ(read({"..234\r\n.\r\n"}, BareNewline::Normalize, 6).fault, BodyFault::None);
  EXPECT_EQ(read({"..234\r\n.\r\n"}, BareNewline::Normalize, 5).fault, BodyFault::TooBig);
}

TEST(BodyReader, FaultsAreRefusals) {
  EXPECT_EQ(body_fault_reply(BodyFault::TooBig).encode(), "552 5.3.4 message too big\r\n");
  EXPECT_EQ(body_fault_reply(BodyFault::BareNewline).encode(), "550 5.6.0 bare CR or LF in the message\r\n");
  EXPECT_TRUE(body_fault_reply(BodyFault::None).temporary());
}

TEST(BodyReader, ReadsTheSameWhereverTheInputIsCut) {
  for (const std::string& text : combinations(6)) {
    std::string_view wire = text;
    for (BareNewline bare : {BareNewline::Normalize, BareNewline::Reject}) {
      for (uint64_t limit : {kNoLimit, uint64_t{2}}) {
        Outcome whole = read({wire}, bare, limit);
        for (size_t cut = 1; cut < wire.size(); ++cut) {
          ASSERT_EQ(read({wire.substr(0, cut), wire.substr(cut)}, bare, limit), whole)
              << testing::PrintToString(text) << " cut at " << cut;
        }
      }
    }
  }
}

// The property that smuggling breaks: what was written is read as one message and nothing else, whatever is in it.
TEST(BodyWriter, WritesOneMessageWhateverItHolds) {
  for (const std::string& content : combinations(6)) {
    std::string wire = write({content});
    ASSERT_FALSE(has_lone_newline(wire)) << testing::PrintToString(content);
    Outcome outcome = read({wire}, BareNewline::Reject);
    ASSERT_TRUE(outcome.ended) << testing::PrintToString(content);
    ASSERT_EQ(outcome.rest, "") << testing::PrintToString(content);
    ASSERT_EQ(outcome.fault, BodyFault::None) << testing::PrintToString(content);
    for (size_t cut = 1; cut < content.size(); ++cut) {
      std::string_view text = content;
      ASSERT_EQ(write({text.substr(0, cut), text.substr(cut)}), wire) << testing::PrintToString(content);
    }
  }
}

TEST(BodyWriter, WhatTheReaderStoredIsWrittenAndReadBackUnchanged) {
  for (const std::string& text : combinations(6)) {
    Outcome stored = read({text, "\r\n.\r\n"});
    ASSERT_FALSE(has_lone_newline(stored.content)) << testing::PrintToString(text);
    // A message that does not end in CRLF gets one: the reader cannot have stored such a one.
    ASSERT_EQ(read({write({stored.content})}).content, stored.content) << testing::PrintToString(text);
  }
}

TEST(BodyWriter, DoublesDotsAndClosesTheLastLine) {
  EXPECT_EQ(write({}), ".\r\n");
  EXPECT_EQ(write({".\r\n..\r\na."}), "..\r\n...\r\na.\r\n.\r\n");
  EXPECT_EQ(write({"a\n.b\rc"}), "a\r\n..b\r\nc\r\n.\r\n");
  EXPECT_EQ(write({"a\r"}), "a\r\n.\r\n");
  EXPECT_EQ(write({"a\r", "\n", ".\r\n"}), "a\r\n..\r\n.\r\n");
}

TEST(Body, LongMessagesSurvive) {
  std::mt19937 random(1);
  static const std::string kOctets("\r\n..ab\0\xff", 8);
  for (int round = 0; round < 200; ++round) {
    std::string content;
    while (content.size() < 5000) {
      content.append(random() % 200, 'x');
      content += kOctets[random() % kOctets.size()];
      if (random() % 2 == 0) content += "\r\n";
    }
    std::string wire = write({content});
    size_t cut = random() % wire.size();
    std::string_view view = wire;
    Outcome outcome = read({view.substr(0, cut), view.substr(cut)}, BareNewline::Reject);
    ASSERT_TRUE(outcome.ended && outcome.rest.empty());
    ASSERT_EQ(write({outcome.content}), wire);
  }
}

// Published sequences that other servers took for the end of a message. The file is not part of the repository; tests
// run in the root of it.
TEST(Body, PublishedSmugglingSequencesStayContent) {
  const std::filesystem::path file = "../shared/data/smtp/smuggling.jsonl";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not here";
  std::ifstream input(file);
  std::string line;
  int cases = 0;
  auto field = [&](const std::string& name) {
    size_t at = line.find("\"" + name + "\": \"") + name.size() + 5;
    return line.substr(at, line.find('"', at) - at);
  };
  while (std::getline(input, line)) {
    static const std::string kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string octets;
    unsigned bits = 0;
    int have = 0;
    for (char c : field("bytes_b64")) {
      if (c == '=') break;
      bits = (bits << 6U) | static_cast<unsigned>(kAlphabet.find(c));
      have += 6;
      if (have >= 8) octets += static_cast<char>((bits >> static_cast<unsigned>(have -= 8)) & 0xffU);
    }
    Outcome outcome = read({"x" + octets + "MAIL FROM:<evil@example.net>\r\n.\r\n"});
    std::string id = field("id");
    bool real_end = octets.starts_with("\r\n.\r\n");
    EXPECT_EQ(outcome.content.find("evil") == std::string::npos, real_end) << id;
    std::string wire = write({outcome.content});
    Outcome again = read({wire}, BareNewline::Reject);
    EXPECT_TRUE(again.ended && again.rest.empty() && again.content == outcome.content) << id;
    ++cases;
  }
  EXPECT_GT(cases, 0);
}

}  // namespace
}  // namespace postern::smtp
