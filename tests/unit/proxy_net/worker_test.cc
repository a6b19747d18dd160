#include "proxy/net/worker.h"

#include <future>

#include "tests/unit/proxy_net/net_fixture.h"
#include "tests/unit/proxy_net/quiet_observer.h"

namespace postern::net {
namespace {

struct NoListObserver final : lists::Observer {
  void list_asked(const lists::List&, std::string_view, Duration) override {}
  void list_error(const lists::List&, const std::string&) override {}
};

struct WorkerTest : ::testing::Test {
  WorkerTest() : sockets(ListenSockets::open("127.0.0.1:0", 2, HandedSockets{}).value()) {}

  static Generation generation(const std::string& hostname, size_t connections = 100) {
    session::Policy policy;
    policy.hostname = hostname;
    policy.limits.connections = connections;
    policy.finish(false);
    return {std::make_shared<const session::Policy>(policy), rules::RuleSet::empty(), nullptr};
  }
  std::unique_ptr<Worker> make(unsigned index) {
    WorkerOptions options;
    options.index = index;
    session::ListenerPolicy policy;
    policy.name = "test";
    policy.tls = session::ListenerPolicy::Tls::Off;
    options.listeners.push_back({policy, sockets.take(index)});
    options.generation = generation("mx.example.org");
    options.dns.servers = {"127.0.0.1@9"};  // nobody answers; nothing here waits for it
    options.make_host = [](const rules::RuleSetPtr& set) { return std::make_shared<rules::Host>(set, nullptr); };
    options.ended = [this] {
      if (ends.fetch_add(1) == 0) ended.set_value();
    };
    return Worker::create(shared, std::move(options)).value();
  }
  [[nodiscard]] Fd connect() const {
    SocketAddress address = to_socket_address(*IpAddress::parse("127.0.0.1"), sockets.port());
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), address.get(), address.length), 0);
    return fd;
  }
  static std::string read_line(const Fd& fd) {
    std::string line;
    char c = 0;
    while (::recv(fd.get(), &c, 1, 0) == 1) {
      line += c;
      if (c == '\n') break;
    }
    return line;
  }

  SystemClock clock;
  QuietObserver observer;
  session::BackendRegistry backends;
  session::MemoryBudget memory{1U << 20U};
  session::RetryMemory retries;
  ConnectionCounter connections;
  HostTable hosts;
  ThreadPool pool{1};
  lists::Zones zones{clock, lists::Zone::State::Up};
  NoListObserver list_observer;
  std::shared_ptr<DnsRing> ring = std::make_shared<DnsRing>();
  SharedServices shared{clock, observer, backends, memory,        retries, connections,
                        hosts, pool,     zones,    list_observer, ring};
  ListenSockets sockets;
  std::promise<void> ended;
  std::atomic<int> ends{0};
};

TEST_F(WorkerTest, GreetsAndDrains) {
  auto unused = sockets.take(1);
  unused.clear();
  auto worker = make(0);
  worker->start();
  Fd client = connect();
  EXPECT_EQ(read_line(client).substr(0, 18), "220 mx.example.org");
  EXPECT_EQ(worker->stats().sessions, 1U);
  ASSERT_TRUE(worker->drain(std::chrono::seconds(30)));
  EXPECT_EQ(read_to_end(client.get()).substr(0, 9), "421 4.3.2");
  client.reset();
  ended.get_future().wait();
  EXPECT_TRUE(worker->ended());
  worker->join();
  EXPECT_EQ(connections.total(), 0U);
  EXPECT_EQ(worker->stats().sessions, 0U);
}

TEST_F(WorkerTest, AReloadIsForThoseWhoComeAfterIt) {
  sockets.take(1).clear();
  auto worker = make(0);
  worker->start();
  Fd before = connect();
  EXPECT_EQ(read_line(before).substr(0, 18), "220 mx.example.org");
  ASSERT_TRUE(worker->reload(generation("new.example.org")));
  // The order travels to the worker's thread: it holds from some connection on, and then for all.
  std::string greeting;
  for (int tries = 0; tries < 1000 && !greeting.starts_with("220 new.example.org"); ++tries) {
    Fd after = connect();
    greeting = read_line(after);
  }
  EXPECT_EQ(greeting.substr(0, 19), "220 new.example.org");
  send_text(before.get(), "HELO client.example\r\n");
  EXPECT_EQ(read_line(before).substr(0, 24), "250 2.0.0 mx.example.org");
}

TEST_F(WorkerTest, StopsWithOpenSessions) {
  sockets.take(1).clear();
  auto worker = make(0);
  worker->start();
  std::vector<Fd> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(connect());
    read_line(clients.back());
  }
  worker->stop();
  worker->join();
  worker.reset();
  EXPECT_EQ(connections.total(), 0U);
}

TEST_F(WorkerTest, TwoWorkersShareThePortAndTheLimits) {
  auto one = make(0);
  auto two = make(1);
  one->start();
  two->start();
  std::vector<Fd> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(connect());
    EXPECT_EQ(read_line(clients.back()).substr(0, 4), "220 ");
  }
  EXPECT_EQ(one->stats().sessions + two->stats().sessions, 40U);
  EXPECT_EQ(connections.total(), 40U);
}

}  // namespace
}  // namespace postern::net
