#include "filters/base/bytes.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(Bytes, CaseIsAsciiOnly) {
  EXPECT_EQ(to_lower("ABC-xyz\xC3\x84"), "abc-xyz\xC3\x84");
  EXPECT_EQ(to_upper("abc-XYZ\xC3\xA4"), "ABC-XYZ\xC3\xA4");
  EXPECT_TRUE(equal_nocase("Subject", "sUBJECT"));
  EXPECT_FALSE(equal_nocase("Subject", "Subjects"));
  EXPECT_FALSE(equal_nocase("@[", "`{"));  // neighbours of the letters
  EXPECT_TRUE(starts_nocase("X-Spam-Flag", "x-SPAM-"));
  EXPECT_TRUE(starts_nocase("x", ""));
  EXPECT_FALSE(starts_nocase("X-", "X-Spam"));
}

TEST(Bytes, AllOfTheLengthIsCompared) {
  EXPECT_FALSE(equal_nocase(std::string("a\0b", 3), std::string("a\0c", 3)));
  EXPECT_FALSE(equal_nocase(std::string("a\0", 2), "a"));
}

TEST(Bytes, TrimTakesSpacesAndTabs) {
  EXPECT_EQ(trim(" \t a b\t "), "a b");
  EXPECT_EQ(trim(" \t "), "");
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim("\r\na\n"), "\r\na\n");
}

TEST(Bytes, KnowsUtf8) {
  for (const char* good :
       {"", "abc", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xC3", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\xE2\x28\xA1", "\xFF", "a\xC3(b"}) {
    EXPECT_FALSE(is_utf8(bad)) << bad;
  }
  EXPECT_EQ(utf8_sequence("a\xE2\x82\xAC", 1), 3U);
  EXPECT_EQ(utf8_sequence("a", 1), 0U);
  EXPECT_TRUE(is_ascii("abc~"));
  EXPECT_FALSE(is_ascii("\xC3\xA9"));
}

TEST(EscapeForLog, OneLineOfUtf8) {
  EXPECT_EQ(escape_for_log("a\r\nb"), "a\\x0d\\x0ab");
  EXPECT_EQ(escape_for_log("say \"hi\" \\"), "say \\x22hi\\x22 \\x5c");
  EXPECT_EQ(escape_for_log("\x1B[31mred\x7F"), "\\x1b[31mred\\x7f");
  EXPECT_EQ(escape_for_log(std::string("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(escape_for_log("caf\xC3\xA9"), "caf\xC3\xA9");
  EXPECT_EQ(escape_for_log("caf\xE9"), "caf\\xe9");
  EXPECT_EQ(escape_for_log("\xC2\x9B"), "\\xc2\\x9b");  // CSI as one character
}

TEST(EscapeForLog, IsCutBetweenCharacters) {
  std::string out = escape_for_log(std::string(1000, 'a'), 100);
  EXPECT_LE(out.size(), 103U);
  EXPECT_TRUE(out.ends_with("a..."));
  std::string euros;
  for (int i = 0; i < 100; ++i) euros += "\xE2\x82\xAC";
  for (size_t limit = 0; limit < 40; ++limit) EXPECT_TRUE(is_utf8(escape_for_log(euros, limit))) << limit;
}

TEST(PrintableAscii, ReplacesAndCuts) {
  EXPECT_EQ(printable_ascii("a\r\nb\xC3\xA9\t~"), "a??b???~");
  EXPECT_EQ(printable_ascii("abcdef", 3), "abc");
}

TEST(Nearest, ProposesOnlyWhatIsNear) {
  std::vector<std::string> known = {"reject", "quarantine", "tag", "defer"};
  EXPECT_EQ(nearest("rejct", known), "reject");
  EXPECT_EQ(nearest("Quarantaine", known), "quarantine");
  EXPECT_EQ(nearest("message_size", known), "");
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("ABC", "abc"), 0U);
}

}  // namespace
}  // namespace postern
