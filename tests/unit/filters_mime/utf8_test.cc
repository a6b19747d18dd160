#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "filters/base/bytes.h"
#include "filters/mime/text.h"

namespace postern::mime {
namespace {

/// Wherever it stands: several octets are looked at in one go.
TEST(Utf8Length, UpToTheFirstThatIsNone) {
  using namespace std::string_view_literals;
  for (std::string_view bad :
       {"\x80"sv, "\xC3"sv, "\xC0\xAF"sv, "\xE2\x82"sv, "\xED\xA0\x80"sv, "\xF5\x80\x80\x80"sv}) {
    for (std::string_view filling : {"a"sv, "\0"sv, "\u00fc"sv, "\u4e2d"sv, "\U0001F600"sv}) {
      for (size_t count = 0; count < 80; ++count) {
        std::string text;
        for (size_t i = 0; i < count; ++i) text += filling;
        EXPECT_EQ(utf8_length(text), text.size());
        size_t good = text.size();
        for (std::string_view behind : {""sv, "bcdefghijklmnopq"sv}) {
          std::string cut = text + std::string(bad) + std::string(behind);
          EXPECT_EQ(utf8_length(cut), good) << count << " of " << filling;
        }
      }
    }
  }
}

TEST(AsciiLength, UpToTheFirstThatIsNone) {
  for (size_t place = 0; place < 100; ++place) {
    std::string text(100, 'a');
    text[place] = '\xff';
    EXPECT_EQ(ascii_length(text), place);
  }
  EXPECT_EQ(ascii_length(""), 0U);
  EXPECT_EQ(ascii_length(std::string(100, '\x7f')), 100U);
}

}  // namespace
}  // namespace postern::mime
