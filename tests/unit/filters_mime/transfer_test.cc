// Transfer encodings, as readers undo them.
#include <string>

#include <gtest/gtest.h>

#include "filters/mime/mime.h"

namespace postern::mime {
namespace {

struct Case {
  std::string_view written;
  std::string_view octets;
  bool bad;
};

std::string decoded(Encoding encoding, std::string_view content, Defects& defects, size_t limit = 1000) {
  Part part;
  part.encoding = encoding;
  part.content = content;
  return decode(part, limit, defects);
}

void check(Encoding encoding, const Case& one) {
  Defects defects;
  EXPECT_EQ(decoded(encoding, one.written, defects), one.octets) << one.written;
  EXPECT_EQ(defects.bad_encoding, one.bad) << one.written;
}

TEST(Base64, LenientAsReadersAre) {
  const Case cases[] = {
      {"aGVsbG8=", "hello", false},
      {"aGVs\r\nbG8=\r\n", "hello", false},
      {" aG Vs\tbG8= ", "hello", false},
      {"aGVsbG8", "hello", false},               // without padding
      {"aGV*sb-G8=", "hello", true},             // octets that do not belong
      {"aGVsbG8=aGVsbG8=", "hellohello", true},  // something behind the padding
      {"aGVsbG8gd29ybGQ=", "hello world", false},
      {"aGVsb", "hel", true},  // six bits alone
      {"", "", false},
      {"====", "", false},
      {std::string_view("aG\0Vs\x80", 6), "hel", true},
  };
  for (const Case& one : cases) check(Encoding::Base64, one);
}

TEST(QuotedPrintable, LenientAsReadersAre) {
  const Case cases[] = {
      {"a=3Db", "a=b", false},   {"a=3db=C3=a4", "a=b\xC3\xA4", false},
      {"a=\r\nb", "ab", false},  {"a= \t\r\nb", "ab", false},
      {"a=\nb", "ab", false},    {"a  \t\r\nb \r\n", "a\r\nb\r\n", false},
      {"a\nb", "a\nb", false},   {"a=", "a", false},
      {"a=zz", "a=zz", true},    {"a=4", "a=4", true},
      {"a==41", "a=A", true},    {"\xE4", "\xE4", true},
      {"=\r\n=\r\n", "", false}, {"\r\n\r\n", "\r\n\r\n", false},
      {"", "", false},
  };
  for (const Case& one : cases) check(Encoding::QuotedPrintable, one);
}

TEST(Decode, OtherEncodingsAreKept) {
  Defects defects;
  EXPECT_EQ(decoded(Encoding::Identity, "a=3Db\r\n", defects), "a=3Db\r\n");
  EXPECT_FALSE(defects.bad_encoding || defects.unknown_encoding);
  EXPECT_EQ(decoded(Encoding::Unknown, "a=3Db", defects), "a=3Db");
  EXPECT_TRUE(defects.unknown_encoding);
}

TEST(Decode, NeverMoreThanAskedFor) {
  Defects defects;
  EXPECT_EQ(decoded(Encoding::Base64, "aGVsbG8gd29ybGQ=", defects, 4), "hell");
  EXPECT_EQ(decoded(Encoding::QuotedPrintable, "=41=42=43=44=45", defects, 4), "ABCD");
  EXPECT_EQ(decoded(Encoding::QuotedPrintable, "a\r\nb\r\n", defects, 2), "a\r");
  EXPECT_EQ(decoded(Encoding::Identity, "hello", defects, 4), "hell");
  EXPECT_EQ(decoded(Encoding::Base64, "aGVsbG8=", defects, 0), "");
  EXPECT_EQ(decoded(Encoding::QuotedPrintable, "abc", defects, 0), "");
}

/// Groups of four are taken in one go where a line has them.
TEST(Base64, LineEndsAndLimitsAnywhere) {
  std::string octets;
  std::string written;
  for (int i = 0; i < 100; ++i) {
    octets += "ab\xff";
    written += "YWL/";
  }
  for (size_t place = 0; place <= written.size(); ++place) {
    Defects defects;
    std::string broken = written.substr(0, place) + "\r\n" + written.substr(place);
    EXPECT_EQ(decoded(Encoding::Base64, broken, defects), octets) << place;
    EXPECT_FALSE(defects.bad_encoding);
    broken = written.substr(0, place) + "*" + written.substr(place);
    EXPECT_EQ(decoded(Encoding::Base64, broken, defects), octets) << place;
    EXPECT_TRUE(defects.bad_encoding);
    EXPECT_EQ(decoded(Encoding::Base64, written, defects, place), octets.substr(0, place));
  }
}

}  // namespace
}  // namespace postern::mime
