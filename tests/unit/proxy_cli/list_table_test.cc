#include "proxy/cli/list_table.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

namespace postern::cli {
namespace {

using nlohmann::ordered_json;
using testing::HasSubstr;
using testing::Not;

constexpr int64_t kNow = 1'700'000'000'000;

ordered_json zen() {
  return ordered_json::parse(R"({"list":"ZEN","zone":"zen.spamhaus.org","of":"client","allow":false,"state":"up",
    "reason":"","since":1699990000,"asked":1234,"queries":{"listed":383,"refused":2,"noanswer":1,"suspended":0,"limit":0},
    "errors":3,"listed_share":0.3104,"milliseconds":{"mean":4.1,"p95":21.4},"messages":300,
    "overlap":{"BL":0.88,"SPAMCOP":0.4},"decisive":12,"decisive_share":0.0092})");
}

ordered_json down() {
  return ordered_json::parse(R"({"list":"GOOD_SENDERS","title":"Good senders","of":"from","allow":true,
    "state":"suspended","reason":"127.0.0.2 is not listed","since":1699999700,"asked":0,"queries":{"suspended":17},
    "errors":0,"listed_share":0,"milliseconds":{"mean":0,"p95":0},"overlap":{},"decisive":0,"decisive_share":0})");
}

TEST(ListTableTest, OneLineAListAndWhyItIsSuspended) {
  EXPECT_EQ(
      list_table({zen(), down()}, kNow),
      "ZEN           up         zen.spamhaus.org  client        p95 21 ms  1234 asked, 31.0 % listed, 3 errors (2 "
      "refused, 1 no answer), decisive 12 (0.9 %), overlap: BL 88 %, SPAMCOP 40 %\n"
      "GOOD_SENDERS  suspended  Good senders      from (allow)  -          0 asked, 0 % listed, 0 errors, "
      "decisive 0, 17 not asked (suspended)\n"
      "              for 5 min: 127.0.0.2 is not listed\n");
}

TEST(ListTableTest, NoListsAreSaidToBeNone) {
  EXPECT_THAT(list_table({}, kNow), HasSubstr("no DNS list is enabled"));
}

TEST(ListTableTest, AnotherVersionsObjectsDoNoHarm) {
  std::vector<ordered_json> odd{ordered_json::object(),
                                {{"list", 7}, {"overlap", "x"}, {"queries", nullptr}, {"asked", -1e300}},
                                {{"list", "A\x1b[2J"}, {"allow", "yes"}, {"since", 1e300}, {"state", "suspended"}}};
  std::string table = list_table(odd, kNow);
  EXPECT_THAT(table, Not(HasSubstr("\x1b")));
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 3);
}

}  // namespace
}  // namespace postern::cli
