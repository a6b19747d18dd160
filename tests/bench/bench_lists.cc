// What DNS lists cost in CPU: a look-up by where its answer is known, and a message that twelve lists are asked about.
// Two workers as the program has them; a DNS server of ours in a thread on loopback, whose CPU is not counted.
#include <algorithm>
#include <array>
#include <atomic>
#include <ctime>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "filters/base/fd.h"
#include "filters/lists/check.h"
#include "filters/lists/names.h"
#include "proxy/net/dns_unbound.h"
#include "proxy/net/shared_dns.h"

namespace {

using namespace postern;
using dns::Type;

constexpr Duration kTimeout = std::chrono::seconds(30);
/// Questions of one message: what stands side by side.
constexpr size_t kTogether = 12;

double seconds(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// ---------------------------------------------------------------- the other side

/// Says of every name that it is not listed, of one in eight that it is (127.0.0.2); TTL five minutes.
class Responder {
 public:
  Responder() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    POSTERN_CHECK(::bind(socket_.get(), raw, length) == 0 && ::getsockname(socket_.get(), raw, &length) == 0);
    int size = 8 << 20;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    port_ = ntohs(address.sin_port);
    POSTERN_CHECK(::pipe(stop_.data()) == 0);
    thread_ = std::thread([this] { run(); });
    POSTERN_CHECK(pthread_getcpuclockid(thread_.native_handle(), &cpu_) == 0);
  }
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder() {
    ::close(stop_[1]);
    thread_.join();
    ::close(stop_[0]);
  }
  [[nodiscard]] std::string address() const { return fmt::format("127.0.0.1@{}", port_); }
  [[nodiscard]] double cpu() const { return seconds(cpu_); }

 private:
  void run() {
    std::array<pollfd, 2> fds{{{socket_.get(), POLLIN, 0}, {stop_[0], POLLIN, 0}}};
    while (::poll(fds.data(), fds.size(), -1) > 0 && fds[1].revents == 0) {
      std::array<char, 512> packet{};
      sockaddr_in from{};
      socklen_t length = sizeof from;
      ssize_t got =
          ::recvfrom(socket_.get(), packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
      if (got <= 17) continue;
      std::string reply = answer({packet.data(), static_cast<size_t>(got)});
      ::sendto(socket_.get(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), length);
    }
  }
  /// RFC 1035, 4.1; the question is repeated, and records point to it.
  static std::string answer(std::string_view query) {
    size_t end = query.find('\0', 12);
    if (end == std::string_view::npos || end + 5 > query.size()) return "";
    std::string_view question = query.substr(12, end + 5 - 12);
    bool listed = static_cast<unsigned char>(question[1]) % 8 == 0;
    using std::string_literals::operator""s;
    std::string reply(query.substr(0, 2));
    reply += listed ? "\x81\x80\0\x01\0\x01\0\0\0\0"s : "\x81\x83\0\x01\0\0\0\x01\0\0"s;
    reply += question;
    // A record of the name asked; or the SOA of the root, which says how long there is none.
    if (listed) return reply + "\xc0\x0c\0\x01\0\x01\0\0\x01\x2c\0\x04\x7f\0\0\x02"s;
    return reply + "\0\0\x06\0\x01\0\0\x01\x2c\0\x16\0\0\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\x01\x2c"s;
  }

  Fd socket_;
  uint16_t port_ = 0;
  std::array<int, 2> stop_{-1, -1};
  std::thread thread_;
  clockid_t cpu_ = 0;
};

// ---------------------------------------------------------------- this side

struct Worker {
  Worker(const Clock& clock, const std::shared_ptr<net::DnsRing>& ring, const std::string& server)
      : own(net::UnboundClient::create(loop, clock, options(server)).value()), shared(loop, clock, ring, *own) {}
  static net::DnsOptions options(const std::string& server) {
    net::DnsOptions made;
    made.servers = {server};
    made.observer = [](Type, dns::Status, Duration) {};  // as in the program there is one
    return made;
  }
  net::Loop loop;
  std::unique_ptr<net::UnboundClient> own;
  net::SharedDns shared;
};

/// Two workers: this thread is the first one's.
struct World {
  World() : here(clock, ring, responder.address()), there(clock, ring, responder.address()) {
    thread = std::thread([this] { there.loop.run(); });
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() {
    there.loop.stop();
    thread.join();
  }
  /// CPU of all threads but the responder's, since the program began.
  [[nodiscard]] double cpu() const { return seconds(CLOCK_PROCESS_CPUTIME_ID) - responder.cpu(); }

  /// Questions that no one has asked yet; `owner`: whose they are.
  std::vector<dns::Question> fresh(size_t count, size_t owner) {
    std::vector<dns::Question> questions;
    questions.reserve(count);
    while (questions.size() < count) {
      unsigned n = next++;
      dns::Question question{fmt::format("{}.{}.{}.10.list{}.example", n & 255U, (n >> 8U) & 255U, n >> 16U, n % 12),
                             Type::A};
      if (net::QuestionHash()(question) % 2 == owner) questions.push_back(std::move(question));
    }
    return questions;
  }
  /// Asks all, kTogether at a time.
  static void ask(net::Loop& loop, dns::Client& client, const std::vector<dns::Question>& questions) {
    for (size_t at = 0; at < questions.size(); at += kTogether) {
      std::array<Pending, kTogether> pending;
      size_t missing = std::min(kTogether, questions.size() - at);
      for (size_t i = 0, count = missing; i < count; ++i) {
        pending[i] = client.lookup(questions[at + i], kTimeout, [&missing](const dns::Answer& answer) {
          if (answer.status == dns::Status::TempFail) std::abort();
          --missing;
        });
      }
      while (missing > 0) loop.turn(true);
    }
  }
  /// The same, on the other worker's thread.
  void ask_there(const std::vector<dns::Question>& questions) {
    std::vector<Pending> pending(questions.size());
    std::promise<void> done;
    std::atomic<size_t> missing = questions.size();
    POSTERN_CHECK(there.loop.post([&] {
      for (size_t i = 0; i < questions.size(); ++i) {
        pending[i] = there.shared.lookup(questions[i], kTimeout, [&](const dns::Answer&) {
          if (--missing == 0) done.set_value();
        });
      }
    }));
    done.get_future().wait();
    std::promise<void> cleared;
    POSTERN_CHECK(there.loop.post([&] {
      pending.clear();
      cleared.set_value();
    }));
    cleared.get_future().wait();
  }

  SystemClock clock;
  Responder responder;
  std::shared_ptr<net::DnsRing> ring = std::make_shared<net::DnsRing>();
  Worker here;
  Worker there;
  std::thread thread;
  unsigned next = 0;
};

constexpr size_t kBatch = 100 * kTogether;

/// `prepare` makes the questions of one round and its CPU is not counted.
template <class Prepare>
void lookups(benchmark::State& state, World& world, dns::Client& client, const Prepare& prepare) {
  for ([[maybe_unused]] auto round : state) {
    std::vector<dns::Question> questions = prepare();
    double before = world.cpu();
    World::ask(world.here.loop, client, questions);
    state.SetIterationTime((world.cpu() - before) / static_cast<double>(questions.size()));
  }
}

void unbound_alone_known(benchmark::State& state) {
  World world;
  auto questions = world.fresh(kBatch, 0);
  World::ask(world.here.loop, *world.here.own, questions);
  lookups(state, world, *world.here.own, [&] { return questions; });
}
void unbound_alone_unknown(benchmark::State& state) {
  World world;
  lookups(state, world, *world.here.own, [&] { return world.fresh(kBatch, 0); });
}
void shared_known_here(benchmark::State& state) {
  World world;
  auto questions = world.fresh(kBatch, 1);
  World::ask(world.here.loop, world.here.shared, questions);
  lookups(state, world, world.here.shared, [&] { return questions; });
}
void shared_known_at_the_owner(benchmark::State& state) {
  World world;
  lookups(state, world, world.here.shared, [&] {
    auto questions = world.fresh(kBatch, 1);
    world.ask_there(questions);
    return questions;
  });
}
void shared_unknown_ours(benchmark::State& state) {
  World world;
  lookups(state, world, world.here.shared, [&] { return world.fresh(kBatch, 0); });
}
void shared_unknown_the_others(benchmark::State& state) {
  World world;
  lookups(state, world, world.here.shared, [&] { return world.fresh(kBatch, 1); });
}

// ---------------------------------------------------------------- messages

struct NoObserver final : lists::Observer {
  void list_asked(const lists::List&, std::string_view, Duration) override {}
  void list_error(const lists::List&, const std::string&) override {}
};

/// Six of the client, two of names, four of URLs: one question each for a message with one host.
lists::ListsPtr twelve() {
  lists::Lists all(kTogether);
  for (size_t i = 0; i < all.size(); ++i) {
    all[i].name = fmt::format("LIST{}", i);
    all[i].zone = fmt::format("list{}.example", i);
    all[i].of = i < 6 ? lists::Subject::Client : i < 8 ? lists::Subject::From : lists::Subject::Url;
    all[i].answers = {{"127.0.0.2", lists::Match::parse("127.0.0.2").value(), "BAD"}};
    all[i].probe = false;
  }
  return std::make_shared<const lists::Lists>(std::move(all));
}

struct Message {
  IpAddress client;
  std::string from;
  mime::Url url;
};
Message message(unsigned n) {
  Message made;
  made.client = *IpAddress::parse(fmt::format("100.{}.{}.{}", (n >> 16U) & 63U, (n >> 8U) & 255U, n & 255U));
  made.from = fmt::format("sender{}.example", n);
  made.url.host = fmt::format("shop{}.example", n);
  return made;
}

void judge(World& world, lists::Desk& desk, const std::shared_ptr<const lists::Bound>& bound,
           const std::vector<size_t>& places, const Message& about) {
  lists::Check check(desk, world.here.shared, bound, 200, kTimeout);
  auto client = lists::address_query(about.client);
  if (client) check.ask_all(lists::Subject::Client, {*client});
  check.ask_all(lists::Subject::From, lists::domain_queries(about.from));
  check.ask_all(lists::Subject::Url, lists::url_queries({about.url}));
  bool done = false;
  Task<void> waiting = check.settle(places);
  waiting.start([&done] { done = true; });
  while (!done) world.here.loop.turn(true);
  for (size_t list : places) benchmark::DoNotOptimize(check.outcome(list));
}

/// known: whether all was asked before.
void message_with_twelve_lists(benchmark::State& state, bool known) {
  World world;
  NoObserver observer;
  lists::Zones zones(world.clock, lists::Zone::State::Up);
  lists::Desk desk(world.clock, observer);
  auto bound = lists::bind_lists(twelve(), zones);
  std::vector<size_t> places;
  places.reserve(kTogether);
  for (size_t i = 0; i < kTogether; ++i) places.push_back(i);
  constexpr unsigned kMessages = 100;
  unsigned next = 0;
  std::vector<Message> messages;
  messages.reserve(kMessages);
  for ([[maybe_unused]] auto round : state) {
    if (!known || messages.empty()) {
      messages.clear();
      while (messages.size() < kMessages) messages.push_back(message(next++));
    }
    if (known && next == kMessages) {
      for (const auto& one : messages) judge(world, desk, bound, places, one);
      ++next;
    }
    double before = world.cpu();
    for (const auto& one : messages) judge(world, desk, bound, places, one);
    state.SetIterationTime((world.cpu() - before) / kMessages);
  }
}

}  // namespace

BENCHMARK(unbound_alone_known)->UseManualTime()->Unit(benchmark::kMicrosecond)->Iterations(200);
BENCHMARK(shared_known_here)->UseManualTime()->Unit(benchmark::kMicrosecond)->Iterations(200);
BENCHMARK(shared_known_at_the_owner)->UseManualTime()->Unit(benchmark::kMicrosecond)->Iterations(50);
BENCHMARK(unbound_alone_unknown)->UseManualTime()->Unit(benchmark::kMicrosecond)->Iterations(50);
BENCHMARK(shared_unknown_ours)->UseManualTime()->Unit(benchmark::kMicrosecond)->Iterations(50);
BENCHMARK(shared_unknown_the_others)->UseManualTime()->Unit(benchmark::kMicrosecond)->Iterations(50);
BENCHMARK_CAPTURE(message_with_twelve_lists, cached, true)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond)
    ->Iterations(500);
BENCHMARK_CAPTURE(message_with_twelve_lists, uncached, false)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond)
    ->Iterations(50);
