#include "proxy/cli/api_client.h"

#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "filters/base/fd.h"
#include "proxy/net/loop.h"
#include "proxy/ops/http.h"
#include "tests/unit/proxy_ops/files.h"

namespace postern::cli {
namespace {

using testing::HasSubstr;

/// An HTTP server of the gateway's kind on a thread of its own.
class ApiClientTest : public testing::Test {
 public:
  ApiClientTest() = default;
  ApiClientTest(const ApiClientTest&) = delete;
  ApiClientTest& operator=(const ApiClientTest&) = delete;
  ~ApiClientTest() override {
    if (thread_.joinable()) {
      loop_.stop();
      thread_.join();
    }
    server_.reset();
  }

 protected:
  /// Its options: those of a client that asks it.
  ApiOptions start(const std::string& address, const std::string& token = "") {
    ops::HttpServer::Options options;
    options.address = address;
    options.token = token;
    auto server = ops::HttpServer::listen(loop_.base(), options);
    if (!server) {
      ADD_FAILURE() << server.error().message;
      return {};
    }
    server_ = std::move(*server);
    server_->route("GET", "/api/lists", [](const ops::HttpRequest&) {
      return ops::HttpResponse{200, "{\"lists\":[]}\n", "application/json"};
    });
    server_->route("GET", "/api/large", [](const ops::HttpRequest&) {
      return ops::HttpResponse{200, std::string(3'000'000, 'x'), "text/plain"};
    });
    server_->route("POST", "/api/broken", [](const ops::HttpRequest&) { return ops::http_error(500, "it broke"); });
    ApiOptions asker;
    asker.address = server_->port() != 0 ? "127.0.0.1:" + std::to_string(server_->port()) : address;
    asker.token = token;
    thread_ = std::thread([this] { loop_.run(); });
    return asker;
  }

  net::Loop loop_;
  std::unique_ptr<ops::HttpServer> server_;
  std::thread thread_;
};

TEST_F(ApiClientTest, TheBodyOfAnAnswerComesWhole) {
  ApiOptions options = start("127.0.0.1:0");
  auto body = api_request(options, "GET", "/api/lists");
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(*body, "{\"lists\":[]}\n");
  body = api_request(options, "GET", "/api/large");
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(body->size(), 3'000'000U);
}

TEST_F(ApiClientTest, AUnixSocketAndATokenServeAsWell) {
  ops::TempDirectory directory;
  ApiOptions options = start("unix:" + directory.path() + "/http", "s3cret");
  auto body = api_request(options, "GET", "/api/lists");
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(*body, "{\"lists\":[]}\n");
  options.token = "another";
  body = api_request(options, "GET", "/api/lists");
  ASSERT_FALSE(body);
  EXPECT_THAT(body.error().message, HasSubstr("wants another [http] token"));
}

TEST_F(ApiClientTest, AnyAddressOfAServerIsThisMachine) {
  ApiOptions options = start("0.0.0.0:0");
  options.address = "0.0.0.0:" + std::to_string(server_->port());
  EXPECT_TRUE(api_request(options, "GET", "/api/lists"));
}

TEST_F(ApiClientTest, ARefusalSaysWhy) {
  ApiOptions options = start("127.0.0.1:0");
  auto body = api_request(options, "POST", "/api/broken");
  ASSERT_FALSE(body);
  EXPECT_THAT(body.error().message, HasSubstr("status 500: it broke"));
  body = api_request(options, "GET", "/api/none");
  ASSERT_FALSE(body);
  EXPECT_THAT(body.error().message, HasSubstr("does not know /api/none"));
}

TEST_F(ApiClientTest, AGatewayThatDoesNotRunIsSaidNotTo) {
  ApiOptions options;
  {
    Fd fd(::socket(AF_INET, SOCK_STREAM, 0));  // a port that nobody listens on
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
    options.address = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    auto body = api_request(options, "GET", "/api/lists");
    ASSERT_FALSE(body);
    EXPECT_THAT(body.error().message, HasSubstr("Connection refused; does the gateway run"));
  }
  options.address = "unix:/nonexistent/postern/http";
  auto body = api_request(options, "GET", "/api/lists");
  ASSERT_FALSE(body);
  EXPECT_THAT(body.error().message, HasSubstr("No such file or directory; does the gateway run"));
  for (const char* address : {"", "127.0.0.1:0", "nonsense", "systemd:http"}) {
    options.address = address;
    EXPECT_FALSE(api_request(options, "GET", "/api/lists")) << address;
  }
}

TEST_F(ApiClientTest, WhoAnswersSomethingElseIsNotTheGateway) {
  Fd listener(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  ASSERT_EQ(::listen(listener.get(), 4), 0);
  ApiOptions options;
  options.address = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  for (const std::string& answer :
       {std::string("220 mx.example.org ESMTP\r\n\r\n"), std::string("HTTP/1.1 2xx\r\n\r\n"), std::string("HTTP/1."),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"), std::string(),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: \0 9\r\n\r\n", 40)}) {
    std::thread server([&] {
      Fd client(::accept(listener.get(), nullptr, nullptr));
      std::string request;
      char octet = 0;
      while (!request.ends_with("\r\n\r\n") && ::recv(client.get(), &octet, 1, 0) == 1) request += octet;
      ::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    });
    auto body = api_request(options, "GET", "/api/lists");
    server.join();
    ASSERT_FALSE(body) << answer;
    EXPECT_THAT(body.error().message, HasSubstr("is not the gateway")) << answer;
  }
}

}  // namespace
}  // namespace postern::cli
