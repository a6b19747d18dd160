// Header fields as a reader sees them: encoded words, parameters, file names.
#include <string>

#include <gtest/gtest.h>

#include "filters/mime/mime.h"
#include "filters/mime/parameters.h"

namespace postern::mime {
namespace {

struct Case {
  std::string_view value;
  std::string_view shown;
};

// RFC 2047, 8 has the first ones.
const Case kWords[] = {
    {"(=?ISO-8859-1?Q?a?=)", "(a)"},
    {"(=?ISO-8859-1?Q?a?= b)", "(a b)"},
    {"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"},
    {"(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)", "(ab)"},
    {"(=?ISO-8859-1?Q?a_b?=)", "(a b)"},
    {"(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"},
    {"=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"},
    // A character split between two words.
    {"=?utf-8?B?w6Q=?= =?utf-8?B?w6Q=?=", "ää"},
    {"=?utf-8?Q?=C3?= =?UTF-8?Q?=A4?=", "ä"},
    {"=?utf-8?B?ww==?=\r\n =?utf-8?B?pA==?=", "ä"},
    {"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?= =?iso-2022-jp?B?GyRCOGwbKEI=?=", "日本語"},
    // As broken senders write them.
    {"x=?utf-8?q?=C3=A4?=y", "xäy"},
    {"=?utf-8?Q?a b =C3=A4?=", "a b ä"},
    {"=?utf-8?Q?what?"
     "?=",
     "what?"},
    {"=?utf-8?B?w6Q?=", "ä"},
    {"=?utf-8?Q?a=?=", "a"},
    {"=?utf-8?Q?a=2?= b", "a=2 b"},
    {"=?utf-8?Q?"
     "?=",
     ""},
    // No encoded words.
    {"=?utf-8?X?abc?=", "=?utf-8?X?abc?="},
    {"=?utf-8?Q?abc", "=?utf-8?Q?abc"},
    {"=?a b?Q?abc?=", "=?a b?Q?abc?="},
    {"=?=?=?=?", "=?=?=?=?"},
    {"=?utf-8?Q", "=?utf-8?Q"},
    // Raw octets: UTF-8 if they are that, else Windows-1252.
    {"gr\xC3\xBC\xC3\x9F", "grüß"},
    {"gr\xFC\xDF", "grüß"},
    {"\xE2\x82\xAC =?utf-8?Q?=E2=82=AC?=", "€ €"},
    // No control characters, whoever brings them.
    {"a\tb\r\n\tc", "a b c"},
    {"=?utf-8?B?YQBi?=", "ab"},
    {"=?utf-8?Q?a=0D=0ABcc:_x?=", "a  Bcc: x"},
    {"=?utf-8?Q?a=C2=85b?=", "a b"},
    {"  a  ", "a"},
    {"", ""},
};

TEST(DecodeHeader, AsReadersSeeIt) {
  for (const Case& one : kWords) EXPECT_EQ(decode_header(one.value), one.shown) << one.value;
}

TEST(DecodeHeader, LongValuesAreBounded) {
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "=?a?q?";
  EXPECT_LE(decode_header(many).size(), 64U << 10U);
  std::string euros;
  while (euros.size() < (64U << 10U)) euros += "\x80";
  EXPECT_LE(decode_header(euros).size(), 64U << 10U);
}

struct Name {
  std::string_view field;
  std::string_view name;
};

const Name kNames[] = {
    {"attachment; filename=a.txt", "a.txt"},
    {"attachment; filename=\"a b.txt\"", "a b.txt"},
    {"attachment; filename=a b.txt", "a b.txt"},
    {"attachment; filename=report (1).pdf; size=3", "report (1).pdf"},
    {"attachment; filename=\"a;b.txt\"; x=y", "a;b.txt"},
    {"attachment; filename=\"say \\\"hi\\\".txt\"", "say \"hi\".txt"},
    {"attachment; filename=\"C:\\dir\\a.txt\"", "C:\\dir\\a.txt"},
    {"attachment; filename=\"a.txt", "a.txt"},
    {"attachment; filename=\"a.txt; x=y", "a.txt"},
    {"attachment; filename=\"a\".exe", "a.exe"},
    {"attachment; filename=\"a.\r\n txt\"", "a. txt"},
    {"attachment; FileName = a.txt", "a.txt"},
    {"attachment;filename=a.txt;filename=b.exe", "a.txt"},
    {"attachment; filename=\"a.txt\" size=3", "a.txt"},
    {"attachment filename=a.txt", "a.txt"},
    {"filename=a.txt", "a.txt"},
    {"; filename=a.txt", "a.txt"},
    {"attachment; (c; filename=no) filename=a.txt", "a.txt"},
    {"attachment; filename=", ""},
    // RFC 2047 where it does not belong, and raw octets.
    {"attachment; filename=\"=?utf-8?B?w6QuZXhl?=\"", "ä.exe"},
    {"attachment; filename=\"=?utf-8?Q?a?=\r\n =?utf-8?Q?b.exe?=\"", "ab.exe"},
    {"attachment; filename=\xE4.txt", "ä.txt"},
    // RFC 2231.
    {"attachment; filename*=utf-8''%C3%A4.txt", "ä.txt"},
    {"attachment; filename*=iso-8859-1'de'%E4.txt", "ä.txt"},
    {"attachment; filename*0=a; filename*1=b.txt", "ab.txt"},
    {"attachment; filename*1=b.txt; filename*0=a", "ab.txt"},
    {"attachment; filename*0*=utf-8''%C3; filename*1*=%A4; filename*2=%41.txt", "ä%41.txt"},
    {"attachment; filename*0=a; filename*2=c", "a"},
    {"attachment; filename*0=a; filename*0=b; filename*1=c", "ac"},
    {"attachment; filename*1=a; filename*2=b", "ab"},
    {"attachment; filename*0=\"Book \"; filename*1*=utf-8''%e2%98%95", "Book ☕"},
    {"attachment; filename*0=\"=?utf-8?B?w6Q\"; filename*1=\"=?=\"", "ä"},
    {"attachment; filename=plain; filename*=utf-8''better", "better"},
    {"attachment; filename*=%41%", "A%"},
    {"attachment; filename*=nonsense''%41", "A"},
    {"attachment; filename*=utf-8''a%00%0D%0Ab", "a  b"},
};

TEST(Parameters, FileNames) {
  for (const Name& one : kNames) EXPECT_EQ(Parameters(one.field).text("filename"), one.name) << one.field;
}

TEST(Parameters, Boundaries) {
  EXPECT_EQ(Parameters("multipart/mixed; boundary=a b; x=y").octets("boundary"), "a b");
  EXPECT_EQ(Parameters("multipart/mixed; boundary=a (comment)").octets("boundary"), "a");
  EXPECT_EQ(Parameters("multipart/mixed; boundary=\"a;b\"").octets("boundary"), "a;b");
  EXPECT_EQ(Parameters("multipart/mixed; boundary=a charset=utf-8").octets("charset"), "utf-8");
  EXPECT_EQ(Parameters("multipart/mixed boundary=a").octets("boundary"), "a");
  EXPECT_EQ(Parameters("multipart/mixed; boundary*0=a; boundary*1=b").octets("boundary"), "ab");
  EXPECT_EQ(Parameters("multipart/mixed; boundary=a; boundary=b").octets("boundary"), "a");
  EXPECT_EQ(Parameters("multipart/mixed; boundary==x=").octets("boundary"), "=x=");
  EXPECT_EQ(Parameters("(a(b\\)c)d) multipart/mixed (e); boundary=x").word(), "multipart/mixed");
}

TEST(Parameters, HostileFieldsAreBounded) {
  for (std::string_view piece : {"(", "\"", ";", "a=", "a=(", "\\", "a*0=b;", "a=b charset"}) {
    std::string field = "x/y; ";
    while (field.size() < Parameters::kMaxField) field += piece;
    EXPECT_LE(Parameters(field).text("a").size(), field.size());
  }
}

}  // namespace
}  // namespace postern::mime
