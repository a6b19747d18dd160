#include "proxy/net/listener.h"

#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "proxy/net/arrivals.h"
#include "tests/unit/proxy_net/certificates.h"
#include "tests/unit/proxy_net/net_fixture.h"
#include "tests/unit/proxy_net/quiet_observer.h"

namespace postern::net {
namespace {

const HandedSockets kNone;

Fd connect_to(uint16_t port) {
  SocketAddress address = to_socket_address(*IpAddress::parse("127.0.0.1"), port);
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(fd.get(), address.get(), address.length), 0);
  return fd;
}

TEST(ListenAddressTest, Forms) {
  auto tcp = parse_listen_address("0.0.0.0:25").value();
  EXPECT_EQ(tcp.endpoint.port, 25);
  EXPECT_FALSE(parse_listen_address("[::]:2525").value().endpoint.ip.is_v4());
  EXPECT_EQ(parse_listen_address("unix:/run/postern.sock").value().name, "/run/postern.sock");
  EXPECT_EQ(parse_listen_address("systemd:smtp").value().name, "smtp");
  for (const char* bad : {"", "25", "localhost:25", "0.0.0.0:", "0.0.0.0:65536", "::1:25", "[0.0.0.0]:25",
                          "unix:", "0.0.0.0:25x", "systemd:"}) {
    EXPECT_FALSE(parse_listen_address(bad)) << bad;
  }
  EXPECT_FALSE(parse_listen_address("unix:/" + std::string(200, 'x')));
}

TEST(ListenSocketsTest, OnePortForAllWorkersAndForNobodyElse) {
  auto sockets = ListenSockets::open("127.0.0.1:0", 3, kNone).value();
  ASSERT_NE(sockets.port(), 0);
  for (unsigned worker = 0; worker < 3; ++worker) EXPECT_EQ(sockets.take(worker).size(), 1U) << worker;

  auto kept = ListenSockets::open("127.0.0.1:0", 1, kNone).value();
  auto again = ListenSockets::open("127.0.0.1:" + std::to_string(kept.port()), 1, kNone);
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message.find("Address already in use"), std::string::npos) << again.error().message;
}

TEST(ListenSocketsTest, UnixSocketsReplaceDeadOnesAndNothingElse) {
  Certificates directory;  // a temporary directory
  std::string path = directory.path("smtp.sock");
  {
    auto first = ListenSockets::open("unix:" + path, 2, kNone).value();
    EXPECT_FALSE(ListenSockets::open("unix:" + path, 1, kNone)) << "it is alive";
    EXPECT_TRUE(std::filesystem::exists(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path)) << "removed at the end";
  {
    Fd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  EXPECT_TRUE(ListenSockets::open("unix:" + path, 1, kNone));
  std::ofstream(path) << "precious";
  EXPECT_FALSE(ListenSockets::open("unix:" + path, 1, kNone));
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(ListenSocketsTest, SocketsOfTheServiceManagerByName) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::listen(socket.get(), 1), 0);
  HandedSockets handed;
  handed.sockets = {{"other", -1}, {"smtp", socket.get()}};
  auto sockets = ListenSockets::open("systemd:smtp", 2, handed).value();
  EXPECT_EQ(sockets.port(), local_of(socket.get())->port);
  EXPECT_EQ(sockets.take(0).size(), 1U);
  auto missing = ListenSockets::open("systemd:nothing", 1, handed);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message.substr(0, 16), "systemd:nothing:");
}

struct ArrivalsTest : Net {
  ArrivalsTest() {
    sockets.emplace(ListenSockets::open("127.0.0.1:0", 1, kNone).value());
    acceptor = std::make_unique<Acceptor>(
        loop, clock, std::move(sockets->take(0).front()),
        [this](Fd fd) {
          ++accepted;
          arrivals.take(std::move(fd), policy);
        },
        [](const std::string&) {});
  }
  Fd connect() { return connect_to(sockets->port()); }

  SystemClock clock;
  QuietObserver observer;
  ConnectionCounter counter;
  session::ListenerPolicy policy;
  std::vector<Arrived> ready;
  Arrivals arrivals{
      loop, links, timers, clock, observer, counter, [this](Arrived client, const session::ListenerPolicy&) {
        ready.push_back(std::move(client));
      }};
  std::optional<ListenSockets> sockets;
  std::unique_ptr<Acceptor> acceptor;
  int accepted = 0;
};

TEST_F(ArrivalsTest, AClientArrives) {
  Fd client = connect();
  turn_until(loop, [&] { return !ready.empty(); });
  EXPECT_EQ(ready[0].peer.ip.to_string(), "127.0.0.1");
  EXPECT_EQ(ready[0].peer.port, local_of(client.get())->port);
  EXPECT_EQ(ready[0].peer.local_port, sockets->port());
  EXPECT_FALSE(ready[0].secured);
  EXPECT_EQ(counter.total(), 1U);
  ready.clear();
  EXPECT_EQ(counter.total(), 0U);
}

