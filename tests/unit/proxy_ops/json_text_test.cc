#include "proxy/ops/json_text.h"

#include <string>

#include "tests/unit/proxy_ops/journal_entry_fixture.h"

namespace postern::ops {
namespace {

TEST(JsonTextTest, EveryOctetComesBack) {
  std::string all;
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      all += static_cast<char>(first);
      all += static_cast<char>(second);
    }
  }
  for (const std::string& text : {all, kHostile, std::string(), std::string(3, '\0')}) {
    JsonText out(10);
    out.open('[').text(text, 1'000'000);
    out.close(']');
    std::string written = out.take();
    EXPECT_TRUE(is_utf8(written));
    EXPECT_EQ(octets_of(nlohmann::json::parse(written).at(0).get<std::string>()), text);
  }
}

TEST(JsonTextTest, NumbersAreExactAndNeverNone) {
  JsonText out(10);
  out.open('{');
  out.name("a").value(0.1);
  out.name("b").value(1.0 / 0.0);
  out.name("c").value(uint64_t{18446744073709551615U});
  out.name("d").value(int64_t{-5});
  out.field("e", 0);
  out.field("f", true);
  out.close('}');
  EXPECT_EQ(out.take(), R"({"a":0.1,"b":0,"c":18446744073709551615,"d":-5,"f":true})");
}

}  // namespace
}  // namespace postern::ops
