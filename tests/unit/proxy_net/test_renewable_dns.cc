// RenewableDns: forgets all it knows, and nobody else's.
#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "proxy/net/renewable_dns.h"
#include "tests/unit/proxy_net/dns_server.h"

namespace postern::net {
namespace {

using dns::Status;
using dns::Type;
constexpr unsigned kA = 1;
constexpr Duration kLong = std::chrono::seconds(100);
const std::string kName = "2.0.0.127.list.example";

class RenewableDnsTest : public testing::Test {
 public:
  RenewableDnsTest() {
    server.add(kName, kA, kA, std::string("\x7f\0\0\x02", 4), 3600);
    options.servers = {server.address()};
  }
  RenewableDnsTest(const RenewableDnsTest&) = delete;
  RenewableDnsTest& operator=(const RenewableDnsTest&) = delete;
  ~RenewableDnsTest() override = default;

 protected:
  /// How often the server has heard of the name once it is answered.
  int asked_by(dns::Client& client) {
    std::optional<dns::Answer> answer;
    auto pending = client.lookup({kName, Type::A}, kLong, [&](const dns::Answer& got) { answer = got; });
    while (!answer) loop.turn(true);
    EXPECT_EQ(answer->status, Status::Found) << answer->reason;
    return server.asked(kName);
  }
  SystemClock clock;
  Loop loop;
  DnsServer server;
  DnsOptions options;
};

TEST_F(RenewableDnsTest, WhatWasKnownIsAskedAnewAfterARenewal) {
  auto client = RenewableDns::create(loop, clock, options).value();
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(asked_by(*client), i);
    EXPECT_EQ(asked_by(*client), i);
    client->renew();
  }
}

TEST_F(RenewableDnsTest, OneThatIsAlwaysFreshTakesNothingFromOthers) {
  auto keeping = UnboundClient::create(loop, clock, options).value();
  auto fresh = RenewableDns::create(loop, clock, options, Duration::zero()).value();
  EXPECT_EQ(asked_by(*fresh), 1);
  EXPECT_EQ(asked_by(*keeping), 2);
  EXPECT_EQ(asked_by(*fresh), 3);
  EXPECT_EQ(asked_by(*keeping), 3);
}

TEST_F(RenewableDnsTest, ALookUpOutlivesARenewalAndTheClient) {
  auto client = RenewableDns::create(loop, clock, options).value();
  std::optional<dns::Answer> answer;
  auto pending = client->lookup({kName, Type::A}, kLong, [&](const dns::Answer& got) { answer = got; });
  client->renew();
  while (!answer) loop.turn(true);
  EXPECT_EQ(answer->status, Status::Found);
  auto lost = client->lookup({kName, Type::A}, kLong, [](const dns::Answer&) { FAIL(); });
  client.reset();
  lost.reset();
}

}  // namespace
}  // namespace postern::net