TEST_F(ArrivalsTest, TooManyAreToldSoAtOnce) {
  arrivals.set_limits({2, 100});
  Fd a = connect();
  Fd b = connect();
  Fd c = connect();
  turn_until(loop, [&] { return accepted == 3; });
  EXPECT_EQ(read_to_end(c.get()), "421 4.3.2 too many connections\r\n");
  EXPECT_EQ(ready.size(), 2U);
  ready.pop_back();
  Fd d = connect();
  turn_until(loop, [&] { return accepted == 4; });
  EXPECT_EQ(ready.size(), 2U) << "a place was free again";
}

TEST_F(ArrivalsTest, TooManyFromOneAddress) {
  policy.proxy_protocol = {*IpNetwork::parse("127.0.0.0/8")};
  arrivals.set_limits({100, 1});
  std::vector<Fd> clients;
  for (const char* ip : {"192.0.2.1", "192.0.2.1", "192.0.2.2"}) {
    clients.push_back(connect());
    send_text(clients.back().get(), "PROXY TCP4 " + std::string(ip) + " 198.51.100.1 4242 25\r\n");
    turn_until(loop, [&] { return accepted == static_cast<int>(clients.size()) && arrivals.waiting() == 0; });
  }
  EXPECT_EQ(read_to_end(clients[1].get()), "421 4.3.2 too many connections\r\n");
  ASSERT_EQ(ready.size(), 2U);
  EXPECT_EQ(ready[1].peer.ip.to_string(), "192.0.2.2");
}

TEST_F(ArrivalsTest, TheProxyHeaderIsTakenToTheByte) {
  policy.proxy_protocol = {*IpNetwork::parse("127.0.0.1/32")};
  Fd client = connect();
  std::string all = "PROXY TCP4 192.0.2.7 198.51.100.1 4242 25\r\nEHLO x\r\n";
  send_text(client.get(), all.substr(0, 11));
  turn_until(loop, [&] { return arrivals.waiting() == 1; });
  loop.turn(false);
  EXPECT_TRUE(ready.empty());
  send_text(client.get(), all.substr(11));
  turn_until(loop, [&] { return !ready.empty(); });
  EXPECT_EQ(ready[0].peer.ip.to_string(), "192.0.2.7");
  EXPECT_EQ(ready[0].peer.port, 4242);
  EXPECT_EQ(ready[0].peer.local_ip.to_string(), "198.51.100.1");
  Recorder events;
  ready[0].link->attach(events);
  turn_until(loop, [&] { return events.input == "EHLO x\r\n"; });
}

TEST_F(ArrivalsTest, AnUnknownProxiedClientIsTheBalancerItself) {
  policy.proxy_protocol = {*IpNetwork::parse("127.0.0.1/32")};
  Fd client = connect();
  send_text(client.get(), "PROXY UNKNOWN\r\n");
  turn_until(loop, [&] { return !ready.empty(); });
  EXPECT_EQ(ready[0].peer.ip.to_string(), "127.0.0.1");
}

TEST_F(ArrivalsTest, WithoutItsProxyHeaderAClientIsClosedAndNoted) {
  policy.proxy_protocol = {*IpNetwork::parse("127.0.0.1/32")};
  Fd client = connect();
  send_text(client.get(), "EHLO liar\r\n");
  turn_until(loop, [&] { return accepted == 1 && arrivals.waiting() == 0; });
  EXPECT_TRUE(ready.empty());
  EXPECT_TRUE(observer.noted("broken PROXY header"));
  EXPECT_EQ(counter.total(), 0U);
}

TEST_F(ArrivalsTest, FromOtherNetworksAProxyHeaderIsJustInput) {
  policy.proxy_protocol = {*IpNetwork::parse("192.0.2.0/24")};
  Fd client = connect();
  send_text(client.get(), "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n");
  turn_until(loop, [&] { return !ready.empty(); });
  EXPECT_EQ(ready[0].peer.ip.to_string(), "127.0.0.1");
}

TEST_F(ArrivalsTest, ImplicitTlsIsUpBeforeTheClientIsGreeted) {
  Certificates certificates;
  links.set_server_tls(TlsContext::server({certificates.make("mx.example.org")}).value());
  links.set_client_tls(TlsContext::client().value());
  policy.tls = session::ListenerPolicy::Tls::Implicit;
  Recorder events;
  auto client = links.outgoing(events);
  client->connect({to_socket_address(*IpAddress::parse("127.0.0.1"), sockets->port())}, "");
  turn_until(loop, [&] { return events.saw("connected"); });
  client->start_tls();
  turn_until(loop, [&] { return !ready.empty() && events.saw("secured"); });
  EXPECT_TRUE(ready[0].secured);
  Recorder session;
  ready[0].link->attach(session);
  ready[0].link->write("220 hello\r\n");
  turn_until(loop, [&] { return events.input == "220 hello\r\n"; });

  Fd plain = connect();
  send_text(plain.get(), "EHLO plain\r\n");
  turn_until(loop, [&] { return accepted == 2 && arrivals.waiting() == 0; });
  EXPECT_EQ(ready.size(), 1U);
  EXPECT_EQ(counter.total(), 1U);
}

}  // namespace
}  // namespace postern::net
