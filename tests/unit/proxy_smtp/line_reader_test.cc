#include "proxy/smtp/line_reader.h"

#include <vector>

#include <gtest/gtest.h>

namespace postern::smtp {
namespace {

using Result = LineReader::Result;

std::vector<std::string> lines_of(LineReader& reader, std::string_view input) {
  std::vector<std::string> lines;
  for (;;) {
    Result result = reader.read(input);
    if (result == Result::NeedMore) return lines;
    lines.push_back(result == Result::Line ? reader.line() : "(too long)");
  }
}

TEST(LineReader, EndsALineAtCrlfAndAtLf) {
  LineReader reader(100);
  EXPECT_EQ(lines_of(reader, "a\r\nb\n\r\n\r\r\nc\rd\r\n"), (std::vector<std::string>{"a", "b", "", "\r", "c\rd"}));
}

TEST(LineReader, ReadsTheSameWhereverTheInputIsCut) {
  std::string input = "EHLO a\r\n\nMAIL\r\n" + std::string(20, 'x') + "\r\nQUIT\r\n";
  LineReader whole(16);
  auto want = lines_of(whole, input);
  EXPECT_EQ(want, (std::vector<std::string>{"EHLO a", "", "MAIL", "(too long)", "QUIT"}));
  for (size_t cut = 0; cut <= input.size(); ++cut) {
    LineReader reader(16);
    auto got = lines_of(reader, std::string_view(input).substr(0, cut));
    for (auto& line : lines_of(reader, std::string_view(input).substr(cut))) got.push_back(line);
    EXPECT_EQ(got, want) << cut;
  }
}

TEST(LineReader, CountsTheLineEnd) {
  LineReader reader(10);
  EXPECT_EQ(lines_of(reader, "12345678\r\n123456789\r\n123456789\n1234567890\n"),
            (std::vector<std::string>{"12345678", "(too long)", "123456789", "(too long)"}));
}

TEST(LineReader, KeepsNothingOfALineThatIsTooLong) {
  LineReader reader(10);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(lines_of(reader, std::string(100, 'x')).empty());
  EXPECT_LE(reader.line().size(), 10U);
  EXPECT_EQ(lines_of(reader, "\r\nok\r\n"), (std::vector<std::string>{"(too long)", "ok"}));
}

TEST(LineReader, ForgetsAnUnfinishedLine) {
  LineReader reader(10);
  EXPECT_TRUE(lines_of(reader, "NOO").empty());
  reader.clear();
  EXPECT_EQ(lines_of(reader, "P\r\n"), (std::vector<std::string>{"P"}));
}

}  // namespace
}  // namespace postern::smtp
