#include "proxy/smtp/reply.h"

#include <gtest/gtest.h>

namespace postern::smtp {
namespace {

Reply lines(int code, std::string enhanced, std::vector<std::string> text) {
  Reply reply(code, std::move(enhanced), "");
  reply.lines = std::move(text);
  return reply;
}

TEST(Reply, IsWrittenWithItsEnhancedCodeOnEveryLine) {
  EXPECT_EQ(Reply(250, "2.1.0", "ok").encode(), "250 2.1.0 ok\r\n");
  EXPECT_EQ(lines(550, "5.7.1", {"no", "never"}).encode(), "550-5.7.1 no\r\n550 5.7.1 never\r\n");
  EXPECT_EQ(lines(250, "", {"mx.example.org", "DSN"}).encode(), "250-mx.example.org\r\n250 DSN\r\n");
  EXPECT_EQ(Reply(354, "", "go ahead").encode(), "354 go ahead\r\n");
}

TEST(Reply, LeavesOutAnEnhancedCodeThatDoesNotFit) {
  EXPECT_EQ(Reply(354, "3.0.0", "go ahead").encode(), "354 go ahead\r\n");
  EXPECT_EQ(Reply(550, "2.0.0", "no").encode(), "550 no\r\n");
  EXPECT_EQ(Reply(550, "5.7", "no").encode(), "550 no\r\n");
  EXPECT_EQ(Reply(550, "5.7.1\r\n250 ok", "no").encode(), "550 no\r\n");
}

TEST(Reply, CannotBeBrokenOutOf) {
  EXPECT_EQ(Reply(550, "5.7.1", std::string("a\r\n250 ok\0\x80", 11)).encode(), "550 5.7.1 a??250 ok??\r\n");
}

TEST(Reply, LinesStayWithin512Octets) {
  std::string wire = lines(550, "5.7.1", {std::string(2000, 'x'), std::string(10, 'y')}).encode();
  EXPECT_EQ(wire.find("\r\n"), 510U);
  EXPECT_TRUE(wire.ends_with("550 5.7.1 yyyyyyyyyy\r\n"));
}

TEST(Reply, WithoutSenseIsATemporaryFailure) {
  EXPECT_EQ(Reply().encode(), "451 4.3.0 internal error\r\n");
  EXPECT_EQ(Reply(1250, "2.0.0", "ok").encode(), "451 4.3.0 internal error\r\n");
}

TEST(Reply, WithoutLinesIsStillAReply) {
  EXPECT_EQ(lines(250, "2.0.0", {}).encode(), "250 2.0.0 \r\n");
}

TEST(Reply, GetsAnEnhancedCodeWhereItHasNone) {
  Reply backend(450, "", "greylisted");
  backend.complete();
  EXPECT_EQ(backend.enhanced, "4.0.0");
  Reply data(354, "", "go");
  data.complete();
  EXPECT_EQ(data.enhanced, "");
  Reply kept(550, "5.7.1", "no");
  kept.complete();
  EXPECT_EQ(kept.to_string(), "550 5.7.1 no");
}

ReplyReader::State read_all(ReplyReader& reader, std::string_view wire) {
  return reader.read(wire);
}

TEST(ReplyReader, ReadsOneReplyAndLeavesTheRest) {
  ReplyReader reader;
  std::string_view wire = "250-2.1.0 a\r\n250 2.1.0 b\r\n354 go\r\n";
  ASSERT_EQ(reader.read(wire), ReplyReader::State::Ready);
  Reply first = reader.take();
  EXPECT_EQ(first.code, 250);
  EXPECT_EQ(first.enhanced, "2.1.0");
  EXPECT_EQ(first.lines, (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(reader.read(wire), ReplyReader::State::Ready);
  EXPECT_EQ(reader.take().to_string(), "354 go");
  EXPECT_TRUE(wire.empty());
}

TEST(ReplyReader, ReadsTheSameOctetByOctet) {
  ReplyReader reader;
  std::string_view wire = "250-mx\r\n250-SIZE 10\r\n250\r\n";
  for (size_t i = 0; i + 1 < wire.size(); ++i)
    ASSERT_EQ(read_all(reader, wire.substr(i, 1)), ReplyReader::State::NeedMore);
  ASSERT_EQ(read_all(reader, "\n"), ReplyReader::State::Ready);
  EXPECT_EQ(reader.take().lines, (std::vector<std::string>{"mx", "SIZE 10", ""}));
}

TEST(ReplyReader, KeepsAnEnhancedCodeOfAnotherKindInTheText) {
  ReplyReader reader;
  ASSERT_EQ(read_all(reader, "550-5.7.1 a\r\n550-5.1.1 b\r\n550 5.7.12 c\r\n"), ReplyReader::State::Ready);
  Reply reply = reader.take();
  EXPECT_EQ(reply.enhanced, "5.7.1");
  EXPECT_EQ(reply.lines, (std::vector<std::string>{"a", "5.1.1 b", "5.7.12 c"}));
  ASSERT_EQ(read_all(reader, "550 2.0.0 ok?\r\n"), ReplyReader::State::Ready);
  EXPECT_EQ(reader.take().enhanced, "");
}

TEST(ReplyReader, RefusesWhatIsNoReply) {
  for (const char* wire : {"\r\n", "25\r\n", "abc hello\r\n", "150 x\r\n", "650 x\r\n", "2500 x\r\n", "250_x\r\n",
                           "250-a\r\n251 b\r\n", "SSH-2.0-x\r\n"}) {
    ReplyReader reader;
    EXPECT_EQ(read_all(reader, wire), ReplyReader::State::Broken) << wire;
    EXPECT_FALSE(reader.error().empty());
    EXPECT_EQ(read_all(reader, "250 ok\r\n"), ReplyReader::State::Broken);
  }
}

// A backend that has taken the message must be believed however much it says.
TEST(ReplyReader, KeepsTheCodeOfAReplyThatIsTooLong) {
  ReplyReader long_line;
  ASSERT_EQ(read_all(long_line, "250 " + std::string(3 * ReplyReader::kMaxLine, 'x') + "\r\n"),
            ReplyReader::State::Ready);
  Reply reply = long_line.take();
  EXPECT_EQ(reply.code, 250);
  EXPECT_LE(reply.lines.front().size(), ReplyReader::kMaxLine);
  ReplyReader many_lines;
  std::string wire;
  for (size_t i = 0; i <= 3 * ReplyReader::kMaxLines; ++i) wire += "250-x\r\n";
  ASSERT_EQ(read_all(many_lines, wire + "250 x\r\n"), ReplyReader::State::Ready);
  EXPECT_EQ(many_lines.take().lines.size(), ReplyReader::kMaxLines);
}

TEST(ReplyReader, IsBounded) {
  ReplyReader endless_line;
  EXPECT_EQ(read_all(endless_line, "250 " + std::string(ReplyReader::kMaxReply, 'x')), ReplyReader::State::Broken);
  ReplyReader endless_reply;
  std::string wire;
  for (size_t i = 0; i <= ReplyReader::kMaxReply / 6; ++i) wire += "250-x\r\n";
  EXPECT_EQ(read_all(endless_reply, wire), ReplyReader::State::Broken);
}

TEST(ReplyReader, MakesTextPrintable) {
  ReplyReader reader;
  ASSERT_EQ(read_all(reader, std::string_view("550 a\0b\x1b[31m\n", 13)), ReplyReader::State::Ready);
  EXPECT_EQ(reader.take().lines.front(), "a?b?[31m");
}

}  // namespace
}  // namespace postern::smtp
