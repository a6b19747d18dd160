// BulkStream::Impl: how the connections to Redis begin and end.
#include <utility>

#include <fmt/format.h>

#include "proxy/net/bulk_stream_impl.h"

namespace postern::net {
namespace {

constexpr Duration kLogin = std::chrono::seconds(1);
constexpr Duration kLastWords = std::chrono::milliseconds(200);
constexpr Duration kLines = std::chrono::seconds(1);

}  // namespace

void BulkStream::Impl::connect() {
  connect_timer_.reset();
  auto lost = [this](const std::string& why) { lose(why); };
  writer_ = std::make_unique<RedisConnection>(loop_, timers_, store_, lost);
  reader_ = std::make_unique<RedisConnection>(loop_, timers_, store_, lost);
  login_deadline_ = timers_.after(kLogin, [this] { fail("no answer"); });
  // Its answer says where the stream's end is, and its return that reading works.
  probe();
}

void BulkStream::Impl::begin(StreamId newest) {
  login_deadline_.reset();
  if (skip_) {
    ++refused_;  // one of them at least; nobody has read how many they are
    observer_.note("warning",
                   fmt::format("bulk: entries in Redis at {} that are too large are passed over", store_.shown()));
    at_ = newest.before();
  } else if (!(at_ < newest)) {
    // Another Redis, an older copy of it, or its clock was set back. Everything up to `newest` may be new, then; what
    // we have read ourselves we know by its gateway and number. After a start nothing is known, and what is older than
    // the snapshot's place is in the snapshot.
    observer_.note("info", fmt::format("bulk: the stream in Redis at {} has begun anew", store_.shown()));
    at_ = started_ ? StreamId{} : newest.before();
  }
  if (std::exchange(skip_, false)) flying_.clear();
  reading_ = true;
  remember();
  read();
  flush();
}

void BulkStream::Impl::fail(const std::string& why) {
  // In a turn of its own: who fails is mostly called by the connection.
  if (!failing_) failing_ = timers_.after(Duration::zero(), [this, why] { lose(why); });
}

void BulkStream::Impl::lose(const std::string& why) {
  up_ = false;
  reading_ = false;
  if (reader_ && reader_->overfull()) skip_ = true;
  writer_.reset();
  reader_.reset();
  failing_.reset();
  login_deadline_.reset();
  write_deadline_.reset();
  read_deadline_.reset();
  probe_timer_.reset();
  probe_.reset();
  unacknowledged_ = 0;
  take_back();
  if (ending_) {
    loop_.stop();
    return;
  }
  say_down(why);
  connect_timer_ = timers_.after(reconnect_.next(), [this] { connect(); });
}

void BulkStream::Impl::take_back() {
  // Redis may have got them or not; who reads one twice knows it by its number. Those that came back are no more
  // flying.
  while (!unwritten_.empty()) {
    ParcelPtr parcel = std::move(unwritten_.back());
    unwritten_.pop_back();
    if (flying_.empty() || flying_.back() != parcel) {
      ++sent_;
      continue;
    }
    flying_.pop_back();
    queued_octets_ += parcel->octets.size();
    queue_.push_front(std::move(parcel));
  }
  trim();
}

void BulkStream::Impl::finish() {
  ending_ = true;
  take_submitted();
  end_timer_ = timers_.after(kLastWords, [this] { loop_.stop(); });
  if (!reading_) loop_.stop();
  finish_when_written();
}

void BulkStream::Impl::finish_when_written() {
  if (ending_ && queue_.empty() && unwritten_.empty()) loop_.stop();
}

void BulkStream::Impl::give_up() {
  std::lock_guard lock(submitted_mutex_);
  size_t left = queue_.size() + unwritten_.size() + submitted_.size();
  if (left == 0) return;
  dropped_ += left;
  observer_.note("warning", fmt::format("bulk: {} events are lost: Redis at {} did not take them before the end, and "
                                        "other gateways will not hear of them",
                                        left, store_.shown()));
}

void BulkStream::Impl::say_down(const std::string& why) {
  if (std::exchange(told_down_, true)) return;
  say(down_line_, "warning",
      fmt::format("bulk: Redis at {} does not serve ({}): messages are counted here alone", store_.shown(), why));
}

void BulkStream::Impl::say_up() {
  bool known = std::exchange(told_up_, true);
  if (!std::exchange(told_down_, false) && known) return;
  say(up_line_, "info", fmt::format("bulk: counts are shared through Redis at {}", store_.shown()));
}

void BulkStream::Impl::say(Line& line, const char* level, const std::string& text) {
  // What waits to be said is no longer so.
  line_timer_.reset();
  TimePoint now = clock_.now();
  if (line.last && now - *line.last < kLines) {
    ++line.unsaid;
    line_timer_ = timers_.after(*line.last + kLines - now, [this, &line, level, text] {
      --line.unsaid;  // it comes now
      say(line, level, text);
    });
    return;
  }
  uint64_t unsaid = std::exchange(line.unsaid, 0);
  line.last = now;
  observer_.note(level, unsaid == 0 ? text : fmt::format("{} ({} more times)", text, unsaid));
}

}  // namespace postern::net
