// The words of Lua as the outline of rule files reads them.
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lua/source_lexer.h"

namespace postern::rules {
namespace {

using testing::ElementsAre;

/// Every word of a text, "line:word"; strings in <>.
std::vector<std::string> words(std::string_view text) {
  source::Lexer lexer(text);
  std::vector<std::string> out;
  for (source::Token token = lexer.next(); token.kind != source::Token::Kind::End; token = lexer.next()) {
    std::string shown(token.text);
    if (token.kind == source::Token::Kind::Text) shown = fmt::format("<{}>", token.text);
    if (token.kind == source::Token::Kind::Bad) shown = "BAD";
    out.push_back(std::to_string(token.line) + ":" + shown);
  }
  return out;
}

TEST(SourceLexer, EveryOperatorIsOneWord) {
  EXPECT_THAT(words("+ - * / // % ^ # & ~ | << >> == ~= <= >= < > = ( ) { } [ ] :: ; : , . .. ..."),
              ElementsAre("1:+", "1:-", "1:*", "1:/", "1://", "1:%", "1:^", "1:#", "1:&", "1:~", "1:|", "1:<<", "1:>>",
                          "1:==", "1:~=", "1:<=", "1:>=", "1:<", "1:>", "1:=", "1:(", "1:)", "1:{", "1:}", "1:[", "1:]",
                          "1:::", "1:;", "1::", "1:,", "1:.", "1:..", "1:..."));
  EXPECT_THAT(words("a..b"), ElementsAre("1:a", "1:..", "1:b"));
  EXPECT_THAT(words("a//b--c\n<<=~=="), ElementsAre("1:a", "1://", "1:b", "2:<<", "2:=", "2:~=", "2:="));
}

TEST(SourceLexer, StringsMeanWhatLuaSays) {
  EXPECT_THAT(words(R"("a\tb\\\"\'" 'it''s')"), ElementsAre("1:<a\tb\\\"'>", "1:<it>", "1:<s>"));
  EXPECT_THAT(words(R"("\65\066\x43\u{44}\u{20AC}\u{7FFFFFFF}")"),
              ElementsAre("1:<ABCD\xE2\x82\xAC\xFD\xBF\xBF\xBF\xBF\xBF>"));
  EXPECT_THAT(words("'a\\z \t\r\n  b' c"), ElementsAre("1:<ab>", "2:c"));
  EXPECT_THAT(words("'a\\\nb' c"), ElementsAre("1:<a\nb>", "2:c"));
  EXPECT_THAT(words("'a\\\r\nb' c"), ElementsAre("1:<a\nb>", "2:c"));
  EXPECT_THAT(words(std::string_view("'a\0b\\0'", 7)), ElementsAre(std::string("1:<a\0b\0>", 8)));
}

TEST(SourceLexer, StringsThatLuaRefusesEndTheText) {
  for (const char* text : {"'a", "'a\nb'", "'\\q' x", "'\\x4g' x", "'\\256' x", "'\\u{80000000}' x", "'\\u41' x",
                           "'\\u{}' x", "[[a]", "[==[a]=]", "--[[a", "'a\\", "'a\\z  "}) {
    EXPECT_THAT(words(text), ElementsAre(testing::EndsWith(":BAD"))) << text;
  }
  EXPECT_THAT(words("a [=x"), ElementsAre("1:a", "1:[", "1:=", "1:x"));
  EXPECT_THAT(words("a $ b"), ElementsAre("1:a", "1:BAD"));
  EXPECT_THAT(words(std::string_view("a\0b", 3)), ElementsAre("1:a", "1:BAD"));
  EXPECT_THAT(words("\x1bLuaT"), ElementsAre("1:BAD"));
}

TEST(SourceLexer, LongBracketsNestByLevelOnly) {
  EXPECT_THAT(words("[[a]] [==[b]]c]=]d]==] [=[]]=]"), ElementsAre("1:<a>", "1:<b]]c]=]d>", "1:<]>"));
  EXPECT_THAT(words("[[\r\na\r\nb\rc\n\rd]] x"), ElementsAre("1:<a\nb\nc\nd>", "5:x"));
  EXPECT_THAT(words("--[[ a\n]] b --[==[ c ]] \n]==] d --[ e\nf"), ElementsAre("2:b", "3:d", "4:f"));
}

TEST(SourceLexer, NumbersAreOneWord) {
  EXPECT_THAT(words("0 12 3.5 .5 5. 1e10 1E-3 0x1F 0xA.8p+2 0x.1 3-2 1..2"),
              ElementsAre("1:0", "1:12", "1:3.5", "1:.5", "1:5.", "1:1e10", "1:1E-3", "1:0x1F", "1:0xA.8p+2", "1:0x.1",
                          "1:3", "1:-", "1:2", "1:1..2"));
}

TEST(SourceLexer, LinesEndInAnyOfFourWays) {
  EXPECT_THAT(words("a\nb\r\nc\rd\n\re\n\nf"), ElementsAre("1:a", "2:b", "3:c", "4:d", "5:e", "7:f"));
}

TEST(SourceLexer, ByteOrderMarkAndFirstLineAreSkipped) {
  EXPECT_THAT(words("\xEF\xBB\xBF#!/usr/bin/lua\na"), ElementsAre("2:a"));
  EXPECT_THAT(words("#!x\r\na"), ElementsAre("2:a"));
  EXPECT_THAT(words("\xEF\xBB\xBF a"), ElementsAre("1:a"));
}

}  // namespace
}  // namespace postern::rules
