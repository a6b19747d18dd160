// Tag lists (RFC 6376, 3.2): what is read, and what makes the whole list invalid.
#include "filters/base/tag_list.h"

#include <string>

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(TagList, NamesAndValuesWithoutTheWhiteSpaceAroundThem) {
  auto tags = TagList::parse("v=1;\r\n\ta = rsa-sha256 ;h=From :\r\n To;\tempty= ; b=ab==\r\n cd= ;");
  ASSERT_TRUE(tags) << tags.error().message;
  ASSERT_EQ(tags->tags().size(), 5U);
  EXPECT_EQ(tags->find("v"), "1");
  EXPECT_EQ(tags->find("a"), "rsa-sha256");
  EXPECT_EQ(tags->find("h"), "From :\r\n To");
  EXPECT_EQ(tags->find("empty"), "");
  EXPECT_EQ(tags->find("b"), "ab==\r\n cd=");
  EXPECT_EQ(tags->find("V"), std::nullopt);
  EXPECT_EQ(tags->tags()[1].name, "a");
}

TEST(TagList, OneBadTagSpoilsTheList) {
  for (std::string_view text : {"", ";", "a", "a=1;;b=2", "=1", "a=1;b", "1a=2", "a-b=1", "a b=1", "a=1; ;b=2",
                                "a=1;a=2", "a=\x7f", "a=\r\nb", "a=x\ny", "a=x\ry", "a=x\r\n\r\n y"}) {
    EXPECT_FALSE(TagList::parse(text)) << text;
  }
  EXPECT_FALSE(TagList::parse(std::string("a=x\0y", 5)));
  EXPECT_FALSE(TagList::parse("a=\xff\xfe"));
}

TEST(TagList, SaysWhatIsWrongInPrintableText) {
  EXPECT_EQ(TagList::parse("v=1; v=2").error().message, "a tag twice: v");
  EXPECT_EQ(TagList::parse("v=1; \x01\xff").error().message, "a tag without \"=\": ??");
}

// RFC 8616, 5.
TEST(TagList, ValuesBeyondAscii) {
  auto tags = TagList::parse("d=b\xc3\xbc.example; s=x");
  ASSERT_TRUE(tags);
  EXPECT_EQ(tags->find("d"), "b\xc3\xbc.example");
}

TEST(TagList, NumberOfTagsIsBounded) {
  std::string text;
  for (size_t i = 0; i < TagList::kMaxTags; ++i) text += "t" + std::to_string(i) + "=;";
  EXPECT_TRUE(TagList::parse(text));
  EXPECT_FALSE(TagList::parse(text + "x="));
}

}  // namespace
}  // namespace postern
