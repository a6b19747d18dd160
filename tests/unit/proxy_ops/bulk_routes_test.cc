#include "proxy/ops/bulk_routes.h"

#include <chrono>
#include <map>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/unit/proxy_ops/http_client.h"

namespace postern::ops {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

constexpr int64_t kNow = 1'700'000'000'000;

class StoppedClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override { return TimePoint(); }
  [[nodiscard]] int64_t wall_ms() const override { return wall; }

  int64_t wall = kNow;
};

class BulkRoutesTest : public HttpTest {
 protected:
  BulkRoutesTest() {
    start({"127.0.0.1:0", ""});
    add_bulk_routes(*server_, index_, clock_, [this](const bulk::Allowed& allowed) {
      asked_ = allowed;
      return !full_ && index_.take(allowed);
    });
  }
  static bulk::Index::Options options() {
    bulk::Index::Options options;
    options.memory = 4U << 20U;
    options.limit = 5;
    return options;
  }
  /// `count` copies of message number `what`, each from another network and sender; the first two are let through.
  /// Returns the cluster's name.
  std::string see(uint32_t what, uint32_t count, const std::string& subject = "Hello") {
    std::string name;
    for (uint32_t i = 0; i < count; ++i) {
      bulk::Sighting sighting;
      sighting.print.files = {0x1234'5678'9abc'def0ULL + what};
      sighting.id = fmt::format("ID{}-{}", what, i);
      sighting.from = fmt::format("s{}@example.net", i);
      sighting.subject = subject;
      sighting.network = 1000 + i;
      sighting.sender = 2000 + i;
      sighting.domain = 77;
      sighting.authenticated = i % 2 == 0;
      sighting.recipients = {3000 + i};
      sighting.wall_ms = kNow - 60'000 + int64_t{i} * 1000;
      bulk::Seen seen = index_.see(sighting);
      name = seen.outcome.cluster;
      if (i >= 2) continue;
      for (uint64_t cluster : seen.ticket) {
        index_.take(bulk::Let{cluster, {sighting.id, fmt::format("Q{}", i), sighting.from, 1, sighting.wall_ms}});
      }
    }
    return name;
  }
  struct Answer {
    std::string status;
    json body;
  };
  Answer ask(const std::string& method, const std::string& path) {
    std::string answer = exchange(method, path);
    size_t body = answer.find("\r\n\r\n");
    return {answer.substr(9, 3), json::parse(body == std::string::npos ? "" : answer.substr(body + 4), nullptr, false)};
  }

  StoppedClock clock_;
  bulk::Index index_{options()};
  bool full_ = false;
  bulk::Allowed asked_;
};

TEST_F(BulkRoutesTest, WithoutMailThereAreNoClusters) {
  Answer answer = ask("GET", "/api/bulk");
  EXPECT_EQ(answer.status, "200");
  EXPECT_EQ(answer.body, json::parse(R"({"clusters":[],"limit":5,"more":false})"));
}

TEST_F(BulkRoutesTest, TheLargestComeFirstAndSmallOnesWhenAskedFor) {
  see(1, 3);
  see(2, 6);
  std::string large = see(3, 9);
  Answer answer = ask("GET", "/api/bulk");
  ASSERT_EQ(answer.body["clusters"].size(), 2U);
  EXPECT_EQ(answer.body["clusters"][0]["cluster"], large);
  EXPECT_EQ(answer.body["clusters"][0]["count"], 9);
  EXPECT_EQ(answer.body["clusters"][1]["count"], 6);
  EXPECT_EQ(ask("GET", "/api/bulk?at_least=2").body["clusters"].size(), 3U);
  answer = ask("GET", "/api/bulk?at_least=2&most=2");
  EXPECT_EQ(answer.body["clusters"].size(), 2U);
  EXPECT_EQ(answer.body["more"], true);
  EXPECT_EQ(ask("GET", "/api/bulk?most=3&at_least=2").body["more"], false);
}

TEST_F(BulkRoutesTest, AmongAllAreThoseThatWereAllowedLongAgo) {
  std::string allowed = see(1, 6);
  see(2, 6);
  ASSERT_EQ(ask("POST", "/api/bulk/" + allowed + "/allow").status, "200");
  clock_.wall = kNow + int64_t{72} * 3'600'000;
  Answer answer = ask("GET", "/api/bulk?at_least=2");
  ASSERT_EQ(answer.body["clusters"].size(), 1U) << "that is how an admin finds what to take back";
  EXPECT_EQ(answer.body["clusters"][0]["cluster"], allowed);
  EXPECT_EQ(answer.body["clusters"][0]["count"], 0);
  EXPECT_EQ(ask("GET", "/api/bulk?at_least=1").body["clusters"].size(), 1U);
  EXPECT_EQ(ask("GET", "/api/bulk?at_least=3").body["clusters"].size(), 0U);
  EXPECT_EQ(ask("GET", "/api/bulk").body["clusters"].size(), 0U);
  EXPECT_EQ(ask("DELETE", "/api/bulk/" + allowed + "/allow").body["allowed"], false);
  EXPECT_EQ(ask("GET", "/api/bulk?at_least=2").body["clusters"].size(), 0U);
}

TEST_F(BulkRoutesTest, EverythingOfACluster) {
  std::string name = see(1, 6, "Win \xff now");
  Answer answer = ask("GET", "/api/bulk/" + name);
  ASSERT_EQ(answer.status, "200");
  const json& body = answer.body;
  EXPECT_EQ(body["cluster"], name);
  EXPECT_EQ(body["count"], 6);
  EXPECT_EQ(body["of"], "file");
  EXPECT_EQ(body["networks"], 6);
  EXPECT_EQ(body["senders"], 6);
  EXPECT_EQ(body["domains"], 1);
  EXPECT_EQ(body["recipients"], 6);
  EXPECT_EQ(body["authenticated_share"], 0.5);
  EXPECT_EQ(body["allowed"], false);
  EXPECT_EQ(body["subject"], "Win \xef\xbf\xbd now");
  EXPECT_THAT(body["from"].get<std::string>(), testing::EndsWith("@example.net"));
  EXPECT_EQ(body["last_seen"], kNow / 1000 - 55);
  EXPECT_EQ(body["first_seen"], kNow / 1000 - 60);
  EXPECT_EQ(body["let_through"], 2);
  ASSERT_EQ(body["passed"].size(), 2U);
  EXPECT_EQ(body["passed"][0],
            json::parse(R"({"id":"ID1-0","queue":"Q0","from":"s0@example.net","recipients":1,"time":1699999940})"));
  EXPECT_EQ(ask("GET", "/api/bulk").body["clusters"][0], body) << "the list says the same";
}

TEST_F(BulkRoutesTest, AnAdminAllowsAClusterAndTakesItBack) {
  std::string name = see(1, 6);
  Answer answer = ask("POST", "/api/bulk/" + name + "/allow");
  EXPECT_EQ(answer.status, "200");
  EXPECT_EQ(answer.body["cluster"], name);
  EXPECT_EQ(answer.body["allowed"], true);
  EXPECT_EQ(bulk::cluster_name(asked_.cluster), name);
  EXPECT_EQ(ask("GET", "/api/bulk/" + name).body["allowed"], true);
  EXPECT_EQ(ask("DELETE", "/api/bulk/" + name + "/allow").body["allowed"], false);
  EXPECT_FALSE(asked_.allowed);
  EXPECT_EQ(ask("GET", "/api/bulk/" + name).body["allowed"], false);
}

TEST_F(BulkRoutesTest, WhenTooManyAreAllowedThatIsSaid) {
  std::string name = see(1, 6);
  full_ = true;
  Answer answer = ask("POST", "/api/bulk/" + name + "/allow");
  EXPECT_EQ(answer.status, "409");
  EXPECT_THAT(answer.body["error"].get<std::string>(), HasSubstr("are allowed already"));
  EXPECT_EQ(ask("GET", "/api/bulk/" + name).body["allowed"], false);
}

TEST_F(BulkRoutesTest, WhatIsNotThereIsSaidNotToBe) {
  for (const char* path :
       {"/api/bulk/0000000000000", "/api/bulk/x", "/api/bulk/", "/api/bulk/%00", "/api/bulk/a/b/c"}) {
    Answer answer = ask("GET", path);
    EXPECT_EQ(answer.status, "404") << path;
    EXPECT_THAT(answer.body["error"].get<std::string>(), StartsWith("there is no cluster '")) << path;
  }
  for (const char* method : {"POST", "DELETE"}) {
    EXPECT_EQ(ask(method, "/api/bulk/0000000000000/allow").status, "404");
    EXPECT_EQ(ask(method, "/api/bulk/nonsense/allow").status, "404");
    EXPECT_EQ(ask(method, "/api/bulk/0000000000000").status, "404");
  }
  EXPECT_EQ(ask("POST", "/api/bulk").status, "405");
}

TEST_F(BulkRoutesTest, BadQuestionsAreSaidToBeBad) {
  for (const char* query : {"most=0", "most=1001", "at_least=", "at_least=-1", "at_least=1x",
                            "at_least=99999999999999999999", "nonsense=1", "most", "=", "&most=1"}) {
    Answer answer = ask("GET", std::string("/api/bulk?") + query);
    EXPECT_EQ(answer.status, "400") << query;
    EXPECT_FALSE(answer.body["error"].get<std::string>().empty()) << query;
  }
}

TEST_F(BulkRoutesTest, AGatewayThatDoesNotCountSaysSo) {
  add_no_bulk_routes(*server_);
  for (const auto& [path, method] :
       std::multimap<std::string, std::string>{{"/api/bulk", "GET"},
                                               {"/api/bulk?most=1", "GET"},
                                               {"/api/bulk/0000000000000", "GET"},
                                               {"/api/bulk/0000000000000/allow", "POST"},
                                               {"/api/bulk/0000000000000/allow", "DELETE"}}) {
    Answer answer = ask(method, path);
    EXPECT_EQ(answer.status, "404") << path;
    EXPECT_THAT(answer.body["error"].get<std::string>(), HasSubstr("store is off")) << path;
  }
}

}  // namespace
}  // namespace postern::ops
