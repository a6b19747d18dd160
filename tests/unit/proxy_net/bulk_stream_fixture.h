// A gateway as far as sharing counts goes: an index, the stream, and one worker's door to it on the test's thread.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "filters/bulk/index.h"
#include "proxy/net/bulk_stream.h"
#include "proxy/net/timers.h"
#include "tests/unit/proxy_net/bulk_stream_fake.h"
#include "tests/unit/proxy_net/quiet_observer.h"

namespace postern::net {

/// Polls; a test that waits in vain is ended by the runner's time limit.
inline void await(const std::function<bool()>& condition) {
  while (!condition()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

struct Gateway {
  explicit Gateway(const std::string& store, const std::string& position = "") { start(store, position); }
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;
  virtual ~Gateway() { door.reset(); }

  void start(const std::string& store, const std::string& position) {
    auto made = BulkStream::create(clock, *index, observer, {store, position, std::chrono::hours(24)});
    ASSERT_TRUE(made) << made.error().message;
    stream = std::move(*made);
    door = std::make_unique<SharedBulk>(loop, timers, *stream, *index);
  }
  /// One message of a campaign, the `campaign`-th attachment in it: its count when it was judged.
  uint64_t see(uint64_t campaign = 1) {
    Task<bulk::Seen> task = door->see(sighting(campaign));
    finish(task);
    return task.take().outcome.count;
  }
  void finish(Task<bulk::Seen>& task) {
    bool done = false;
    task.start([&] { done = true; });
    while (!done) loop.turn(true);
  }
  bulk::Sighting sighting(uint64_t campaign) {
    static std::atomic<int> made{0};
    bulk::Sighting out;
    out.print.files = {0x9e3779b97f4a7c15U * campaign};
    out.id = fmt::format("m{}", ++made);
    out.from = "ann@sender.example";
    out.network = 7;
    out.recipients = {1};
    out.wall_ms = clock.wall_ms();
    return out;
  }
  /// How many messages of campaigns (of two or more) this gateway knows, without counting.
  [[nodiscard]] uint64_t known() const {
    uint64_t sum = 0;
    for (const auto& report : index->list(clock.wall_ms(), 2, 100)) sum += report.outcome.count;
    return sum;
  }
  void until_up() {
    await([&] { return stream->stats().up; });
  }
  void until_down() {
    await([&] { return !stream->stats().up; });
  }

  SystemClock clock;
  QuietObserver observer;
  std::unique_ptr<bulk::Index> index =
      std::make_unique<bulk::Index>(bulk::Index::Options{8U << 20U, std::chrono::hours(24), 100, 4});
  Loop loop;
  LoopTimers timers{loop};
  std::unique_ptr<BulkStream> stream;
  std::unique_ptr<SharedBulk> door;
};

}  // namespace postern::net
