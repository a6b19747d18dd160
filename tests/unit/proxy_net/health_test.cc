#include "proxy/net/health.h"

#include "proxy/net/connector.h"
#include "proxy/net/listener.h"
#include "proxy/net/offload.h"
#include "tests/unit/proxy_net/net_fixture.h"
#include "tests/unit/proxy_net/quiet_observer.h"

namespace postern::net {
namespace {

/// A backend in the same loop: answers line by line.
class Backend : public session::LinkEvents {
 public:
  Backend(Loop& loop, LinkPool& links)
      : links_(links), sockets_(ListenSockets::open("127.0.0.1:0", 1, HandedSockets{}).value()) {
    acceptor_ = std::make_unique<Acceptor>(
        loop, clock_, std::move(sockets_.take(0).front()),
        [this](Fd fd) {
          link_ = links_.accepted(std::move(fd));
          link_->attach(*this);
          if (!expect_proxy) link_->write(greeting);
        },
        [](const std::string&) {});
  }
  void received(std::string_view bytes) override {
    input += bytes;
    for (size_t end = input.find("\r\n"); end != std::string::npos; end = input.find("\r\n")) {
      std::string line = input.substr(0, end);
      input.erase(0, end + 2);
      lines.push_back(line);
      if (line.substr(0, 5) == "PROXY") link_->write(greeting);
      if (line.substr(0, 4) == "EHLO") link_->write("250-backend\r\n250-PIPELINING\r\n250 SIZE 1000\r\n");
      if (line == "QUIT") {
        link_->write("221 bye\r\n");
        link_->close_after_flush();
      }
    }
  }
  void secured(const session::TlsInfo&) override {}
  void end_of_input() override {}
  void failed(const std::string&) override {}
  [[nodiscard]] session::BackendAddress address(const std::string& host = "127.0.0.1") const {
    session::BackendAddress result;
    result.host = host;
    result.port = sockets_.port();
    result.text = host + ":" + std::to_string(result.port);
    return result;
  }

  std::string greeting = "220 backend ESMTP\r\n";
  bool expect_proxy = false;
  std::string input;
  std::vector<std::string> lines;

 private:
  SystemClock clock_;
  LinkPool& links_;
  ListenSockets sockets_;
  std::unique_ptr<Acceptor> acceptor_;
  std::unique_ptr<BufferLink> link_;
};

struct HealthTest : Net {
  SystemClock clock;
  QuietObserver observer;
  HostTable hosts;
  ThreadPool pool{1};
  PoolOffload offload{loop, pool, nullptr};
  LinkConnector connector{links, offload, hosts, clock};
  session::BackendRegistry registry;
  Backend backend{loop, links};
  HealthMonitor health{timers, connector, registry, observer};
};

TEST_F(HealthTest, ABackendThatAnswersIsUpAndKnown) {
  session::BackendPolicy policy;
  policy.addresses = {backend.address()};
  health.watch("mx.example.org", policy);
  turn_until(loop, [&] { return observer.is_up(backend.address().text) && backend.lines.size() == 2; });
  EXPECT_EQ(backend.lines, (std::vector<std::string>{"EHLO mx.example.org", "QUIT"}));
  auto offered = registry.offered(policy.addresses);
  ASSERT_TRUE(offered);
  EXPECT_TRUE(offered->pipelining);
  EXPECT_FALSE(offered->smtputf8);
  EXPECT_TRUE(registry.any_up(policy.addresses));
}

TEST_F(HealthTest, WithTheProxyProtocolTheProbeIntroducesItself) {
  backend.expect_proxy = true;
  session::BackendPolicy policy;
  policy.addresses = {backend.address()};
  policy.client_info = session::BackendPolicy::ClientInfo::Proxy;
  health.watch("mx.example.org", policy);
  turn_until(loop, [&] { return observer.is_up(backend.address().text); });
  EXPECT_EQ(backend.lines.at(0), "PROXY UNKNOWN");
}

TEST_F(HealthTest, ABackendThatRefusesIsDownWithAReason) {
  backend.greeting = "554 5.3.2 not today\r\n";
  session::BackendPolicy policy;
  policy.addresses = {backend.address()};
  health.watch("mx.example.org", policy);
  turn_until(loop, [&] { return observer.noted("is down"); });
  EXPECT_TRUE(observer.noted("not today"));
  EXPECT_FALSE(registry.any_up(policy.addresses));
}

TEST_F(HealthTest, ABackendThatIsNotThereIsDown) {
  session::BackendPolicy policy;
  {
    Backend gone(loop, links);
    policy.addresses = {gone.address()};
  }
  health.watch("mx.example.org", policy);
  turn_until(loop, [&] { return observer.noted("is down"); });
  EXPECT_TRUE(observer.noted("refused")) << observer.notes().front();
}

TEST_F(HealthTest, ASilentBackendIsDownAfterItsTime) {
  backend.greeting.clear();
  session::BackendPolicy policy;
  policy.addresses = {backend.address()};
  policy.connect_timeout = std::chrono::milliseconds(20);
  health.watch("mx.example.org", policy);
  turn_until(loop, [&] { return observer.noted("no answer in time"); });
}

TEST_F(HealthTest, AMaildirIsAlwaysUp) {
  session::BackendPolicy policy;
  session::BackendAddress maildir;
  maildir.kind = session::BackendAddress::Kind::Maildir;
  maildir.text = "maildir:/var/mail";
  policy.addresses = {maildir};
  health.watch("mx.example.org", policy);
  EXPECT_TRUE(observer.is_up("maildir:/var/mail"));
}

TEST_F(HealthTest, BackendsMayBeNamed) {
  session::BackendPolicy policy;
  policy.addresses = {backend.address("localhost")};
  health.watch("mx.example.org", policy);
  turn_until(loop, [&] { return observer.is_up(backend.address("localhost").text); });
  EXPECT_TRUE(hosts.fresh("localhost", clock.now()));
}

TEST_F(HealthTest, ALinkTriesEveryAddressAndHoldsWhatWasWritten) {
  uint16_t dead = 0;
  {
    Backend gone(loop, links);
    dead = gone.address().port;
  }
  Recorder events;
  auto link = links.outgoing(events);
  auto ip = *IpAddress::parse("127.0.0.1");
  link->connect({to_socket_address(ip, dead), to_socket_address(ip, backend.address().port)}, "");
  link->write("EHLO early\r\n");
  turn_until(loop, [&] { return events.saw("connected") && !backend.lines.empty(); });
  EXPECT_EQ(backend.lines.at(0), "EHLO early");
  EXPECT_FALSE(events.saw("failed"));
}

TEST_F(HealthTest, ANameThatDoesNotResolveFailsLater) {
  Recorder events;
  session::BackendAddress address;
  address.host = "no such host";
  auto link = connector.connect(address, events);
  EXPECT_TRUE(events.log.empty());
  turn_until(loop, [&] { return events.saw("failed"); });
  EXPECT_NE(events.why.find("no such host"), std::string::npos) << events.why;
}

}  // namespace
}  // namespace postern::net
