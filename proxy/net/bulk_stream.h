// BulkStream: gateways that share what they see, through one Redis stream.
//
// Theory of operation. Every event (a message seen, let through, withdrawn; a cluster allowed) is appended to the
// stream by the gateway where it happened (XADD) and read by all of them, the writer too (XREAD), in the one order that
// Redis gives it. So each gateway keeps the whole index itself, all of them have the same one, and a look-up asks
// nobody. A message waits only until its own event has come back: then everything before it, on whichever gateway, is
// counted too. When that takes longer than kPatience the worker counts it itself, and the event's return changes
// nothing; from then on nobody waits until the stream moves again. While Redis is gone events are kept, the last
// kMaxKept of them, and written when it is back, with the clusters that they were counted in: so a campaign that began
// on several gateways gets one name.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "filters/base/clock.h"
#include "filters/base/result.h"
#include "filters/bulk/index.h"
#include "filters/bulk/sighting.h"
#include "proxy/net/loop.h"
#include "proxy/session/bulk_store.h"
#include "proxy/session/observer.h"
#include "proxy/session/ports.h"

namespace postern::net {

struct BulkStreamOptions {
  std::string store;     // "redis://[[USER]:PASSWORD@]HOST:PORT[/DATABASE]"
  std::string position;  // where the index was when it was saved (see position()); empty: from `window` ago on
  Duration window{};     // of the index: what is older is of no use
};

/// One for the process, with a thread of its own. Methods: any thread.
class BulkStream {
 public:
  static constexpr Duration kPatience = std::chrono::milliseconds(30);
  static constexpr size_t kMaxKept = 10'000;

  /// Fails on a bad `store` only; Redis may come later. All references outlive it.
  static Result<std::unique_ptr<BulkStream>> create(const Clock& clock, bulk::Index& index, session::Observer& observer,
                                                    const BulkStreamOptions& options);
  BulkStream(const BulkStream&) = delete;
  BulkStream& operator=(const BulkStream&) = delete;
  /// Writes what is waiting, if Redis takes it at once, and ends the thread. The log says how much is left.
  ~BulkStream();

  struct Stats {
    bool up = false;        // connected, and events come back
    uint64_t sent = 0;      // events written
    uint64_t received = 0;  // events of other gateways
    uint64_t dropped = 0;   // events that nobody else will see: too many while Redis was gone, or its end came
    uint64_t refused = 0;   // events that could not be read; of those passed over together one
    uint64_t alone = 0;     // messages that were counted here because the stream was gone or late
  };
  [[nodiscard]] Stats stats() const;
  /// Up to which event the index is, for a snapshot.
  [[nodiscard]] std::string position() const;
  /// Counts here and tells the others.
  void publish(const bulk::Event& event);

 private:
  friend class SharedBulk;
  class Impl;
  explicit BulkStream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// What a worker's sessions use. On the worker's thread; all references outlive it.
class SharedBulk final : public session::BulkStore {
 public:
  SharedBulk(Loop& loop, session::Timers& timers, BulkStream& stream, bulk::Index& index);
  ~SharedBulk() override;

  [[nodiscard]] Task<bulk::Seen> see(bulk::Sighting sighting) override;
  void tell(bulk::Event event) override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::net
