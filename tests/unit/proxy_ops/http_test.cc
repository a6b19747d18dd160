#include "proxy/ops/http.h"

#include <cstring>
#include <memory>
#include <string>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "proxy/ops/list_statistics.h"
#include "proxy/ops/metrics.h"
#include "tests/unit/proxy_ops/files.h"
#include "tests/unit/proxy_ops/http_client.h"

namespace postern::ops {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST_F(HttpTest, MetricsAreServed) {
  start({"127.0.0.1:0", ""});
  metrics_.replied(250);
  std::string answer = exchange("GET", "/metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4"));
  EXPECT_THAT(answer, HasSubstr("\npostern_replies_total{code=\"250\"} 1\n"));
}

TEST_F(HttpTest, HealthAndReadiness) {
  start({"127.0.0.1:0", ""});
  EXPECT_THAT(exchange("GET", "/healthz"), EndsWith("\r\n\r\nok\n"));
  EXPECT_THAT(exchange("GET", "/readyz"), StartsWith("HTTP/1.1 200 "));
  not_ready_ = "no backend reachable";
  std::string answer = exchange("GET", "/readyz?verbose");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nno backend reachable\n"));
}

TEST_F(HttpTest, HeadHasTheLengthButNotTheBody) {
  start({"127.0.0.1:0", ""});
  std::string answer = exchange("HEAD", "/healthz");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 3\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(HttpTest, WhatIsNotThereAndWhatIsNotAllowed) {
  start({"127.0.0.1:0", ""});
  std::string answer = exchange("GET", "/nothing");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/json"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n{\"error\":\"no such resource\"}\n"));
  for (const char* method : {"POST", "DELETE", "PATCH", "OPTIONS"}) {
    answer = exchange(method, "/metrics", "Content-Length: 0\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 ")) << method;
    EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD\r\n")) << method;
  }
}

