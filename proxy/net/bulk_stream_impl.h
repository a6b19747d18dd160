// BulkStream::Impl: what all threads see of the stream, and the thread that speaks with Redis.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "filters/bulk/index.h"
#include "filters/bulk/sighting.h"
#include "proxy/net/bulk_stream.h"
#include "proxy/net/bulk_stream_entry.h"
#include "proxy/net/bulk_stream_redis.h"
#include "proxy/net/bulk_stream_store.h"
#include "proxy/net/timers.h"

namespace postern::net {

/// One event on its way into the stream and back. Shared by the thread where it happened and the stream's.
struct Parcel {
  /// Who comes first leaves Open and counts the message; so it counts once.
  enum class State { Open, Counting, Counted };

  std::string octets;  // bulk::encode()
  std::atomic<State> state{State::Counted};
  // Of a message that waits to be counted: set before it is submitted, then of whoever has left Open.
  bulk::Sighting sighting;
  bulk::Seen seen;                // valid when Counted
  std::function<void()> counted;  // the stream has counted it; on its thread
  // The stream's thread.
  uint64_t number = 0;  // in the order of writing
  TimePoint written;

  [[nodiscard]] bool claim() {
    State open = State::Open;
    return state.compare_exchange_strong(open, State::Counting);
  }
  /// By who claimed it.
  void count(bulk::Index& index) {
    seen = index.see(sighting);
    sighting = {};
    state = State::Counted;
  }
  /// By the worker that claimed it: it was told before it was counted. What is to be told now.
  [[nodiscard]] bulk::Event count_late(bulk::Index& index) {
    seen = index.see(sighting);
    bulk::Sighting late = std::exchange(sighting, {});
    late.counted_in = seen.ticket;
    late.told = true;
    state = State::Counted;
    return late;
  }
};
using ParcelPtr = std::shared_ptr<Parcel>;

/// Longer from time to time, up to a limit.
class BackOff {
 public:
  BackOff(Duration first, Duration most) : first_(first), most_(most), next_(first) {}
  [[nodiscard]] Duration next() {
    Duration now = next_;
    next_ = std::min(next_ * 2, most_);
    return now;
  }
  void reset() { next_ = first_; }

 private:
  Duration first_, most_, next_;
};

class BulkStream::Impl {
 public:
  Impl(const Clock& clock, bulk::Index& index, session::Observer& observer, RedisStore store,
       const BulkStreamOptions& options);
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl();

  // Any thread.
  [[nodiscard]] bool up() const { return up_; }
  void submit(ParcelPtr parcel);
  /// Submits what has been counted here.
  void tell(const bulk::Event& event);
  /// A message was counted by its worker; `late`: it had waited in vain.
  void counted_alone(bool late);
  [[nodiscard]] Stats stats() const;
  [[nodiscard]] std::string position() const;
  [[nodiscard]] bulk::Index& index() const { return index_; }

 private:
  /// Why an entry is passed over.
  enum class Refusal { Form, Size, Content, Future };
  static constexpr size_t kRefusals = 4;
  static constexpr std::string_view kKey = "postern:bulk:1";
  struct Complaint {
    std::optional<TimePoint> last;
    uint64_t since = 0;  // entries that nobody was told of
  };
  /// A line of the log that comes once a second at most.
  struct Line {
    std::optional<TimePoint> last;
    uint64_t unsaid = 0;
  };
  struct Probe {
    uint64_t number = 0;
    TimePoint written;
    bool acknowledged = false;
  };

  // The stream's thread, all from here on. Connecting and losing (bulk_stream_line.cc):
  void connect();
  void begin(StreamId newest);
  void fail(const std::string& why);
  void lose(const std::string& why);
  void take_back();
  void finish();
  void finish_when_written();
  /// The thread's last words: of what it could not tell.
  void give_up();
  void say_down(const std::string& why);
  void say_up();
  void say(Line& line, const char* level, const std::string& text);

  // Writing (bulk_stream_write.cc):
  void take_submitted();
  void trim();
  void flush();
  void write(const ParcelPtr& parcel);
  void add(const Origin& from, std::string_view octets, std::function<void(StreamId)> then);
  void wait_for_acknowledgement();
  void acknowledged(const redisReply& reply, const std::function<void(StreamId)>& then);
  void probe();
  void probe_soon();

  // Reading (bulk_stream_read.cc):
  void read();
  void arrived(const redisReply& reply);
  void nothing_new();
  void take(const StreamEntry& entry);
  void take_own(const StreamEntry& entry);
  void take_foreign(const StreamEntry& entry);
  void came_back(TimePoint written);
  void refuse(Refusal kind, const std::string& why);
  void remember();

  const Clock& clock_;
  bulk::Index& index_;
  session::Observer& observer_;
  const RedisStore store_;
  const Duration window_;
  const uint64_t name_;  // ours, among gateways

  std::atomic<bool> up_{false};
  std::atomic<uint64_t> sent_{0}, received_{0}, dropped_{0}, refused_{0}, alone_{0};
  std::mutex submitted_mutex_;
  std::vector<ParcelPtr> submitted_;  // for take_submitted()
  mutable std::mutex position_mutex_;
  StreamPosition position_;

  Loop loop_;
  LoopTimers timers_{loop_};
  std::unique_ptr<RedisConnection> writer_, reader_;  // both or none
  bool started_ = false;                              // something was read since the process began
  bool reading_ = false;                              // logged in, and it is known where to read
  bool skip_ = false;                                 // what comes next in the stream cannot be read
  bool ending_ = false;
  bool told_down_ = false;  // the log says that Redis is gone or late, or will say so
  bool told_up_ = false;
  Line down_line_, up_line_;
  StreamId at_;
  HeardGateways heard_;
  uint64_t numbers_ = 0;
  std::deque<ParcelPtr> queue_;      // to be written
  size_t queued_octets_ = 0;         // in queue_
  std::deque<ParcelPtr> unwritten_;  // written, but Redis has not said so
  std::deque<ParcelPtr> flying_;     // written and not read yet
  size_t unacknowledged_ = 0;        // replies that the writer waits for
  uint64_t acknowledged_ = 0;        // the last number that Redis has taken
  std::optional<Probe> probe_;
  uint64_t probes_ = 0;
  // When the reader asked: what it must find then, if it finds anything.
  uint64_t expected_ = 0;
  bool expected_probe_ = false;
  BackOff reconnect_;
  BackOff probing_;
  std::array<Complaint, kRefusals> complaints_;
  Pending connect_timer_, login_deadline_, write_deadline_, read_deadline_, probe_timer_, failing_, end_timer_,
      line_timer_;
  std::thread thread_;
};

}  // namespace postern::net
