#include "proxy/net/link.h"

#include <thread>

#include "tests/unit/proxy_net/net_fixture.h"

namespace postern::net {
namespace {

struct LinkTest : Net {
  LinkTest() {
    auto [server, client] = connected_pair();
    peer = std::move(client);
    link = links.accepted(std::move(server));
    link->attach(events);
  }

  Recorder events;
  Fd peer;
  std::unique_ptr<BufferLink> link;
};

TEST_F(LinkTest, EchoesWhatComesIn) {
  events.hook = [&](const std::string& what) {
    if (what == "received") link->write(std::exchange(events.input, {}));
  };
  std::string text(200'000, 'x');
  std::string back;
  std::jthread client([&] {
    send_text(peer.get(), text);
    ::shutdown(peer.get(), SHUT_WR);
    back = read_to_end(peer.get());
  });
  turn_until(loop, [&] { return events.saw("end"); });
  link->close_after_flush();
  link.reset();
  turn_until(loop, [&] { return links.lingering() == 0; });
  client.join();
  EXPECT_EQ(back, text);
}

TEST_F(LinkTest, NothingIsDeliveredInsideACallOfTheUser) {
  send_text(peer.get(), "hello");
  link->read_enabled(false);
  link->read_enabled(true);
  EXPECT_EQ(events.input, "");
  turn_until(loop, [&] { return events.input == "hello"; });
}

TEST_F(LinkTest, NotReadWhileReadingIsOff) {
  link->read_enabled(false);
  send_text(peer.get(), "hello");
  peer.reset();
  bool later = false;
  auto timer = timers.after(std::chrono::milliseconds(10), [&] { later = true; });
  turn_until(loop, [&] { return later; });
  EXPECT_EQ(events.input, "");
  EXPECT_TRUE(events.log.empty());
  link->read_enabled(true);
  turn_until(loop, [&] { return events.saw("end"); });
  EXPECT_EQ(events.input, "hello");
}

TEST_F(LinkTest, AUserThatStopsReadingGetsNoMore) {
  events.hook = [&](const std::string& what) {
    if (what == "received") link->read_enabled(false);
  };
  std::jthread client([&] { send_text(peer.get(), std::string(100'000, 'x')); });
  turn_until(loop, [&] { return !events.input.empty(); });
  EXPECT_LE(events.input.size(), BufferLink::kReadPerTurn);
  size_t rounds = 1;
  while (events.input.size() < 100'000) {
    size_t before = events.input.size();
    link->read_enabled(true);
    turn_until(loop, [&] { return events.input.size() > before; });
    EXPECT_LE(events.input.size() - before, BufferLink::kReadPerTurn);
    ++rounds;
  }
  EXPECT_GE(rounds, 7U);
}

TEST_F(LinkTest, ABigWriteWaitsForTheReader) {
  constexpr size_t kTotal = 50U << 20U;
  const std::string chunk(256U << 10U, 'y');
  size_t written = 0;
  size_t most_queued = 0;
  auto fill = [&] {
    while (written < kTotal && link->queued() < session::Link::kLowWater) {
      link->write(chunk);
      written += chunk.size();
      most_queued = std::max(most_queued, link->queued());
    }
  };
  events.hook = [&](const std::string& what) {
    if (what == "writable") fill();
  };
  fill();
  EXPECT_LT(written, kTotal);
  size_t got = 0;
  std::jthread client([&] {
    got = read_to_end(peer.get()).size();
    peer.reset();
  });
  turn_until(loop, [&] { return written >= kTotal; });
  link->close_after_flush();
  link.reset();
  turn_until(loop, [&] { return links.lingering() == 0; });
  client.join();
  EXPECT_EQ(got, written);
  EXPECT_LE(most_queued, session::Link::kLowWater + chunk.size());
}

TEST_F(LinkTest, HalfClosedPeersStillRead) {
  ::shutdown(peer.get(), SHUT_WR);
  turn_until(loop, [&] { return events.saw("end"); });
  EXPECT_FALSE(events.saw("failed"));
  link->write("still here");
  link->close_after_flush();
  link.reset();
  turn_until(loop, [&] { return links.lingering() == 0; });
  EXPECT_EQ(read_to_end(peer.get()), "still here");
}

TEST_F(LinkTest, AResetIsAFailureWithAReason) {
  ::linger reset{1, 0};
  ::setsockopt(peer.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  peer.reset();
  turn_until(loop, [&] { return events.saw("failed"); });
  EXPECT_NE(events.why.find("reset"), std::string::npos) << events.why;
  link->write("into the void");
  EXPECT_EQ(link->queued(), 0U);
}

TEST_F(LinkTest, MayBeDestroyedInEachOfItsEvents) {
  events.hook = [&](const std::string&) { link.reset(); };
  send_text(peer.get(), "hello");
  turn_until(loop, [&] { return link == nullptr; });
  EXPECT_EQ(read_to_end(peer.get()), "");

  auto [server, client] = connected_pair();
  link = links.accepted(std::move(server));
  link->attach(events);
  ::shutdown(client.get(), SHUT_WR);
  turn_until(loop, [&] { return link == nullptr; });

  std::tie(server, client) = connected_pair();
  link = links.accepted(std::move(server));
  link->attach(events);
  link->write(std::string(8U << 20U, 'w'));
  std::jthread reader([&fd = client] { read_to_end(fd.get()); });
  turn_until(loop, [&] { return link == nullptr; });
}

TEST_F(LinkTest, TheLastReplyIsNotLostToInputNobodyReads) {
  // Unread input makes a plain close() send a reset, and the client then never sees the reply.
  send_text(peer.get(), std::string(100'000, 'z'));
  link->write("421 4.3.2 bye\r\n");
  link->close_after_flush();
  link.reset();
  std::string got;
  std::jthread client([&] {
    got = read_to_end(peer.get());
    peer.reset();
  });
  turn_until(loop, [&] { return links.lingering() == 0; });
  client.join();
  EXPECT_EQ(got, "421 4.3.2 bye\r\n");
}

TEST_F(LinkTest, APeerThatSendsForeverWhileWeCloseIsCutOff) {
  link->write("bye\r\n");
  link->close_after_flush();
  link.reset();
  std::jthread client([&] {
    std::string junk(65536, 'j');
    while (::send(peer.get(), junk.data(), junk.size(), MSG_NOSIGNAL) > 0) {}
  });
  turn_until(loop, [&] { return links.lingering() == 0; });
}

// The kernel tells a reset once. Told to a write, the next read looks like an orderly end: as if the peer had read all.
TEST_F(LinkTest, AResetThatAWriteFindsIsAFailureNotAnEnd) {
  ::linger reset{1, 0};
  ::setsockopt(peer.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  peer.reset();
  link->write("250 ok\r\n");
  turn_until(loop, [&] { return !events.log.empty(); });
  EXPECT_FALSE(events.saw("end"));
  EXPECT_TRUE(events.saw("failed"));
}

TEST_F(LinkTest, APoolThatGoesClosesWhatLingers) {
  auto short_lived = std::make_unique<LinkPool>(loop, timers);
  auto [server, client] = connected_pair();
  auto other = short_lived->accepted(std::move(server));
  other->write("x");
  other->close_after_flush();
  other.reset();
  EXPECT_EQ(short_lived->lingering(), 1U);
  short_lived.reset();
  loop.turn(false);
  EXPECT_EQ(read_to_end(client.get()), "x");
}

}  // namespace
}  // namespace postern::net
