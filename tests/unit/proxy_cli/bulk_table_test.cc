#include "proxy/cli/bulk_table.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "filters/base/bytes.h"

namespace postern::cli {
namespace {

using nlohmann::ordered_json;
using testing::HasSubstr;
using testing::Not;

constexpr int64_t kNow = 1'700'000'000'000;

ordered_json campaign() {
  return ordered_json::parse(R"({"cluster":"0123456789abc","count":512,"of":"text","similarity":0.871,
    "first_seen":1699989200,"last_seen":1699999880,"age":10680,"networks":230,"senders":498,"domains":201,
    "recipients":730,"authenticated_share":0.021,"allowed":false,"subject":"Your pärcel waits","from":"a@example.net",
    "let_through":12,"passed":[
      {"id":"01JZX3A","queue":"250 2.0.0 Ok: queued as 4bXyZ12345z","from":"a@example.net","recipients":2,"time":1699989200},
      {"id":"01JZX3B","queue":"4C0FFEE","from":"","recipients":11,"time":1699989260}]})");
}

ordered_json newsletter() {
  ordered_json object = campaign();
  object["cluster"] = "zzzzzzzzzzzzz";
  object["count"] = 7;
  object["of"] = "file";
  object["similarity"] = 1;
  object["authenticated_share"] = 1.0;
  object["allowed"] = true;
  object["age"] = 200'000;
  object["subject"] = "News";
  return object;
}

TEST(BulkTableTest, OneLineACluster) {
  EXPECT_EQ(
      bulk_table({campaign(), newsletter()}, 100),
      "CLUSTER                  COUNT  NETWORKS  SENDERS  DOMAINS  RCPTS   AUTH     AGE  ALIKE BY    LET THROUGH  "
      "SUBJECT\n"
      "0123456789abc              512       230      498      201    730    2 %     2 h  text 87 %            12  "
      "Your pärcel waits\n"
      "zzzzzzzzzzzzz (allowed)      7       230      498      201    730  100 %  2 days  file 100 %           12  "
      "News\n");
}

TEST(BulkTableTest, NothingFoundIsSaidWithWhatWasLookedFor) {
  EXPECT_EQ(bulk_table({}, 100), "no cluster of 100 alike messages or more\n");
  EXPECT_EQ(bulk_table({}, 1), "no cluster of 1 message or more\n");
}

TEST(BulkTableTest, EverythingOfOneAndWhatToTypeNext) {
  EXPECT_EQ(bulk_details(campaign(), kNow, " --config /tmp/p.toml"),
            "0123456789abc: 512 messages in the window, alike by text 87 %\n"
            "  first seen     2023-11-14T19:13:20Z, 3 h ago\n"
            "  last seen      2023-11-14T22:11:20Z, 2 min ago\n"
            "  networks       230\n"
            "  senders        498\n"
            "  domains        201\n"
            "  recipients     730\n"
            "  authenticated  2 %\n"
            "  a subject      Your pärcel waits\n"
            "  a sender       <a@example.net>\n"
            "  let through    12\n"
            "\n"
            "The first ones let through:\n"
            "  TIME                  ID       RCPTS  FROM             QUEUED AS\n"
            "  2023-11-14T19:13:20Z  01JZX3A      2  <a@example.net>  4bXyZ12345z\n"
            "  2023-11-14T19:14:20Z  01JZX3B     11  <>               4C0FFEE\n"
            "\n"
            "To hold back what is still in Postfix's queue:\n"
            "  postsuper -h 4bXyZ12345z 4C0FFEE\n"
            "\n"
            "If this mail is wanted:\n"
            "  postern bulk allow 0123456789abc --config /tmp/p.toml\n");
}

TEST(BulkTableTest, AnAllowedOneCanBeTakenBack) {
  std::string details = bulk_details(newsletter(), kNow, "");
  EXPECT_THAT(details, HasSubstr("alike by file 100 %, allowed\n"));
  EXPECT_THAT(details, HasSubstr("\n  postern bulk allow --undo zzzzzzzzzzzzz\n"));
}

TEST(BulkTableTest, NobodyElsesWordsGetIntoACommand) {
  ordered_json cluster = campaign();
  cluster["passed"][0]["queue"] = "250 queued as ABC; rm -rf /";
  cluster["passed"][1]["queue"] = "250 queued as $(reboot)";
  std::string details = bulk_details(cluster, kNow, "");
  EXPECT_THAT(details, Not(HasSubstr("postsuper")));
  EXPECT_THAT(details, HasSubstr("250 queued as ABC; rm -rf /")) << "shown as it is, in the table";
}

TEST(BulkTableTest, ASubjectCannotTurnTheTerminalOrTheLine) {
  ordered_json cluster = campaign();
  cluster["subject"] =
      "a\x1b[2J\r\nb\xc2\x9b\" \xe2\x80\xae"
      "evil\xe2\x80\xac \xe2\x80\x8b\xef\xbb\xbf\\ \xff" +
      std::string(1000, 'x');
  cluster["from"] = "\x07<a>\n";
  cluster["passed"][0]["from"] = "\n\x1b]0;x\x07";
  cluster["passed"][0]["id"] = "\x1b[1m";
  for (const std::string& out : {bulk_table({cluster}, 1), bulk_details(cluster, kNow, "")}) {
    EXPECT_TRUE(is_utf8(out));
    for (const char* bad :
         {"\x1b", "\r", "\x07", "\xc2\x9b", "\xe2\x80\xae", "\xe2\x80\xac", "\xe2\x80\x8b", "\xef\xbb\xbf"}) {
      EXPECT_THAT(out, Not(HasSubstr(bad)));
    }
    EXPECT_THAT(out, HasSubstr("evil"));
    EXPECT_THAT(out, HasSubstr("..."));
  }
  std::string table = bulk_table({cluster}, 1);
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 2);
}

TEST(BulkTableTest, AnotherVersionsObjectsDoNoHarm) {
  std::vector<ordered_json> odd{
      ordered_json::object(),
      {{"cluster", 7}, {"count", "x"}, {"age", -1e300}, {"passed", "x"}, {"similarity", 1e300}},
      {{"cluster", "A"}, {"first_seen", 1e300}, {"passed", {1, nullptr, ordered_json::object()}}}};
  std::string table = bulk_table(odd, 1);
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 4);
  for (const ordered_json& each : odd) EXPECT_THAT(bulk_details(each, kNow, ""), HasSubstr("postern bulk allow"));
}

}  // namespace
}  // namespace postern::cli