TEST_F(HttpTest, AddedRoutesAreFoundTheLongestFirst) {
  start({"127.0.0.1:0", ""});
  server_->route("POST", "/api/reload", [](const HttpRequest& request) {
    return HttpResponse{200, "reload " + std::string(request.body) + " " + std::string(request.query)};
  });
  server_->route("GET", "/api/*", [](const HttpRequest& request) {
    return HttpResponse{200, "api " + std::string(request.path)};
  });
  server_->route("GET", "/api/bulk/*", [](const HttpRequest&) -> HttpResponse { throw std::runtime_error("broken"); });
  EXPECT_THAT(exchange("POST", "/api/reload?now=1", "Content-Length: 4\r\n", "body"),
              EndsWith("\r\n\r\nreload body now=1"));
  EXPECT_THAT(exchange("GET", "/api/status"), EndsWith("api /api/status"));
  EXPECT_THAT(exchange("GET", "/api/reload"), HasSubstr("Allow: POST\r\n"));
  EXPECT_THAT(exchange("GET", "/api/bulk/x"), StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(exchange("GET", "/apix"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(HttpTest, ListsAreReportedWithoutASecretZone) {
  lists::List open;
  open.name = "OPEN";
  open.zone = "dnsbl.test";
  lists::List paid;
  paid.name = "PAID";
  paid.zone = "s3cret.dnsbl.test";
  paid.title = "Paid \xff for";
  paid.allow = true;
  paid.of = lists::Subject::Url;
  ListStatistics statistics;
  statistics.in_force(std::make_shared<const lists::Lists>(lists::Lists{open, paid}));
  statistics.asked("OPEN", list_result("listed"), std::chrono::milliseconds(12));
  statistics.asked("OPEN", list_result("noanswer"), std::chrono::milliseconds(12));
  SystemClock clock;
  lists::Zones zones(clock, lists::Zone::State::Unknown);
  zones.changed = [](lists::Zone&) {};
  zones.wants_probe = [](lists::Zone&) {};
  zones.of(open)->probed("");
  zones.of(paid)->probed("127.0.0.2 is not listed");
  start({"127.0.0.1:0", ""});
  add_list_route(*server_, statistics, zones);
  std::string answer = exchange("GET", "/api/lists");
  ASSERT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, Not(HasSubstr("s3cret")));
  auto body = nlohmann::json::parse(answer.substr(answer.find("\r\n\r\n") + 4));
  ASSERT_EQ(body["lists"].size(), 2U);
  const auto& first = body["lists"][0];
  EXPECT_EQ(first["list"], "OPEN");
  EXPECT_EQ(first["zone"], "dnsbl.test");
  EXPECT_EQ(first["of"], "client");
  EXPECT_EQ(first["state"], "up");
  EXPECT_EQ(first["asked"], 2);
  EXPECT_EQ(first["errors"], 1);
  EXPECT_EQ(first["listed_share"], 0.5);
  EXPECT_EQ(first["queries"]["listed"], 1);
  EXPECT_EQ(first["milliseconds"]["mean"], 12.0);
  const auto& second = body["lists"][1];
  EXPECT_EQ(second["state"], "suspended");
  EXPECT_EQ(second["reason"], "127.0.0.2 is not listed");
  EXPECT_EQ(second["allow"], true);
  EXPECT_FALSE(second.contains("zone"));
  EXPECT_GT(second["since"].get<int64_t>(), 1'600'000'000);
}

TEST_F(HttpTest, WithATokenNothingIsToldWithoutIt) {
  start({"127.0.0.1:0", "s3cret"});
  for (const char* fields : {"", "Authorization: Bearer s3cre\r\n", "Authorization: Bearer s3cret2\r\n",
                             "Authorization: Bearer \r\n", "Authorization: Basic s3cret\r\n"}) {
    for (const char* path : {"/metrics", "/healthz", "/nothing"}) {
      std::string answer = exchange("GET", path, fields);
      EXPECT_THAT(answer, StartsWith("HTTP/1.1 401 ")) << fields << path;
      EXPECT_THAT(answer, HasSubstr("WWW-Authenticate: Bearer"));
      EXPECT_THAT(answer, Not(HasSubstr("postern_")));
    }
  }
  EXPECT_THAT(exchange("GET", "/metrics", "Authorization: Bearer s3cret\r\n"), StartsWith("HTTP/1.1 200 "));
  server_->set_token("other");
  EXPECT_THAT(exchange("GET", "/metrics", "Authorization: Bearer s3cret\r\n"), StartsWith("HTTP/1.1 401 "));
}

TEST_F(HttpTest, WhatIsTooLargeIsRefused) {
  start({"127.0.0.1:0", ""});
  std::string answer = exchange("GET", "/healthz", "X: " + std::string(HttpServer::kMaxHeader, 'x') + "\r\n");
  EXPECT_THAT(answer, Not(HasSubstr("200 OK")));
  answer = exchange("POST", "/metrics", "Content-Length: " + std::to_string(HttpServer::kMaxBody + 1) + "\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 413 "));
}

TEST_F(HttpTest, ConnectionsBeyondTheLimitWaitForTheirTurn) {
  start({"127.0.0.1:0", "", 2});
  const std::string request = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
  auto first = connect();
  auto second = connect();
  for (Client* client : {first.get(), second.get()}) {
    client->send(request);
    run_until([&] { return !client->received.empty(); });
  }
  auto third = connect();
  third->send(request);
  for (int i = 0; i < 3; ++i) {  // turns of the loop in which the third would have been served
    first->received.clear();
    first->send(request);
    run_until([&] { return !first->received.empty(); });
  }
  EXPECT_EQ(third->received, "");
  second.reset();
  run_until([&] { return !third->received.empty(); });
  EXPECT_THAT(third->received, StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpTest, AServerMayEndBeforeItsConnections) {
  start({"127.0.0.1:0", ""});
  auto client = connect();
  client->send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  run_until([&] { return !client->received.empty(); });
  server_.reset();
  run_until([&] { return client->closed; });
}

TEST_F(HttpTest, AUnixSocketReplacesADeadOneButNotALivingOne) {
  TempDirectory directory;
  std::string path = directory.path() + "/http";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  int dead = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(dead, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  close(dead);

  start({"unix:" + path, ""});
  struct stat found {};
  ASSERT_EQ(stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0660U);
  EXPECT_EQ(server_->port(), 0);
  auto client = std::make_unique<Client>(base_, reinterpret_cast<sockaddr*>(&address), sizeof address);
  client->send("GET /healthz HTTP/1.0\r\n\r\n");
  run_until([&] { return client->closed; });
  EXPECT_THAT(client->received, EndsWith("ok\n"));

  auto again = HttpServer::listen(base_, {"unix:" + path, ""});
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("in use"));
  server_.reset();
  EXPECT_NE(stat(path.c_str(), &found), 0);
}

TEST_F(HttpTest, AnAddressThatCannotBeBoundIsAnError) {
  start({"127.0.0.1:0", ""});
  auto again = HttpServer::listen(base_, {"127.0.0.1:" + std::to_string(server_->port()), ""});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::Io);
}

}  // namespace
}  // namespace postern::ops
