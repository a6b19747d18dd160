// BulkStream::Impl: how events get into the stream.
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include "filters/base/bytes.h"
#include "proxy/net/bulk_stream_impl.h"

namespace postern::net {
namespace {

constexpr std::string_view kLength = "50000";            // about as many events are kept in Redis
constexpr size_t kBatch = 512;                           // events on their way to Redis at a time
constexpr size_t kMaxKeptOctets = 16U << 20U;            // of events, while Redis is gone
constexpr Duration kDeadline = std::chrono::seconds(1);  // for the next acknowledgement
constexpr size_t kErrorLength = 120;

}  // namespace

void BulkStream::Impl::take_submitted() {
  std::vector<ParcelPtr> parcels;
  {
    std::lock_guard lock(submitted_mutex_);
    parcels.swap(submitted_);
  }
  for (auto& parcel : parcels) {
    parcel->number = ++numbers_;
    queued_octets_ += parcel->octets.size();
    queue_.push_back(std::move(parcel));
  }
  remember();
  trim();
  flush();
}

void BulkStream::Impl::trim() {
  while (queue_.size() > kMaxKept || queued_octets_ > kMaxKeptOctets) {
    ParcelPtr parcel = std::move(queue_.front());
    queue_.pop_front();
    queued_octets_ -= parcel->octets.size();
    ++dropped_;
    // Its worker has counted it long ago, unless the session has ended meanwhile.
    if (parcel->claim()) parcel->count(index_);
  }
}

void BulkStream::Impl::flush() {
  while (reading_ && !queue_.empty() && unwritten_.size() < kBatch) {
    ParcelPtr parcel = std::move(queue_.front());
    queue_.pop_front();
    queued_octets_ -= parcel->octets.size();
    write(parcel);
  }
}

void BulkStream::Impl::write(const ParcelPtr& parcel) {
  parcel->written = clock_.now();
  unwritten_.push_back(parcel);
  flying_.push_back(parcel);
  // Those at the front were lost with a Redis that kept nothing.
  if (flying_.size() > kMaxKept) flying_.pop_front();
  add({name_, parcel->number}, parcel->octets, [this](StreamId) {
    acknowledged_ = unwritten_.front()->number;
    unwritten_.pop_front();
    ++sent_;
    flush();
    finish_when_written();
  });
}

void BulkStream::Impl::probe() {
  probe_timer_.reset();
  if (!writer_ || probe_) return;
  probe_ = Probe{++probes_, clock_.now(), false};
  add({name_, probe_->number}, "", [this](StreamId id) {
    if (probe_) probe_->acknowledged = true;
    if (!reading_) begin(id);
  });
}

void BulkStream::Impl::probe_soon() {
  if (!probe_ && !probe_timer_) probe_timer_ = timers_.after(probing_.next(), [this] { probe(); });
}

void BulkStream::Impl::add(const Origin& from, std::string_view octets, std::function<void(StreamId)> then) {
  ++unacknowledged_;
  if (!write_deadline_) wait_for_acknowledgement();
  writer_->ask({"XADD", kKey, "MAXLEN", "~", kLength, "*", "from", from.text(), "event", octets},
               [this, then = std::move(then)](const redisReply& reply) { acknowledged(reply, then); });
}

void BulkStream::Impl::wait_for_acknowledgement() {
  write_deadline_ = timers_.after(kDeadline, [this] { fail("no answer"); });
}

void BulkStream::Impl::acknowledged(const redisReply& reply, const std::function<void(StreamId)>& then) {
  if (failing_) return;
  auto id = StreamId::parse(text_of(reply).value_or(""));
  if (!id) {
    bool error = reply.type == REDIS_REPLY_ERROR;
    fail(error ? escape_for_log({reply.str, reply.len}, kErrorLength) : "it answers nonsense");
    return;
  }
  write_deadline_.reset();
  if (--unacknowledged_ > 0) wait_for_acknowledgement();
  then(*id);
}

}  // namespace postern::net
