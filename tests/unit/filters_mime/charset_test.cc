// Charsets: names in use, and text that is not what it says it is.
#include <string>

#include <gtest/gtest.h>

#include "filters/base/bytes.h"
#include "filters/mime/mime.h"

namespace postern::mime {
namespace {

struct Case {
  std::string_view charset;
  std::string_view octets;
  std::string_view text;
};

using namespace std::string_view_literals;

const Case kCases[] = {
    {"utf-8", "\xC3\xA4", "ä"},
    {"UTF8",
     "\xEF\xBB\xBF"
     "a",
     "a"},
    {"iso-8859-1", "\x80\xE4", "€ä"},
    {"ISO_8859-1", "\xE4", "ä"},
    {"latin1", "\xE4", "ä"},
    {"iso-8859-15", "\xA4", "€"},
    {"iso-8859-2", "\xB1", "ą"},
    {"windows-1250", "\x9C", "ś"},
    {"windows-1251", "\xCF\xF0\xE8\xE2\xE5\xF2", "Привет"},
    {"cp1251", "\xCF", "П"},
    {"windows-1253", "\xE1", "α"},
    {"windows-1254", "\xF0", "ğ"},
    {"iso-8859-9", "\xF0", "ğ"},
    {"windows-1255", "\xF9", "ש"},
    {"iso-8859-8-i", "\xF9", "ש"},
    {"windows-1256", "\xC7", "ا"},
    {"windows-1257", "\xE0", "ą"},
    {"windows-1258", "a\xD2", "ả"},
    {"windows-874", "\xA1", "ก"},
    {"tis-620", "\xA1", "ก"},
    {"koi8-r", "\xF0\xD2\xC9\xD7\xC5\xD4", "Привет"},
    {"koi8-u", "\xA4", "є"},
    {"ibm866", "\x8F", "П"},
    {"gb2312", "\xC4\xE3\xBA\xC3", "你好"},
    {"gbk", "\x81\x40", "丂"},
    {"gb18030", "\x81\x39\xEE\x39", "㐀"},
    {"big5", "\xA7\x41\xA6\x6E", "你好"},
    {"euc-kr", "\xBE\xC8\xB3\xE7", "안녕"},
    {"ks_c_5601-1987", "\xBE\xC8\x8C\x63", "안똠"},
    {"iso-2022-kr", "\x1B$)C\x0E\x3E\x48\x0F", "안"},
    {"iso-2022-jp", "\x1B$BF|K\\\x1B(B!", "日本!"},
    {"shift_jis", "\x93\xFA\x96\x7B", "日本"},
    {"x-sjis", "\x87\x40", "①"},
    {"euc-jp", "\xC6\xFC\xCB\xDC", "日本"},
    {"utf-16", "\xFF\xFE\xE4\0"sv, "ä"},
    {"utf-16", "\xFE\xFF\0\xE4"sv, "ä"},
    {"utf-16le", "\x3D\xD8\x00\xDE"sv, "😀"},
    {"utf-16be", "\0a"sv, "a"},
    {"utf-32be", "\0\0\0a"sv, "a"},
    {"utf-7", "Hi Mom -+Jjo--!", "Hi Mom -☺-!"},
    {"us-ascii", "abc", "abc"},
    // Nothing said.
    {"", "\xC3\xA4", "ä"},
    {"", "\xE4", "ä"},
    {"", "", ""},
};

TEST(Charset, NamesInUse) {
  for (const Case& one : kCases) {
    Defects defects;
    EXPECT_EQ(to_utf8(one.octets, one.charset, defects), one.text) << one.charset;
    EXPECT_FALSE(defects.bad_charset || defects.unknown_charset || defects.nul) << one.charset;
  }
}

TEST(Charset, WhatCannotBeConverted) {
  const Case cases[] = {
      {"utf-8",
       "a\xE4"
       "b",
       "a\xEF\xBF\xBD"
       "b"},
      {"utf-8", "\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"euc-kr",
       "a\xFF"
       "b",
       "a\xEF\xBF\xBD"
       "b"},
      {"gb2312", "\xC4\xE3\xC4", "你\xEF\xBF\xBD"},
      {"shift_jis", "\x93", "\xEF\xBF\xBD"},
      {"utf-16le", "a\0b"sv, "a\xEF\xBF\xBD"},
      // ASCII with 8-bit octets is taken as if nothing was said.
      {"us-ascii", "\xC3\xA4", "ä"},
      {"us-ascii", "\xE4", "ä"},
  };
  for (const Case& one : cases) {
    Defects defects;
    EXPECT_EQ(to_utf8(one.octets, one.charset, defects), one.text) << one.charset;
    EXPECT_TRUE(defects.bad_charset) << one.charset;
    EXPECT_FALSE(defects.unknown_charset) << one.charset;
  }
}

TEST(Charset, NamesNobodyKnows) {
  for (std::string_view name : {"unknown-8bit", "x-user-defined", "utf-8//IGNORE", "utf-8//translit", "../../x", "?"}) {
    Defects defects;
    EXPECT_EQ(to_utf8("gr\xFC\xDF", name, defects), "grüß") << name;
    EXPECT_TRUE(defects.unknown_charset) << name;
  }
}

TEST(Charset, NulIsKeptAndTold) {
  Defects defects;
  EXPECT_EQ(to_utf8("a\0b"sv, "utf-8", defects), "a\0b"sv);
  EXPECT_TRUE(defects.nul);
  defects = {};
  EXPECT_EQ(to_utf8("a\0"sv, "utf-16le", defects), "a");
  EXPECT_FALSE(defects.nul);
}

TEST(Charset, StateDoesNotLeakFromOneTextIntoTheNext) {
  Defects defects;
  EXPECT_EQ(to_utf8("\x1B$BF|", "iso-2022-jp", defects), "日");
  EXPECT_EQ(to_utf8("abc", "iso-2022-jp", defects), "abc");
  EXPECT_FALSE(defects.bad_charset);
}

TEST(Charset, MegabytesOfRubbishBecomeText) {
  std::string rubbish(1U << 20U, '\xFF');
  rubbish += "end";
  for (std::string_view name : {"euc-kr", "shift_jis", "gb18030", "utf-8", "iso-2022-jp", "utf-7", "utf-16"}) {
    Defects defects;
    std::string text = to_utf8(rubbish, name, defects);
    EXPECT_TRUE(is_utf8(text)) << name;
    EXPECT_LE(text.size(), 3 * rubbish.size()) << name;
  }
}

}  // namespace
}  // namespace postern::mime
